//! Numbers as people read them.

use privet_report::{human_bytes, human_count, human_ms};

#[test]
fn units_are_human() {
    let bytes = [0, 1023, 1024, 1_048_575, 1 << 20, 5 << 30, u64::MAX].map(human_bytes);
    assert_eq!(
        bytes,
        [
            "0 B",
            "1023 B",
            "1.0 KiB",
            "1.0 MiB",
            "1.0 MiB",
            "5.0 GiB",
            "16384.0 PiB"
        ]
    );
    let ms = [
        0.0,
        0.044,
        9.996,
        999.6,
        4560.0,
        99_999.0,
        750_000.0,
        3_599_600.0,
        7.5e6,
        f64::NAN,
    ]
    .map(human_ms);
    assert_eq!(
        ms,
        [
            "0.00 ms",
            "0.04 ms",
            "10.0 ms",
            "1.00 s",
            "4.56 s",
            "1 min 40 s",
            "12 min 30 s",
            "1 h 0 min",
            "2 h 5 min",
            "unknown"
        ]
    );
    assert_eq!(
        [0, 999, 1000, 1_234_567].map(human_count),
        ["0", "999", "1,000", "1,234,567"]
    );
}
