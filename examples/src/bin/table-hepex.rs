//! HE-PEx's schemes on networks of dense layers: empty tiles against loss, and ours.
//!
//! `cargo run --release -p privet-examples --bin table-hepex [SEED]…`

use privet::extend::Graph;
use privet_examples::prepare::{Stages, first, trained};
use privet_examples::table::{Table, spread};
use privet_examples::{Outcome, data, networks};
use prune::engine::{Change, Pruned};
use prune::hepex::{
    AlmostZero, Criterion, Expand, Permute, Prune, Rank, Scope, SecondPrune, TileShape, Tiles,
};
use prune::{Trainer, retraining};
use train::{Recipe, WeightMasks, score};

/// Tiles.
const SHAPES: [TileShape; 4] = [[4, 8], [4, 4], [8, 8], [16, 16]];
/// Shares of weights, or of tiles, that go first.
const FRACTIONS: [f64; 4] = [0.8, 0.9, 0.95, 0.98];
/// Epochs of the first training and of a retraining.
const EPOCHS: [usize; 2] = [8, 4];

/// Loss and empty tiles of one way, over seeds.
#[derive(Default)]
struct Row {
    network: &'static str,
    shape: TileShape,
    scheme: &'static str,
    fraction: f64,
    loss: Vec<f64>,
    empty: Vec<f64>,
}

fn main() -> Outcome {
    let asked: Vec<u64> = std::env::args()
        .skip(1)
        .filter_map(|seed| seed.parse().ok())
        .collect();
    let seeds = if asked.is_empty() {
        vec![1, 2, 3]
    } else {
        asked
    };
    let mut rows: Vec<Row> = Vec::new();
    let mut unpruned: Vec<(&'static str, Vec<f64>)> = Vec::new();
    for &seed in &seeds {
        let classes = data::mnist(seed, 0)?;
        let own = data::reconstruction(&classes)?;
        for (name, sizes, parts) in [
            (
                "auto-encoder 784-256-64-256-784",
                &[784, 256, 64, 256, 784][..],
                &own,
            ),
            ("MLP 784-128-128-10", &[784, 128, 128, 10], &classes),
        ] {
            let folder = data::work("hepex", seed).join(name);
            let graph = networks::dense(name, sizes, seed);
            let recipe = Recipe {
                rate: 2e-3,
                ..first(EPOCHS[0], seed)
            };
            let graph = trained(&graph, parts, &recipe, &folder.join("original.safetensors"))?;
            let base = loss(&graph, parts)?;
            let at = unpruned.iter().position(|(known, _)| *known == name);
            match at {
                Some(at) => unpruned[at].1.push(base),
                None => unpruned.push((name, vec![base])),
            }
            let mut watch = Stages;
            let mut lab = Lab {
                name,
                graph: &graph,
                parts,
                seed,
                rows: &mut rows,
                trainer: Trainer::new(
                    &parts.training,
                    &parts.validation,
                    Some(&folder),
                    &mut watch,
                )?,
            };
            lab.schemes()?;
        }
    }
    write(&rows, &unpruned)
}

/// Mean squared error, or the share of wrong classes.
fn loss(graph: &Graph, parts: &data::Parts) -> Outcome<f64> {
    let score = score(graph, &parts.test)?;
    Ok(score.accuracy.map_or(score.loss, |accuracy| 1.0 - accuracy))
}

/// One network of one seed.
struct Lab<'a> {
    name: &'static str,
    graph: &'a Graph,
    parts: &'a data::Parts,
    seed: u64,
    rows: &'a mut Vec<Row>,
    trainer: Trainer<'a>,
}

impl Lab<'_> {
    fn schemes(&mut self) -> Outcome {
        for fraction in FRACTIONS {
            let prune = |criterion, tiles| Prune {
                criterion,
                scope: Scope::Local,
                fraction,
                convolutions: 0.0,
                tiles,
            };
            let pruned = prune(Criterion::Weights, SHAPES[0]).apply(self.start())?;
            let weights = self.retrain(pruned)?;
            for tiles in SHAPES {
                self.add("P2", tiles, fraction, &weights)?;
                let permuted = Permute { tiles }.apply(weights.clone())?;
                self.add("P3", tiles, fraction, &permuted)?;
                let expanded = Expand { tiles }.apply(permuted.clone())?;
                let expanded = self.retrain(expanded)?;
                self.add("P3E", tiles, fraction, &expanded)?;
                let which = AlmostZero::MaxDensity(1.0 / 16.0);
                let second = SecondPrune { which, tiles }.apply(permuted)?;
                let plain = self.retrain(second.clone())?;
                self.add("P4", tiles, fraction, &plain)?;
                let expanded = Expand { tiles }.apply(second)?;
                let expanded = self.retrain(expanded)?;
                self.add("P4E", tiles, fraction, &expanded)?;
                let whole = prune(Criterion::Tiles(Rank::Mean), tiles).apply(self.start())?;
                let whole = self.retrain(whole)?;
                self.add("P2T", tiles, fraction, &whole)?;
            }
        }
        Ok(())
    }

    fn start(&self) -> Pruned {
        Pruned::new(self.graph.clone())
    }

    fn retrain(&mut self, pruned: Pruned) -> Outcome<Pruned> {
        let recipe = retraining(self.graph, EPOCHS[1], 1e-3, self.seed);
        let masks: &WeightMasks = &pruned.masks;
        let trained = self
            .trainer
            .train("retraining", &pruned.graph, masks, &recipe)?;
        Ok(Pruned {
            graph: trained.graph,
            masks: pruned.masks,
        })
    }

    fn add(
        &mut self,
        scheme: &'static str,
        shape: TileShape,
        fraction: f64,
        pruned: &Pruned,
    ) -> Outcome {
        let loss = loss(&pruned.graph, self.parts)?;
        let empty = Tiles::new(&pruned.graph, shape)?.empty(pruned).share();
        println!(
            "{} seed {} tiles {shape:?} {scheme} {fraction}: loss {loss:.5}, {:.1} % of tiles empty",
            self.name,
            self.seed,
            100.0 * empty
        );
        let known = |row: &&mut Row| {
            row.network == self.name
                && (row.shape, row.scheme, row.fraction) == (shape, scheme, fraction)
        };
        if let Some(row) = self.rows.iter_mut().find(known) {
            row.loss.push(loss);
            row.empty.push(100.0 * empty);
            return Ok(());
        }
        self.rows.push(Row {
            network: self.name,
            shape,
            scheme,
            fraction,
            loss: vec![loss],
            empty: vec![100.0 * empty],
        });
        Ok(())
    }
}

fn write(rows: &[Row], unpruned: &[(&'static str, Vec<f64>)]) -> Outcome {
    let mut table = Table::new(
        "table-hepex",
        &[
            "network",
            "tiles",
            "scheme",
            "first share",
            "loss",
            "over unpruned %",
            "empty tiles %",
        ],
    );
    for row in rows {
        let base = unpruned.iter().find(|(name, _)| *name == row.network);
        let over: Vec<f64> = base.map_or(Vec::new(), |(_, base)| {
            let pairs = row.loss.iter().zip(base);
            pairs
                .map(|(loss, base)| 100.0 * (loss / base - 1.0))
                .collect()
        });
        table.row(vec![
            row.network.to_owned(),
            format!("{}x{}", row.shape[0], row.shape[1]),
            row.scheme.to_owned(),
            format!("{:.2}", row.fraction),
            spread(&row.loss, 5),
            spread(&over, 1),
            spread(&row.empty, 1),
        ]);
    }
    table.save()
}
