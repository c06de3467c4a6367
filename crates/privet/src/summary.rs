//! Reports of compiled circuits.

use crate::Error;
use circuit::{Circuit, CostTable, Counts, Fact, Op};
use graph::Graph;
use layout::LinearPlan;
use onnx::ModelInfo;
use pass::PassReport;
use report::{Ciphertexts, Keys, Layer, Memory, Plaintexts, Report, Share, TensorShape, Time};

/// Bits that the adopted security table stands for.
const SECURITY_BITS: u32 = 128;

pub(crate) fn counts(c: &Counts) -> report::Counts {
    report::Counts {
        rotations: c.rotations,
        baby: c.baby,
        giant: c.giant,
        collapse: c.collapse,
        conversion: c.conversion,
        conjugate: c.conjugate,
        rotations_hoisted: c.rotations_hoisted,
        key_products: c.key_products,
        decompose: c.decompose,
        mod_down: c.mod_down,
        relinearize: c.relinearize,
        rescale: c.rescale,
        mul_plain: c.mul_plain,
        mul_scalar: c.mul_scalar,
        mul: c.mul,
        add: c.add,
        add_plain: c.add_plain,
        encode: c.encode,
        bootstrap: c.bootstrap,
        refresh: c.refresh,
    }
}

/// The report of a compilation: everything that is known before a run.
pub(crate) fn compiled(
    info: &ModelInfo,
    graph: &Graph,
    circuit: &Circuit,
    passes: &[PassReport],
    costs: &CostTable,
) -> Result<Report, Error> {
    let invalid = |e: circuit::CircuitError| exec::ExecError::Circuit { why: e.to_string() };
    let facts = circuit::facts(circuit).map_err(invalid)?;
    let (total_us, layer_us) = costs.circuit_us(circuit).map_err(invalid)?;
    let memory = exec::plan_memory(circuit, None)?;
    let shape = |id: &graph::NodeId| TensorShape {
        name: graph.node(*id).name.clone(),
        shape: graph.shape(*id).iter().map(|&s| s as u64).collect(),
    };
    let model = report::Model {
        name: info.name.clone(),
        sha256: info.sha256.clone(),
        inputs: graph.inputs().iter().map(shape).collect(),
        outputs: graph.outputs().iter().map(shape).collect(),
        parameters: info.n_parameters as u64,
        macs: info.macs,
    };
    let params = circuit.params().map(|p| report::Params {
        log_n: u32::from(p.log_n()),
        log_q: p.log_q(),
        log_qp: p.log_qp(),
        security_bits: if p.is_insecure() { 0 } else { SECURITY_BITS },
        n_levels: u32::from(p.max_level().0),
        scale_bits: u32::from(p.spec().scale_bits),
        n_special: p.special().len() as u32,
        n_digits: p.spec().digits.len() as u32,
    });
    let keys = match (circuit.keys(), circuit.params()) {
        (Some(keys), Some(params)) => Some(Keys {
            rotation: keys.rotations.len() as u64,
            bytes: keys.bytes(params),
            bytes_seeded: keys.bytes(params) / 2,
            amounts: keys
                .rotations
                .keys()
                .map(|r| i64::from(r.amount()))
                .collect(),
        }),
        _ => None,
    };
    let ciphertext_bytes = |ids: &mut dyn Iterator<Item = usize>| -> u64 {
        ids.filter_map(|i| Some(circuit.params()?.ciphertext_bytes(facts[i].level?)))
            .sum()
    };
    let ciphertexts = Ciphertexts {
        input: circuit.inputs().len() as u64,
        output: circuit.outputs().len() as u64,
        live_peak: memory.live_values,
        upload_bytes: ciphertext_bytes(&mut (0..circuit.inputs().len())),
        download_bytes: ciphertext_bytes(&mut circuit.outputs().iter().map(|o| o.index())),
        refresh_bytes: exec::refresh_bytes(circuit).unwrap_or(0),
    };
    let products = circuit::counts(circuit).mul_plain;
    let zero: u64 = graph
        .order()
        .iter()
        .map(|&id| zero_diagonals(&graph.node(id).facts))
        .sum();
    Ok(Report {
        model,
        params,
        layers: layers(graph, circuit, &facts, &layer_us),
        counts: counts(&circuit::counts(circuit)),
        ciphertexts: Some(ciphertexts),
        plaintexts: Some(Plaintexts {
            total: products + zero,
            zero,
            bytes: memory.plaintext_bytes,
        }),
        keys,
        memory: Some(Memory {
            predicted_peak_bytes: Some(memory.peak_bytes()),
            ..Memory::default()
        }),
        time: Some(Time {
            predicted_ms: Some(total_us / 1000.0),
            ..Time::default()
        }),
        passes: passes.iter().map(pass_report).collect(),
        ..Report::default()
    })
}

