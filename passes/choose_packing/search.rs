//! The cheapest path through the layouts of a chain's tensors.

use super::Layouts;
use super::chain::{Chain, chain};
use super::states::{Family, Kernel, kernel, splits, tiled};
use crate::util::plan::plan_one;
use crate::util::price::Prices;
use graph::{Graph, NodeId};
use layout::{Periodic, PlanCounts, count_tiles};
use params::max_log_qp;
use pass::{Packing, Refusal, Settings};
use std::collections::BTreeMap;

/// Bits of the modulus beside the scales of levels: the last prime's result and a special prime.
const OTHER_BITS: u32 = 60;

/// Packings with tiles are looked at up to this many times the cost of the diagonal one.
const WITHIN: f64 = 1.5;

/// From one rotation to more than any network takes.
const MOST_DOUBLINGS: u32 = 40;

/// A packing of the whole chain.
pub(super) struct Path {
    /// By the cost table, before circuit passes.
    pub cost: f64,
    pub layouts: Layouts,
    /// Per layer, its kernel and cost.
    pub kernels: Vec<(NodeId, Kernel, f64)>,
}

impl Path {
    pub fn is_tiled(&self) -> bool {
        let is_tiled = |(_, kernel, _): &(NodeId, Kernel, f64)| *kernel != Kernel::Diagonals;
        self.kernels.iter().any(is_tiled)
    }
}

/// The best packing by diagonals alone, and the best one with tiles.
#[derive(Default)]
pub(super) struct Found {
    pub diagonal: Option<Path>,
    pub tiled: Option<Path>,
}

/// Searches all packings of a network that is a chain of layers; nothing for other networks.
///
/// `diagonal` holds the network with the plans of the diagonal packing, first with every value in one place, then with
/// the copies chosen for it, if there are any.
///
/// # Errors
/// A [`Refusal`] naming the layer that can not be planned, or tile sizes that do not fit.
pub(super) fn search(
    graph: &Graph,
    diagonal: &[Graph],
    settings: &Settings,
) -> Result<Option<Found>, Refusal> {
    let Some(chain) = chain(graph) else {
        return Ok(None);
    };
    let mut search = Search::new(&chain, diagonal, settings)?;
    if let Packing::Tile(_) = settings.packing {
        let tiled = search.widening();
        return Ok(Some(Found {
            diagonal: None,
            tiled,
        }));
    }
    let diagonal = search.best(&|family| !family.is_tiled());
    search.limit = diagonal
        .as_ref()
        .map_or(f64::INFINITY, |path| path.cost * WITHIN);
    let tiled = match settings.packing {
        Packing::Diagonal => None,
        _ => search.best(&|_| true).filter(Path::is_tiled),
    };
    Ok(Some(Found { diagonal, tiled }))
}

/// The cheapest way from a state to the results that needs so many levels.
#[derive(Clone, Copy)]
struct Entry {
    levels: u32,
    cost: f64,
    /// State and entry that follow, and the cost of the layer that leads there.
    next: Option<(usize, usize, f64)>,
}

type State = (Family, Periodic);

struct Search<'a> {
    chain: &'a Chain,
    settings: &'a Settings,
    prices: Prices<'a>,
    /// Per tensor.
    states: Vec<Vec<State>>,
    /// Per layer, counts of the diagonal plans, without and with copies.
    diagonal: Vec<Vec<PlanCounts>>,
    /// Counts by layer and states, nothing where no plan leads from one to the other.
    counts: BTreeMap<(usize, Family, Family), Option<PlanCounts>>,
    /// Paths that cost more are of no interest.
    limit: f64,
}

