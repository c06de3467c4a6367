//! Refusals whose inputs are too long for a golden file.

use privet::extend::{Circuit, PipelineError, Settings, parse};
use privet::passes;
use privet_tests::render;

fn refusal(pass: &str, circuit: &mut Circuit) -> String {
    let pipeline = passes::circuit().pipeline(pass).expect("the pass is there");
    let error: PipelineError = pipeline
        .run(circuit, &Settings::default(), &mut |_, _, _| {})
        .expect_err("a refusal");
    render::error(&error.into())
}

#[test]
fn more_levels_than_a_level_can_count() {
    let chain: String = (1..=255)
        .map(|i| {
            format!(
                "  %{} = mul_scalar %{} * 0.5\n  %{} = rescale %{}\n",
                2 * i - 1,
                2 * i - 2,
                2 * i,
                2 * i - 1
            )
        })
        .collect();
    let text = format!("; slots: 8\ncircuit (%0: ct) {{\n{chain}  return %510\n}}\n");
    let expected = "refused by assign-levels: the network needs more than 254 levels\nhelp: split it, or lower the degree of its activations\nexit code: 1\n";
    assert_eq!(
        refusal("assign-levels", &mut parse(&text).expect("it parses")),
        expected
    );
}
