//! Headers and number types of NumPy arrays.
//!
//! Only `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}` is parsed, no Python at large, so that no
//! header can nest deeply or promise more than it holds.
//! Source: NumPy's `numpy.lib.format`, versions 1.0 to 3.0.

use crate::InputError;
use crate::source::{fault, take};
use std::io::Read;
use std::path::Path;

/// Longest header text; NumPy's own limit is 10,000.
const MAX_HEADER: usize = 1 << 16;

/// Kind and width of an array's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NumberType {
    /// `f`, `i`, `u` or `b`.
    pub kind: u8,
    pub n_bytes: usize,
    pub big_endian: bool,
}

impl NumberType {
    pub fn is_integer(self) -> bool {
        self.kind != b'f'
    }

    /// As NumPy writes it, byte order apart.
    pub fn name(self) -> String {
        format!("{}{}", self.kind as char, self.n_bytes)
    }

    fn parse(text: &str) -> Option<NumberType> {
        let &[order, kind, digit] = text.as_bytes() else {
            return None;
        };
        let n_bytes = usize::from(digit.checked_sub(b'0')?);
        let known = match kind {
            b'f' => matches!(n_bytes, 4 | 8),
            b'i' | b'u' => matches!(n_bytes, 1 | 2 | 4 | 8),
            b'b' => n_bytes == 1,
            _ => false,
        };
        let big_endian = order == b'>';
        (known && (big_endian || order == b'<' || (order == b'|' && n_bytes == 1))).then_some(
            NumberType {
                kind,
                n_bytes,
                big_endian,
            },
        )
    }

    /// All numbers of `bytes`.
    pub fn decode_all(self, bytes: &[u8]) -> Vec<f64> {
        if (self.kind, self.n_bytes) == (b'u', 1) {
            return bytes.iter().map(|&byte| f64::from(byte)).collect();
        }
        bytes
            .chunks_exact(self.n_bytes)
            .map(|bytes| self.decode(bytes))
            .collect()
    }

    /// The first number of `bytes`; 64-bit integers are rounded.
    pub fn decode(self, bytes: &[u8]) -> f64 {
        let mut le = [0u8; 8];
        for (i, slot) in le.iter_mut().take(self.n_bytes).enumerate() {
            let at = if self.big_endian {
                self.n_bytes - 1 - i
            } else {
                i
            };
            *slot = bytes.get(at).copied().unwrap_or(0);
        }
        let unsigned = u64::from_le_bytes(le);
        match (self.kind, self.n_bytes) {
            (b'f', 4) => f64::from(f32::from_bits(unsigned as u32)),
            (b'f', _) => f64::from_bits(unsigned),
            // Moved to the top and back down, the sign bit spreads.
            (b'i', n) => (((unsigned << (64 - 8 * n)) as i64) >> (64 - 8 * n)) as f64,
            _ => unsigned as f64,
        }
    }
}

/// An array's description.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub number: NumberType,
    pub fortran: bool,
    pub dims: Vec<u64>,
    /// Bytes before the data.
    pub n_bytes: u64,
}

impl Header {
    /// A vector of integers, or a column of them.
    pub fn is_label_vector(&self) -> bool {
        self.number.is_integer()
            && self
                .dims
                .split_first()
                .is_some_and(|(_, rest)| rest.iter().all(|&d| d == 1))
    }
}

/// Reads the header and leaves the reader at the data.
pub(crate) fn header(path: &Path, reader: &mut dyn Read) -> Result<Header, InputError> {
    let bad = |what, found: String, expected: &str| InputError::Format {
        path: path.into(),
        what,
        found,
        expected: expected.into(),
    };
    let mut head = [0; 8];
    reader
        .read_exact(&mut head)
        .map_err(|source| fault(path, source))?;
    let [0x93, b'N', b'U', b'M', b'P', b'Y', major, minor] = head else {
        return Err(bad(
            "the array's magic",
            format!("{head:02x?}"),
            "\\x93NUMPY",
        ));
    };
    let n_length = match (major, minor) {
        (1, 0) => 2,
        (2 | 3, 0) => 4,
        _ => {
            return Err(bad(
                "the .npy version",
                format!("{major}.{minor}"),
                "1.0, 2.0 or 3.0",
            ));
        }
    };
    let mut length = [0; 4];
    reader
        .read_exact(&mut length[..n_length])
        .map_err(|source| fault(path, source))?;
    let length = u32::from_le_bytes(length) as usize;
    if length > MAX_HEADER {
        return Err(bad(
            "the header's length",
            length.to_string(),
            "at most 65536",
        ));
    }
    let text = take(path, reader, length as u64)?;
    let shown = || {
        String::from_utf8_lossy(&text)
            .trim()
            .chars()
            .take(200)
            .collect::<String>()
    };
    let fields = std::str::from_utf8(&text)
        .ok()
        .and_then(|text| Cursor(text).fields());
    let Some((descr, fortran, dims)) = fields else {
        return Err(bad(
            "the header",
            format!("{:?}", shown()),
            "a dictionary of descr, fortran_order and shape for plain numbers",
        ));
    };
    let number = NumberType::parse(descr).ok_or_else(|| {
        bad(
            "the number type",
            format!("{descr:?}"),
            "f4, f8, i1 to i8, u1 to u8 or b1",
        )
    })?;
    Ok(Header {
        number,
        fortran,
        dims,
        n_bytes: (8 + n_length + length) as u64,
    })
}

