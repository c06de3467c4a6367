//! Bad files: an error that says what and where, no panic, no memory for what is not there.

mod common;

use common::*;
use privet_input::*;

fn refuse(bytes: &[u8], shape: &[usize]) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "bad", bytes);
    let error = read_samples(&path, &Feed::default(), shape).unwrap_err();
    let _ = (error.help(), read_labels(&path));
    error
        .to_string()
        .replace(&path.display().to_string(), "bad")
}

#[test]
fn errors_name_what_was_found_and_expected() {
    let cases = [
        (
            b"".to_vec(),
            "bad is of an unknown kind, expected an .npy, .npz, .png, .jpg or IDX file",
        ),
        (
            npy("<f4", false, "(1, 2)", &f4([1.0])),
            "bad holds 4 bytes of data, its header says 8",
        ),
        (
            npy("<f4", false, "(1, 2)", &f4([1.0; 3])),
            "bad holds 12 bytes of data, its header says 8",
        ),
        (
            npy("<f4", false, "(0, 2)", &[]),
            "bad has 0 samples, sample 0 was asked for",
        ),
        (
            npy("<f4", false, "(1, 3)", &f4([1.0; 3])),
            "bad has the shape [1, 3], expected [2] for each sample",
        ),
        (
            npy("<c8", false, "(1, 2)", &[0; 16]),
            "bad: the number type: found \"<c8\", expected f4, f8, i1 to i8, u1 to u8 or b1",
        ),
        (
            npy("<f4", false, "(2, 2)", &f4([0.0, 1.0, 2.0, f32::NAN])),
            "bad: sample 1 has NaN at element 1, expected a finite number",
        ),
        (
            npy("<f4", false, "(1, 2)", &f4([f32::INFINITY, 0.0])),
            "bad: sample 0 has inf at element 0, expected a finite number",
        ),
        (
            idx(8, &[1, 1, 2], &[1]),
            "bad holds 1 bytes of data, its header says 2",
        ),
        (
            gz(&idx(8, &[1, 1, 2], &[1])),
            "bad holds 1 bytes of data, its header says 2",
        ),
        (
            gz(&idx(8, &[1, 1, 2], &[1, 2, 3])),
            "bad holds 3 bytes of data, its header says 2",
        ),
        (
            idx(10, &[1, 2], &[1, 2]),
            "bad: the IDX type: found 0x0a, expected 0x08 to 0x0e without 0x0a",
        ),
    ];
    for (bytes, want) in cases {
        assert_eq!(refuse(&bytes, &[2]), want);
    }
    let last = npy("<f4", false, "(1, 8, 8, 3)", &f4([0.0; 192]));
    let folder = tempfile::tempdir().unwrap();
    let error = read_samples(
        &put(folder.path(), "x", &last),
        &Feed::default(),
        &[3, 8, 8],
    )
    .unwrap_err();
    assert_eq!(
        error.help().as_deref(),
        Some("channels come first: transpose the array to (n, channels, height, width)")
    );
}

#[test]
fn huge_promises_are_refused() {
    for dims in [
        "(4000000000000, 2)",
        "(9223372036854775807, 2)",
        "(18446744073709551615, 2)",
    ] {
        for fortran in [false, true] {
            let text = refuse(&npy("<f8", fortran, dims, &[0; 64]), &[2]);
            assert!(
                text.starts_with("bad holds 64 bytes") || text.starts_with("bad would take"),
                "{text}"
            );
            let text = refuse(&gz(&npy("<f8", fortran, dims, &[0; 64])), &[2]);
            assert!(text.starts_with("bad would take"), "{text}");
        }
    }
    let many = idx(8, &[u32::MAX, 28, 28], &[0; 784]);
    assert!(refuse(&many, &[784]).starts_with("bad holds 784 bytes"));
    assert!(refuse(&gz(&many), &[784]).starts_with("bad would take"));
    let header = [
        b"\x93NUMPY\x02\x00".as_slice(),
        &u32::MAX.to_le_bytes(),
        &[b'('; 99],
    ]
    .concat();
    assert_eq!(
        refuse(&header, &[2]),
        "bad: the header's length: found 4294967295, expected at most 65536"
    );
    // Deep nesting is no business of ours.
    let deep = [
        b"\x93NUMPY\x01\x00".as_slice(),
        &60000u16.to_le_bytes(),
        &[b'('; 60000],
    ]
    .concat();
    assert!(refuse(&deep, &[2]).starts_with("bad: the header: found"));
}

