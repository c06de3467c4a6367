//! The bundled table, interpolation, and files that are refused.

use super::*;

fn json(change: impl Fn(&str) -> String) -> Result<CostTable, CostError> {
    CostTable::from_json(&change(&CostTable::default().to_json()))
}

#[test]
fn the_bundled_table_has_every_operation_and_reads_back() {
    let table = CostTable::default();
    assert!(table.threads() == 1 && !table.machine().is_empty());
    for op in Measured::ALL {
        assert!(table.rows().iter().any(|r| r.op == op), "{}", op.name());
        assert_eq!(
            serde_json::to_string(&op).unwrap(),
            format!("{:?}", op.name())
        );
    }
    assert_eq!(json(str::to_owned).unwrap(), table);
}

#[test]
fn measured_points_are_kept_and_others_lie_between() {
    let table = CostTable::default();
    for row in table.rows() {
        let [m, k, b] = [row.limbs, row.special, row.digits].map(usize::from);
        let us = table.us(row.op, row.log_n, m, k, b);
        assert!((us - row.us).abs() < 1e-6 * row.us, "{row:?}: {us}");
    }
    for op in Measured::NEEDED {
        let at = |log_n| table.us(op, log_n, 6, 3, 2);
        assert!(at(14) > at(13) && at(15) > at(14), "{}", op.name());
        assert!(at(12) > 0.0 && at(12) < at(13), "{}", op.name());
        let more = |limbs| table.us(op, 14, limbs, 3, 3);
        assert!(more(20) >= more(8), "{}", op.name());
    }
}

#[test]
fn nonsense_is_refused_by_field() {
    let first = CostTable::default().rows()[0].us;
    let us = |to: &str| {
        let from = format!("\"us\":{first}");
        json(|t| t.replacen(&from, &format!("\"us\":{to}"), 1))
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        us("-3.0"),
        "ops[0].us (ntt_forward) is -3, expected microseconds, above 0 and up to 1e9"
    );
    assert!(us("\"fast\"").contains("has a value of the wrong type, expected a cost table"));
    let schema = json(|t| t.replace("\"schema\": 1", "\"schema\": 7")).unwrap_err();
    assert_eq!(schema.to_string(), "schema is 7, expected 1");
    let missing = json(|t| {
        let lines = t.lines().filter(|l| !l.contains("\"mod_down\""));
        lines.collect::<Vec<_>>().join("\n")
    });
    assert_eq!(
        missing.unwrap_err().to_string(),
        "ops lacks one, expected at least one row with \"op\": \"mod_down\""
    );
    let unknown = json(|t| t.replacen("ntt_forward", "ntt_sideways", 1)).unwrap_err();
    assert!(
        unknown
            .to_string()
            .contains("unknown operation \"ntt_sideways\"")
    );
    let twice = json(|t| t.replacen("ntt_inverse", "ntt_forward", 1)).unwrap_err();
    assert!(twice.to_string().contains("is 1 again"), "{twice}");
    assert!(json(|_| String::new()).is_err());
    assert!(json(|t| t.replacen("\"log_n\":13", "\"log_n\":99", 1)).is_err());
}
