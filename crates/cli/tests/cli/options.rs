//! Every option that a text names can be typed: in help, in messages of any command, in string literals of the sources.

use assert_cmd::Command;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const COMMANDS: [&str; 11] = [
    "infer",
    "compile",
    "inspect",
    "keygen",
    "encrypt",
    "run",
    "decrypt",
    "check",
    "convert",
    "prune",
    "measure-costs",
];

/// What `privet help COMMAND` prints, by command.
fn helps() -> &'static BTreeMap<&'static str, String> {
    static HELPS: OnceLock<BTreeMap<&str, String>> = OnceLock::new();
    HELPS.get_or_init(|| {
        let help = |command| {
            let output = Command::cargo_bin("privet")
                .expect("the binary")
                .args(["help", command])
                .output()
                .expect("it runs");
            String::from_utf8(output.stdout).expect("text")
        };
        COMMANDS.map(|command| (command, help(command))).into()
    })
}

/// Whether a command has an option: its help has a line that begins with it.
fn has(command: &str, option: &str) -> bool {
    let words = |line: &str| line.replace(',', " ");
    let own = |line: &str| {
        let line = words(line.trim_start());
        line.starts_with('-')
            && line
                .split_whitespace()
                .take(2)
                .any(|word| word.trim_end_matches('.') == option)
    };
    option == "--help" || option == "--version" || helps()[command].lines().any(own)
}

/// The options a line names, each with the line before it.
fn named(line: &str) -> impl Iterator<Item = (&str, String)> {
    line.match_indices("--").filter_map(|(at, _)| {
        let name: String = line[at + 2..]
            .chars()
            .take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || *c == '-')
            .collect();
        let alone = !line[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let word = name.starts_with(|c: char| c.is_ascii_lowercase());
        (alone && word).then(|| (&line[..at], format!("--{}", name.trim_end_matches('-'))))
    })
}

/// Fails where a text names an option that neither the command at hand has nor one that the line names before it.
#[track_caller]
pub fn check(args: &[&str], text: &str) {
    let Some(command) = args.iter().find(|arg| COMMANDS.contains(arg)) else {
        return;
    };
    for line in text.lines() {
        for (before, option) in named(line).filter(|(_, option)| !args.contains(&option.as_str())) {
            let words = || before.split(|c: char| !(c.is_ascii_lowercase() || c == '-'));
            let by_name = words().any(|word| COMMANDS.contains(&word) && has(word, &option));
            assert!(
                by_name || has(command, &option),
                "privet {command} has no {option}, but says\n{line}"
            );
        }
    }
}

#[test]
fn help_names_options_that_exist() {
    for command in COMMANDS {
        assert!(has(command, "--threads"), "{command}");
        check(&[command], &helps()[command]);
    }
    assert!(!has("run", "--log-n") && has("infer", "--log-n"));
}

#[test]
fn sources_name_options_that_exist() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let mut n_found = 0;
    for path in sources(&root.join("crates"))
        .into_iter()
        .chain(sources(&root.join("passes")))
    {
        let text = std::fs::read_to_string(&path).expect("a source file");
        let code = text
            .lines()
            .filter(|l| !l.trim_start().starts_with("//") && l.contains('"'));
        for (_, option) in code.flat_map(named) {
            n_found += 1;
            assert!(
                COMMANDS.iter().any(|command| has(command, &option)),
                "{} names {option}, which no command has",
                path.display()
            );
        }
    }
    assert!(n_found > 20, "{n_found} options found");
}

/// Rust files below a folder, those of tests left out.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the folder can be listed");
    let mut found = Vec::new();
    for path in entries.map(|e| e.expect("an entry").path()) {
        let name = path.file_name().unwrap_or_default();
        if path.is_dir() && name != "tests" && name != "benches" {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|e| e == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