/// Diagonals of a layer that hold no weight, those that passes took out included.
fn zero_diagonals(facts: &graph::Facts) -> u64 {
    let planned = facts.plan.as_ref().map_or(0, |p| p.counts.diagonals_zero);
    planned + facts.zero_diagonals
}

fn pass_report(p: &PassReport) -> report::PassReport {
    report::PassReport {
        name: p.name.to_owned(),
        changed: p.changed,
        notes: p.notes.clone(),
        before: p.before.clone(),
        after: p.after.clone(),
    }
}

fn layers(graph: &Graph, circuit: &Circuit, facts: &[Fact], layer_us: &[f64]) -> Vec<Layer> {
    let per_layer = circuit::layer_counts(circuit);
    let limb = circuit.params().map_or(0, |p| 8 * p.ring_degree() as u64);
    let special = circuit.params().map_or(0, |p| p.special().len());
    let mut layers = Vec::new();
    for (i, layer) in circuit.layers().iter().enumerate() {
        let node = graph.find(&layer.name).map(|id| graph.node(id));
        let plan = node.and_then(|n| n.facts.plan.as_ref());
        let mut levels: Option<(u8, u8)> = None;
        let mut plaintext_bytes = 0u64;
        for (value, (id, op)) in circuit.values().iter().zip(circuit.ops()) {
            if value.layer.is_none_or(|l| usize::from(l.0) != i) {
                continue;
            }
            let operand = op.operands().first().map_or(id, |o| *o);
            if let (Some(from), Some(to)) = (facts[operand.index()].level, facts[id.index()].level)
            {
                let (high, low) = levels.unwrap_or((0, u8::MAX));
                levels = Some((high.max(from.0), low.min(to.0)));
                if matches!(op, Op::MulPlain { .. } | Op::AddPlain { .. }) {
                    let extra = if facts[operand.index()].kind == circuit::Kind::Ext {
                        special
                    } else {
                        0
                    };
                    plaintext_bytes += (from.n_limbs() + extra) as u64 * limb;
                }
            }
        }
        let Some((level_in, level_out)) = levels else {
            continue;
        };
        layers.push(Layer {
            name: layer.name.clone(),
            op: node.map_or_else(String::new, |n| n.op.word().to_owned()),
            packing: node
                .and_then(|n| n.facts.layout.as_ref())
                .map_or_else(String::new, ToString::to_string),
            tiles: plan.filter(|plan| is_tiled(plan)).map(|plan| share(plan)),
            diagonals: node
                .zip(plan.filter(|plan| !is_tiled(plan)))
                .map(|(n, p)| Share {
                    total: p.counts.diagonals_total + n.facts.zero_diagonals,
                    zero: zero_diagonals(&n.facts),
                }),
            baby: per_layer[i].baby,
            giant: per_layer[i].giant,
            collapse: per_layer[i].collapse,
            counts: counts(&per_layer[i]),
            level_in: u32::from(level_in),
            level_out: u32::from(level_out),
            plaintext_bytes,
            predicted_us: layer_us.get(i).copied().unwrap_or(0.0),
        });
    }
    layers
}

/// Whether a layer's products are of tiles, not of diagonals.
fn is_tiled(plan: &LinearPlan) -> bool {
    plan.output.as_tiles().is_some()
}

fn share(plan: &LinearPlan) -> Share {
    Share {
        total: plan.counts.diagonals_total,
        zero: plan.counts.diagonals_zero,
    }
}
