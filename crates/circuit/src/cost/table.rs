//! The cost table: measured rows, their file form, and interpolation between them.

use serde::{Deserialize, Serialize};
use serde_json::error::Category;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Version of the file form.
const SCHEMA: u32 = 1;

/// What is measured. Each name in a file is the variant's in snake case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Measured {
    /// Forward transform of one limb.
    NttForward,
    /// Inverse transform of one limb.
    NttInverse,
    /// Encoding as many values as there are slots, basis Q.
    Encode,
    /// Encoding one number for all slots, basis Q.
    EncodeScalar,
    /// Encryption under the secret key.
    Encrypt,
    /// Decryption and decoding.
    Decrypt,
    /// Making one rotation key.
    RotationKey,
    /// Sum of two ciphertexts.
    Add,
    /// Product with an encoded plaintext.
    MulPlain,
    /// Sum of two products with encoded plaintexts in basis QP, in one pass.
    #[serde(rename = "sum_2_products_ext")]
    Sum2ProductsExt,
    /// Sum of eight such products.
    #[serde(rename = "sum_8_products_ext")]
    Sum8ProductsExt,
    /// Product with a number.
    MulScalar,
    /// One product with a number of a long sum of them, over ciphertexts that no cache holds.
    ScalarProduct,
    /// Division by the last prime.
    Rescale,
    /// The three together.
    MulRelinearizeRescale,
    /// Product of two ciphertexts, degree 2.
    Mul,
    /// Key switch of a product.
    Relinearize,
    /// Rotation of one ciphertext.
    Rotate,
    /// Digits of a ciphertext.
    Decompose,
    /// One rotation of digits, left in basis QP.
    RotateHoisted,
    /// One decompose, eight rotations of its digits, eight divisions by P.
    #[serde(rename = "rotate_8_hoisted")]
    Rotate8Hoisted,
    /// Division by P.
    ModDown,
    /// Division by P and the last prime.
    ModDownRescale,
}

impl Measured {
    /// All of them, in the order of a file.
    pub const ALL: [Self; 23] = [
        Self::NttForward,
        Self::NttInverse,
        Self::Encode,
        Self::EncodeScalar,
        Self::Encrypt,
        Self::Decrypt,
        Self::RotationKey,
        Self::Add,
        Self::MulPlain,
        Self::Sum2ProductsExt,
        Self::Sum8ProductsExt,
        Self::MulScalar,
        Self::ScalarProduct,
        Self::Rescale,
        Self::MulRelinearizeRescale,
        Self::Mul,
        Self::Relinearize,
        Self::Rotate,
        Self::Decompose,
        Self::RotateHoisted,
        Self::Rotate8Hoisted,
        Self::ModDown,
        Self::ModDownRescale,
    ];

    /// What prices are made of; a table must have these, and may lack the others.
    const NEEDED: [Self; 14] = [
        Self::Encode,
        Self::Add,
        Self::MulPlain,
        Self::Sum2ProductsExt,
        Self::Sum8ProductsExt,
        Self::MulScalar,
        Self::ScalarProduct,
        Self::Rescale,
        Self::Mul,
        Self::Relinearize,
        Self::Rotate,
        Self::Decompose,
        Self::RotateHoisted,
        Self::ModDown,
    ];

