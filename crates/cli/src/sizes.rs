//! Sizes as people type them.

/// Reads `8GiB`, `512MiB`, `2GB`, `4e9`.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    const UNITS: [(&str, f64); 10] = [
        ("", 1.0),
        ("b", 1.0),
        ("k", 1024.0),
        ("kib", 1024.0),
        ("m", 1048576.0),
        ("mib", 1048576.0),
        ("g", 1073741824.0),
        ("gib", 1073741824.0),
        ("mb", 1e6),
        ("gb", 1e9),
    ];
    let text = text.trim().to_ascii_lowercase();
    // The exponent of 4e9 is part of the number, the e of nothing else is.
    let digits = |c: char| c.is_ascii_digit() || matches!(c, '.' | 'e' | '+' | '-');
    let end = text.find(|c| !digits(c)).unwrap_or(text.len());
    let (number, unit) = (&text[..end], text[end..].trim());
    let factor = UNITS
        .iter()
        .find(|(name, _)| *name == unit)
        .map(|(_, factor)| factor);
    let bytes = number
        .parse::<f64>()
        .ok()
        .zip(factor)
        .map(|(number, factor)| number * factor);
    match bytes {
        Some(bytes) if (1.0..1e18).contains(&bytes) => Ok(bytes as u64),
        _ => Err("expected a size such as 8GiB, 512MiB or 4e9".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::parse_bytes;

    #[test]
    fn sizes_are_read_as_typed() {
        for (text, bytes) in [
            ("8GiB", 8 << 30),
            ("512MiB", 512 << 20),
            ("512 mib", 512 << 20),
            ("4e9", 4_000_000_000),
            ("1.5G", 3 << 29),
            ("100", 100),
        ] {
            assert_eq!(parse_bytes(text), Ok(bytes), "{text}");
        }
        for text in ["", "GiB", "-1", "1e300", "NaN", "8 apples", "0"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
    }
}
