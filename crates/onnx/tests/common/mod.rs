//! Small ONNX models, built field by field.
#![allow(dead_code, reason = "each test program uses a part")]

use privet_onnx as onnx;
use prost::Message;
use tract_onnx::pb::attribute_proto::AttributeType;
use tract_onnx::pb::tensor_proto::DataType;
use tract_onnx::pb::tensor_shape_proto::Dimension;
use tract_onnx::pb::tensor_shape_proto::dimension::Value as Size;
use tract_onnx::pb::{
    AttributeProto, GraphProto, ModelProto, NodeProto, OperatorSetIdProto, TensorProto,
    TensorShapeProto, TypeProto, ValueInfoProto, type_proto,
};

/// A model under construction. Nodes are named after their operator and count: `Conv_0`.
#[derive(Clone, Default)]
pub struct Model {
    pub graph: GraphProto,
    pub opset: i64,
}

pub fn ints(name: &str, values: &[i64]) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Ints as i32,
        ints: values.to_vec(),
        ..Default::default()
    }
}

pub fn int(name: &str, value: i64) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Int as i32,
        i: value,
        ..Default::default()
    }
}

pub fn float(name: &str, value: f32) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::Float as i32,
        f: value,
        ..Default::default()
    }
}

pub fn text(name: &str, value: &str) -> AttributeProto {
    AttributeProto {
        name: name.into(),
        r#type: AttributeType::String as i32,
        s: value.into(),
        ..Default::default()
    }
}

pub fn tensor(name: &str, dims: &[i64], values: &[f32]) -> TensorProto {
    TensorProto {
        name: name.into(),
        dims: dims.to_vec(),
        data_type: DataType::Float as i32,
        float_data: values.to_vec(),
        ..Default::default()
    }
}

/// Numbers that look random and repeat in every run.
pub fn noise(n: usize, seed: usize) -> Vec<f32> {
    (0..n)
        .map(|k| (((k + 31 * seed) * 7919 + 104_729) % 1009) as f32 / 504.5 - 1.0)
        .collect()
}

pub fn port(name: &str, shape: &[&str]) -> ValueInfoProto {
    let dim = |text: &&str| Dimension {
        value: Some(
            text.parse()
                .map_or(Size::DimParam((*text).into()), Size::DimValue),
        ),
        ..Default::default()
    };
    let shape = Some(TensorShapeProto {
        dim: shape.iter().map(dim).collect(),
    });
    let value = type_proto::Value::TensorType(type_proto::Tensor {
        elem_type: DataType::Float as i32,
        shape,
    });
    ValueInfoProto {
        name: name.into(),
        r#type: Some(TypeProto {
            value: Some(value),
            ..Default::default()
        }),
        ..Default::default()
    }
}

impl Model {
    /// A model of operator set 17 with input `x`; the last node's result is the output.
    pub fn new(shape: &[&str]) -> Self {
        let graph = GraphProto {
            name: "test".into(),
            input: vec![port("x", shape)],
            ..Default::default()
        };
        Self { graph, opset: 17 }
    }

    pub fn opset(mut self, opset: i64) -> Self {
        self.opset = opset;
        self
    }

    pub fn weight(mut self, name: &str, dims: &[i64], values: &[f32]) -> Self {
        self.graph.initializer.push(tensor(name, dims, values));
        self
    }

    /// A weight of repeatable noise.
    pub fn random(self, name: &str, dims: &[i64]) -> Self {
        let n = dims.iter().product::<i64>() as usize;
        let seed = self.graph.initializer.len();
        self.weight(name, dims, &noise(n, seed))
    }

    pub fn int64s(mut self, name: &str, values: &[i64]) -> Self {
        let dims = vec![values.len() as i64];
        let tensor = TensorProto {
            name: name.into(),
            dims,
            data_type: DataType::Int64 as i32,
            int64_data: values.to_vec(),
            ..Default::default()
        };
        self.graph.initializer.push(tensor);
        self
    }