    /// The name in files.
    pub fn name(self) -> &'static str {
        match self {
            Self::NttForward => "ntt_forward",
            Self::NttInverse => "ntt_inverse",
            Self::Encode => "encode",
            Self::EncodeScalar => "encode_scalar",
            Self::Encrypt => "encrypt",
            Self::Decrypt => "decrypt",
            Self::RotationKey => "rotation_key",
            Self::Add => "add",
            Self::MulPlain => "mul_plain",
            Self::Sum2ProductsExt => "sum_2_products_ext",
            Self::Sum8ProductsExt => "sum_8_products_ext",
            Self::MulScalar => "mul_scalar",
            Self::ScalarProduct => "scalar_product",
            Self::Rescale => "rescale",
            Self::MulRelinearizeRescale => "mul_relinearize_rescale",
            Self::Mul => "mul",
            Self::Relinearize => "relinearize",
            Self::Rotate => "rotate",
            Self::Decompose => "decompose",
            Self::RotateHoisted => "rotate_hoisted",
            Self::Rotate8Hoisted => "rotate_8_hoisted",
            Self::ModDown => "mod_down",
            Self::ModDownRescale => "mod_down_rescale",
        }
    }

    /// Work at `m` limbs, `k` special primes, `beta` digits, in limbs that are touched or transformed.
    ///
    /// # Source
    /// A key switch needs `(β + 2)(m + K)` transforms (Han and Ki, ePrint 2019/688).
    fn work(self, m: f64, k: f64, beta: f64) -> f64 {
        match self {
            Self::NttForward | Self::NttInverse | Self::Decrypt | Self::Encode => 1.0,
            Self::EncodeScalar => m,
            // The Fourier transform of encoding does not grow with the limbs: straight lines instead of rates.
            Self::Encrypt => m + 1.0,
            Self::Add
            | Self::MulPlain
            | Self::MulScalar
            | Self::ScalarProduct
            | Self::Mul
            | Self::Rescale => 2.0 * m,
            Self::Sum2ProductsExt => 6.0 * (m + k),
            Self::Sum8ProductsExt => 24.0 * (m + k),
            Self::RotationKey => 2.0 * beta * (m + k),
            Self::Relinearize | Self::Rotate => (beta + 2.0) * (m + k),
            Self::MulRelinearizeRescale => (beta + 2.0) * (m + k) + 4.0 * m,
            Self::Decompose => beta * (m + k),
            Self::RotateHoisted => (beta + 1.0) * (m + k),
            Self::Rotate8Hoisted => (9.0 * beta + 24.0) * (m + k),
            Self::ModDown | Self::ModDownRescale => 2.0 * (m + k),
        }
    }

    /// Whether transforms dominate, which grow as `N log N`; passes over memory grow as `N`.
    fn transforms(self) -> bool {
        !matches!(
            self,
            Self::EncodeScalar
                | Self::Add
                | Self::MulPlain
                | Self::Sum2ProductsExt
                | Self::Sum8ProductsExt
                | Self::MulScalar
                | Self::ScalarProduct
                | Self::Mul
                | Self::RotateHoisted
        )
    }
}

/// One measured time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CostRow {
    /// What was measured.
    pub op: Measured,
    /// log2 of the ring degree.
    pub log_n: u8,
    /// Limbs of the operand.
    pub limbs: u8,
    /// Special primes.
    pub special: u8,
    /// Digits that are live at so many limbs.
    pub digits: u8,
    /// Median, in microseconds.
    pub us: f64,
}

/// Why a cost table can not be used; whoever wrote the file must act.
#[derive(Debug, thiserror::Error)]
#[error("{field} {found}, expected {expected}")]
pub struct CostError {
    /// The field, such as `ops[12].us`.
    pub field: String,
    /// What is there.
    pub found: String,
    /// What should be.
    pub expected: String,
}

/// The way between server and client that refreshes take. Nobody measures it: write what holds into the file.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Link {
    /// Megabits per second, either way.
    pub megabits_per_s: f64,
    /// Milliseconds from a question to its answer, were both empty.
    pub round_trip_ms: f64,
}

impl Default for Link {
    /// An ordinary line between two places of one country: 100 Mbit/s, 20 ms.
    fn default() -> Self {
        Self {
            megabits_per_s: 100.0,
            round_trip_ms: 20.0,
        }
    }
}

impl Link {
    /// Microseconds that so many bytes take.
    pub fn bytes_us(&self, bytes: u64) -> f64 {
        8.0 * bytes as f64 / self.megabits_per_s
    }

    /// Microseconds of one round trip.
    pub fn round_trip_us(&self) -> f64 {
        1e3 * self.round_trip_ms
    }

    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// The file form.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    schema: u32,
    /// Instruction set that was measured; a remark.
    machine: String,
    threads: u32,
    #[serde(default)]
    link: Link,
    ops: Vec<CostRow>,
}

/// Measured times of operations by ring and level, and what follows for all others.
///
/// Between levels that were measured, the time per limb touched is interpolated; rings that were not measured are scaled
/// from the nearest one that was.
#[derive(Clone, Debug, PartialEq)]
pub struct CostTable {
    machine: String,
    threads: u32,
    link: Link,
    rows: Vec<CostRow>,
    /// Per operation and ring, pairs of limbs and microseconds per unit of work, limbs rising.
    rates: BTreeMap<Measured, BTreeMap<u8, Vec<(f64, f64)>>>,
}

