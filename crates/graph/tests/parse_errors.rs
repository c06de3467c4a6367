//! What the parser says about text it does not take.

use privet_graph::parse;

/// The message for a graph with an input `%0` of shape `[2, 4, 4]`, then `line`.
fn message(line: &str) -> String {
    let text =
        format!("graph \"g\" {{\n  %0 \"x\" = input -> [2, 4, 4]\n  {line}\n  return %0\n}}\n");
    parse(&text).expect_err(line).to_string()
}

#[test]
fn lines() {
    let table = [
        (
            "%1 \"y\" = blur %0",
            "line 3: expected an operation, found `blur`",
        ),
        (
            "%1 \"y\" = ",
            "line 3: expected an operation, found the end of the line",
        ),
        ("%1 \"y\" relu %0", "line 3: expected `=`, found `relu`"),
        (
            "%1 = relu %0",
            "line 3: expected the node's name in quotes, found `=`",
        ),
        ("%1 \"y = relu %0", "line 3: a string without an end"),
        (
            "%1 \"y\\n\" = relu %0",
            "line 3: a backslash needs `\"`, `\\` or `u` after it",
        ),
        (
            "%1 \"y\\u{d800}\" = relu %0",
            "line 3: `\\u` needs a character code in braces",
        ),
        ("%a \"y\" = relu %0", "line 3: expected an id, found `a`"),
        ("1 \"y\" = relu %0", "line 3: expected `%`, found `1`"),
        ("%0 \"y\" = relu %0", "line 3: %0 is defined twice"),
        ("%1 \"x\" = relu %0", "line 3: the name \"x\" is used twice"),
        ("%1 \"y\" = relu %2", "line 3: %2 is not defined yet"),
        ("%1 \"y\" = relu %1", "line 3: %1 is not defined yet"),
        (
            "%1 \"y\" = relu %99999999999999999999",
            "line 3: expected an id, found `99999999999999999999`",
        ),
        (
            "%1 \"y\" = add %0",
            "line 3: expected `,`, found the end of the line",
        ),
        (
            "%1 \"y\" = relu %0, %0",
            "line 3: expected the end of the line, found `,`",
        ),
        (
            "%1 \"y\" = leaky_relu %0",
            "line 3: expected `slope`, found the end of the line",
        ),
        (
            "%1 \"y\" = leaky_relu %0 slope NaN",
            "line 3: expected a finite number, found `NaN`",
        ),
        (
            "%1 \"y\" = leaky_relu %0 slope inf",
            "line 3: expected a finite number, found `inf`",
        ),
        (
            "%1 \"y\" = elu %0 alpha 1e999",
            "line 3: expected a finite number, found `1e999`",
        ),
        (
            "%1 \"y\" = gelu %0 tanh 2",
            "line 3: expected 0 or 1, found `2`",
        ),
        (
            "%1 \"y\" = relu %0 -> [2, 4]",
            "line 3: y has shape [2, 4, 4], the text says [2, 4]",
        ),
        (
            "%1 \"y\" = relu %0 -> [2, 4",
            "line 3: expected `,`, found the end of the line",
        ),
        (
            "%1 \"y\" = relu %0 -> [-2]",
            "line 3: expected a size, found `-2`",
        ),
        (
            "%1 \"y\" = relu %0 range 1",
            "line 3: expected `..`, found the end of the line",
        ),
        (
            "%1 \"y\" = relu %0 range ..1",
            "line 3: expected a finite number, found `..1`",
        ),
        (
            "%1 \"y\" = relu %0 from y",
            "line 3: expected an origin in quotes, found `y`",
        ),
        (
            "%1 \"y\" = relu %0 layout rows",
            "line 3: expected `]` on this line",
        ),
        (
            "%1 \"y\" = reshape %0",
            "line 3: expected `->` and a shape, found the end of the line",
        ),
        (
            "%1 \"y\" = reshape %0 -> [5]",
            "line 3: y: can not reshape [2, 4, 4] to [5]",
        ),
        (
            "%1 \"y\" = input",
            "line 3: expected `->` and a shape, found the end of the line",
        ),
        (
            "%1 \"y\" = input -> [3, 0]",
            "line 3: y: the shape [3, 0] has an empty axis",
        ),
        (
            "%1 \"y\" = input -> [4294967296, 4294967296]",
            "line 3: y: the shape [4294967296, 4294967296] has more than 4294967295 elements",
        ),
        (
            "%1 \"y\" = polynomial %0 [1]",
            "line 3: expected `power` or `chebyshev`, found `[`",
        ),
        (
            "%1 \"y\" = pad %0 1,1,1",
            "line 3: expected `,`, found the end of the line",
        ),
        (
            "%1 \"y\" = pad %0 1,1,1,4294967296",
            "line 3: expected a padding, found `4294967296`",
        ),
        (
            "%1 \"y\" = max_pool %0 kernel 5x5 stride 1,1",
            "line 3: y: a window of (5, 5) with stride (1, 1) does not fit [2, 4, 4]",
        ),
        (
            "%1 \"y\" = max_pool %0 kernel 2x2 stride 0,1",
            "line 3: y: a window of (2, 2) with stride (0, 1) does not fit [2, 4, 4]",
        ),
        (
            "%1 \"y\" = avg_pool %0 kernel 2x2 stride 2,2 pad 2,0,0,0",
            "line 3: y: padding of [2, 0, 0, 0] can hide a whole window of (2, 2)",
        ),
        (
            "%1 \"y\" = affine %0 scale [1, 2, 3] shift 0",
            "line 3: y: constants of shape [3] and [] do not broadcast to [2, 4, 4]",
        ),
        (
            "%1 \"y\" = affine %0 scale [[1, 2], [3]] shift 0",
            "line 3: rows of different lengths",
        ),
        (
            "%1 \"y\" = affine %0 scale [[1], 2] shift 0",
            "line 3: rows of different lengths",
        ),
        (
            "%1 \"y\" = affine %0 scale [1, [2]] shift 0",
            "line 3: rows of different lengths",
        ),
        (
            "%1 \"y\" = affine %0 scale [[[[[[[[[1]]]]]]]]] shift 0",
            "line 3: more than 8 axes",
        ),
        (
            "%1 \"y\" = dense %0 weight @w bias [1]",
            &format!("line 3: @w {MISSING}"),
        ),
        (
            "%1 \"y\" = dense %0 weight [[1, 2]] bias [1]",
            "line 3: y: dense weight reads 2 elements, its input has 32",
        ),
        (
            "%1 \"y\" = linear %0 bias [1] matrix @m",
            &format!("line 3: @m {MISSING}"),
        ),
        (
            "%1 \"y\" = linear %0 bias [1] matrix 4000000000x32 = []",
            "line 3: the matrix has 4000000000 rows, the bias 1 elements",
        ),
        (
            "%1 \"y\" = linear %0 bias [1] matrix 1x31 = []",
            "line 3: y: a 1 by 31 matrix does not map 32 elements to 1",
        ),
        (
            "%1 \"y\" = linear %0 bias [1] matrix 1x32 = [0 32 1]",
            "line 3: the entry at row 0, column 32 is outside the 1 by 32 matrix",
        ),
        (
            "%1 \"y\" = linear %0 bias [1] matrix 1x32 = [0 3 1, 0 3 1]",
            "line 3: the entry at row 0, column 3 is out of order",
        ),
        (
            "%1 \"y\" = conv %0 out 1 kernel 1x1 stride 0,1 weight [[[[1]], [[1]]]] bias [0]",
            "line 3: y: a convolution of stride zero",
        ),
        (
            "%1 \"y\" = conv %0 out 1 kernel 1x1 stride 1,1 weight [[[[1]]]] bias [0]",
            "line 3: y: conv weight has shape [1, 1, 1, 1], expected [1, 2, 1, 1]",
        ),
        (
            "%1 \"y\" = conv %0 out 2 kernel 1x1 stride 1,1 groups 2 weight [[[[1]]], [[[1]]]] bias [0]",
            "line 3: y: conv bias has shape [1], expected [2]",
        ),
        ("tensor w [1] = [1]", "line 3: expected `@`, found `w`"),
        (
            "tensor @w [2] = [1]",
            "line 3: found 1 values for the shape [2]",
        ),
        ("tensor @w [1] = [1]", "line 3: @w is never used"),
        ("matrix @m 1x1 = [0 0 1]", "line 3: @m is never used"),
        ("}", "line 3: expected `return` before the closing brace"),
        (
            "return %0",
            "line 4: expected `}` after `return`, found `return`",
        ),
    ];
    for (line, expected) in table {
        assert_eq!(message(line), expected, "{line}");
    }
}

