#![doc = include_str!("README.md")]

use crate::util::units::units;
use ::circuit::{Circuit, Op, RotationClass, Value, ValueId};
use pass::{Changed, Pass, PassCx, PassInfo, Refusal};
use serde::{Deserialize, Serialize};

/// See the module.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DelayModDown {}

impl Pass<Circuit> for DelayModDown {
    fn info(&self) -> PassInfo {
        PassInfo::new(
            "delay-mod-down",
            "sums and plain products of rotated values stay in basis QP until one mod down",
        )
        .needs("shared rotations are hoisted")
        .gives("no sum adds two values that were just brought down from QP")
        .source("Bossuat, Mouchet, Troncoso-Pastoriza and Hubaux, ePrint 2020/1203")
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let lazy = laziness(circuit);
        if !lazy.contains(&Lazy::Delayed) {
            return Ok(Changed::No);
        }
        let before = ::circuit::counts(circuit).mod_down;
        let mut forms = Forms {
            old: circuit,
            lazy,
            next: circuit.emptied(),
            ct: Vec::new(),
            ext: Vec::new(),
            digits: Vec::new(),
        };
        let n = circuit.values().len();
        (forms.ct, forms.ext, forms.digits) = (vec![None; n], vec![None; n], vec![None; n]);
        let outputs: Vec<ValueId> = {
            // Values are made in the old order as far as they are wanted, so that the text stays readable.
            for (id, _) in circuit.ops() {
                forms.visit(id);
            }
            circuit.outputs().iter().map(|&o| forms.ct(o)).collect()
        };
        let mut next = forms.next;
        next.set_outputs(outputs);
        next.compact();
        let after = ::circuit::counts(&next).mod_down;
        *circuit = next;
        cx.note(format!("{before} mod downs became {after}"));
        Ok(Changed::Yes)
    }
}

/// How a value can be had in basis QP.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Lazy {
    /// Only by extending it.
    No,
    /// It already is in QP, or is a mod down or a rotation of such a value.
    Given,
    /// A rotation on its own, whose mod down can be left to a later sum.
    Rotation,
    /// A sum or product this pass moves to QP.
    Delayed,
}

fn laziness(circuit: &Circuit) -> Vec<Lazy> {
    let units = units(circuit);
    let mut is_rotated = vec![false; units.len()];
    for (_, op) in circuit.ops() {
        if let Op::Rotate { x, .. } = op {
            is_rotated[x.index()] = true;
        }
    }
    let mut lazy: Vec<Lazy> = Vec::with_capacity(units.len());
    for (id, op) in circuit.ops() {
        let in_qp = |v: &ValueId| matches!(lazy[v.index()], Lazy::Given | Lazy::Delayed);
        let rotation = |v: &ValueId| lazy[v.index()] == Lazy::Rotation;
        let terms = op.operands();
        // A product that waits for its rescale gets it in basis Q, before it joins a value that does not wait.
        let alike = terms
            .windows(2)
            .all(|pair| units[pair[0].index()] == units[pair[1].index()]);
        lazy.push(match op {
            Op::ModDown { rescale: false, .. } => Lazy::Given,
            Op::Rotate { x, .. } if in_qp(x) => Lazy::Given,
            Op::Rotate { .. } => Lazy::Rotation,
            Op::MulPlain { x, .. } | Op::MulScalar { x, .. }
                if in_qp(x) && units[x.index()] == 1 =>
            {
                Lazy::Delayed
            }
            Op::Neg(x) if in_qp(x) => Lazy::Delayed,
            // Of a mixed sum, the terms that wait for a rescale get it in basis Q.
            Op::Add(..) | Op::Sub(..) | Op::Sum(_)
                if terms
                    .iter()
                    .any(|t| units[t.index()] != units[terms[0].index()]) =>
            {
                Lazy::No
            }
            Op::Add(..) | Op::Sub(..) | Op::Sum(_)
                if alike
                    && (terms.iter().any(in_qp)
                        || terms.iter().filter(|t| rotation(t)).count() > 1
                        || (is_rotated[id.index()] && terms.iter().any(rotation))) =>
            {
                Lazy::Delayed
            }
            _ => Lazy::No,
        });
    }
    lazy
}

/// The new values that stand for old ones, by basis; made when first wanted.
struct Forms<'a> {
    old: &'a Circuit,
    lazy: Vec<Lazy>,
    next: Circuit,
    ct: Vec<Option<ValueId>>,
    ext: Vec<Option<ValueId>>,
    digits: Vec<Option<ValueId>>,
}