/// What is left of a header's text.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    /// The three fields of the dictionary, each exactly once, in any order.
    fn fields(mut self) -> Option<(&'a str, bool, Vec<u64>)> {
        let (mut descr, mut fortran, mut dims) = (None, None, None);
        self.eat("{")?;
        while self.eat("}").is_none() {
            let key = self.string()?;
            self.eat(":")?;
            let first = match key {
                "descr" => descr.replace(self.string()?).is_none(),
                "fortran_order" => fortran.replace(self.boolean()?).is_none(),
                "shape" => dims.replace(self.tuple()?).is_none(),
                _ => false,
            };
            if !first || (self.eat(",").is_none() && !self.0.trim_start().starts_with('}')) {
                return None;
            }
        }
        self.0
            .trim()
            .is_empty()
            .then_some((descr?, fortran?, dims?))
    }

    fn eat(&mut self, token: &str) -> Option<()> {
        self.0 = self.0.trim_start().strip_prefix(token)?;
        Some(())
    }

    fn string(&mut self) -> Option<&'a str> {
        let quote = self
            .0
            .trim_start()
            .chars()
            .next()
            .filter(|c| matches!(c, '\'' | '"'))?;
        let (text, rest) = self.0.trim_start().get(1..)?.split_once(quote)?;
        self.0 = rest;
        Some(text)
    }

    fn boolean(&mut self) -> Option<bool> {
        self.eat("True")
            .map(|()| true)
            .or_else(|| self.eat("False").map(|()| false))
    }

    fn tuple(&mut self) -> Option<Vec<u64>> {
        self.eat("(")?;
        let (text, rest) = self.0.split_once(')')?;
        self.0 = rest;
        let text = text.trim().strip_suffix(',').unwrap_or(text.trim());
        if text.is_empty() {
            return Some(vec![]);
        }
        let dims: Vec<u64> = text
            .split(',')
            .map(|dim| dim.trim().parse().ok())
            .collect::<Option<_>>()?;
        (dims.len() <= 32).then_some(dims)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_strictly() {
        let read = |text| Cursor(text).fields();
        let want = Some(("<f4", false, vec![2, 3]));
        assert_eq!(
            read("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n"),
            want
        );
        assert_eq!(
            read("{\"shape\":(2,3),\"fortran_order\":False,\"descr\":\"<f4\"}"),
            want
        );
        assert_eq!(
            read("{'descr': '<f4', 'fortran_order': True, 'shape': ()}"),
            Some(("<f4", true, vec![]))
        );
        assert_eq!(
            read("{'descr': '<f4', 'fortran_order': True, 'shape': (7,)}"),
            Some(("<f4", true, vec![7]))
        );
        for bad in [
            "",
            "{",
            "{}",
            "((((((((((((((((((((((((",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)} x",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, -3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3}",
            "{'descr': '<f4' 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': '<f4', 'descr': '<f4', 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (2, 3)}",
            "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), 'more': 1}",
            "{é'descr': '<f4'}",
        ] {
            assert_eq!(read(bad), None, "{bad}");
        }
    }

    #[test]
    fn every_number_type_decodes() {
        let decode =
            |name, bytes: &[u8]| NumberType::parse(name).map(|number| number.decode(bytes));
        assert_eq!(decode("<f4", &1.5f32.to_le_bytes()), Some(1.5));
        assert_eq!(decode(">f4", &1.5f32.to_be_bytes()), Some(1.5));
        assert_eq!(decode("<f8", &(-0.1f64).to_le_bytes()), Some(-0.1));
        assert_eq!(decode(">f8", &(-0.1f64).to_be_bytes()), Some(-0.1));
        assert_eq!(decode("|u1", &[200]), Some(200.0));
        assert_eq!(decode("|i1", &[0xff]), Some(-1.0));
        assert_eq!(decode("<i2", &(-300i16).to_le_bytes()), Some(-300.0));
        assert_eq!(decode(">u4", &4_000_000_000u32.to_be_bytes()), Some(4e9));
        assert_eq!(decode("<i8", &(-5i64).to_le_bytes()), Some(-5.0));
        assert_eq!(
            decode("<u8", &u64::MAX.to_le_bytes()),
            Some(u64::MAX as f64)
        );
        assert_eq!(decode("|b1", &[1]), Some(1.0));
        for bad in [
            "", "f4", "<f2", "<c8", "|O", "<U3", "|f4", "<f16", "<i3", "=i4", "<é",
        ] {
            assert_eq!(NumberType::parse(bad), None, "{bad}");
        }
    }
}
