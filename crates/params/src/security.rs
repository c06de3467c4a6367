//! The 128-bit security table.

/// Smallest ring degree that can be built, as log2.
pub const MIN_LOG_N: u8 = 10;
/// Largest ring degree that can be built, as log2.
pub const MAX_LOG_N: u8 = 16;

/// Largest log2 of `Q·P` at 128 classical bits for a uniform ternary secret and error deviation 3.19.
///
/// `None` outside the table.
///
/// # Source
/// Bossuat et al., "Security Guidelines for Implementing Homomorphic Encryption", ePrint 2024/463, classical column.
pub fn max_log_qp(log_n: u8) -> Option<u32> {
    Some(match log_n {
        10 => 26,
        11 => 53,
        12 => 106,
        13 => 214,
        14 => 430,
        15 => 868,
        16 => 1747,
        _ => return None,
    })
}