    pub fn node(
        mut self,
        operator: &str,
        inputs: &[&str],
        output: &str,
        attributes: &[AttributeProto],
    ) -> Self {
        let name = format!("{operator}_{}", self.graph.node.len());
        let (input, output) = (
            inputs.iter().map(|s| (*s).into()).collect(),
            vec![output.into()],
        );
        self.graph.node.push(NodeProto {
            input,
            output,
            name,
            op_type: operator.into(),
            attribute: attributes.to_vec(),
            ..Default::default()
        });
        self
    }

    pub fn proto(&self) -> ModelProto {
        let mut graph = self.graph.clone();
        if graph.output.is_empty() {
            let last = graph.node.last().map_or("x", |n| n.output[0].as_str());
            graph.output.push(ValueInfoProto {
                name: last.into(),
                ..Default::default()
            });
        }
        let opset_import = vec![OperatorSetIdProto {
            domain: String::new(),
            version: self.opset,
        }];
        ModelProto {
            ir_version: 8,
            producer_name: "test".into(),
            graph: Some(graph),
            opset_import,
            ..Default::default()
        }
    }

    pub fn bytes(&self) -> Vec<u8> {
        self.proto().encode_to_vec()
    }

    pub fn import(&self) -> Result<onnx::Imported, onnx::ImportError> {
        onnx::import_bytes(&self.bytes(), "test", None)
    }

    pub fn graph(&self) -> graph::Graph {
        let graph = self
            .import()
            .unwrap_or_else(|e| panic!("{e}\nhelp: {}", e.help()))
            .graph;
        graph.verify().unwrap();
        graph
    }

    /// The refusal in full.
    pub fn refusal(&self) -> String {
        let error = self.import().expect_err("a refusal");
        format!("{error} · help: {}", error.help())
    }

    /// Compares the imported graph with tract running the same file, on noise; returns the graph.
    pub fn agrees(&self) -> graph::Graph {
        let graph = self.graph();
        let shape: Vec<usize> = std::iter::once(1)
            .chain(graph.shape(graph.inputs()[0]).iter().copied())
            .collect();
        let values = noise(shape.iter().product(), 77);
        let expected = reference(&self.bytes(), &shape, &values);
        let input = values.iter().map(|&v| f64::from(v)).collect();
        let found = &graph::evaluate(&graph, &[input]).unwrap()[0];
        let largest = expected.iter().fold(1e-3f64, |m, v| m.max(v.abs()));
        assert_eq!(
            found.len(),
            expected.len(),
            "{}",
            graph::print(&graph, graph::Detail::Shapes)
        );
        for (k, (a, b)) in found.iter().zip(&expected).enumerate() {
            assert!(
                (a - b).abs() < 1e-4 * largest,
                "element {k}: found {a}, expected {b}\n{}",
                graph::print(&graph, graph::Detail::Shapes)
            );
        }
        graph
    }

    /// The words of the imported operations, in order, without the input.
    pub fn words(&self) -> Vec<&'static str> {
        words(&self.graph())
    }
}

pub fn words(graph: &graph::Graph) -> Vec<&'static str> {
    graph
        .order()
        .into_iter()
        .map(|id| graph.node(id).op.word())
        .skip(1)
        .collect()
}

/// Runs a model with a batch of one.
pub fn reference(bytes: &[u8], shape: &[usize], values: &[f32]) -> Vec<f64> {
    use tract_onnx::prelude::*;
    let model = onnx().model_for_read(&mut &bytes[..]).unwrap();
    let model = model.with_input_fact(0, f32::fact(shape).into()).unwrap();
    let plan = model.into_optimized().unwrap().into_runnable().unwrap();
    let input: Tensor = tract_ndarray::ArrayD::from_shape_vec(shape, values.to_vec())
        .unwrap()
        .into();
    let result = plan.run(tvec!(input.into_tvalue())).unwrap();
    result[0]
        .cast_to::<f64>()
        .unwrap()
        .to_plain_array_view::<f64>()
        .unwrap()
        .iter()
        .copied()
        .collect()
}
