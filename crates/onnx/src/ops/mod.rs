//! ONNX operators: one file per family, one function per operator or group of like ones.

mod activation;
mod arithmetic;
mod axes;
mod bound;
mod conv;
mod conv_transpose;
mod join;
mod linear;
mod norm;
mod pool;
pub(crate) mod rearrange;
mod reduce;
mod refusal;
mod resize;
mod shape;
mod stack;

pub(crate) use refusal::{nearest, reason, refusal};

use crate::facts::Facts;
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
        "ConvTranspose" => conv_transpose::conv_transpose,
        _ if is_reduction(operator) => reduce::reduce,
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" => shape::reshape,
        "Transpose" | "Slice" | "Split" | "Gather" | "Tile" | "Expand" | "DepthToSpace"
        | "SpaceToDepth" | "Resize" | "Upsample" => rearrange::first,
        "Concat" => join::concat,
        "Pad" => shape::pad,
        "Identity" => shape::identity,
        "Dropout" => shape::dropout,
        "Cast" => shape::cast,
        "Add" | "Sum" => arithmetic::add,
        "Mean" => arithmetic::mean,
        "Where" => arithmetic::choose,
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
        "Log" => activation::log,
        "Shrink" => activation::shrink,
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
    /// As large as the elements of that operand say, at most times its first operand.
    Filled(usize),
    /// Not folded.
    No,
}

pub(crate) fn folding(operator: &str) -> Folding {
    match operator {
        "Constant" => Folding::Constant,
        "Shape" => Folding::Shape,
        "ConstantOfShape" => Folding::Filled(0),
        "Concat" => Folding::Sum,
        "Expand" => Folding::Filled(1),
        "Reshape" | "Flatten" | "Squeeze" | "Unsqueeze" | "Transpose" | "Identity" | "Cast"
        | "Slice" => Folding::FirstOperand,
        "Neg" | "Reciprocal" | "Sqrt" | "Abs" | "Exp" | "Log" | "Floor" | "Ceil" | "Round"
        | "Sign" | "Not" | "Split" | "ReduceProd" | "ReduceSum" | "ReduceMean" | "ReduceMax"
        | "ReduceMin" => Folding::FirstOperand,
        "Add" | "Sub" | "Mul" | "Div" | "Mod" | "Pow" | "Max" | "Min" | "Equal" | "Less"
        | "LessOrEqual" | "Greater" | "GreaterOrEqual" | "And" | "Or" | "Where" | "Gather"
        | "MatMul" => Folding::Product,
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

/// Whether the operator reduces axes to sums of functions, or to functions of sums.
fn is_reduction(operator: &str) -> bool {
    let all = [
        "ReduceMean",
        "ReduceSum",
        "ReduceSumSquare",
        "ReduceL1",
        "ReduceL2",
        "ReduceLogSum",
        "ReduceLogSumExp",
    ];
    all.contains(&operator)
}

/// Shapes of a node's results by our own rules; `None` where tract's hold.
pub(crate) fn shapes(node: OnnxNode<'_>, facts: &Facts) -> Option<Result<Vec<Vec<usize>>, Fault>> {
    let one = |shape: Result<Vec<usize>, Fault>| Some(shape.map(|shape| vec![shape]));
    match node.operator() {
        "ConvTranspose" => one(conv_transpose::shape(node, facts)),
        operator if is_reduction(operator) => one(reduce::shape(node, facts)),
        _ => rearrange::results(node, facts)
            .map(|results| Ok(results?.into_iter().map(|moved| moved.to).collect())),
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
        assert_eq!(n_operators, 71);
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
