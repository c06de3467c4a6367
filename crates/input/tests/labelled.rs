//! Samples with their labels, from files and folders made here.

mod common;

use common::*;
use image::{GrayImage, Luma, Rgb, RgbImage};
use privet_input::*;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

fn folder() -> TempDir {
    tempfile::tempdir().unwrap()
}

fn read(path: &Path, shape: &[usize]) -> Labelled {
    read_labelled(path, None, shape, &Feed::default()).unwrap()
}

/// The message, with the folder's name left out, and the help.
fn refusal(folder: &Path, path: &Path, labels: Option<&Path>, shape: &[usize]) -> (String, String) {
    let error = read_labelled(path, labels, shape, &Feed::default()).unwrap_err();
    let here = format!("{}/", folder.display());
    let message = error.to_string().replace(&here, "");
    let message = message.replace(&folder.display().to_string(), "FOLDER");
    (message, error.help().unwrap_or_default())
}

fn mnist(folder: &Path, part: &str, n: u8) {
    let images: Vec<u8> = (0..n).flat_map(|i| [i, 0, 0, 255]).collect();
    let labels: Vec<u8> = (0..n).map(|i| i % 10).collect();
    put(
        folder,
        &format!("{part}-images-idx3-ubyte.gz"),
        &gz(&idx(8, &[n.into(), 2, 2], &images)),
    );
    put(
        folder,
        &format!("{part}-labels-idx1-ubyte"),
        &idx(8, &[n.into()], &labels),
    );
}

/// CIFAR-10's records: label, then a value for each channel.
fn cifar(records: &[(u8, [u8; 3])]) -> Vec<u8> {
    let record = |&(label, channels): &(u8, [u8; 3])| {
        let colors = channels.into_iter().flat_map(|c| vec![c; 1024]);
        std::iter::once(label).chain(colors).collect::<Vec<u8>>()
    };
    records.iter().flat_map(record).collect()
}

fn grey(path: PathBuf, size: u32, value: u8) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    GrayImage::from_pixel(size, size, Luma([value]))
        .save(path)
        .unwrap()
}

#[test]
fn samples_and_labels_of_two_files_are_fed_and_cut_alike() {
    let folder = folder();
    let x = put(
        folder.path(),
        "x.npy",
        &npy("<f4", false, "(3, 2)", &f4([0.0, 1.0, 2.0, 3.0, 4.0, 5.0])),
    );
    let y = put(
        folder.path(),
        "y.npy",
        &npy("<i8", false, "(3,)", &i8s([7, 8, 9])),
    );
    let feed = Feed {
        scale: 0.5,
        mean: vec![1.0],
        offset: 1,
        limit: Some(1),
        ..Feed::default()
    };
    let data = read_labelled(&x, Some(&y), &[2], &feed).unwrap();
    assert_eq!(data.inputs, [0.0, 0.5]);
    assert_eq!(data.labels, Some(vec![8]));
    assert_eq!((data.n_samples(), data.class_names.len()), (1, 0));
    assert_eq!(read(&x, &[2]).labels, None);
}

#[test]
fn samples_equal_those_read_as_f64() {
    let folder = folder();
    let fortran = npy("<f4", true, "(4, 2, 3)", &f4((0..24).map(|v| v as f32)));
    let path = put(folder.path(), "f.npy", &fortran);
    let feed = Feed {
        offset: 1,
        std: vec![0.3],
        pad: [1, 0, 0, 1],
        ..Feed::default()
    };
    let want = read_samples(&path, &feed, &[3, 4]).unwrap().values;
    let got = read_labelled(&path, None, &[3, 4], &feed).unwrap().inputs;
    let want: Vec<f32> = want.concat().iter().map(|&v| v as f32).collect();
    assert_eq!((got.len(), got), (36, want));
}

#[test]
fn an_archive_pairs_its_arrays_by_name() {
    let folder = folder();
    let samples = |v: f32| npy("<f4", false, "(2, 2)", &f4([v; 4]));
    let labels = |v: i64| npy("<i8", false, "(2,)", &i8s([v; 2]));
    let keras = npz(&[
        ("x_test", samples(1.0)),
        ("x_train", samples(2.0)),
        ("y_test", labels(1)),
        ("y_train", labels(2)),
    ]);
    let keras = put(folder.path(), "keras.npz", &keras);
    let training = read(&keras, &[2]);
    assert_eq!(
        (training.inputs[0], training.labels),
        (2.0, Some(vec![2, 2]))
    );
    let (x, y) = test_data(&keras).unwrap().unwrap();
    let test = read_labelled(&x, y.as_deref(), &[2], &Feed::default()).unwrap();
    assert_eq!((test.inputs[0], test.labels), (1.0, Some(vec![1, 1])));
    // Test samples alone find their labels, and no test data of their own.
    assert_eq!(read(&x, &[2]).labels, Some(vec![1, 1]));
    assert_eq!(test_data(&x).unwrap(), None);

    let plain = npz(&[("x", samples(3.0)), ("y", labels(3))]);
    let plain = put(folder.path(), "plain.npz", &plain);
    assert_eq!(read(&plain, &[2]).labels, Some(vec![3, 3]));
    assert_eq!(test_data(&plain).unwrap(), None);
    let alone = npz(&[("x_train", samples(4.0)), ("y_test", labels(1))]);
    let alone = put(folder.path(), "alone.npz", &alone);
    assert_eq!(read(&alone, &[2]).labels, None);
}

