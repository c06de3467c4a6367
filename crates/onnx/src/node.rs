//! A view of one ONNX node: names and attributes.

use crate::Site;
use crate::step::Step;
use tract_onnx::pb::{AttributeProto, NodeProto};

/// One ONNX node with the model's operator set.
#[derive(Clone, Copy)]
pub(crate) struct OnnxNode<'a> {
    pub(crate) proto: &'a NodeProto,
    pub(crate) opset: i64,
}

impl<'a> OnnxNode<'a> {
    pub(crate) fn operator(&self) -> &'a str {
        &self.proto.op_type
    }

    /// The node's name; without one, operator and first output.
    pub(crate) fn name(&self) -> String {
        if self.proto.name.is_empty() {
            format!("{}:{}", self.operator(), self.output())
        } else {
            self.proto.name.clone()
        }
    }

    /// `Conv '/conv1/Conv'`.
    pub(crate) fn origin(&self) -> String {
        format!("{} '{}'", self.operator(), self.name())
    }

    pub(crate) fn site(&self) -> Site {
        let node = if self.proto.name.is_empty() {
            self.output().to_owned()
        } else {
            self.proto.name.clone()
        };
        Site {
            operator: self.operator().to_owned(),
            node,
            opset: self.opset,
        }
    }

    /// The node's place in a file that Privet wrote.
    pub(crate) fn step(&self) -> Option<Step> {
        Step::of(self.proto)
    }

    /// Name of the first result.
    pub(crate) fn output(&self) -> &'a str {
        self.proto.output.first().map_or("", String::as_str)
    }

    /// Name of operand `k`; `None` where it is left out.
    pub(crate) fn input(&self, k: usize) -> Option<&'a str> {
        self.proto
            .input
            .get(k)
            .map(String::as_str)
            .filter(|name| !name.is_empty())
    }

    fn attribute(&self, name: &str) -> Option<&'a AttributeProto> {
        self.proto.attribute.iter().find(|a| a.name == name)
    }

    pub(crate) fn int(&self, name: &str, default: i64) -> i64 {
        self.attribute(name).map_or(default, |a| a.i)
    }

    /// A number as the decimal that was meant: `0.01`, not the nearest f32's expansion.
    pub(crate) fn float(&self, name: &str, default: f64) -> f64 {
        self.attribute(name).map_or(default, |a| decimal(a.f))
    }

    pub(crate) fn optional_float(&self, name: &str) -> Option<f64> {
        self.attribute(name).map(|a| f64::from(a.f))
    }

    pub(crate) fn ints(&self, name: &str) -> Option<&'a [i64]> {
        self.attribute(name).map(|a| a.ints.as_slice())
    }

    pub(crate) fn floats(&self, name: &str) -> Option<Vec<f64>> {
        let floats = &self.attribute(name)?.floats;
        Some(floats.iter().copied().map(decimal).collect())
    }

    pub(crate) fn text(&self, name: &str) -> Option<&'a str> {
        self.attribute(name)
            .and_then(|a| std::str::from_utf8(&a.s).ok())
    }
}

/// The f64 with the shortest decimal that reads back as `x`.
pub(crate) fn decimal(x: f32) -> f64 {
    x.to_string().parse().unwrap_or(f64::from(x))
}
