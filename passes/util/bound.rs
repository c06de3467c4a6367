//! How large results may become.

use graph::{Graph, NodeId};
use pass::Settings;

/// Ranges seen on made-up inputs say little about real ones: results may be this many times larger.
const UNCALIBRATED: f64 = 8.0;

/// Largest magnitude of any value of the network, as [`result_bound`] allows for; `None` where one has no range.
pub fn value_bound(graph: &Graph, settings: &Settings) -> Option<f64> {
    bound(graph, &graph.order(), settings)
}

/// Largest magnitude that the chain leaves room for in the results; `None` where a result has no range.
pub fn result_bound(graph: &Graph, settings: &Settings) -> Option<f64> {
    bound(graph, graph.outputs(), settings)
}

fn bound(graph: &Graph, nodes: &[NodeId], settings: &Settings) -> Option<f64> {
    let ranges = nodes.iter().map(|&id| graph.node(id).facts.range);
    let seen = ranges
        .map(|r| r.map(|r| r.max_abs()))
        .collect::<Option<Vec<f64>>>()?;
    let factor = if settings.calibration.is_some() {
        1.0
    } else {
        UNCALIBRATED
    };
    Some(factor * seen.into_iter().fold(0.0, f64::max))
}
