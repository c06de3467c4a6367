//! Protobuf messages, written field by field.

/// A message under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Message(pub(super) Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    pub(super) fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    pub(super) fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    pub(super) fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    pub(super) fn message(self, field: u64, message: &Self) -> Self {
        self.bytes(field, &message.0)
    }

    pub(super) fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    /// The fields of another message, after these.
    pub(super) fn append(&mut self, other: &Self) {
        self.0.extend_from_slice(&other.0);
    }
}

/// An attribute of a node.
#[derive(Clone, Debug)]
pub(super) enum Attribute {
    Int(&'static str, i64),
    Ints(&'static str, Vec<i64>),
    Float(&'static str, f32),
}

impl Attribute {
    /// An `AttributeProto`.
    pub(super) fn message(&self) -> Message {
        let named = |name: &str| Message::default().text(1, name);
        match self {
            Self::Float(name, value) => named(name).float(2, *value).int(20, 1),
            Self::Int(name, value) => named(name).int(3, *value).int(20, 2),
            Self::Ints(name, values) => values
                .iter()
                .fold(named(name), |message, value| message.int(8, *value))
                .int(20, 7),
        }
    }
}

/// Elements of a stored tensor.
pub(super) enum Elements<'a> {
    Floats(&'a [f32]),
    Ints(&'a [i64]),
}

/// A `TensorProto`.
pub(super) fn tensor(name: &str, shape: &[usize], elements: &Elements<'_>) -> Message {
    let (kind, bytes): (i64, Vec<u8>) = match elements {
        Elements::Floats(values) => (1, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
        Elements::Ints(values) => (7, values.iter().flat_map(|v| v.to_le_bytes()).collect()),
    };
    let dims = shape.iter();
    dims.fold(Message::default(), |message, &size| {
        message.int(1, size as i64)
    })
    .int(2, kind)
    .text(8, name)
    .bytes(9, &bytes)
}

/// A `ValueInfoProto` of f32 tensors with the batch axis first.
pub(super) fn port(name: &str, shape: &[usize]) -> Message {
    let batch = Message::default().text(2, "batch");
    let mut dims = Message::default().message(1, &batch);
    for &size in shape {
        dims = dims.message(1, &Message::default().int(1, size as i64));
    }
    let tensor = Message::default().int(1, 1).message(2, &dims);
    let kind = Message::default().message(1, &tensor);
    Message::default().text(1, name).message(2, &kind)
}