#[test]
fn a_packed_bomb_ends_at_the_declared_size() {
    // 256 MiB of zeros behind a header that declares one sample.
    let mut bytes = idx(8, &[1, 1, 2], &[1, 2]);
    bytes.resize(256 << 20, 0);
    assert_eq!(
        refuse(&gz(&bytes), &[2]),
        "bad holds 3 bytes of data, its header says 2"
    );
}

#[test]
fn a_changed_archive_is_found_by_its_checksum() {
    let mut bytes = npz(&[("x", npy("|u1", false, "(1, 4)", b"data"))]);
    let at = bytes
        .windows(4)
        .position(|window| window == b"data")
        .unwrap();
    bytes[at] ^= 1;
    assert_eq!(refuse(&bytes, &[4]), "can not read bad: Invalid checksum");
}

#[test]
fn settings_are_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(
        folder.path(),
        "x.npy",
        &npy("|u1", false, "(1, 2)", &[1, 2]),
    );
    let read =
        |feed: Feed, shape: &[usize]| read_samples(&path, &feed, shape).unwrap_err().to_string();
    let with = Feed::default;
    assert!(
        read(
            Feed {
                scale: 0.0,
                ..with()
            },
            &[2]
        )
        .starts_with("the scale is 0")
    );
    assert!(
        read(
            Feed {
                mean: vec![f64::NAN],
                ..with()
            },
            &[2]
        )
        .starts_with("a mean is NaN")
    );
    assert!(
        read(
            Feed {
                std: vec![0.0],
                ..with()
            },
            &[2]
        )
        .starts_with("a standard deviation is 0")
    );
    assert!(
        read(
            Feed {
                pad: [u32::MAX; 4],
                ..with()
            },
            &[2]
        )
        .contains("has the shape [1, 2]")
    );
    assert!(
        read(
            Feed {
                offset: 1,
                ..with()
            },
            &[2]
        )
        .contains("has 1 samples, sample 1 was asked for")
    );
    assert!(read(with(), &[2, 0]).starts_with("the network's input shape is [2, 0]"));
    assert!(read(with(), &[usize::MAX, 2]).contains("would take"));
    assert!(matches!(
        read_samples(folder.path(), &with(), &[2]),
        Err(InputError::NotAFile { .. })
    ));
    let named = folder.path().join("x.npy:x");
    let text = read_samples(&named, &with(), &[2]).unwrap_err().to_string();
    assert!(
        text.ends_with("found a single array, expected an .npz archive with an array \"x\""),
        "{text}"
    );
}

#[test]
fn no_damage_panics() {
    let folder = tempfile::tempdir().unwrap();
    let picture = folder.path().join("p.png");
    image::RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3]))
        .save(&picture)
        .unwrap();
    let photo = folder.path().join("p.jpg");
    image::RgbImage::from_pixel(4, 4, image::Rgb([1, 2, 3]))
        .save(&photo)
        .unwrap();
    let array = npy("<f4", false, "(1, 4, 4)", &f4([0.5; 16]));
    let labels = npy("<i8", false, "(1,)", &i8s([3]));
    let images = idx(8, &[1, 4, 4], &[9; 16]);
    let seeds = [
        npy("<f4", true, "(2, 4, 4)", &f4([0.5; 32])),
        npz(&[("x", array.clone()), ("y", labels)]),
        gz(&images),
        images,
        array,
        std::fs::read(picture).unwrap(),
        std::fs::read(photo).unwrap(),
    ];
    let mut state = 0x2545_f491_4f6c_dd1du64;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    let path = folder.path().join("damaged");
    let try_all = |bytes: &[u8]| {
        // A new file each time: some file systems wait for the disk when one is cut and filled again.
        let _ = std::fs::remove_file(&path);
        std::fs::write(&path, bytes).unwrap();
        for shape in [&[1, 4, 4][..], &[16], &[3, 4, 4]] {
            if let Ok(samples) = read_samples(&path, &Feed::default(), shape) {
                assert!(
                    samples
                        .values
                        .iter()
                        .flatten()
                        .all(|value| value.is_finite())
                );
            }
        }
        let _ = read_labels(&path);
    };
    for seed in seeds {
        for length in 0..seed.len() {
            try_all(&seed[..length]);
        }
        for _ in 0..1000 {
            let mut damaged = seed.clone();
            for _ in 0..1 + next() % 3 {
                let at = next() as usize % damaged.len();
                damaged[at] = next() as u8;
            }
            try_all(&damaged);
        }
    }
}