#[test]
fn a_folder_of_mnist_has_training_and_test_data() {
    let folder = folder();
    mnist(folder.path(), "train", 12);
    assert_eq!(test_data(folder.path()).unwrap(), None);
    mnist(folder.path(), "t10k", 3);
    let feed = Feed {
        scale: 1.0 / 255.0,
        pad: [1; 4],
        ..Feed::default()
    };
    let data = read_labelled(folder.path(), None, &[1, 4, 4], &feed).unwrap();
    assert_eq!((data.n_samples(), data.inputs.len()), (12, 12 * 16));
    assert_eq!(data.inputs[10], 1.0);
    assert_eq!(data.labels.unwrap()[10..], [0, 1]);
    let (x, y) = test_data(folder.path()).unwrap().unwrap();
    let test = read_labelled(&x, y.as_deref(), &[4], &Feed::default()).unwrap();
    assert_eq!(test.labels, Some(vec![0, 1, 2]));
}

#[test]
fn cifar_is_read_from_files_and_from_a_folder() {
    let folder = folder();
    let first = put(
        folder.path(),
        "data_batch_1.bin",
        &cifar(&[(3, [10, 20, 30]), (0, [0, 0, 0])]),
    );
    put(
        folder.path(),
        "data_batch_2.bin.gz",
        &gz(&cifar(&[(9, [255, 0, 1])])),
    );
    // The packed twin of a batch is the same batch.
    put(folder.path(), "data_batch_1.bin.gz", b"not read");
    put(folder.path(), "test_batch.bin", &cifar(&[(1, [1, 2, 3])]));
    let feed = Feed {
        mean: vec![1.0, 2.0, 3.0],
        std: vec![1.0, 2.0, 3.0],
        offset: 1,
        ..Feed::default()
    };
    let data = read_labelled(folder.path(), None, &[3, 32, 32], &feed).unwrap();
    assert_eq!(data.labels, Some(vec![0, 9]));
    assert_eq!(data.inputs.len(), 2 * 3072);
    assert_eq!(
        [3072, 4096, 5120].map(|i| data.inputs[i]),
        [254.0, -1.0, -2.0 / 3.0]
    );
    assert_eq!(data.class_names[9], "truck");
    let one = read(&first, &[3072]);
    assert_eq!((one.inputs[1024], one.labels), (20.0, Some(vec![3, 0])));
    let (x, y) = test_data(folder.path()).unwrap().unwrap();
    assert_eq!((read(&x, &[3072]).labels, y), (Some(vec![1]), None));
}

#[test]
fn what_is_not_cifar_10_is_refused_by_place() {
    let folder = folder();
    let refuse = |bytes: &[u8]| {
        let path = put(folder.path(), "bad.bin", bytes);
        refusal(folder.path(), &path, None, &[3, 32, 32]).0
    };
    assert_eq!(
        refuse(&[1; 2 * 3074]),
        "bad.bin: the records: found 2 records of two label bytes, CIFAR-100, expected those of CIFAR-10, one label byte each"
    );
    assert_eq!(
        refuse(&[1; 3073 + 100]),
        "bad.bin: the records: found 100 bytes in record 1 at offset 3073, expected 3073 bytes each, a label and 3072 colors"
    );
    assert_eq!(
        refuse(&cifar(&[(1, [0; 3]), (10, [0; 3])])),
        "bad.bin: a CIFAR-10 label: found 10 in record 1 at offset 3073, expected 0 to 9"
    );
    assert!(refuse(&[]).contains("found 0 bytes in record 0"));
    let path = put(folder.path(), "small.bin", &cifar(&[(1, [0; 3])]));
    let (message, _) = refusal(folder.path(), &path, None, &[3, 28, 28]);
    assert_eq!(
        message,
        "small.bin has the shape [1, 3, 32, 32], expected [3, 28, 28] for each sample"
    );
    let labels = put(folder.path(), "labels.txt", b"1\n");
    let (message, help) = refusal(folder.path(), &path, Some(&labels), &[3072]);
    assert_eq!(
        message,
        "small.bin brings its own labels, labels.txt names others"
    );
    assert_eq!(help, "leave the other labels out");
}

