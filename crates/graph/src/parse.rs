//! Reads the text form that [`print()`](crate::print()) writes.
//!
//! Comments run from `;` to the end of the line. Ids may be any numbers, each defined before it is read; the shape is
//! optional where it follows from the operands.

mod moves;
mod op;

use crate::text::Cursor;
use crate::{Graph, GraphError, NodeId, Op, Tensor, ValueRange};
use layout::Periodic;
use op::triplets;
use std::collections::{BTreeMap, BTreeSet};

/// Parses a graph printed with its values.
///
/// What is read has consistent shapes, finite constants and unique names; [`Graph::verify`] checks the rest.
///
/// # Errors
/// [`GraphError::Parse`] with the line, what was found and what was expected.
pub fn parse(text: &str) -> Result<Graph, GraphError> {
    let mut parser = Parser::default();
    let mut last = 1;
    for (k, line) in text.lines().enumerate() {
        let mut cursor = Cursor::new(line);
        if cursor.at_end() {
            continue;
        }
        last = k + 1;
        parser
            .line(last, &mut cursor)
            .map_err(|why| GraphError::Parse { line: last, why })?;
    }
    parser.finish().map_err(|(line, why)| GraphError::Parse {
        line: line.unwrap_or(last),
        why,
    })
}

#[derive(Default)]
struct Parser {
    /// From the first line on.
    graph: Option<Graph>,
    ids: BTreeMap<usize, NodeId>,
    names: BTreeSet<String>,
    /// Named constants and the lines that define them.
    tensors: BTreeMap<String, (usize, Tensor)>,
    matrices: BTreeMap<String, (usize, Triplets)>,
    used: BTreeSet<String>,
    returned: bool,
    closed: bool,
}

/// A matrix before the node that uses it vouches for its size.
#[derive(Clone)]
struct Triplets {
    rows: u32,
    cols: u32,
    entries: Vec<(u32, u32, f64)>,
}

/// What may follow the operation on a node's line.
#[derive(Default)]
struct Tail {
    shape: Option<Vec<usize>>,
    origin: BTreeSet<String>,
    range: Option<ValueRange>,
    layout: Option<Periodic>,
}

impl Parser {
    fn line(&mut self, line: usize, cursor: &mut Cursor) -> Result<(), String> {
        if self.closed {
            return cursor.wanted("nothing after the closing brace");
        }
        if self.graph.is_none() {
            cursor.expect_word("graph")?;
            self.graph = Some(Graph::new(cursor.string("the graph's name in quotes")?));
            cursor.expect("{")?;
        } else if cursor.eat("}") {
            if !self.returned {
                return Err("expected `return` before the closing brace".to_owned());
            }
            self.closed = true;
        } else if self.returned {
            return cursor.wanted("`}` after `return`");
        } else if cursor.eat_word("return") {
            self.outputs(cursor)?;
        } else if cursor.eat_word("tensor") {
            let name = self.new_constant(cursor)?;
            let shape = cursor.shape()?;
            cursor.expect("=")?;
            let values = cursor.list(Cursor::number)?;
            let n_values = values.len();
            let tensor = Tensor::new(&shape, values);
            let tensor =
                tensor.ok_or_else(|| format!("found {n_values} values for the shape {shape:?}"))?;
            self.tensors.insert(name, (line, tensor));
        } else if cursor.eat_word("matrix") {
            let name = self.new_constant(cursor)?;
            let matrix = triplets(cursor)?;
            self.matrices.insert(name, (line, matrix));
        } else {
            self.node(cursor)?;
        }
        cursor.expect_end()
    }

    fn finish(self) -> Result<Graph, (Option<usize>, String)> {
        let Some(graph) = self.graph else {
            return Err((
                None,
                "expected `graph`, found the end of the text".to_owned(),
            ));
        };
        if !self.closed {
            return Err((None, "expected `}`, found the end of the text".to_owned()));
        }
        let tensors = self.tensors.iter().map(|(name, (line, _))| (name, *line));
        let matrices = self.matrices.iter().map(|(name, (line, _))| (name, *line));
        match tensors
            .chain(matrices)
            .find(|(name, _)| !self.used.contains(*name))
        {
            Some((name, line)) => Err((Some(line), format!("@{name} is never used"))),
            None => Ok(graph),
        }
    }

