//! What the tree promises about itself.

use privet::passes;
use privet_tests::{files_below, golden_folder, name_of, read, workspace};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Dependencies of ours a crate may have, as ARCHITECTURE.md tells them.
fn table() -> BTreeMap<String, Vec<String>> {
    let text = read(&workspace().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let mut table: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for line in text.lines().filter(|l| l.starts_with("| `")) {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let [_, names, imports, ..] = cells[..] else {
            continue;
        };
        let imports: Vec<String> = match imports {
            "–" => Vec::new(),
            "all above" => table.keys().cloned().collect(),
            list => list.split(',').map(|w| w.trim().to_owned()).collect(),
        };
        for name in names
            .split(',')
            .map(|n| n.trim().trim_matches('`').to_owned())
        {
            table.insert(name, imports.clone());
        }
    }
    table
}

/// Member crates: name in the table and folder.
fn members() -> Vec<(String, PathBuf)> {
    let root = workspace();
    let mut found: Vec<(String, PathBuf)> = ["passes", "tests", "examples"]
        .map(|n| (n.to_owned(), root.join(n)))
        .to_vec();
    let crates = std::fs::read_dir(root.join("crates"))
        .expect("crates/")
        .filter_map(|e| Some(e.ok()?.path()));
    found.extend(
        crates
            .filter(|p| p.join("Cargo.toml").exists())
            .map(|p| (name_of(&p), p)),
    );
    found.sort();
    found
}

/// Names in one section of a manifest.
fn section(manifest: &str, name: &str) -> Vec<String> {
    let lines = manifest
        .lines()
        .skip_while(|l| l.trim() != format!("[{name}]"))
        .skip(1);
    let entry = |l: &str| {
        l.split(['.', '=', ' '])
            .next()
            .unwrap_or_default()
            .trim()
            .to_owned()
    };
    lines
        .take_while(|l| !l.starts_with('['))
        .filter(|l| !l.trim().is_empty() && !l.starts_with('#'))
        .map(entry)
        .collect()
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    files_below(folder)
        .into_iter()
        .filter(|p| p.extension().is_some_and(|e| e == "rs"))
        .collect()
}

fn short(path: &Path) -> String {
    path.strip_prefix(workspace())
        .unwrap_or(path)
        .display()
        .to_string()
}

/// Lines of code, comments left out, with their numbers.
fn code(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.lines()
        .enumerate()
        .map(|(i, l)| (i + 1, l))
        .filter(|(_, l)| !l.trim_start().starts_with("//"))
}

/// Whether a word occurs in a line, as a word.
fn has_word(line: &str, word: &str) -> bool {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back().is_some_and(is_name);
        let after = line[at + word.len()..].chars().next().is_some_and(is_name);
        !before && !after
    })
}

/// Says where the sources of crates other than those allowed have a word in code.
fn only(allowed: &[&str], words: &[&str], in_tests_too: bool) -> Vec<String> {
    let mut found = Vec::new();
    for (name, folder) in members()
        .iter()
        .filter(|(name, _)| !allowed.contains(&name.as_str()))
    {
        let inside = |p: &PathBuf| {
            in_tests_too
                || !(p.starts_with(folder.join("tests"))
                    || p.starts_with(folder.join("examples"))
                    || name == "tests"
                    || name == "examples")
        };
        for path in sources(folder).into_iter().filter(inside) {
            let text = read(&path).expect("a source file");
            // Tests beside the code may print and draw.
            let own = text.split("\nmod tests {").next().unwrap_or_default();
            for (number, line) in code(if in_tests_too { &text } else { own }) {
                for word in words.iter().filter(|w| has_word(line, w)) {
                    found.push(format!("{}:{number} names {word}", short(&path)));
                }
            }
        }
    }
    found
}

