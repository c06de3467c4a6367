//! Samples and labels of every format, from files made here.

mod common;

use common::*;
use image::{GrayImage, Rgb, RgbImage, Rgba, RgbaImage};
use privet_input::*;
use std::path::Path;

fn read(path: &Path, shape: &[usize]) -> Samples {
    read_samples(path, &Feed::default(), shape).unwrap()
}

#[test]
fn npy_in_both_orders() {
    let folder = tempfile::tempdir().unwrap();
    let want = vec![
        vec![0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
        vec![6.0, 7.0, 8.0, 9.0, 10.0, 11.0],
    ];
    let c = put(
        folder.path(),
        "c.npy",
        &npy("<f4", false, "(2, 2, 3)", &f4((0..12).map(|v| v as f32))),
    );
    let samples = read(&c, &[2, 3]);
    assert_eq!(
        samples,
        Samples {
            shape: vec![2, 3],
            values: want.clone(),
            names: vec!["c.npy#0".into(), "c.npy#1".into()]
        }
    );
    assert_eq!(read(&c, &[6]).values, want);
    assert_eq!(read(&c, &[2, 2, 3]).names, ["c.npy"]);

    // Fortran: the first index runs fastest.
    let mut fortran = vec![];
    for k in 0..3 {
        for j in 0..2 {
            fortran.extend((0..2).map(|i| (i * 6 + j * 3 + k) as u8));
        }
    }
    let f = put(
        folder.path(),
        "f.npy",
        &npy("|u1", true, "(2, 2, 3)", &fortran),
    );
    assert_eq!(read(&f, &[2, 3]).values, want);
    let second = Feed {
        offset: 1,
        ..Feed::default()
    };
    for path in [&c, &f] {
        let samples = read_samples(path, &second, &[2, 3]).unwrap();
        assert_eq!(samples.values, want[1..]);
        assert!(samples.names[0].ends_with(".npy#1"));
    }
    let first = Feed {
        limit: Some(1),
        ..Feed::default()
    };
    assert_eq!(read_samples(&c, &first, &[2, 3]).unwrap().values, want[..1]);
}

#[test]
fn npz_by_name_by_habit_and_by_fit() {
    let folder = tempfile::tempdir().unwrap();
    let array = |v: u8| npy("|u1", false, "(1, 2)", &[v, v]);
    let labels = npy("<i8", false, "(3,)", &i8s([4, 0, 9]));
    let path = put(
        folder.path(),
        "a.npz",
        &npz(&[("other", array(1)), ("X", array(2)), ("y", labels.clone())]),
    );
    assert_eq!(read(&path, &[2]).values, [[2.0, 2.0]]);
    assert_eq!(read(&path, &[2]).names, ["a.npz:X#0"]);
    let named = folder.path().join("a.npz:other");
    assert_eq!(read(&named, &[2]).values, [[1.0, 1.0]]);
    assert_eq!(read_labels(&path).unwrap(), [4, 0, 9]);
    assert_eq!(
        read_labels(&folder.path().join("a.npz:y")).unwrap(),
        [4, 0, 9]
    );

    let only = put(
        folder.path(),
        "b.npz",
        &npz(&[("strange", array(7)), ("numbers", labels)]),
    );
    assert_eq!(read(&only, &[2]).values, [[7.0, 7.0]]);
    assert_eq!(read_labels(&only).unwrap(), [4, 0, 9]);

    let two = put(
        folder.path(),
        "c.npz",
        &npz(&[("p", array(1)), ("q", array(2))]),
    );
    let error = read_samples(&two, &Feed::default(), &[2]).unwrap_err();
    let file = two.display();
    assert_eq!(
        error.to_string(),
        format!(
            "{file} has more than one array for samples of shape [2]; it holds p u1[1, 2], q u1[1, 2]"
        )
    );
    assert_eq!(error.help(), Some(format!("name the array: {file}:NAME")));
    let error = read_samples(&two, &Feed::default(), &[5]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has no array for samples of shape [5]; it holds p u1[1, 2]"),
        "{error}"
    );
    let error = read_samples(&folder.path().join("c.npz:z"), &Feed::default(), &[2]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("has no array for the name \"z\"; it holds p u1[1, 2]"),
        "{error}"
    );

    // Packed, as numpy.savez_compressed makes it.
    let packed = folder.path().join("d.npz");
    {
        use npyz::WriterBuilder;
        let mut writer = npyz::npz::NpzWriter::create(&packed).unwrap();
        let mut array = writer
            .array("x", Default::default())
            .unwrap()
            .default_dtype()
            .shape(&[2, 2])
            .begin_nd()
            .unwrap();
        array.extend([1.5f64, 2.5, 3.5, 4.5]).unwrap();
        array.finish().unwrap();
    }
    assert_eq!(read(&packed, &[2]).values, [[1.5, 2.5], [3.5, 4.5]]);
}

#[test]
fn pictures_in_grey_and_color() {
    let folder = tempfile::tempdir().unwrap();
    let grey = folder.path().join("grey.png");
    GrayImage::from_raw(3, 2, vec![0, 50, 100, 150, 200, 255])
        .unwrap()
        .save(&grey)
        .unwrap();
    let want = vec![0.0, 50.0, 100.0, 150.0, 200.0, 255.0];
    for shape in [&[1, 2, 3][..], &[2, 3], &[6], &[1, 1, 2, 3]] {
        let samples = read(&grey, shape);
        assert_eq!(
            (samples.values, samples.names),
            (vec![want.clone()], vec!["grey.png".into()]),
            "{shape:?}"
        );
    }
    assert_eq!(
        read(&grey, &[3, 2, 3]).values[0],
        [want.clone(), want.clone(), want].concat()
    );

    let color = folder.path().join("color.png");
    let mut picture = RgbImage::new(2, 1);
    picture.put_pixel(0, 0, Rgb([255, 0, 10]));
    picture.put_pixel(1, 0, Rgb([1, 2, 3]));
    picture.save(&color).unwrap();
    assert_eq!(
        read(&color, &[3, 1, 2]).values,
        [[255.0, 1.0, 0.0, 2.0, 10.0, 3.0]]
    );
    assert_eq!(
        read(&color, &[6]).values,
        [[255.0, 1.0, 0.0, 2.0, 10.0, 3.0]]
    );
    assert_eq!(read(&color, &[1, 1, 2]).values, [[77.0, 2.0]]);

    let clear = folder.path().join("clear.png");
    RgbaImage::from_pixel(1, 1, Rgba([200, 100, 50, 51]))
        .save(&clear)
        .unwrap();
    assert_eq!(read(&clear, &[3, 1, 1]).values, [[40.0, 20.0, 10.0]]);

    let photo = folder.path().join("photo.jpg");
    GrayImage::from_pixel(8, 8, image::Luma([128]))
        .save(&photo)
        .unwrap();
    assert!(
        read(&photo, &[1, 8, 8]).values[0]
            .iter()
            .all(|v| (v - 128.0).abs() <= 2.0)
    );

    let deep = folder.path().join("deep.png");
    image::ImageBuffer::from_pixel(1, 1, image::Luma([0x8000u16]))
        .save(&deep)
        .unwrap();
    assert_eq!(read(&deep, &[1, 1, 1]).values, [[32768.0 / 257.0]]);

    let error = read_samples(&grey, &Feed::default(), &[1, 28, 28]).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!(
            "{} has the shape [1, 2, 3], expected [1, 28, 28] for each sample",
            grey.display()
        )
    );
    assert_eq!(
        error.help().as_deref(),
        Some("resize the samples, or pad them")
    );
}