impl<'a> Search<'a> {
    fn new(chain: &'a Chain, diagonal: &[Graph], settings: &'a Settings) -> Result<Self, Refusal> {
        let n_slots = settings.sample_slots() as u32;
        let rows = rows(settings, n_slots)?;
        let inputs = settings.max_input_ciphertexts.unwrap_or(match rows {
            Some(_) => u32::MAX,
            None => {
                let filled = chain.tensors[0].n_elements.div_ceil(n_slots);
                filled.next_power_of_two()
            }
        });
        let splits = splits(&chain.tensors, n_slots);
        let families = [Family::Single, Family::Copied];
        let states = chain.tensors.iter().enumerate().map(|(i, tensor)| {
            let of = |(graph, family): (&Graph, Family)| {
                let layout = graph.node(tensor.nodes[0]).facts.layout.clone();
                layout.map(|layout| (family, layout))
            };
            let mut states: Vec<State> = diagonal.iter().zip(families).filter_map(of).collect();
            let most = (i == 0).then_some(inputs);
            let next = chain.tensors.get(i + 1).map(|next| next.n_elements);
            states.extend(tiled(tensor, n_slots, (rows, &splits), next, most));
            states
        });
        let of_layer = |&(id, _): &(NodeId, _)| {
            let plans = diagonal
                .iter()
                .filter_map(|graph| graph.node(id).facts.plan.as_ref());
            plans.map(|plan| plan.counts).collect()
        };
        Ok(Self {
            chain,
            settings,
            prices: Prices::new(settings, chain.levels()),
            states: states.collect(),
            diagonal: chain.layers.iter().map(of_layer).collect(),
            counts: BTreeMap::new(),
            limit: f64::INFINITY,
        })
    }

    /// The cheapest path of tiles alone. Most states are never counted, because the limit rises from little to what is
    /// needed.
    fn widening(&mut self) -> Option<Path> {
        let mut limit = self.prices.plan(1).k_g;
        for _ in 0..MOST_DOUBLINGS {
            self.limit = limit;
            let found = self.best(&Family::is_tiled);
            if found.is_some() {
                return found;
            }
            limit *= 2.0;
        }
        None
    }

    /// The cheapest path over states of the families allowed, if it costs no more than the limit.
    fn best(&mut self, allowed: &dyn Fn(&Family) -> bool) -> Option<Path> {
        let n = self.chain.layers.len();
        let mut table: Vec<Vec<Vec<Entry>>> = vec![Vec::new(); n + 1];
        for i in (0..=n).rev() {
            let mut rows = Vec::with_capacity(self.states[i].len());
            for s in 0..self.states[i].len() {
                let is_allowed = allowed(&self.states[i][s].0);
                rows.push(match is_allowed {
                    true => self.entries(i, s, table.get(i + 1).map_or(&[], Vec::as_slice)),
                    false => Vec::new(),
                });
            }
            table[i] = rows;
        }
        let room = max_log_qp(self.settings.log_n).unwrap_or(u32::MAX);
        let bits = |levels: u32| u32::from(self.settings.scale_bits) * (levels + 1) + OTHER_BITS;
        let least_levels = table[0].iter().flatten().map(|entry| entry.levels).min()?;
        let fits = |entry: &Entry| entry.levels == least_levels || bits(entry.levels) <= room;
        let starts = table[0].iter().enumerate().flat_map(|(s, entries)| {
            let entries = entries.iter().enumerate().filter(|(_, entry)| fits(entry));
            entries.map(move |(e, entry)| (s, e, entry.cost))
        });
        let (mut state, mut entry, cost) = starts.min_by(|a, b| a.2.total_cmp(&b.2))?;
        let mut path = Path {
            cost,
            layouts: Layouts::new(),
            kernels: Vec::new(),
        };
        for (i, row) in table.iter().enumerate() {
            let (family, layout) = &self.states[i][state];
            for &node in &self.chain.tensors[i].nodes {
                path.layouts.insert(node, layout.clone());
            }
            if let Some((to, next, cost)) = row[state][entry].next {
                let kernel = kernel(*family, self.states[i + 1][to].0)?;
                path.kernels.push((self.chain.layers[i].0, kernel, cost));
                (state, entry) = (to, next);
            }
        }
        Some(path)
    }