fn none(found: Vec<String>) {
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn crates_import_whom_the_table_allows() {
    let table = table();
    let mut found = Vec::new();
    for (name, folder) in members() {
        let manifest = read(&folder.join("Cargo.toml")).expect("a manifest");
        let Some(allowed) = table.get(&name) else {
            found.push(format!(
                "ARCHITECTURE.md does not tell whom `{name}` imports"
            ));
            continue;
        };
        for dependency in section(&manifest, "dependencies")
            .into_iter()
            .filter(|d| table.contains_key(d))
        {
            if !allowed.contains(&dependency) {
                found.push(format!(
                    "{name} imports {dependency}; ARCHITECTURE.md allows {allowed:?}"
                ));
            }
        }
    }
    none(found);
}

#[test]
fn each_outside_crate_is_named_by_its_own_crate_only() {
    let mut found = Vec::new();
    // Who may name it in code, and in a manifest.
    let owners: [(&str, &[&str]); 7] = [
        ("burn", &["train"]),
        ("tract_onnx", &["onnx"]),
        ("petgraph", &["graph"]),
        ("egg", &[]),
        ("clap", &["cli"]),
        ("miette", &["cli"]),
        // The facade evaluates samples in parallel and sets the number of threads.
        ("rayon", &["ckks", "exec", "privet", "train"]),
    ];
    for (word, allowed) in owners {
        found.extend(
            only(allowed, &[word], true)
                .into_iter()
                .filter(|f| !f.starts_with("tests/tests/tidy.rs")),
        );
        for (name, folder) in members()
            .into_iter()
            .filter(|(name, _)| !allowed.contains(&name.as_str()))
        {
            let manifest = read(&folder.join("Cargo.toml")).expect("a manifest");
            if section(&manifest, "dependencies").contains(&word.replace('_', "-")) {
                found.push(format!("{name} depends on {word}"));
            }
        }
    }
    // One directory of a crate, and so that crate's manifest.
    let simplify = |f: &String| {
        f.ends_with(" names egg") && f.starts_with("passes/simplify/")
            || f == "passes depends on egg"
    };
    found.retain(|f| !simplify(f));
    none(found);
}

#[test]
fn only_the_command_line_prints_and_exits() {
    none(
        only(
            &["cli"],
            &["println!", "eprintln!", "print!", "eprint!", "dbg!"]
                .map(|w| w.trim_end_matches('!')),
            false,
        )
        .into_iter()
        .filter(|f| is_macro_or_exit(f))
        .collect(),
    );
    none(only(&["cli"], &["process::exit", "process::abort"], false));
}

/// `print` alone is the name of functions: a macro has its mark.
fn is_macro_or_exit(found: &str) -> bool {
    let Some((place, word)) = found.split_once(" names ") else {
        return true;
    };
    let Some((path, number)) = place.rsplit_once(':') else {
        return true;
    };
    let text = read(&workspace().join(path)).unwrap_or_default();
    let line = number
        .parse::<usize>()
        .ok()
        .and_then(|n| text.lines().nth(n - 1))
        .unwrap_or_default()
        .to_owned();
    line.contains(&format!("{word}!"))
}

#[test]
fn clocks_and_randomness_have_their_places() {
    // The facade times encrypted runs of `check`, the command line its progress.
    none(
        only(
            &["pass", "exec", "privet", "cli"],
            &["Instant", "SystemTime"],
            false,
        )
        .into_iter()
        .filter(|f| !f.contains("/examples/") && !f.contains("/benches/"))
        .collect(),
    );
    none(only(
        &["ckks"],
        &["getrandom", "thread_rng", "from_entropy"],
        false,
    ));
    // Training and pruning draw from seeds.
    none(only(
        &["ckks", "train", "prune"],
        &["rand_core", "rand_chacha"],
        false,
    ));
}

#[test]
fn nothing_reaches_past_the_facade() {
    let ours: Vec<String> = table()
        .into_keys()
        .filter(|n| n != "privet" && n != "tests" && n != "examples")
        .collect();
    let mut found = Vec::new();
    for name in ["cli", "tests", "examples"] {
        for path in sources(&workspace().join(if name == "cli" { "crates/cli" } else { name })) {
            let text = read(&path).expect("a source file");
            for (number, line) in code(&text).filter(|(_, l)| !l.contains('"')) {
                for krate in &ours {
                    if has_word(line, &format!("privet_{krate}")) {
                        found.push(format!(
                            "{}:{number} reaches past the facade to {krate}",
                            short(&path)
                        ));
                    }
                }
            }
        }
    }
    none(found);
}

/// The directory of a pass.
fn directory(pass: &str) -> PathBuf {
    workspace().join("passes").join(pass.replace('-', "_"))
}

fn pass_names() -> Vec<&'static str> {
    let lower = passes::standard().lower.info().name;
    let graph = passes::graph().infos().into_iter().map(|i| i.name);
    graph
        .chain([lower])
        .chain(passes::circuit().infos().into_iter().map(|i| i.name))
        .collect()
}

#[test]
fn passes_never_import_one_another() {
    let modules: Vec<String> = pass_names().iter().map(|n| n.replace('-', "_")).collect();
    let mut found = Vec::new();
    for module in &modules {
        for path in sources(&workspace().join("passes").join(module)) {
            let text = read(&path).expect("a source file");
            for (number, line) in code(&text) {
                for other in modules.iter().filter(|o| *o != module) {
                    if has_word(line, &format!("crate::{other}"))
                        || has_word(line, &format!("super::super::{other}"))
                    {
                        found.push(format!("{}:{number} imports {other}", short(&path)));
                    }
                }
                for secret in ["ckks", "Ciphertext", "SecretKey", "EvaluationKeys"]
                    .iter()
                    .filter(|w| has_word(line, w))
                {
                    found.push(format!("{}:{number} sees {secret}", short(&path)));
                }
            }
        }
    }
    none(found);
}

#[test]
fn every_directory_of_passes_is_registered() {
    let names = pass_names();
    let folders = std::fs::read_dir(workspace().join("passes"))
        .expect("passes/")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.is_dir());
    for folder in folders
        .map(|p| name_of(&p))
        .filter(|n| n != "util" && n != "target")
    {
        assert!(
            names.contains(&folder.replace('_', "-").as_str()),
            "passes/{folder} is registered nowhere"
        );
    }
}

