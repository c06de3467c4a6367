//! A pass of one's own: it refuses circuits that rotate too often.

use privet::{extend::*, passes, prelude};

struct RotationBudget(usize);

impl Pass<Circuit> for RotationBudget {
    fn info(&self) -> PassInfo {
        PassInfo::new("rotation-budget", "refuses to rotate too often")
    }
    fn run(&self, circuit: &mut Circuit, cx: &mut PassCx) -> Result<Changed, Refusal> {
        let n = circuit.ops().filter(|(_, op)| op.is_rotation()).count();
        cx.note(format!("{n} rotations of {} allowed", self.0));
        if n <= self.0 {
            return Ok(Changed::No);
        }
        Err(Refusal::new(format!("{n} rotations, limit {}", self.0)).help("raise the limit"))
    }
}

fn main() -> Result<(), prelude::Error> {
    let model = prelude::Model::import("examples/models/mlp_784_128_10.onnx")?;
    for limit in [40, 10] {
        let mut compiler = passes::standard();
        compiler.circuit = compiler
            .circuit
            .insert_after("hoist-rotations", RotationBudget(limit))?;
        match prelude::compile(
            &model,
            &prelude::Options::default(),
            &compiler,
            &mut |_, _, _, _| {},
        ) {
            Ok(compiled) => println!(
                "limit {limit}: compiled, {} rotations",
                compiled.report.counts.rotations
            ),
            Err(error) => println!(
                "limit {limit}: {error} (help: {})",
                error.help().unwrap_or_default()
            ),
        }
    }
    Ok(())
}
