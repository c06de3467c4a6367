//! Cost tables: measured, written, read, refused.

use crate::common::{Folder, mlp};

#[test]
fn measured_costs_are_written_once_and_serve_the_planner() {
    let folder = Folder::new();
    let measure = ["measure-costs", "--log-n", "13", "--out", "costs.json"];
    folder
        .privet(&measure)
        .works(&["N = 2^13, µs", "rotate_8_hoisted", "1 thread"]);
    let text = std::fs::read_to_string(folder.path("costs.json")).expect("the table");
    let table: serde_json::Value = serde_json::from_str(&text).expect("JSON");
    let rows = table["ops"].as_array().expect("rows");
    for field in ["op", "log_n", "limbs", "special", "digits", "us"] {
        assert!(rows.iter().all(|r| !r[field].is_null()), "{field}");
    }
    folder
        .privet(&measure)
        .fails(2, &["costs.json", "help: add --force"]);
    folder
        .privet(&["compile", &mlp(), "--costs", "costs.json", "-o", "m.privet"])
        .works(&["costs       costs.json, measured with", "on 1 thread"]);
    folder
        .privet(&["compile", &mlp(), "-o", "b.privet"])
        .works(&["costs       bundled table, measured with avx512ifma"]);

    std::fs::write(
        folder.path("bad.json"),
        text.replacen("\"us\":", "\"us\":-", 1),
    )
    .expect("a file");
    folder
        .privet(&["compile", &mlp(), "--costs", "bad.json"])
        .fails(
            2,
            &[
                "bad.json: ops[0].us (ntt_forward) is -",
                "help: name a file that `privet measure-costs --out FILE` wrote",
            ],
        );
    std::fs::write(folder.path("other.json"), "{\"schema\": 9}").expect("a file");
    folder
        .privet(&["compile", &mlp(), "--costs", "other.json"])
        .fails(2, &["other.json: schema is 9, expected 1"]);
    folder
        .privet(&["compile", &mlp(), "--costs", "none.json"])
        .fails(2, &["can not read none.json", "help: check the name"]);
    let cut = text.len() / 2;
    for (content, phrase) in [
        (&text[..cut], "ends too early, expected a cost table"),
        ("", "line 1, column 0 ends too early"),
        ("[1, 2]", "expected a cost table"),
        ("not JSON", "line 1, column 2 is not JSON"),
        (
            &text.replacen("\"us\"", "\"ms\"", 1),
            "has the unknown \"ms\"",
        ),
        (
            &text.replacen("\"us\":", "\"us\":\"\",\"x\":", 1),
            "wrong type",
        ),
        (
            &text.replacen("ntt_forward", "ntt", 1),
            "the unknown operation \"ntt\"",
        ),
        (
            &text.replacen("\"threads\"", "\"thread\"", 1),
            "the unknown \"thread\"",
        ),
        ("{\"schema\": 1}", "lacks \"machine\""),
    ] {
        std::fs::write(folder.path("bad.json"), content).expect("a file");
        folder
            .privet(&["compile", &mlp(), "--costs", "bad.json"])
            .fails(2, &["bad.json: ", phrase, "help: name a file"]);
    }
}
