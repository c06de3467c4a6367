//! Groups of weights whose loss spares a rotation, and masks that drop the least of them.

use super::packing::{ChannelPacking, ChannelTooLarge};
use crate::mofhei::{Score, WeightMatrix, n_kept, prunable};
use privet::extend::Graph;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use train::{LassoGroup, ParameterId, WeightMask, WeightMasks, parameters};

/// What is kept or dropped as one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Grouping {
    /// All weights of an output channel.
    Filter,
    /// One tap of all weights that read an input block.
    Positional,
    /// One diagonal of one block, all taps.
    DiagonalPerBlock,
    /// One diagonal of all blocks, all taps.
    DiagonalShared,
}

/// Among which groups the least are dropped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// Each block of a layer loses the share: an input block for positional groups, a pair of blocks for diagonals of
    /// one; otherwise as `Layer`.
    Block,
    /// Each layer loses the share.
    Layer,
    /// The network loses the share, by one threshold.
    Network,
}

/// Weights of one layer that are kept or dropped as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// The weight.
    pub parameter: ParameterId,
    /// The block that the group is in, for [`Scope::Block`].
    pub block: usize,
    /// Positions in the weight, rising.
    pub members: Vec<u32>,
}

/// Groups of a weight, those without a member left out, in the order of blocks, then of taps or diagonals.
pub fn groups(packing: &ChannelPacking, parameter: &ParameterId, grouping: Grouping) -> Vec<Group> {
    let per_filter = packing.len() / packing.out_channels.max(1);
    let mut found: BTreeMap<(usize, usize), Vec<u32>> = BTreeMap::new();
    for element in 0..packing.len() {
        let place = packing.place(element);
        let key = match grouping {
            Grouping::Filter => (0, element / per_filter),
            Grouping::Positional => (place.block_in, place.tap),
            Grouping::DiagonalPerBlock => {
                let block = place.block_out * packing.blocks_in() + place.block_in;
                (block, place.diagonal)
            }
            Grouping::DiagonalShared => (0, place.diagonal),
        };
        found.entry(key).or_default().push(element as u32);
    }
    let group = |((block, _), members)| Group {
        parameter: parameter.clone(),
        block,
        members,
    };
    found.into_iter().map(group).collect()
}

/// Groups of all layers that are pruned: every convolution and dense layer but the last dense one.
///
/// # Errors
/// [`ChannelTooLarge`] if a channel takes more than `n_slots`.
pub fn network_groups(
    graph: &Graph,
    n_slots: usize,
    grouping: Grouping,
) -> Result<Vec<Group>, ChannelTooLarge> {
    let mut all = Vec::new();
    let pruned: Vec<WeightMatrix> = prunable(graph);
    for id in graph.order() {
        let parameter = ParameterId::weight(&graph.node(id).name);
        if !pruned.iter().any(|m| m.parameter == parameter) {
            continue;
        }
        if let Some(packing) = ChannelPacking::of(graph, id, n_slots)? {
            all.extend(groups(&packing, &parameter, grouping));
        }
    }
    Ok(all)
}

/// Groups for the group lasso, each of the strength `lambda` times the square root of its size, so that all groups weigh
/// alike per weight.
///
/// # Errors
/// As [`network_groups`].
pub fn lasso_groups(
    graph: &Graph,
    n_slots: usize,
    grouping: Grouping,
    lambda: f64,
) -> Result<Vec<LassoGroup>, ChannelTooLarge> {
    let lasso = |group: Group| LassoGroup {
        strength: lambda * (group.members.len() as f64).sqrt(),
        members: vec![(group.parameter, group.members)],
    };
    let groups = network_groups(graph, n_slots, grouping)?;
    Ok(groups.into_iter().map(lasso).collect())
}

/// Keeps the best groups by score, each scope losing the share `sparsity` of its groups; every scope and every layer
/// keeps one at least. Ties go to the lower index.
///
/// # Errors
/// As [`network_groups`].
pub fn group_masks(
    graph: &Graph,
    n_slots: usize,
    grouping: Grouping,
    (scope, sparsity): (Scope, f64),
    score: &Score,
) -> Result<WeightMasks, ChannelTooLarge> {
    let groups = network_groups(graph, n_slots, grouping)?;
    let weights: BTreeMap<ParameterId, _> = parameters(graph).into_iter().collect();
    let mut scopes: BTreeMap<_, Vec<(f64, usize)>> = BTreeMap::new();
    let mut masks = WeightMasks::new();
    let mut left: BTreeMap<&ParameterId, usize> = BTreeMap::new();
    for (index, group) in groups.iter().enumerate() {
        let parameter = &group.parameter;
        let weight = weights[parameter].values();
        let key = match scope {
            Scope::Block => (Some(parameter), group.block),
            Scope::Layer => (Some(parameter), 0),
            Scope::Network => (None, 0),
        };
        let worth = score.of(parameter, weight, &group.members);
        scopes.entry(key).or_default().push((worth, index));
        *left.entry(parameter).or_default() += 1;
        masks
            .entry(parameter.clone())
            .or_insert_with(|| WeightMask::full(weight.len()));
    }
    for mut ranked in scopes.into_values() {
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        for (_, index) in ranked.iter().skip(n_kept(ranked.len(), sparsity)) {
            let group = &groups[*index];
            let (left, mask) = (
                left.get_mut(&group.parameter),
                masks.get_mut(&group.parameter),
            );
            if let (Some(left @ 2..), Some(mask)) = (left, mask) {
                *left -= 1;
                group
                    .members
                    .iter()
                    .for_each(|&k| mask.kept[k as usize] = false);
            }
        }
    }
    Ok(masks)
}
