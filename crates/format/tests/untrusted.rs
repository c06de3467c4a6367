//! No bytes make the reader panic, and no damage goes unnoticed.

use privet_format::{FileKind, FormatError, Options, Reader, Writer};
use std::fs;

const KIND: FileKind = FileKind::Ciphertexts;
type Contents = (String, Vec<(String, Vec<u8>)>, [u8; 32]);

fn good() -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("good.ct");
    let mut writer =
        Writer::create(&path, KIND, [5; 32], "the header", Options::default()).unwrap();
    writer
        .section("one", &(0..200).collect::<Vec<u8>>())
        .unwrap();
    writer.section("two", b"second").unwrap();
    writer.section("none", b"").unwrap();
    writer.finish().unwrap();
    fs::read(path).unwrap()
}

fn contents(bytes: Vec<u8>) -> Result<Contents, FormatError> {
    let reader = Reader::from_bytes("x.ct", bytes, KIND)?;
    let sections: Result<_, FormatError> = reader
        .sections()
        .map(|(name, _)| Ok((name.to_string(), reader.section(name)?)))
        .collect();
    Ok((reader.header()?, sections?, *reader.params_id()))
}

/// Puts a number into a prologue and makes its hash right again, as an attacker would.
fn forge(bytes: &mut [u8], at: usize, value: u64) {
    bytes[at..at + 8].copy_from_slice(&value.to_le_bytes());
    rehash(bytes);
}

fn rehash(bytes: &mut [u8]) {
    let number = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap()) as usize;
    let (header, table) = (number(48), number(56));
    let part = |from: usize, to: usize| bytes.get(from..to.min(bytes.len())).unwrap_or(&[]);
    let mut hasher = blake3::Hasher::new();
    hasher
        .update(&bytes[..96])
        .update(part(128, header.saturating_add(128)))
        .update(part(table, bytes.len()));
    let hash: [u8; 32] = hasher.finalize().into();
    bytes[96..128].copy_from_slice(&hash);
}

/// A small generator with a fixed seed.
fn numbers() -> impl FnMut() -> u64 {
    let mut state = 0x9e37_79b9_7f4a_7c15u64;
    move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    }
}

#[test]
fn every_truncation_is_an_error() {
    let bytes = good();
    for length in 0..bytes.len() {
        let error = contents(bytes[..length].to_vec()).unwrap_err();
        match length {
            0 => assert!(
                error
                    .to_string()
                    .starts_with("x.ct is not a Privet file: it is empty"),
                "{error}"
            ),
            _ => assert!(
                matches!(error, FormatError::Length { .. }),
                "{length}: {error}"
            ),
        }
    }
    let mut longer = bytes.clone();
    longer.push(0);
    assert!(matches!(contents(longer), Err(FormatError::Length { .. })));
}

#[test]
fn every_changed_byte_is_found_or_harmless() {
    let bytes = good();
    let want = contents(bytes.clone()).unwrap();
    let mut next = numbers();
    let mut n_found = 0;
    for turn in 0..bytes.len() + 2000 {
        let at = if turn < bytes.len() {
            turn
        } else {
            next() as usize % bytes.len()
        };
        let mut damaged = bytes.clone();
        damaged[at] ^= (next() % 255 + 1) as u8;
        match contents(damaged) {
            Ok(found) => assert_eq!(found, want, "byte {at}"),
            Err(error) => {
                n_found += 1;
                assert!(error.to_string().starts_with("x.ct"), "{error}");
            }
        }
    }
    assert!(n_found > 1000, "{n_found}");
}

#[test]
fn noise_is_an_error() {
    let mut next = numbers();
    for length in 0..600 {
        let mut bytes: Vec<u8> = (0..length).map(|_| next() as u8).collect();
        assert!(contents(bytes.clone()).is_err());
        for (to, from) in bytes.iter_mut().zip(&good()[..16]) {
            *to = *from;
        }
        assert!(contents(bytes).is_err());
    }
}

#[test]
fn forged_lengths_are_errors_not_allocations() {
    let bytes = good();
    let huge = [
        1,
        63,
        64,
        128,
        bytes.len() as u64,
        u64::from(u32::MAX),
        1 << 40,
        1 << 62,
        u64::MAX - 63,
        u64::MAX,
    ];
    for at in [48, 56, 64, 72] {
        for value in huge {
            let mut forged = bytes.clone();
            if forged[at..at + 8] == value.to_le_bytes() {
                continue;
            }
            forge(&mut forged, at, value);
            assert!(contents(forged).is_err(), "{value} at {at}");
        }
    }
}

#[test]
fn forged_tables_are_errors() {
    let bytes = good();
    let table = u64::from_le_bytes(bytes[56..64].try_into().unwrap()) as usize;
    // Every byte of the table to every value, hashed anew: an error, or sections inside the file.
    for at in table..bytes.len() {
        for value in 0..=255 {
            let mut forged = bytes.clone();
            forged[at] = value;
            rehash(&mut forged);
            if let Ok(reader) = Reader::from_bytes("x.ct", forged, KIND) {
                for (name, length) in reader.sections() {
                    assert!(length <= bytes.len() as u64);
                    let _ = reader.section(name);
                }
            }
        }
    }
    // A table with nothing in it leaves the sections' space unexplained.
    let mut forged = bytes[..table].to_vec();
    forged[72..80].copy_from_slice(&(table as u64).to_le_bytes());
    forge(&mut forged, 64, 0);
    assert!(matches!(
        contents(forged),
        Err(FormatError::Field {
            what: "the table's offset",
            ..
        })
    ));
}

#[test]
fn other_versions_and_kinds_are_named() {
    let mut bytes = good();
    bytes[10] = 2;
    let error = contents(bytes.clone()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.ct has format version 2.0, this program reads 1.0 to 1.0"
    );
    assert_eq!(
        error.help().as_deref(),
        Some("update Privet, or make the file again")
    );
    bytes[10] = 0;
    let error = contents(bytes).unwrap_err();
    assert_eq!(
        error.help().as_deref(),
        Some("make the file again with this version")
    );

    let mut bytes = good();
    bytes[8] = 77;
    let error = contents(bytes).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.ct has the unknown kind 77 at byte 8, expected 1 to 6"
    );

    let error = contents(b"\x89PNG\r\n\x1a\n and more".to_vec()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "x.ct is not a Privet file: it begins with 89504e470d0a1a0a, expected 5052495645540000"
    );
}

#[test]
fn damage_names_the_section_and_where() {
    let mut bytes = good();
    let at = bytes
        .windows(6)
        .position(|window| window == b"second")
        .unwrap();
    bytes[at] = b'S';
    let reader = Reader::from_bytes("x.ct", bytes, KIND).unwrap();
    assert_eq!(reader.section("one").unwrap().len(), 200);
    let text = reader.section("two").unwrap_err().to_string();
    assert!(
        text.starts_with(&format!(
            "x.ct: section \"two\" at byte {at} is damaged: its hash is "
        )),
        "{text}"
    );
}