#[test]
fn every_pass_has_a_readme_and_three_golden_files() {
    let mut found = Vec::new();
    for name in pass_names() {
        let readme = read(&directory(name).join("README.md")).unwrap_or_default();
        for part in ["**Stage**", "**Needs**", "**Gives**", "**How**", "```text"] {
            if !readme.contains(part) {
                found.push(format!("passes/{name}/README.md has no {part}"));
            }
        }
        let first = readme.lines().next().unwrap_or_default();
        if !first.ends_with('.') || first.len() < 20 {
            found.push(format!(
                "passes/{name}/README.md does not begin with one sentence"
            ));
        }
        if readme.lines().count() > 60 {
            found.push(format!(
                "passes/{name}/README.md has {} lines, about 25 are meant and 60 the most",
                readme.lines().count()
            ));
        }
        let n_goldens = files_below(&golden_folder().join(name)).len();
        if n_goldens < 3 {
            found.push(format!("golden/{name} has {n_goldens} files, at least 3 are meant: acts, leaves alone, refuses"));
        }
    }
    none(found);
}

#[test]
fn infos_speak_as_agreed() {
    for info in passes::graph()
        .infos()
        .into_iter()
        .chain(passes::circuit().infos())
        .chain([passes::standard().lower.info()])
    {
        let name = info.name;
        assert!(
            name.chars().all(|c| c.is_ascii_lowercase() || c == '-'),
            "{name}"
        );
        for text in [info.summary, info.needs, info.gives] {
            assert!(!text.ends_with('.'), "{name}: {text}");
        }
        assert!(
            !info.summary.is_empty() && !info.gives.is_empty(),
            "{name} has no summary or does not say what it gives"
        );
        assert!(
            directory(name).join("mod.rs").exists(),
            "{name} is not in the directory of its name"
        );
    }
}

#[test]
fn documents_tell_the_order_of_the_registry() {
    let text = read(&workspace().join("ARCHITECTURE.md")).expect("ARCHITECTURE.md");
    let start = text
        .find("## Passes in order")
        .expect("a section `Passes in order`");
    let section = &text[start..];
    let mut last = 0;
    for name in pass_names() {
        let at = section
            .find(&format!("`{name}`"))
            .unwrap_or_else(|| panic!("ARCHITECTURE.md does not tell of {name}"));
        assert!(at > last, "ARCHITECTURE.md tells of {name} out of order");
        last = at;
    }
}

#[test]
fn files_are_short_or_say_why_not() {
    let mut found = Vec::new();
    for (name, folder) in members() {
        let most = if name == "passes" { 400 } else { 900 };
        for path in sources(&folder) {
            let text = read(&path).expect("a source file");
            let n = text.lines().count();
            let explains = text
                .lines()
                .take_while(|l| l.starts_with("//!"))
                .any(|l| l.contains("one file"));
            if n > most && !explains {
                found.push(format!("{} has {n} lines, at most {most} are meant; the head may say why it is one file", short(&path)));
            }
        }
    }
    none(found);
}

/// Every text file that belongs to the tree.
fn texts() -> Vec<(PathBuf, String)> {
    let root = workspace();
    let mut paths: Vec<PathBuf> = members().iter().flat_map(|(_, f)| files_below(f)).collect();
    paths.extend(files_below(&root.join(".ci")));
    let here = std::fs::read_dir(&root)
        .expect("the workspace")
        .filter_map(|e| Some(e.ok()?.path()))
        .filter(|p| p.is_file());
    paths.extend(here);
    paths
        .into_iter()
        .filter_map(|p| Some((p.clone(), std::fs::read_to_string(p).ok()?)))
        .collect()
}

#[test]
fn nothing_is_left_to_do_or_ignored() {
    let marks = ["todo!", "unimplemented!", "#[ignore"];
    let mut found = Vec::new();
    for (path, text) in texts()
        .into_iter()
        .filter(|(p, _)| p.extension().is_some_and(|e| e == "rs") && name_of(p) != "tidy.rs")
    {
        for (number, line) in code(&text) {
            found.extend(
                marks
                    .iter()
                    .filter(|m| line.contains(*m))
                    .map(|m| format!("{}:{number} has {m}", short(&path))),
            );
        }
    }
    for (path, text) in texts()
        .into_iter()
        .filter(|(p, _)| p.extension().is_some_and(|e| e == "md"))
    {
        for (number, line) in text
            .lines()
            .enumerate()
            .filter(|(_, l)| has_word(l, "TODO"))
        {
            found.push(format!("{}:{} {line}", short(&path), number + 1));
        }
    }
    none(found);
}

#[test]
fn no_file_names_a_place_of_its_making() {
    // Written in parts, so that this file does not name them either.
    let places = [
        ["/wo", "rk/"].concat(),
        ["/ho", "me/"].concat(),
        ["/tm", "p/"].concat(),
        ["/ro", "ot/"].concat(),
    ];
    let mut found = Vec::new();
    for (path, text) in texts() {
        for (number, line) in text.lines().enumerate() {
            found.extend(
                places
                    .iter()
                    .filter(|p| line.contains(p.as_str()))
                    .map(|p| format!("{}:{} names {p}", short(&path), number + 1)),
            );
        }
    }
    none(found);
}
