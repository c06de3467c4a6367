//! One named test per golden file; `BLESS=1` rewrites what they want.

use libtest_mimic::{Arguments, Failed, Trial};
use privet::passes;
use privet_tests::golden::Golden;
use privet_tests::{files_below, golden_folder, name_of};
use std::path::Path;

/// Folders that belong to no pass: whole diagnostics, several passes at once.
const OTHERS: [&str; 2] = ["errors", "pipeline"];
/// Read by the tests of whole models, which check that each file has its model.
const MODELS: &str = "models";

fn main() {
    let arguments = Arguments::from_args();
    let folder = golden_folder();
    let trial = |path: std::path::PathBuf| {
        let name = path
            .strip_prefix(&folder)
            .unwrap_or(&path)
            .with_extension("")
            .display()
            .to_string();
        Trial::test(name, move || check(&path).map_err(Failed::from))
    };
    let of_models = folder.join(MODELS);
    let trials = files_below(&folder)
        .into_iter()
        .filter(|p| !p.starts_with(&of_models))
        .map(trial)
        .collect();
    libtest_mimic::run(&arguments, trials).exit();
}

fn check(path: &Path) -> Result<(), String> {
    let golden = Golden::read(path)?;
    let folder = path.parent().map(name_of).unwrap_or_default();
    let infos = passes::graph()
        .infos()
        .into_iter()
        .chain(passes::circuit().infos());
    let known = infos
        .map(|i| i.name)
        .chain([passes::standard().lower.info().name])
        .any(|name| name == folder);
    if !known && !OTHERS.contains(&folder.as_str()) {
        return Err(format!(
            "no pass is called `{folder}`: nothing uses this file"
        ));
    }
    if known && !golden.run_text().contains(&folder) {
        return Err(format!("the file belongs to {folder} and does not run it"));
    }
    golden.check()
}
