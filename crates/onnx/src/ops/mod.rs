//! ONNX operators: one file per family, one function per operator or group of like ones.

mod activation;
mod arithmetic;
mod bound;
mod conv;
mod linear;
mod norm;
mod pool;
mod reduce;
mod shape;

use crate::lower::{Data, Fault, Lowering};
use crate::node::OnnxNode;

/// Lowers one node whose result depends on the network's input.
pub(crate) type Handler = for<'a> fn(&mut Lowering<'a>, OnnxNode<'a>) -> Result<Data, Fault>;

/// The function that lowers an operator.
pub(crate) fn handler(operator: &str) -> Option<Handler> {
    Some(match operator {
        "Conv" => conv::conv,
        "Gemm" => linear::gemm,
        "MatMul" => linear::mat_mul,
        "BatchNormalization" => norm::batch_normalization,
        "AveragePool" => pool::average_pool,
        "MaxPool" => pool::max_pool,
        "GlobalAveragePool" => pool::global_average_pool,
        "GlobalMaxPool" => pool::global_max_pool,
        "ReduceMean" | "ReduceSum" => reduce::reduce,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => shape::reshape,
        "Transpose" => shape::transpose,
        "Pad" => shape::pad,
        "Identity" => shape::identity,
        "Dropout" => shape::dropout,
        "Cast" => shape::cast,
        "Add" | "Sum" => arithmetic::add,
        "Sub" => arithmetic::sub,
        "Mul" => arithmetic::mul,
        "Div" => arithmetic::div,
        "Neg" => arithmetic::neg,
        "Pow" => arithmetic::pow,
        "Clip" => bound::clip,
        "Max" | "Min" => bound::max_or_min,
        "PRelu" => activation::p_relu,
        "Selu" => activation::selu,
        "Celu" => activation::celu,
        _ if activation::is_activation(operator) => activation::activation,
        _ => return None,
    })
}

/// How an operator on constants alone is folded; bounds the size of its result.
pub(crate) enum Folding {
    /// A stored value.
    Constant,
    /// The sizes of a tensor.
    Shape,
    /// No larger than its first operand.
    FirstOperand,
    /// No larger than its operands together.
    Sum,
    /// No larger than the product of its operands' sizes.
    Product,
    /// As large as its operand's elements say.
    Filled,
    /// Not folded.
    No,
}

pub(crate) fn folding(operator: &str) -> Folding {
    match operator {
        "Constant" => Folding::Constant,
        "Shape" => Folding::Shape,
        "ConstantOfShape" => Folding::Filled,
        "Concat" => Folding::Sum,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Identity" | "Cast"
        | "Slice" => Folding::FirstOperand,
        "Neg" | "Reciprocal" | "Sqrt" | "Abs" | "Exp" | "Floor" | "Ceil" => Folding::FirstOperand,
        "Add" | "Sub" | "Mul" | "Div" | "Pow" | "Gather" | "MatMul" => Folding::Product,
        _ => Folding::No,
    }
}

pub(crate) fn is_known(operator: &str) -> bool {
    handler(operator).is_some() || !matches!(folding(operator), Folding::No)
}

pub(crate) fn is_quantized(operator: &str) -> bool {
    let quantized = [
        "QuantizeLinear",
        "DequantizeLinear",
        "DynamicQuantizeLinear",
        "ConvInteger",
        "MatMulInteger",
        "QGemm",
        "MatMulNBits",
    ];
    quantized.contains(&operator) || operator.starts_with("QLinear")
}

/// Why an unknown operator is refused, and what to do. `is_last`: only reshaping follows.
pub(crate) fn refusal(operator: &str, is_last: bool) -> (&'static str, String) {
    let ranking = matches!(operator, "Softmax" | "LogSoftmax" | "ArgMax" | "Hardmax");
    match operator {
        _ if ranking && is_last => (
            "it ranks the outputs, which the owner of the key does after decryption",
            format!("remove the final {operator}: the argmax stays the same"),
        ),
        "Softmax" | "LogSoftmax" | "Hardmax" | "ArgMax" => (
            "it compares elements with one another, which a polynomial of few levels can not",
            nearest(operator).to_owned(),
        ),
        _ => (
            "it has no counterpart in an encrypted network",
            nearest(operator).to_owned(),
        ),
    }
}

/// The nearest supported form of an operator.
pub(crate) fn nearest(operator: &str) -> &'static str {
    match operator {
        "LSTM" | "GRU" | "RNN" | "Loop" | "Scan" | "If" => {
            "unroll the network into feed-forward layers before export"
        }
        "ConvTranspose" | "Resize" | "Upsample" => {
            "use Conv; a learned Gemm can also enlarge an image"
        }
        "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "LRN"
        | "LpNormalization"
        | "RMSNormalization" => "use BatchNormalization, which is affine at inference",
        "Softmax" | "LogSoftmax" | "Hardmax" | "ArgMax" => {
            "use layers without attention, or a polynomial activation"
        }
        "Mish" | "Swish" => "use SiLU, written x * Sigmoid(x)",
        "ThresholdedRelu" | "Shrink" | "Sign" | "Log" | "Sin" | "Cos" | "Reciprocal" | "Floor"
        | "Ceil" | "Round" => "use Relu, Sigmoid, Tanh, Gelu, Exp, Sqrt, Abs or a polynomial",
        "Einsum" => "use MatMul or Gemm with a constant weight",
        "Concat" | "Split" | "Slice" | "Gather" => {
            "use residual Add instead of joining and cutting tensors"
        }
        "LpPool" | "GlobalLpPool" => "use AveragePool or GlobalAveragePool",
        "Shape" | "ConstantOfShape" | "Expand" | "Range" | "Where" | "NonZero" => {
            "export with fixed shapes and simplify with onnxsim"
        }
        _ => "see the table of supported operators; onnxsim removes many helper nodes",
    }
}

#[cfg(test)]
mod tests {
    /// Words in backticks that start in upper case.
    fn operators(text: &str) -> Vec<&str> {
        let words = text.split('`').skip(1).step_by(2);
        words
            .filter(|word| word.starts_with(char::is_uppercase) && !word.contains('('))
            .collect()
    }

    #[test]
    fn the_table_is_true() {
        let (supported, refused) = include_str!("../../OPERATORS.md")
            .split_once("Refused by name")
            .unwrap();
        let (rows, folded) = supported.split_once("On constants alone").unwrap();
        let rows = rows.lines().filter(|line| line.starts_with("| `"));
        let mut n_operators = 0;
        for operator in rows.flat_map(|row| operators(row.split('|').nth(1).unwrap())) {
            assert!(
                super::handler(operator).is_some(),
                "{operator} has no handler"
            );
            n_operators += 1;
        }
        assert_eq!(n_operators, 46);
        for operator in operators(folded) {
            assert!(
                !matches!(super::folding(operator), super::Folding::No),
                "{operator} is not folded"
            );
        }
        for operator in operators(refused) {
            assert!(!super::is_known(operator), "{operator} is known");
        }
    }
}