const MISSING: &str = "has no values here; print the graph with values to parse it back";

#[test]
fn whole_texts() {
    let table = [
        ("", "line 1: expected `graph`, found the end of the text"),
        (
            "; nothing\n",
            "line 1: expected `graph`, found the end of the text",
        ),
        ("circuit {", "line 1: expected `graph`, found `circuit`"),
        (
            "graph g {",
            "line 1: expected the graph's name in quotes, found `g`",
        ),
        (
            "graph \"g\" {\n  return",
            "line 2: expected `}`, found the end of the text",
        ),
        (
            "graph \"g\" {\n  return\n}\nmore",
            "line 4: expected nothing after the closing brace, found `more`",
        ),
        (
            "graph \"g\" {\n  tensor @w [1] = [1]\n  matrix @w 1x1 = []",
            "line 3: @w is defined twice",
        ),
    ];
    for (text, expected) in table {
        assert_eq!(parse(text).expect_err(text).to_string(), expected, "{text}");
    }
}

#[test]
fn cut_or_altered_text_never_panics() {
    let text = "graph \"gé\" {\n  tensor @\"w w\" [1, 2] = [1e5, -2.5]\n  %0 \"x\" = input -> [2] range -1..1 layout periodic 2/4 x1 [2]\n  %1 \"y\" = dense %0 weight @\"w w\" bias [0.5] -> [1]\n  return %1\n}\n";
    parse(text).unwrap();
    for end in (0..text.len()).filter(|&end| text.is_char_boundary(end)) {
        let _ = parse(&text[..end]);
        for c in ["\"", "[", "]", "-", ".", "9", "é", ";", "\\", "\n", "e"] {
            let _ = parse(&format!("{}{c}{}", &text[..end], &text[end..]));
        }
    }
}