impl Default for CostTable {
    /// Measured by `privet measure-costs --threads 1` on a server core with AVX-512 IFMA.
    fn default() -> Self {
        static TABLE: LazyLock<CostTable> = LazyLock::new(|| {
            CostTable::from_json(include_str!("default.json")).expect("the bundled table is sound")
        });
        TABLE.clone()
    }
}

impl CostTable {
    /// A table of measured rows.
    ///
    /// # Errors
    /// [`CostError`] for a row that makes no sense, one that is there twice, and an operation without rows.
    pub fn new(machine: &str, threads: u32, rows: Vec<CostRow>) -> Result<Self, CostError> {
        let fault = |field: String, found: String, expected: &str| {
            Err(CostError {
                field,
                found,
                expected: expected.to_owned(),
            })
        };
        let mut rates: BTreeMap<Measured, BTreeMap<u8, Vec<(f64, f64)>>> = BTreeMap::new();
        for (i, row) in rows.iter().enumerate() {
            let at = |name: &str| format!("ops[{i}].{name} ({})", row.op.name());
            let is = |value: &dyn std::fmt::Display| format!("is {value}");
            if !(10..=17).contains(&row.log_n) {
                return fault(at("log_n"), is(&row.log_n), "10 to 17");
            }
            if !(1..=64).contains(&row.limbs) {
                return fault(at("limbs"), is(&row.limbs), "1 to 64");
            }
            if row.special > 64 {
                return fault(at("special"), is(&row.special), "0 to 64");
            }
            if !(1..=64).contains(&row.digits) {
                return fault(at("digits"), is(&row.digits), "1 to 64");
            }
            if !(row.us > 0.0 && row.us <= 1e9) {
                return fault(at("us"), is(&row.us), "microseconds, above 0 and up to 1e9");
            }
            let [m, k, beta] = [row.limbs, row.special, row.digits].map(f64::from);
            let rate = row.us / row.op.work(m, k, beta);
            let curve = rates
                .entry(row.op)
                .or_default()
                .entry(row.log_n)
                .or_default();
            if curve.iter().any(|(limbs, _)| *limbs == m) {
                let found = format!("is {} again for ring degree 2^{}", row.limbs, row.log_n);
                return fault(at("limbs"), found, "one row per operation, ring and limbs");
            }
            curve.push((m, rate));
        }
        if let Some(op) = Measured::NEEDED.iter().find(|op| !rates.contains_key(*op)) {
            let expected = format!("at least one row with \"op\": {:?}", op.name());
            return fault("ops".to_owned(), "lacks one".to_owned(), &expected);
        }
        for curve in rates.values_mut().flat_map(BTreeMap::values_mut) {
            curve.sort_by(|a, b| a.0.total_cmp(&b.0));
        }
        Ok(Self {
            machine: machine.to_owned(),
            threads,
            link: Link::default(),
            rows,
            rates,
        })
    }

    /// The same prices with another way to the client.
    ///
    /// # Errors
    /// [`CostError`] for a number that is no speed or no time.
    pub fn with_link(self, link: Link) -> Result<Self, CostError> {
        let fault = |field: &str, found: f64, expected: &str| {
            Err(CostError {
                field: format!("link.{field}"),
                found: format!("is {found}"),
                expected: expected.to_owned(),
            })
        };
        if !(link.megabits_per_s > 0.0 && link.megabits_per_s <= 1e9) {
            return fault("megabits_per_s", link.megabits_per_s, "above 0, up to 1e9");
        }
        if !(0.0..=1e9).contains(&link.round_trip_ms) {
            return fault("round_trip_ms", link.round_trip_ms, "0 to 1e9");
        }
        Ok(Self { link, ..self })
    }