#[test]
fn idx_plain_and_packed() {
    let folder = tempfile::tempdir().unwrap();
    let images = idx(8, &[2, 2, 2], &[0, 255, 2, 3, 4, 5, 6, 7]);
    for path in [
        put(folder.path(), "images", &images),
        put(folder.path(), "images.gz", &gz(&images)),
    ] {
        let feed = Feed {
            scale: Feed::parse_scale("1/255").unwrap(),
            offset: 1,
            ..Feed::default()
        };
        assert_eq!(read(&path, &[1, 2, 2]).values[0], [0.0, 255.0, 2.0, 3.0]);
        assert_eq!(read(&path, &[4]).values.len(), 2);
        assert_eq!(
            read_samples(&path, &feed, &[4]).unwrap().values,
            [[4.0, 5.0, 6.0, 7.0].map(|v| v / 255.0)]
        );
        assert!(
            read_labels(&path)
                .unwrap_err()
                .to_string()
                .contains("expected labels, magic 0x00000801")
        );
    }
    let labels = idx(8, &[3], &[7, 0, 9]);
    for path in [
        put(folder.path(), "labels", &labels),
        put(folder.path(), "labels.gz", &gz(&labels)),
    ] {
        assert_eq!(read_labels(&path).unwrap(), [7, 0, 9]);
        let error = read_samples(&path, &Feed::default(), &[1]).unwrap_err();
        assert!(
            error
                .to_string()
                .ends_with("found u1 of dimensions [3], expected images, magic 0x00000803"),
            "{error}"
        );
    }
}

