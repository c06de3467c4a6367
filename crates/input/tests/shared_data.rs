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