    /// What can follow a state, the cheapest for each number of levels.
    fn entries(&mut self, i: usize, s: usize, after: &[Vec<Entry>]) -> Vec<Entry> {
        let (from, layout) = self.states[i][s].clone();
        let tensor = &self.chain.tensors[i];
        let mut entries: Vec<Entry> = Vec::new();
        let mut offer = |prices: &Prices<'_>, levels: u32, cost: f64, next| {
            let products = f64::from(tensor.products) * f64::from(layout.n_ciphertexts);
            let made = Entry {
                levels: levels + tensor.levels,
                cost: cost + products * prices.product(levels),
                next,
            };
            match entries.iter_mut().find(|entry| entry.levels == made.levels) {
                Some(known) if known.cost <= made.cost => {}
                Some(known) => *known = made,
                None => entries.push(made),
            }
        };
        if i == self.chain.layers.len() {
            offer(&self.prices, 0, 0.0, None);
            return entries;
        }
        for (to, after) in after.iter().enumerate() {
            let Some(least) = after.iter().map(|entry| entry.cost).min_by(f64::total_cmp) else {
                continue;
            };
            if least > self.limit || kernel(from, self.states[i + 1][to].0).is_none() {
                continue;
            }
            let Some(counts) = self.counts(i, s, to, self.limit - least) else {
                continue;
            };
            for (e, entry) in after.iter().enumerate() {
                let output = &self.states[i + 1][to].1;
                let layer = self.prices.layer(output, &counts, entry.levels);
                let levels = entry.levels + 1 + u32::from(counts.masks > 0);
                let cost = entry.cost + layer;
                if cost <= self.limit {
                    offer(&self.prices, levels, cost, Some((to, e, layer)));
                }
            }
        }
        entries
    }

    /// Counts of a layer between two states; nothing if there is no plan, or if it certainly costs more than `limit`.
    fn counts(&mut self, i: usize, from: usize, to: usize, limit: f64) -> Option<PlanCounts> {
        let ((from, input), (to, output)) = (&self.states[i][from], &self.states[i + 1][to]);
        let key = (i, *from, *to);
        if let Some(&known) = self.counts.get(&key) {
            return known;
        }
        let map = &self.chain.layers[i].1;
        let counts = match (from, to) {
            (Family::Single, Family::Single) => self.diagonal[i].first().copied(),
            (Family::Copied, Family::Copied) => self.diagonal[i].get(1).copied(),
            (Family::Copied, _) => {
                // Worth a plan only if tiles follow, which dense layers read.
                let follows = self.chain.layers.get(i + 1);
                let is_dense = follows.is_some_and(|(_, map)| map.stride.is_none());
                let plan = || plan_one(&map.matrix, input, output, self.settings).ok();
                is_dense.then(plan).flatten().map(|plan| plan.counts)
            }
            _ => {
                let least = self.prices.plan(1).of(output, &least_counts(*to, output));
                if least > limit {
                    return None;
                }
                count_tiles(&map.matrix, input, output).ok()
            }
        };
        self.counts.insert(key, counts);
        counts
    }
}

/// Rotations that follow from the shapes: sums inside every output tile, were it reached.
fn least_counts(to: Family, output: &Periodic) -> PlanCounts {
    let log = |t: u32| u64::from(t.ilog2());
    let cyclic = match to {
        Family::Columns(t) => log(t),
        Family::ChannelsLast([a, ..]) => log(a),
        _ => 0,
    };
    PlanCounts {
        collapse: cyclic * u64::from(output.n_ciphertexts),
        ..PlanCounts::default()
    }
}

/// Rows of dense tiles, if the user gave their sizes.
fn rows(settings: &Settings, n_slots: u32) -> Result<Option<u32>, Refusal> {
    let Packing::Tile(Some(sizes)) = &settings.packing else {
        return Ok(None);
    };
    match sizes[..] {
        [rows, columns, batch]
            if rows.checked_mul(columns) == Some(n_slots) && batch == settings.batch_width =>
        {
            Ok(Some(rows))
        }
        _ => {
            let text: Vec<String> = sizes.iter().map(u32::to_string).collect();
            let total: u64 = sizes.iter().map(|&size| u64::from(size)).product();
            let n_slots = settings.n_slots();
            Err(Refusal::new(format!(
                "tiles of {} have {total} slots, a ciphertext has {n_slots}",
                text.join(" x ")
            ))
            .help(format!(
                "sizes whose product is {n_slots}, or --log-n for tiles of these"
            )))
        }
    }
}
