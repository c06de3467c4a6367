//! Tiny ONNX files from a recipe in text, so that golden files can hold models.
//!
//! ```text
//! opset 17
//! input x [batch, 1, 4, 4]
//! weight w [2, 1, 3, 3] = 0.5        ; or = [0.5, nan, …]
//! ints shape [2] = [1, 8]
//! node Conv x, w -> y kernel_shape=3,3 auto_pad="VALID" alpha=0.5 group=1 axes=1,
//! output y
//! ```

/// A protobuf message under construction.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.0.push(value as u8);
    }

    fn int(mut self, field: u64, value: i64) -> Self {
        self.varint(field << 3);
        self.varint(value as u64);
        self
    }

    fn bytes(mut self, field: u64, bytes: &[u8]) -> Self {
        self.varint(field << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
        self
    }

    fn text(self, field: u64, text: &str) -> Self {
        self.bytes(field, text.as_bytes())
    }

    fn message(self, field: u64, message: Message) -> Self {
        self.bytes(field, &message.0)
    }

    fn float(mut self, field: u64, value: f32) -> Self {
        self.varint(field << 3 | 5);
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn packed(self, field: u64, values: &[i64]) -> Self {
        let mut inner = Message::default();
        values.iter().for_each(|v| inner.varint(*v as u64));
        self.message(field, inner)
    }
}

/// The bytes of the model that a recipe describes; lines starting with `;` are comments.
///
/// # Errors
/// The line that is not understood.
pub fn encode(recipe: &str) -> Result<Vec<u8>, String> {
    let mut graph = Message::default().text(2, "golden");
    let mut opset = 17;
    let mut n_nodes = 0;
    for line in recipe
        .lines()
        .map(|l| l.split(" ;").next().unwrap_or_default().trim())
    {
        if line.is_empty() || line.starts_with(';') {
            continue;
        }
        let (word, rest) = line
            .split_once(' ')
            .ok_or_else(|| format!("`{line}` is no line of a recipe"))?;
        graph = match word {
            "opset" => {
                opset = whole(rest)?;
                graph
            }
            "input" => graph.message(11, port(rest)?),
            "output" => graph.message(12, Message::default().text(1, rest)),
            "weight" | "ints" => graph.message(5, tensor(rest, word == "ints")?),
            "node" => {
                let made = node(rest, n_nodes)?;
                n_nodes += 1;
                graph.message(1, made)
            }
            _ => return Err(format!("`{word}` is no word of a recipe")),
        };
    }
    let version = Message::default().text(1, "").int(2, opset);
    Ok(Message::default()
        .int(1, 8)
        .text(2, "golden")
        .message(7, graph)
        .message(8, version)
        .0)
}

fn whole(text: &str) -> Result<i64, String> {
    text.trim()
        .parse()
        .map_err(|_| format!("expected a whole number, found `{text}`"))
}

/// `name [a, b]` and what follows.
fn shaped(text: &str) -> Result<(&str, Vec<&str>, &str), String> {
    let parts = text.split_once('[').and_then(|(name, rest)| {
        rest.split_once(']')
            .map(|(dims, rest)| (name.trim(), dims, rest.trim()))
    });
    let (name, dims, rest) =
        parts.ok_or_else(|| format!("expected `name [sizes]`, found `{text}`"))?;
    Ok((
        name,
        dims.split(',')
            .map(str::trim)
            .filter(|d| !d.is_empty())
            .collect(),
        rest,
    ))
}

fn port(text: &str) -> Result<Message, String> {
    let (name, dims, _) = shaped(text)?;
    let shape = dims.iter().fold(Message::default(), |shape, dim| {
        let size = match dim.parse() {
            Ok(size) => Message::default().int(1, size),
            Err(_) => Message::default().text(2, dim),
        };
        shape.message(1, size)
    });
    let kind = Message::default().message(1, Message::default().int(1, 1).message(2, shape));
    Ok(Message::default().text(1, name).message(2, kind))
}

fn tensor(text: &str, ints: bool) -> Result<Message, String> {
    let (name, dims, rest) = shaped(text)?;
    let dims: Vec<i64> = dims.iter().map(|d| whole(d)).collect::<Result<_, _>>()?;
    let values = rest
        .strip_prefix('=')
        .ok_or_else(|| format!("expected `=`, found `{rest}`"))?
        .trim();
    let listed = values.strip_prefix('[').and_then(|v| v.strip_suffix(']'));
    let words: Vec<&str> = match listed {
        Some(list) => list.split(',').map(str::trim).collect(),
        None => vec![values; dims.iter().product::<i64>() as usize],
    };
    let tensor = dims
        .iter()
        .fold(Message::default(), |t, d| t.int(1, *d))
        .int(2, if ints { 7 } else { 1 })
        .text(8, name);
    if ints {
        let values: Vec<i64> = words.iter().map(|w| whole(w)).collect::<Result<_, _>>()?;
        return Ok(tensor.packed(7, &values));
    }
    let number = |w: &&str| {
        w.parse::<f32>()
            .map_err(|_| format!("expected a number, found `{w}`"))
    };
    let values: Vec<f32> = words.iter().map(number).collect::<Result<_, _>>()?;
    Ok(tensor.bytes(
        4,
        &values
            .iter()
            .flat_map(|v| v.to_le_bytes())
            .collect::<Vec<u8>>(),
    ))
}

/// `Conv x, w -> y key=value …`; the node is named after its operator and place.
fn node(text: &str, place: usize) -> Result<Message, String> {
    let (left, right) = text
        .split_once("->")
        .ok_or_else(|| format!("expected `->` in `{text}`"))?;
    let (operator, inputs) = left.trim().split_once(' ').unwrap_or((left.trim(), ""));
    let mut words = right.split_whitespace();
    let output = words.next().ok_or("a node has an output")?;
    let mut node = Message::default();
    for input in inputs.split(',').map(str::trim).filter(|i| !i.is_empty()) {
        node = node.text(1, input);
    }
    node = node
        .text(2, output)
        .text(3, &format!("{operator}_{place}"))
        .text(4, operator);
    for word in words {
        let (name, value) = word
            .split_once('=')
            .ok_or_else(|| format!("expected key=value, found `{word}`"))?;
        let attribute = Message::default().text(1, name);
        node = node.message(
            5,
            if let Some(text) = value.strip_prefix('"').and_then(|v| v.strip_suffix('"')) {
                attribute.text(4, text).int(20, 3)
            } else if value.contains(',') {
                let list: Vec<i64> = value
                    .split(',')
                    .filter(|v| !v.is_empty())
                    .map(whole)
                    .collect::<Result<_, _>>()?;
                list.iter().fold(attribute, |a, v| a.int(8, *v)).int(20, 7)
            } else if let Ok(value) = value.parse::<i64>() {
                attribute.int(3, value).int(20, 2)
            } else {
                let value: f32 = value
                    .parse()
                    .map_err(|_| format!("expected a number, found `{value}`"))?;
                attribute.float(2, value).int(20, 1)
            },
        );
    }
    Ok(node)
}
