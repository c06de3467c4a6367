//! Files written, read back, and told apart.

use privet_format::{ALIGNMENT, FileKind, FormatError, Options, Reader, VERSION, Writer};
use serde::{Deserialize, Serialize};
use std::fs;
use std::path::{Path, PathBuf};

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Header {
    name: String,
    amounts: Vec<i32>,
}

fn header() -> Header {
    Header {
        name: "dense1".into(),
        amounts: vec![1, -2, 300],
    }
}

fn write(path: &Path, kind: FileKind, options: Options) -> Result<(), FormatError> {
    let mut writer = Writer::create(path, kind, [9; 32], &header(), options)?;
    writer.section("first", &[1; 100])?;
    writer.section("empty", &[])?;
    writer.section_parts("parts", [[2u8; 64], [3; 64]])?;
    writer.finish()
}

fn written(folder: &Path) -> PathBuf {
    let path = folder.join("digit.ct");
    write(&path, FileKind::Ciphertexts, Options::default()).unwrap();
    path
}

#[test]
fn reads_back_what_was_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    for reader in [
        Reader::open(&path, FileKind::Ciphertexts).unwrap(),
        Reader::open_any(&path).unwrap(),
        Reader::from_bytes("bytes", fs::read(&path).unwrap(), FileKind::Ciphertexts).unwrap(),
    ] {
        assert_eq!(
            (reader.kind(), reader.version()),
            (FileKind::Ciphertexts, VERSION)
        );
        assert_eq!(reader.params_id(), &[9; 32]);
        assert_eq!(reader.header::<Header>().unwrap(), header());
        assert_eq!(
            reader.sections().collect::<Vec<_>>(),
            [("first", 100), ("empty", 0), ("parts", 128)]
        );
        assert_eq!(reader.section("first").unwrap(), [1; 100]);
        assert_eq!(reader.section("empty").unwrap(), []);
        assert_eq!(
            reader.section("parts").unwrap(),
            [[2; 64], [3; 64]].concat()
        );
        assert_eq!(
            (
                reader.section_length("parts"),
                reader.section_length("none")
            ),
            (Some(128), None)
        );
    }
    let bytes = fs::read(&path).unwrap();
    let at = bytes
        .windows(64)
        .position(|window| window == [2; 64])
        .unwrap() as u64;
    assert!(at.is_multiple_of(ALIGNMENT));
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn a_file_without_header_and_sections_is_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("none.privet");
    Writer::create(&path, FileKind::Compiled, [0; 32], &(), Options::default())
        .unwrap()
        .finish()
        .unwrap();
    let reader = Reader::open(&path, FileKind::Compiled).unwrap();
    reader.header::<()>().unwrap();
    assert_eq!(reader.sections().len(), 0);
}

#[test]
fn an_existing_file_stays_unless_forced() {
    let folder = tempfile::tempdir().unwrap();
    let path = written(folder.path());
    let before = fs::read(&path).unwrap();
    let error = write(&path, FileKind::Client, Options::default()).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} exists already", path.display())
    );
    assert_eq!(fs::read(&path).unwrap(), before);

    write(
        &path,
        FileKind::Client,
        Options {
            overwrite: true,
            ..Default::default()
        },
    )
    .unwrap();
    assert_eq!(Reader::open_any(&path).unwrap().kind(), FileKind::Client);

    // One that appears while we write stays too.
    let late = folder.path().join("late.ct");
    let writer = Writer::create(
        &late,
        FileKind::Ciphertexts,
        [0; 32],
        &(),
        Options::default(),
    )
    .unwrap();
    fs::write(&late, "mine").unwrap();
    assert!(matches!(writer.finish(), Err(FormatError::Exists { .. })));
    assert_eq!(fs::read(&late).unwrap(), b"mine");
    assert_eq!(
        fs::read_dir(folder.path()).unwrap().count(),
        2,
        "no temporary file stays"
    );
}

#[test]
fn dropping_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("half.ct");
    let mut writer = Writer::create(
        &path,
        FileKind::Ciphertexts,
        [0; 32],
        &(),
        Options::default(),
    )
    .unwrap();
    writer.section("a", &[1; 1000]).unwrap();
    drop(writer);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
#[cfg(unix)]
fn secret_files_are_private_from_the_start() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("mine.sk");
    fs::write(&path, "old").unwrap();
    let options = Options {
        secret: true,
        overwrite: true,
    };
    let writer = Writer::create(&path, FileKind::SecretKey, [0; 32], &(), options).unwrap();
    for entry in fs::read_dir(folder.path())
        .unwrap()
        .map(Result::unwrap)
        .filter(|entry| entry.path() != path)
    {
        assert_eq!(
            entry.metadata().unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
    writer.finish().unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
}

#[test]
fn section_names_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("names.ct");
    let mut writer = Writer::create(
        &path,
        FileKind::Ciphertexts,
        [0; 32],
        &(),
        Options::default(),
    )
    .unwrap();
    writer.section("a", &[]).unwrap();
    for name in ["", "a", &"x".repeat(256)] {
        assert!(
            matches!(
                writer.section(name, &[1]),
                Err(FormatError::SectionName { .. })
            ),
            "{name}"
        );
    }
    writer.section(&"x".repeat(255), &[1]).unwrap();
    writer.finish().unwrap();
    assert_eq!(Reader::open_any(&path).unwrap().sections().len(), 2);
}

#[test]
fn names_the_kind_found_and_the_kind_expected() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = fs::read(written(folder.path())).unwrap();
    let error =
        Reader::from_bytes("digit.ct", bytes.clone(), FileKind::EvaluationKeys).unwrap_err();
    assert_eq!(
        error.to_string(),
        "digit.ct is a ciphertext file, expected evaluation keys"
    );
    assert_eq!(
        error.help().as_deref(),
        Some("`privet keygen` makes evaluation keys")
    );

    let reader = Reader::from_bytes("digit.ct", bytes, FileKind::Ciphertexts).unwrap();
    reader.check_params(&[9; 32]).unwrap();
    let error = reader.check_params(&[8; 32]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "digit.ct was made for parameters 0909090909090909, expected 0808080808080808"
    );
    assert_eq!(
        reader.section("second").unwrap_err().to_string(),
        "digit.ct has no section \"second\" among its 3"
    );
    assert!(matches!(
        reader.header::<(u8, u8)>(),
        Err(FormatError::Header { .. })
    ));
}

#[test]
fn what_is_not_a_file_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    assert!(matches!(
        Reader::open_any(folder.path()),
        Err(FormatError::NotAFile { .. })
    ));
    let missing = Reader::open_any(folder.path().join("none.ct")).unwrap_err();
    assert!(matches!(missing, FormatError::Io { action: "open", .. }));
    let force = Options {
        overwrite: true,
        ..Default::default()
    };
    assert!(matches!(
        write(folder.path(), FileKind::Client, force),
        Err(FormatError::NotAFile { .. })
    ));
    let nowhere = folder.path().join("no/such/folder.ct");
    assert!(matches!(
        write(&nowhere, FileKind::Client, force),
        Err(FormatError::Io {
            action: "create",
            ..
        })
    ));
}