    fn graph(&mut self) -> &mut Graph {
        self.graph.get_or_insert_with(|| Graph::new(""))
    }

    fn new_constant(&self, cursor: &mut Cursor) -> Result<String, String> {
        let name = cursor.constant_name()?;
        match self.tensors.contains_key(&name) || self.matrices.contains_key(&name) {
            true => Err(format!("@{name} is defined twice")),
            false => Ok(name),
        }
    }

    fn outputs(&mut self, cursor: &mut Cursor) -> Result<(), String> {
        let mut outputs = Vec::new();
        while !cursor.at_end() {
            if !outputs.is_empty() {
                cursor.expect(",")?;
            }
            outputs.push(self.wire(cursor)?);
        }
        self.graph().set_outputs(&outputs);
        self.returned = true;
        Ok(())
    }

    fn wire(&self, cursor: &mut Cursor) -> Result<NodeId, String> {
        cursor.expect("%")?;
        let id: usize = cursor.whole("an id")?;
        self.ids
            .get(&id)
            .copied()
            .ok_or_else(|| format!("%{id} is not defined yet"))
    }

    fn operands(&self, word: &str, cursor: &mut Cursor) -> Result<Vec<NodeId>, String> {
        let n_operands = match word {
            "input" => return Ok(Vec::new()),
            "add" | "mul" => Some(2),
            "concat" => None,
            _ => Some(1),
        };
        let mut operands = vec![self.wire(cursor)?];
        while n_operands.is_none_or(|n| operands.len() < n) {
            match n_operands {
                Some(_) => cursor.expect(",")?,
                None if !cursor.eat(",") => break,
                None => {}
            }
            operands.push(self.wire(cursor)?);
        }
        Ok(operands)
    }

    fn node(&mut self, cursor: &mut Cursor) -> Result<(), String> {
        cursor.expect("%")?;
        let id: usize = cursor.whole("an id")?;
        if self.ids.contains_key(&id) {
            return Err(format!("%{id} is defined twice"));
        }
        let name = cursor.string("the node's name in quotes")?;
        if self.names.contains(&name) {
            return Err(format!("the name {name:?} is used twice"));
        }
        cursor.expect("=")?;
        let word = cursor.word("an operation")?;
        let operands = self.operands(word, cursor)?;
        let op = match word {
            // Their shape stands after the arrow.
            "input" | "reshape" => None,
            _ => Some(self.op(word, &operands, cursor)?),
        };
        let tail = tail(cursor)?;
        let op = match (op, &tail.shape) {
            (Some(op), _) => op,
            (None, Some(shape)) if word == "input" => Op::Input {
                shape: shape.clone(),
            },
            (None, Some(shape)) => Op::Reshape {
                shape: shape.clone(),
            },
            (None, None) => return cursor.wanted("`->` and a shape"),
        };
        let graph = self.graph();
        let added = graph
            .add(&name, op, &operands)
            .map_err(|error| error.to_string())?;
        let found = graph.shape(added);
        if let Some(shape) = tail.shape.filter(|shape| shape != found) {
            return Err(format!(
                "{name} has shape {found:?}, the text says {shape:?}"
            ));
        }
        let node = graph.node_mut(added);
        node.origin = tail.origin;
        node.facts.range = tail.range;
        node.facts.layout = tail.layout;
        self.ids.insert(id, added);
        self.names.insert(name);
        Ok(())
    }
}

fn tail(cursor: &mut Cursor) -> Result<Tail, String> {
    let mut tail = Tail::default();
    if cursor.eat("->") {
        tail.shape = Some(cursor.shape()?);
    }
    if cursor.eat_word("from") {
        tail.origin.insert(cursor.string("an origin in quotes")?);
        while cursor.eat(",") {
            tail.origin.insert(cursor.string("an origin in quotes")?);
        }
    }
    if cursor.eat_word("range") {
        let (low, high) = cursor.interval()?;
        tail.range = Some(ValueRange { low, high });
    }
    if cursor.eat_word("layout") {
        let text = cursor.through(']')?;
        tail.layout = Some(
            text.parse()
                .map_err(|error: layout::LayoutError| error.to_string())?,
        );
    }
    Ok(tail)
}
