//! Fits and given polynomials into the graph.

use super::fit::{Fit, Form, to_unit};
use super::sign::Term;
use crate::util::linear::{absorb_affine, label, refused};
use ::graph::{Basis, Graph, NodeId, Op, Patch, Polynomial, Tensor, ValueRange, Wire};
use pass::Refusal;

/// Replaces a node by affine map, form and affine map; maps that do nothing are left out.
///
/// # Shapes
/// Constants broadcast to the node's.
fn replace(
    graph: &mut Graph,
    id: NodeId,
    before: (Tensor, Tensor),
    form: &Form,
    after: (Tensor, Tensor),
) -> Result<(), Refusal> {
    let name = graph.node(id).name.clone();
    let mut patch = Patch::new();
    let mut wire = graph.operands(id)[0].into();
    if let Some(op) = affine(before) {
        wire = patch.add(&format!("{name}.in"), op, &[wire]);
    }
    let new = match form {
        Form::Series(polynomial) => patch.add(&name, Op::Polynomial(polynomial.clone()), &[wire]),
        Form::Signs { terms, .. } => signs(&mut patch, &name, terms, wire),
    };
    patch.replace(id, new);
    patch.apply(graph).map_err(refused)?;
    if let (Some(op), Some(id)) = (affine(after), graph.find(&name)) {
        let outer = format!("{name}.out");
        let mut patch = Patch::new();
        let new = patch.add(&outer, op, &[id.into()]);
        patch.replace(id, new);
        patch.apply(graph).map_err(refused)?;
        // What takes the map in does not stand for the activation.
        if let Some(id) = graph.find(&outer) {
            graph.node_mut(id).origin.clear();
        }
    }
    Ok(())
}

/// The sum of products with signs.
fn signs(patch: &mut Patch, name: &str, terms: &[Term], wire: Wire) -> Wire {
    let one = |value: f64| Tensor::vector(vec![value]);
    let mut sum: Option<Wire> = None;
    for (k, term) in terms.iter().enumerate() {
        let own = |what: &str| match terms.len() {
            1 => format!("{name}.{what}"),
            _ => format!("{name}.{what}{k}"),
        };
        let u = match affine((one(1.0), one(term.shift))) {
            Some(op) => patch.add(&own("shift"), op, &[wire]),
            None => wire,
        };
        let apply = |patch: &mut Patch, wire, (at, p): (usize, &Polynomial)| {
            let name = format!("{}.{at}", own("sign"));
            patch.add(&name, Op::Polynomial(p.clone()), &[wire])
        };
        let mut sign = u;
        for factor in term.factors.iter().enumerate() {
            sign = apply(patch, sign, factor);
        }
        let product = patch.add(&own("product"), Op::Mul, &[u, sign]);
        sum = Some(match sum {
            Some(sum) => patch.add(&own("sum"), Op::Add, &[sum, product]),
            None => product,
        });
    }
    sum.unwrap_or(wire)
}

fn affine((scale, shift): (Tensor, Tensor)) -> Option<Op> {
    let all = |tensor: &Tensor, value: f64| tensor.values().iter().all(|&x| x == value);
    let is_identity = all(&scale, 1.0) && all(&shift, 0.0);
    (!is_identity).then_some(Op::Affine { scale, shift })
}

/// Puts a fit in the place of the activation of that name.
pub(super) fn put(graph: &mut Graph, name: &str, fit: &Fit) -> Result<(), Refusal> {
    let Some(id) = graph.find(name) else {
        return Ok(());
    };
    let mut shape = graph.shape(id).to_vec();
    shape.iter_mut().skip(1).for_each(|size| *size = 1);
    let tensor = |values: &[f64]| {
        let tensor = Tensor::new(&shape, values.to_vec());
        tensor.ok_or_else(|| Refusal::new(format!("'{name}' has other units than its fit")))
    };
    let before = (tensor(&fit.scale_in)?, tensor(&fit.shift_in)?);
    let constant = match fit.form {
        Form::Signs { constant, .. } => constant,
        Form::Series(_) => 0.0,
    };
    let shifts = fit.scale_out.iter().zip(&fit.shift_out);
    let shifts: Vec<f64> = shifts.map(|(s, t)| s * constant + t).collect();
    let after = (tensor(&fit.scale_out)?, tensor(&shifts)?);
    replace(graph, id, before, &fit.form, after)
}