#[test]
fn feeding_pads_before_it_scales() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(folder.path(), "images", &idx(8, &[1, 1, 2], &[10, 20]));
    let feed = Feed {
        scale: 0.1,
        mean: vec![1.0],
        std: vec![0.5],
        pad: [1, 0, 0, 1],
        ..Feed::default()
    };
    let want = [[-2.0, -2.0, -2.0, 0.0, 2.0, -2.0]];
    assert_eq!(read_samples(&path, &feed, &[1, 2, 3]).unwrap().values, want);
    assert_eq!(read_samples(&path, &feed, &[6]).unwrap().values, want);
    let error = read_samples(&path, &feed, &[1, 1, 2]).unwrap_err();
    assert!(
        error
            .to_string()
            .contains("after padding by 1 above, 0 below, 0 left and 1 right"),
        "{error}"
    );
}

#[test]
fn channels_have_their_own_mean() {
    let folder = tempfile::tempdir().unwrap();
    let path = put(
        folder.path(),
        "x.npy",
        &npy("|u1", false, "(1, 3, 1, 2)", &[1, 1, 2, 2, 3, 3]),
    );
    let feed = Feed {
        mean: vec![1.0, 2.0, 3.0],
        std: vec![1.0, 2.0, 4.0],
        ..Feed::default()
    };
    assert_eq!(
        read_samples(&path, &feed, &[3, 1, 2]).unwrap().values,
        [[0.0; 6]]
    );
    assert_eq!(read_samples(&path, &feed, &[6]).unwrap().values, [[0.0; 6]]);
    let two = Feed {
        mean: vec![1.0, 2.0],
        ..Feed::default()
    };
    let error = read_samples(&path, &two, &[3, 1, 2]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "the number of means is 2, expected 1 or 3, one per channel"
    );
}

#[test]
fn labels_as_text_and_as_vectors() {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(
        read_labels(&put(folder.path(), "l.csv", b"7\r\n 0 \n\n9\n")).unwrap(),
        [7, 0, 9]
    );
    assert_eq!(
        read_labels(&put(folder.path(), "l.txt.gz", &gz(b"3\n4"))).unwrap(),
        [3, 4]
    );
    let column = npy("<i8", false, "(2, 1)", &i8s([1, 2]));
    assert_eq!(
        read_labels(&put(folder.path(), "l.npy", &column)).unwrap(),
        [1, 2]
    );

    for (bytes, want) in [
        (
            b"label\n7\n".to_vec(),
            "label 0 is \"label\", expected an integer from 0 to 4294967295",
        ),
        (
            b"7\n1.5\n".to_vec(),
            "label 1 is \"1.5\", expected an integer",
        ),
        (
            npy("<i8", false, "(2,)", &i8s([3, -1])),
            "label 1 is \"-1\", expected an integer",
        ),
        (
            npy("<f4", false, "(1,)", &f4([3.0])),
            "found f4 of dimensions [1], expected a vector of integers",
        ),
        (
            npy("|u1", false, "(2, 2)", &[0; 4]),
            "found u1 of dimensions [2, 2], expected a vector of integers",
        ),
        (
            vec![0xff, 0xfe, 0xfd, 1],
            "is of an unknown kind, expected labels in",
        ),
    ] {
        let error = read_labels(&put(folder.path(), "bad", &bytes)).unwrap_err();
        assert!(error.to_string().contains(want), "{error}");
    }
}

#[test]
fn outputs_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("out.npy");
    let values = vec![vec![1.0, -2.5, 1e-300, 4.0], vec![f64::MAX, 0.0, 0.1, 7.0]];
    write_npy(&path, &values, &[2, 2], false).unwrap();
    assert_eq!(read(&path, &[2, 2]).values, values);
    let file = npyz::NpyFile::new(std::fs::File::open(&path).unwrap()).unwrap();
    assert_eq!(file.shape(), [2, 2, 2]);
    assert_eq!(file.into_vec::<f64>().unwrap(), values.concat());

    let error = write_npy(&path, &values, &[4], false).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("{} exists already", path.display())
    );
    write_npy(&path, &values[..1], &[4], true).unwrap();
    assert_eq!(read(&path, &[4]).values, values[..1]);
    assert!(matches!(
        write_npy(&path, &values, &[3], true),
        Err(InputError::Setting { .. })
    ));
    assert!(matches!(
        write_npy(folder.path(), &values, &[4], true),
        Err(InputError::NotAFile { .. })
    ));
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
}

#[test]
fn labels_of_other_classes_are_refused() {
    let path = Path::new("labels.txt");
    assert!(check_labels(path, &[0, 9, 3], 10).is_ok());
    let error = check_labels(path, &[0, 9, 10], 10).unwrap_err();
    assert_eq!(
        error.to_string(),
        "labels.txt: label 2 is 10, expected a class from 0 to 9: the network has 10 outputs"
    );
    assert!(error.help().unwrap().contains("subtract 1"));
    let error = check_labels(path, &[700], 10).unwrap_err();
    assert!(!error.help().unwrap().contains("subtract 1"));
}
