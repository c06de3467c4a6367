//! From a model to a decrypted prediction through the library.

use privet::prelude::*;

fn main() -> Result<(), Error> {
    let model = Model::import("examples/models/mlp_784_128_10.onnx")?;
    let samples = read_samples(
        "examples/inputs/digits.npz".as_ref(),
        &Feed::default(),
        model.input_shape(),
    )?;
    let compiled = compile(
        &model,
        &Options::default(),
        &privet::passes::standard(),
        &mut |_, _, _, _| {},
    )?;
    let context = compiled.client.context()?;
    let keys = compiled.client.keygen(&context, &|_, _| {});
    let input = compiled
        .client
        .encrypt(&context, &keys.secret, &samples.values[0])?;
    let result = compiled.run(&context, &keys.evaluation, &input)?;
    let values = compiled.client.decrypt(&context, &keys.secret, &result)?;
    println!(
        "decrypted {:.4?}\nin plain  {:.4?}",
        values,
        model.evaluate(&samples.values[0])?
    );
    Ok(())
}
