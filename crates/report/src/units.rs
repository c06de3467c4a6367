//! Numbers as people read them.

/// Bytes in the largest binary unit that leaves at least one: `512 B`, `4.0 KiB`, `1.5 GiB`.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    // 1023.96 would print as 1024.0 of the smaller unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Milliseconds as `0.04 ms`, `12.3 ms`, `4.56 s`, `12 min 30 s` or `2 h 5 min`.
pub fn human_ms(ms: f64) -> String {
    let seconds = ms / 1e3;
    match ms {
        _ if !ms.is_finite() => "unknown".into(),
        _ if ms < 9.995 => format!("{ms:.2} ms"),
        _ if ms < 999.5 => format!("{ms:.1} ms"),
        _ if seconds < 99.995 => format!("{seconds:.2} s"),
        _ if seconds < 3599.5 => {
            let seconds = seconds.round() as u64;
            format!("{} min {} s", seconds / 60, seconds % 60)
        }
        _ => {
            let minutes = (seconds / 60.0).round() as u64;
            format!("{} h {} min", minutes / 60, minutes % 60)
        }
    }
}

/// A count with its thousands apart: `1,234,567`.
pub fn human_count(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