/// Folds affine maps into linear neighbours until none is left that could be. Says whether it did.
pub(super) fn absorb(graph: &mut Graph) -> Result<bool, Refusal> {
    let mut changed = false;
    'again: loop {
        for id in graph.order() {
            if absorb_affine(graph, id).map_err(refused)? {
                changed = true;
                continue 'again;
            }
        }
        return Ok(changed);
    }
}

/// A polynomial that is not yet a square or a series of degree 3 and more on `[-1, 1]`.
pub(super) fn next_given(graph: &Graph) -> Option<(NodeId, Polynomial)> {
    graph
        .order()
        .into_iter()
        .find_map(|id| match &graph.node(id).op {
            Op::Polynomial(polynomial) if !is_final(polynomial) => Some((id, polynomial.clone())),
            _ => None,
        })
}

fn is_final(polynomial: &Polynomial) -> bool {
    let unit = Basis::Chebyshev {
        low: -1.0,
        high: 1.0,
    };
    polynomial.is_square() || (polynomial.basis == unit && polynomial.degree() >= 3)
}

/// Rewrites a given polynomial exactly: degree 1 as an affine map, 2 as a square, higher ones as a series on `[-1, 1]`.
pub(super) fn rewrite_given(
    graph: &mut Graph,
    id: NodeId,
    polynomial: &Polynomial,
) -> Result<(), Refusal> {
    let one = |value: f64| Tensor::vector(vec![value]);
    let identity = || (one(1.0), one(0.0));
    let degree = polynomial.degree();
    if degree <= 2 {
        let [a0, a1, a2] = power(polynomial);
        if a2 == 0.0 {
            let op = Op::Affine {
                scale: one(a1),
                shift: one(a0),
            };
            let mut patch = Patch::new();
            let operand = graph.operands(id)[0];
            let new = patch.add(&graph.node(id).name, op, &[operand.into()]);
            patch.replace(id, new);
            return patch.apply(graph).map_err(refused);
        }
        let (root, shift) = (a2.abs().sqrt(), a1 / (2.0 * a2));
        let before = (one(root), one(root * shift));
        let after = (one(a2.signum()), one(a0 - a2 * shift * shift));
        return replace(
            graph,
            id,
            before,
            &Form::Series(Polynomial::square()),
            after,
        );
    }
    let Some(ValueRange { low, high }) = graph.node(graph.operands(id)[0]).facts.range else {
        let who = label(graph.node(id));
        return Err(Refusal::new(format!(
            "{who} has degree {degree} and needs the range of its input"
        ))
        .help("run calibrate-ranges before approximate-activations"));
    };
    let (low, high) = match high > low {
        true => (low, high),
        false => (low - 1.0, high + 1.0),
    };
    let (scale, shift) = to_unit((low, high));
    let series = Polynomial {
        basis: Basis::Chebyshev {
            low: -1.0,
            high: 1.0,
        },
        coefficients: interpolate(degree, |u| polynomial.eval((u - shift) / scale)),
    };
    let series = Form::Series(series);
    replace(graph, id, (one(scale), one(shift)), &series, identity())
}

/// Power coefficients of a polynomial of degree at most 2.
fn power(polynomial: &Polynomial) -> [f64; 3] {
    let c = |k: usize| polynomial.coefficients.get(k).copied().unwrap_or(0.0);
    match polynomial.basis {
        Basis::Power => [c(0), c(1), c(2)],
        Basis::Chebyshev { low, high } => {
            let (s, t) = to_unit((low, high));
            let (b0, b1, b2) = (c(0) - c(2), c(1), 2.0 * c(2));
            [
                b0 + b1 * t + b2 * t * t,
                (b1 + 2.0 * b2 * t) * s,
                b2 * s * s,
            ]
        }
    }
}

/// Chebyshev coefficients of a polynomial of that degree on `[-1, 1]`, from its values at the Chebyshev points.
fn interpolate(degree: usize, f: impl Fn(f64) -> f64) -> Vec<f64> {
    let n = degree + 1;
    let angle = |j: usize| std::f64::consts::PI * (j as f64 + 0.5) / n as f64;
    let values: Vec<f64> = (0..n).map(|j| f(angle(j).cos())).collect();
    let coefficient = |k: usize| {
        let terms = values.iter().enumerate();
        let sum: f64 = terms.map(|(j, v)| v * (k as f64 * angle(j)).cos()).sum();
        sum * if k == 0 { 1.0 } else { 2.0 } / n as f64
    };
    (0..n).map(coefficient).collect()
}