    /// Reads the file form.
    ///
    /// # Errors
    /// [`CostError`] for text that is no cost table, for another schema, and as [`CostTable::new`].
    pub fn from_json(text: &str) -> Result<Self, CostError> {
        /// Looked at first: another version may have other fields.
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let version: Version = serde_json::from_str(text).map_err(unread)?;
        if version.schema != SCHEMA {
            return Err(CostError {
                field: "schema".to_owned(),
                found: format!("is {}", version.schema),
                expected: SCHEMA.to_string(),
            });
        }
        let form: Form = serde_json::from_str(text).map_err(unread)?;
        if form.threads == 0 {
            return Err(CostError {
                field: "threads".to_owned(),
                found: "is 0".to_owned(),
                expected: "1 or more".to_owned(),
            });
        }
        Self::new(&form.machine, form.threads, form.ops)?.with_link(form.link)
    }

    /// The file form, one row a line.
    pub fn to_json(&self) -> String {
        let line = |row: &CostRow| {
            // Names and finite numbers always have a JSON form.
            format!("    {}", serde_json::to_string(row).unwrap_or_default())
        };
        let rows: Vec<String> = self.rows.iter().map(line).collect();
        let link = if self.link.is_default() {
            String::new()
        } else {
            let link = serde_json::to_string(&self.link).unwrap_or_default();
            format!("  \"link\": {link},\n")
        };
        format!(
            "{{\n  \"schema\": {SCHEMA},\n  \"machine\": {},\n  \"threads\": {},\n{link}  \"ops\": [\n{}\n  ]\n}}\n",
            serde_json::to_string(&self.machine).unwrap_or_default(),
            self.threads,
            rows.join(",\n")
        )
    }

    /// Instruction set it was measured with.
    pub fn machine(&self) -> &str {
        &self.machine
    }

    /// Threads it was measured with.
    pub fn threads(&self) -> u32 {
        self.threads
    }

    /// The way to the client.
    pub fn link(&self) -> Link {
        self.link
    }

    /// What was measured.
    pub fn rows(&self) -> &[CostRow] {
        &self.rows
    }

    /// Microseconds of an operation at `limbs` limbs, `special` special primes and `digits` live digits; 0 for one that
    /// the table lacks.
    pub fn us(&self, op: Measured, log_n: u8, limbs: usize, special: usize, digits: usize) -> f64 {
        let Some(rings) = self.rates.get(&op) else {
            return 0.0;
        };
        let Some((&nearest, curve)) = rings.iter().min_by_key(|(n, _)| n.abs_diff(log_n)) else {
            return 0.0;
        };
        let size = (f64::from(log_n) - f64::from(nearest)).exp2();
        let size = if op.transforms() {
            size * f64::from(log_n) / f64::from(nearest)
        } else {
            size
        };
        let [m, k, beta] = [limbs, special, digits].map(|x| x as f64);
        interpolate(curve, m, op == Measured::Encode) * op.work(m, k, beta) * size
    }
}

/// Says where a text stops being a cost table, and what is wrong there.
fn unread(error: serde_json::Error) -> CostError {
    let text = error.to_string();
    let word = text.split('`').nth(1).unwrap_or_default();
    let found = match error.classify() {
        Category::Eof => "ends too early".to_owned(),
        Category::Syntax | Category::Io => "is not JSON".to_owned(),
        Category::Data if text.starts_with("missing field") => format!("lacks {word:?}"),
        Category::Data if text.starts_with("unknown field") => format!("has the unknown {word:?}"),
        Category::Data if text.starts_with("unknown variant") => {
            format!("has the unknown operation {word:?}")
        }
        Category::Data => "has a value of the wrong type".to_owned(),
    };
    CostError {
        field: format!("line {}, column {}", error.line(), error.column()),
        found,
        expected: "a cost table".to_owned(),
    }
}

/// The value at `x` between points whose first parts rise; beyond them the last value, or the last line.
fn interpolate(curve: &[(f64, f64)], x: f64, extrapolate: bool) -> f64 {
    let line = |a: (f64, f64), b: (f64, f64)| a.1 + (b.1 - a.1) * (x - a.0) / (b.0 - a.0);
    let above = curve.partition_point(|p| p.0 < x);
    match curve {
        [] => 0.0,
        [only] => only.1,
        [first, second, ..] if above == 0 => {
            if extrapolate {
                line(*first, *second).max(0.0)
            } else {
                first.1
            }
        }
        [.., before, last] if above == curve.len() => {
            if extrapolate {
                line(*before, *last).max(0.0)
            } else {
                last.1
            }
        }
        _ => line(curve[above - 1], curve[above]),
    }
}

#[cfg(test)]
mod tests;