#[test]
fn pictures_are_labelled_by_their_folders() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    grey(at("dog/a.png"), 2, 50);
    grey(at("cat/b.png"), 2, 20);
    grey(at("cat/a.PNG"), 2, 10);
    put(&at("cat"), "notes.txt", b"not a picture");
    std::fs::create_dir(at(".hidden")).unwrap();
    let data = read(folder.path(), &[1, 2, 2]);
    assert_eq!(data.class_names, ["cat", "dog"]);
    assert_eq!(data.labels, Some(vec![0, 0, 1]));
    assert_eq!([0, 4, 8].map(|i| data.inputs[i]), [10.0, 20.0, 50.0]);
    let feed = Feed {
        offset: 1,
        limit: Some(1),
        ..Feed::default()
    };
    let one = read_labelled(folder.path(), None, &[4], &feed).unwrap();
    assert_eq!((one.inputs, one.labels), (vec![20.0; 4], Some(vec![0])));

    grey(at("dog/z.png"), 3, 50);
    let (message, help) = refusal(folder.path(), folder.path(), None, &[1, 2, 2]);
    assert_eq!(
        message,
        "dog/z.png has the shape [1, 3, 3], expected [1, 2, 2] for each sample"
    );
    assert_eq!(help, "resize the samples, or pad them");
    std::fs::remove_file(at("dog/z.png")).unwrap();
    // Of as many pixels as the network takes, but of another form.
    RgbImage::from_pixel(4, 1, Rgb([1; 3]))
        .save(at("dog/z.png"))
        .unwrap();
    let (message, _) = refusal(folder.path(), folder.path(), None, &[4]);
    assert_eq!(
        message,
        "dog/z.png is 4 wide and 1 high, expected 2 wide and 2 high as in cat/a.PNG"
    );
    put(&at("dog"), "z.png", b"no picture at all");
    let (message, _) = refusal(folder.path(), folder.path(), None, &[4]);
    assert_eq!(
        message,
        "dog/z.png is of an unknown kind, expected a .png or .jpg picture"
    );
}

#[test]
fn folders_without_samples_are_refused() {
    let folder = folder();
    let refuse = || refusal(folder.path(), folder.path(), None, &[4]);
    let (message, help) = refuse();
    assert_eq!(
        message,
        "FOLDER has nothing, expected train-images-idx3-ubyte and train-labels-idx1-ubyte, data_batch_*.bin, or one folder of .png or .jpg pictures per class"
    );
    assert_eq!(help, "name the folder that holds these, or a single file");
    put(folder.path(), "readme.txt", b"x");
    assert!(refuse().0.starts_with("FOLDER has 1 file of other names"));
    std::fs::create_dir(folder.path().join("cat")).unwrap();
    assert_eq!(
        refuse().0,
        "cat has no picture, expected the .png or .jpg pictures of a class"
    );
    put(folder.path(), "train_lossless.bin", b"x");
    let found = "FOLDER has no data_batch_*.bin, but train_lossless.bin, expected";
    assert!(refuse().0.starts_with(found), "{}", refuse().0);
    mnist(folder.path(), "train", 2);
    let labels = folder.path().join("train-labels-idx1-ubyte");
    std::fs::remove_file(labels).unwrap();
    let found = "FOLDER has train-images-idx3-ubyte.gz without its labels, expected";
    assert!(refuse().0.starts_with(found), "{}", refuse().0);
}

#[test]
fn labels_of_another_number_are_refused() {
    let folder = folder();
    let x = put(folder.path(), "x", &idx(8, &[3, 2], &[0; 6]));
    for (labels, n) in [("1\n2\n", 2), ("1\n2\n3\n4\n", 4)] {
        let y = put(folder.path(), "y", labels.as_bytes());
        let (message, help) = refusal(folder.path(), &x, Some(&y), &[2]);
        assert_eq!(message, format!("y has {n} labels, x has 3 samples"));
        assert!(help.starts_with("give one label per sample"));
    }
}

#[test]
fn numbers_too_large_for_training_are_refused() {
    let folder = folder();
    let bytes: Vec<u8> = [1.0f64, 1e300]
        .into_iter()
        .flat_map(f64::to_le_bytes)
        .collect();
    let x = put(folder.path(), "x", &npy("<f8", false, "(2, 1)", &bytes));
    let (message, _) = refusal(folder.path(), &x, None, &[1]);
    assert!(message.starts_with("x: sample 1 has 1"), "{message}");
}
