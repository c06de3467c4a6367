//! Scales of all values from those that are given, by propagation in both directions.

use ::circuit::{Circuit, Op, ValueId, facts};
use params::{Level, Scale};
use std::collections::{BTreeMap, BTreeSet};

/// A scale for every factor of a plain or scalar product.
pub struct Solution {
    /// By value; `None` for other operations.
    pub factors: Vec<Option<Scale>>,
}

/// A sum whose terms can not be brought to one scale by choosing factors.
pub struct Conflict {
    /// The sums of values that would have to share one scale.
    pub sums: Vec<ValueId>,
    /// The scales found.
    pub mismatch: String,
}

/// Whether the result has the operands' scale.
pub fn keeps_scale(op: &Op) -> bool {
    matches!(
        op,
        Op::Add(..)
            | Op::Sub(..)
            | Op::Sum(_)
            | Op::Neg(_)
            | Op::AddPlain { .. }
            | Op::Relinearize(_)
            | Op::DropLevel { .. }
            | Op::Rotate { .. }
            | Op::Conjugate(_)
            | Op::Decompose(_)
            | Op::RotateHoisted { .. }
            | Op::Extend(_)
            | Op::ModDown { rescale: false, .. }
    )
}

/// Values that must share one scale, by their class number.
fn classes(circuit: &Circuit) -> Vec<usize> {
    let mut leader: Vec<usize> = (0..circuit.values().len()).collect();
    fn find(leader: &mut [usize], mut i: usize) -> usize {
        while leader[i] != i {
            leader[i] = leader[leader[i]];
            i = leader[i];
        }
        i
    }
    for (id, op) in circuit.ops().filter(|(_, op)| keeps_scale(op)) {
        for operand in op.operands() {
            let (a, b) = (
                find(&mut leader, operand.index()),
                find(&mut leader, id.index()),
            );
            leader[a.max(b)] = a.min(b);
        }
    }
    (0..leader.len()).map(|i| find(&mut leader, i)).collect()
}

/// A multiplication or rescale between two classes.
enum Link {
    /// Class of the result = class × a factor to be chosen.
    Free { from: usize },
    /// Product of two classes.
    Product { a: usize, b: usize },
    /// Class divided by a prime.
    Divided { from: usize, by: Scale },
}

struct Solver {
    /// `(value, result class, link)` in circuit order.
    links: Vec<(usize, usize, Link)>,
    /// Links whose result is the class.
    into: Vec<Vec<usize>>,
    /// Links that read the class.
    out_of: Vec<Vec<usize>>,
    known: Vec<Option<Scale>>,
}

/// Chooses the scale of every plain and scalar factor.
pub fn solve(circuit: &Circuit, fresh: &Scale) -> Result<Solution, Conflict> {
    let class = classes(circuit);
    let levels: Vec<Option<Level>> = facts(circuit)
        .map(|f| f.into_iter().map(|f| f.level).collect())
        .unwrap_or_default();
    let n = class.len();
    let mut solver = Solver {
        links: Vec::new(),
        into: vec![Vec::new(); n],
        out_of: vec![Vec::new(); n],
        known: vec![None; n],
    };
    for (id, op) in circuit.ops() {
        let at = |v: ValueId| class[v.index()];
        let link = match op {
            Op::Input { .. } | Op::Refresh { .. } => {
                solver.known[at(id)] = Some(fresh.clone());
                continue;
            }
            Op::MulPlain { x, .. } | Op::MulScalar { x, .. } => Link::Free { from: at(*x) },
            Op::Mul(a, b) => Link::Product {
                a: at(*a),
                b: at(*b),
            },
            Op::Square(x) => Link::Product {
                a: at(*x),
                b: at(*x),
            },
            Op::Rescale(x) | Op::ModDown { x, rescale: true } => {
                let Level(l) = levels.get(x.index()).copied().flatten().unwrap_or(Level(0));
                Link::Divided {
                    from: at(*x),
                    by: Scale::prime(l),
                }
            }
            _ => continue,
        };
        let number = solver.links.len();
        solver.into[at(id)].push(number);
        match &link {
            Link::Free { from } | Link::Divided { from, .. } => solver.out_of[*from].push(number),
            Link::Product { a, b } => {
                solver.out_of[*a].push(number);
                solver.out_of[*b].push(number);
            }
        }
        solver.links.push((id.index(), at(id), link));
    }
    solver.run(fresh);
    solver.check(circuit, &class)?;
    let mut factors = vec![None; n];
    for (value, result, link) in &solver.links {
        if let Link::Free { from } = link
            && let (Some(to), Some(from)) = (&solver.known[*result], &solver.known[*from])
        {
            factors[*value] = Some(to.over(from));
        }
    }
    Ok(Solution { factors })
}

/// Classes that nothing forces yet.
#[derive(Default)]
struct Open {
    /// Those whose scale may be chosen.
    ready: BTreeSet<usize>,
    /// Those of them whose scale is asked for from below.
    asked: BTreeMap<usize, Scale>,
    /// Those for which that has to be found out again.
    dirty: BTreeSet<usize>,
}

impl Solver {
    fn run(&mut self, fresh: &Scale) {
        let given: Vec<usize> = (0..self.known.len())
            .filter(|&c| self.known[c].is_some())
            .collect();
        let mut open = Open::default();
        self.follow(given, &mut open);
        loop {
            for class in std::mem::take(&mut open.dirty) {
                open.asked.remove(&class);
                if open.ready.contains(&class)
                    && let Some(scale) = self.asked(class, 0)
                {
                    open.asked.insert(class, scale);
                }
            }
            // A class that nothing forces: one whose scale is asked for from below first, then the earliest.
            let chosen = open.asked.pop_first().or_else(|| {
                let first = open.ready.first().copied();
                first.map(|c| (c, self.preferred(c, fresh)))
            });
            match chosen.or_else(|| self.any_free(fresh)) {
                Some((class, scale)) => {
                    self.known[class] = Some(scale);
                    self.follow(vec![class], &mut open);
                }
                None => return,
            }
        }
    }

