//! Why operators are refused, and what to do.

/// Why an unknown operator is refused, and what to do. `is_last`: only reshaping follows.
pub(crate) fn refusal(operator: &str, is_last: bool) -> (&'static str, String) {
    if is_last && matches!(operator, "ArgMax" | "ArgMin" | "Hardmax" | "TopK") {
        let why = "it ranks the outputs, which the owner of the key does after decryption";
        let help = format!("remove the final {operator}: the argmax stays the same");
        return (why, help);
    }
    let why = reason(operator).unwrap_or("it has no counterpart in an encrypted network");
    (why, nearest(operator).to_owned())
}

/// What makes an operator on computed values hard.
pub(crate) fn reason(operator: &str) -> Option<&'static str> {
    Some(match operator {
        "Softmax" | "LogSoftmax" | "Hardmax" | "ArgMax" | "ArgMin" | "TopK" | "ReduceMax"
        | "ReduceMin" | "NonMaxSuppression" => {
            "it compares elements with one another, which a polynomial of few levels can not"
        }
        "InstanceNormalization"
        | "LayerNormalization"
        | "GroupNormalization"
        | "RMSNormalization"
        | "LRN"
        | "LpNormalization"
        | "MeanVarianceNormalization" => {
            "it divides by statistics of the sample, which are known only encrypted"
        }
        "Sign" | "Floor" | "Ceil" | "Round" | "Mod" | "Equal" | "Greater" | "Less"
        | "GreaterOrEqual" | "LessOrEqual" | "Not" | "And" | "Or" | "Xor" => {
            "its values jump, which no polynomial follows"
        }
        "ReduceProd" | "CumProd" => "it multiplies all elements, one level after the other",
        "Einsum" | "Attention" | "MultiHeadAttention" => {
            "it multiplies computed values in ways that are not lowered"
        }
        "GridSample" | "RoiAlign" | "DeformConv" | "AffineGrid" => {
            "it reads at positions that are computed from values"
        }
        _ => return None,
    })
}

/// The nearest supported form of an operator.
pub(crate) fn nearest(operator: &str) -> &'static str {
    match operator {
        "LSTM" | "GRU" | "RNN" | "Loop" | "Scan" | "If" => {
            "unroll the network into feed-forward layers before export"
        }
        "LayerNormalization"
        | "InstanceNormalization"
        | "GroupNormalization"
        | "LRN"
        | "LpNormalization"
        | "MeanVarianceNormalization"
        | "RMSNormalization" => "use BatchNormalization, which is affine at inference",
        "Softmax" | "LogSoftmax" | "Hardmax" | "ArgMax" | "ArgMin" | "TopK" => {
            "use layers without attention, or a polynomial activation"
        }
        "ReduceMax" | "ReduceMin" | "ReduceProd" => "use ReduceMean, ReduceSum or a pooling layer",
        "Swish" => "use SiLU, written x * Sigmoid(x)",
        "Sign" | "Tan" | "Sinh" | "Cosh" | "Asin" | "Acos" | "Atan" | "Asinh" | "Acosh"
        | "Atanh" | "Floor" | "Ceil" | "Round" => {
            "use Relu, Sigmoid, Tanh, Gelu, Exp, Sqrt, Abs or a polynomial"
        }
        "Einsum" => "use MatMul or Gemm with a constant weight",
        "GatherElements" | "GatherND" | "ScatterND" | "ScatterElements" | "Compress" => {
            "use Gather or Slice with constant positions"
        }
        "LpPool" | "GlobalLpPool" => "use AveragePool or GlobalAveragePool",
        "Shape" | "ConstantOfShape" | "Range" | "NonZero" => {
            "export with fixed shapes and simplify with onnxsim"
        }
        _ => "see the table of supported operators; onnxsim removes many helper nodes",
    }
}
