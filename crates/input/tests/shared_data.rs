//! MNIST and the bundled test inputs, where they lie beside the workspace.

use privet_input::*;
use std::path::{Path, PathBuf};

/// The folder named by `PRIVET_SHARED`, or `../shared` seen from the workspace.
fn shared(file: &str) -> Option<PathBuf> {
    let beside = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared");
    let path = std::env::var_os("PRIVET_SHARED")
        .map_or(beside, PathBuf::from)
        .join(file);
    if !path.exists() {
        println!("skipped: {file} is not there (set PRIVET_SHARED)");
        return None;
    }
    Some(path)
}

#[test]
fn mnist_test_images() {
    let Some(images) = shared("data/mnist/t10k-images-idx3-ubyte.gz") else {
        return;
    };
    let feed = Feed {
        scale: Feed::parse_scale("1/255").unwrap(),
        pad: [2; 4],
        limit: Some(100),
        ..Feed::default()
    };
    let samples = read_samples(&images, &feed, &[1, 32, 32]).unwrap();
    assert_eq!(samples.values.len(), 100);
    for sample in &samples.values {
        assert_eq!(sample.len(), 1024);
        assert!(sample[..64].iter().all(|&value| value == 0.0));
        assert!(sample.iter().all(|value| (0.0..=1.0).contains(value)));
    }
    assert!(samples.values.iter().flatten().any(|&value| value == 1.0));
    let all = read_samples(&images, &Feed::default(), &[784]).unwrap();
    assert_eq!(all.values.len(), 10_000);
    // The mean that everybody normalizes with is 0.1307 for the training set and close to it here.
    let mean = all.values.iter().flatten().sum::<f64>() / 7_840_000.0 / 255.0;
    assert!((mean - 0.1325).abs() < 1e-4, "{mean}");
}

#[test]
fn mnist_labels() {
    let Some(labels) = shared("data/mnist/t10k-labels-idx1-ubyte.gz") else {
        return;
    };
    let labels = read_labels(&labels).unwrap();
    assert_eq!((labels.len(), &labels[..5]), (10_000, &[7, 2, 1, 0, 4][..]));
}

#[test]
fn bundled_inputs() {
    let Some(archive) = shared("bench/models/test_inputs.npz") else {
        return;
    };
    let samples = read_samples(&archive, &Feed::default(), &[784]).unwrap();
    let labels = read_labels(&archive).unwrap();
    assert_eq!(samples.values.len(), labels.len());
    assert!(labels.iter().all(|&label| label < 10));
    let Some(outputs) = shared("bench/models/ref_lola.npy") else {
        return;
    };
    assert_eq!(
        read_samples(&outputs, &Feed::default(), &[10])
            .unwrap()
            .values
            .len(),
        labels.len()
    );
}

#[test]
fn mnist_for_training() {
    let Some(folder) = shared("data/mnist") else {
        return;
    };
    let feed = Feed {
        scale: 1.0 / 255.0,
        ..Feed::default()
    };
    let training = read_labelled(&folder, None, &[1, 28, 28], &feed).unwrap();
    assert_eq!(training.n_samples(), 60_000);
    assert_eq!(training.labels.unwrap()[..5], [5, 0, 4, 1, 9]);
    let sum = training.inputs.iter().map(|&v| f64::from(v)).sum::<f64>();
    assert!((sum / 47_040_000.0 - 0.1307).abs() < 1e-4, "{sum}");
    let (images, labels) = test_data(&folder).unwrap().unwrap();
    let test = read_labelled(&images, labels.as_deref(), &[784], &feed).unwrap();
    assert_eq!((test.n_samples(), test.labels.unwrap()[0]), (10_000, 7));
}

#[test]
fn cifar_for_training() {
    let Some(file) = shared("data/cifar10/train_lossless_3000.bin.gz") else {
        return;
    };
    let feed = Feed {
        scale: 1.0 / 255.0,
        mean: vec![0.4914, 0.4822, 0.4465],
        std: vec![0.247, 0.2435, 0.2616],
        ..Feed::default()
    };
    let data = read_labelled(&file, None, &[3, 32, 32], &feed).unwrap();
    assert_eq!((data.n_samples(), data.class_names.len()), (3000, 10));
    // The first image of data_batch_1 is a frog.
    assert_eq!(data.class_names[data.labels.unwrap()[0] as usize], "frog");
    // Three thousand images have about the mean and deviation of all.
    for channel in 0..3 {
        let values = data.inputs.chunks(1024).skip(channel).step_by(3).flatten();
        let (sum, squares) = values.fold((0.0, 0.0), |(sum, squares), &v| {
            let v = f64::from(v);
            (sum + v, squares + v * v)
        });
        let n = 3000.0 * 1024.0;
        assert!((sum / n).abs() < 0.05, "{channel}: {}", sum / n);
        assert!(
            (squares / n - 1.0).abs() < 0.05,
            "{channel}: {}",
            squares / n
        );
    }
}