    /// Everything that follows from what has become known.
    fn follow(&mut self, mut fresh: Vec<usize>, open: &mut Open) {
        // Links in circuit order: where several make one class, the first does.
        let mut waiting: BTreeSet<usize> = BTreeSet::new();
        loop {
            for class in std::mem::take(&mut fresh) {
                open.ready.remove(&class);
                open.asked.remove(&class);
                self.mark_above(class, open);
                for &l in &self.out_of[class] {
                    let result = self.links[l].1;
                    if self.known[result].is_some() {
                        continue;
                    }
                    waiting.insert(l);
                    if self.is_ready(result) {
                        open.ready.insert(result);
                        open.dirty.insert(result);
                    }
                }
            }
            let Some(l) = waiting.pop_first() else {
                return;
            };
            let (_, result, link) = &self.links[l];
            if self.known[*result].is_none()
                && let Some(scale) = self.made(link)
            {
                self.known[*result] = Some(scale);
                fresh.push(*result);
            }
        }
    }

    /// What a link makes of known classes.
    fn made(&self, link: &Link) -> Option<Scale> {
        match link {
            Link::Free { .. } => None,
            Link::Product { a, b } => {
                Some(self.known[*a].as_ref()?.times(self.known[*b].as_ref()?))
            }
            Link::Divided { from, by } => Some(self.known[*from].as_ref()?.over(by)),
        }
    }

    /// Classes whose readers may now ask something of them: those that lead to this one.
    fn mark_above(&self, class: usize, open: &mut Open) {
        let mut stack = vec![class];
        while let Some(at) = stack.pop() {
            for &l in &self.into[at] {
                let sources = match self.links[l].2 {
                    Link::Free { .. } => continue,
                    Link::Product { a, b } => [a, b],
                    Link::Divided { from, .. } => [from, from],
                };
                // A factor that becomes known changes what is asked of the other.
                for source in sources.into_iter().filter(|&s| self.known[s].is_none()) {
                    if open.dirty.insert(source) {
                        stack.push(source);
                    }
                }
            }
        }
        for &l in &self.out_of[class] {
            if let Link::Product { a, b } = self.links[l].2 {
                for other in [a, b].into_iter().filter(|&s| self.known[s].is_none()) {
                    if open.dirty.insert(other) {
                        self.mark_above(other, open);
                    }
                }
            }
        }
    }

    /// Where plain products feed each other in a circle: a class made by plain products alone, one of them of a known value.
    fn any_free(&self, fresh: &Scale) -> Option<(usize, Scale)> {
        let free = |c: &usize| {
            let made = &self.into[*c];
            let from_known = |l: &usize| matches!(self.links[*l].2, Link::Free { from } if self.known[from].is_some());
            let all_free = made
                .iter()
                .all(|&l| matches!(self.links[l].2, Link::Free { .. }));
            self.known[*c].is_none() && all_free && made.iter().any(from_known)
        };
        (0..self.known.len())
            .find(free)
            .map(|c| (c, self.preferred(c, fresh)))
    }

    /// Whether only free factors make this class and all they multiply is known.
    fn is_ready(&self, class: usize) -> bool {
        let made = &self.into[class];
        !made.is_empty()
            && made.iter().all(
                |&l| matches!(self.links[l].2, Link::Free { from } if self.known[from].is_some()),
            )
    }

    /// The scale that readers of a class need it to have, if they agree to be asked.
    fn asked(&self, class: usize, depth: u8) -> Option<Scale> {
        if let Some(scale) = &self.known[class] {
            return Some(scale.clone());
        }
        if depth > 40 {
            return None;
        }
        self.out_of[class].iter().find_map(|&l| {
            let (_, result, link) = &self.links[l];
            match link {
                Link::Free { .. } => None,
                Link::Divided { by, .. } => self.asked(*result, depth + 1).map(|s| s.times(by)),
                Link::Product { a, b } if a == b => None,
                Link::Product { a, b } => {
                    let other = self.known[if *a == class { *b } else { *a }].as_ref()?;
                    self.asked(*result, depth + 1).map(|s| s.over(other))
                }
            }
        })
    }

    /// The scale that makes the rescaled value fresh again.
    fn preferred(&self, class: usize, fresh: &Scale) -> Scale {
        let divided = self.out_of[class]
            .iter()
            .find_map(|&l| match &self.links[l].2 {
                Link::Divided { by, .. } => Some(fresh.times(by)),
                _ => None,
            });
        divided.unwrap_or_else(|| fresh.clone())
    }

    /// The first sum whose terms have different scales.
    fn check(&self, circuit: &Circuit, class: &[usize]) -> Result<(), Conflict> {
        for (_, result, link) in &self.links {
            let scale = self.made(link);
            if matches!(link, Link::Free { .. }) || scale == self.known[*result] {
                continue;
            }
            let show = |s: &Option<Scale>| {
                s.as_ref()
                    .map_or_else(|| "unknown".to_owned(), ToString::to_string)
            };
            let mismatch = format!("{} and {}", show(&scale), show(&self.known[*result]));
            let joins = |op: &Op| matches!(op, Op::Add(..) | Op::Sub(..) | Op::Sum(_));
            let sums: Vec<ValueId> = circuit
                .ops()
                .filter(|(id, op)| joins(op) && class[id.index()] == *result)
                .map(|(id, _)| id)
                .collect();
            return Err(Conflict { sums, mismatch });
        }
        Ok(())
    }
}
