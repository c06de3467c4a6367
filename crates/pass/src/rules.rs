//! One-pattern rewrites that need no pass of their own.

use crate::{Changed, Pass, PassCx, PassInfo, Refusal};
use circuit::{Circuit, Op, Value, ValueId};

type Rewrite = dyn Fn(&Circuit, ValueId) -> Option<Op> + Send + Sync;

/// Rewrites applied to each value in order, first match wins.
pub struct Rules {
    info: PassInfo,
    rules: Vec<(&'static str, Box<Rewrite>)>,
}

/// A pass of one rule: `rewrite` gets a circuit whose operands are already rewritten, and a value; it returns the
/// operation that takes the value's place.
pub fn rule(
    name: &'static str,
    rewrite: impl Fn(&Circuit, ValueId) -> Option<Op> + Send + Sync + 'static,
) -> Rules {
    Rules {
        info: PassInfo::new(name, "one rewrite rule"),
        rules: vec![(name, Box::new(rewrite))],
    }
}

impl Rules {
    /// Adds a rule to be tried after the others.
    #[must_use]
    pub fn or(
        mut self,
        name: &'static str,
        rewrite: impl Fn(&Circuit, ValueId) -> Option<Op> + Send + Sync + 'static,
    ) -> Self {
        self.rules.push((name, Box::new(rewrite)));
        self
    }
}

impl Pass<Circuit> for Rules {
    fn info(&self) -> PassInfo {
        self.info
    }

    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx<'_>) -> Result<Changed, Refusal> {
        let mut hits = vec![0usize; self.rules.len()];
        let next = circuit.rebuild(|next, _, value| {
            let (layer, class) = (value.layer, value.class);
            let id = next.push(value);
            let found = self
                .rules
                .iter()
                .enumerate()
                .find_map(|(i, (_, rewrite))| rewrite(next, id).map(|op| (i, op)));
            let Some((i, op)) = found else { return id };
            hits[i] += 1;
            next.push(Value { op, layer, class })
        });
        for ((name, _), n) in self.rules.iter().zip(&hits).filter(|(_, n)| **n > 0) {
            cx.note(format!("{name}: {n} times"));
        }
        let changed = hits.iter().any(|n| *n > 0);
        if changed {
            *circuit = next;
        }
        Ok(changed.into())
    }
}