impl Forms<'_> {
    fn push(&mut self, op: Op, like: ValueId) -> ValueId {
        let layer = self.old.value(like).layer;
        self.next.push_op(op, layer)
    }

    /// Makes what is certainly wanted in basis Q.
    fn visit(&mut self, id: ValueId) {
        let wanted = match self.old.op(id) {
            Op::Input { .. } => true,
            Op::ModDown { .. }
            | Op::Rotate { .. }
            | Op::Decompose(_)
            | Op::RotateHoisted { .. }
            | Op::Extend(_) => false,
            _ => self.lazy[id.index()] == Lazy::No,
        };
        if wanted {
            self.ct(id);
        }
    }

    /// The value in basis Q.
    fn ct(&mut self, id: ValueId) -> ValueId {
        if let Some(done) = self.ct[id.index()] {
            return done;
        }
        let op = self.old.op(id).clone();
        let made = match (&op, self.lazy[id.index()]) {
            // A value that is not a ciphertext at all keeps its own form.
            (Op::Decompose(_), _) => self.digits(id),
            (Op::RotateHoisted { .. } | Op::Extend(_), _) => self.ext(id),
            (Op::Rotate { x, .. }, _)
                if !matches!(self.lazy[x.index()], Lazy::Given | Lazy::Delayed) =>
            {
                let x = self.ct(*x);
                self.copy(id, op.clone().map_operands(|_| x))
            }
            (Op::Rotate { .. }, _) | (_, Lazy::Given | Lazy::Delayed) => {
                let x = self.ext(id);
                self.push(Op::ModDown { x, rescale: false }, id)
            }
            (Op::ModDown { x, rescale }, _) => {
                let (x, rescale) = (self.ext(*x), *rescale);
                self.push(Op::ModDown { x, rescale }, id)
            }
            _ => self.copy_on(id, Self::ct),
        };
        self.ct[id.index()] = Some(made);
        made
    }

    fn copy(&mut self, id: ValueId, op: Op) -> ValueId {
        let value = Value {
            op,
            ..self.old.value(id).clone()
        };
        self.next.push(value)
    }

    /// The same operation on its operands in one basis. They are made in the old order: a nested giant's sum before the
    /// products that join it, so that no products wait for the giants below.
    fn copy_on(&mut self, id: ValueId, form: fn(&mut Self, ValueId) -> ValueId) -> ValueId {
        let op = self.old.op(id).clone();
        let mut operands = op.operands().to_vec();
        operands.sort_unstable();
        for operand in operands {
            form(self, operand);
        }
        let op = op.map_operands(|operand| form(self, operand));
        self.copy(id, op)
    }

    /// The value in basis QP.
    fn ext(&mut self, id: ValueId) -> ValueId {
        if let Some(done) = self.ext[id.index()] {
            return done;
        }
        let op = self.old.op(id).clone();
        let made = match (&op, self.lazy[id.index()]) {
            (Op::ModDown { x, rescale: false }, _) => self.ext(*x),
            (&Op::RotateHoisted { digits, by }, _) => {
                let digits = self.digits(digits);
                self.copy(id, Op::RotateHoisted { digits, by })
            }
            (&Op::Rotate { x, by }, _) => {
                let digits = self.digits_of(x, id);
                let class = self
                    .old
                    .value(id)
                    .class
                    .unwrap_or(RotationClass::Conversion);
                let layer = self.old.value(id).layer;
                self.next.push(Value {
                    op: Op::RotateHoisted { digits, by },
                    layer,
                    class: Some(class),
                })
            }
            (Op::Extend(x), _) => {
                let x = self.ct(*x);
                self.push(Op::Extend(x), id)
            }
            (_, Lazy::Delayed) => self.copy_on(id, Self::ext),
            _ => {
                let x = self.ct(id);
                self.push(Op::Extend(x), id)
            }
        };
        self.ext[id.index()] = Some(made);
        made
    }

    fn digits(&mut self, id: ValueId) -> ValueId {
        match self.old.op(id) {
            &Op::Decompose(x) => self.digits_of(x, id),
            _ => unreachable!("only decompose makes digits"),
        }
    }

    /// Digits of an old value: of its QP form where it has one, which saves bringing down one of its two parts.
    fn digits_of(&mut self, x: ValueId, like: ValueId) -> ValueId {
        if let Some(done) = self.digits[x.index()] {
            return done;
        }
        let in_qp = matches!(self.lazy[x.index()], Lazy::Given | Lazy::Delayed)
            || matches!(self.old.op(x), Op::RotateHoisted { .. } | Op::Extend(_));
        let source = if in_qp && self.ct[x.index()].is_none() {
            self.ext(x)
        } else {
            self.ct(x)
        };
        let made = self.push(Op::Decompose(source), like);
        self.digits[x.index()] = Some(made);
        made
    }
}
