//! Our search on small networks: goals are met, what was dropped stays dropped, costs are those of the compiler.

mod networks;

use networks::{dense, digits};
use privet::extend::{Graph, graph::Op};
use privet::prelude::{Model, Options, Packing, compile};
use privet_prune::budget::{
    BatchPlanner, DiagonalPlanner, Goal, Planner, Settings, TilePlanner, search,
};
use privet_prune::convert::{Conversion, convert};
use privet_prune::{Error, Trainer};
use train::{Dataset, Recipe, WeightMasks, parameters, score, train};

fn settings(goal: Goal) -> Settings {
    Settings {
        epochs: [4, 6],
        importance_samples: 200,
        batch: 32,
        halvings: 0,
        ..Settings::new(goal, 1)
    }
}

/// A network that tells four kinds of digits apart, and what it learned from.
fn trained() -> (Graph, Dataset, Dataset) {
    let (data, validation) = digits(600).split(0.3, 1);
    let recipe = Recipe {
        epochs: 15,
        batch: 32,
        rate: 5e-3,
        ..Recipe::default()
    };
    let graph = dense(&[64, 32, 4]);
    let masks = WeightMasks::new();
    let trained = train(&graph, &data, &validation, &masks, &recipe, &mut (), None).unwrap();
    assert!(trained.validation.accuracy.unwrap() > 0.9);
    (trained.graph, data, validation)
}

fn options(packing: Packing) -> Options {
    Options {
        packing,
        ..Options::default()
    }
}

#[test]
fn a_share_of_the_cost_is_reached_and_is_what_the_compiler_says() {
    let (graph, data, validation) = trained();
    let model = Model::from_graph(graph.clone());
    let planner = DiagonalPlanner::new(&model, &options(Packing::Diagonal)).unwrap();
    let run = || {
        let mut watch = ();
        let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
        search(&graph, &planner, &settings(Goal::Cost(0.8)), &mut trainer).unwrap()
    };
    let found = run();
    assert!(found.cost.us <= 0.8 * found.original.us, "{:?}", found.cost);
    assert!(found.cost.rotations < found.original.rotations);
    let accuracy = found.validation[1].accuracy.unwrap();
    assert!(accuracy > 0.8, "{:#?}", found.points);
    assert_eq!(
        found.validation[1],
        score(&found.graph, &validation).unwrap()
    );
    assert!(found.points.iter().filter(|p| p.taken).count() > 1);
    let rotations = |graph: &Graph| {
        let model = Model::from_graph(graph.clone());
        let passes = privet::passes::standard();
        let asked = options(Packing::Diagonal);
        let compiled = compile(&model, &asked, &passes, &mut |_, _, _, _| {}).unwrap();
        compiled.report.counts.rotations
    };
    assert_eq!(rotations(&found.graph), found.cost.rotations);
    assert_eq!(
        parameters(&run().graph),
        parameters(&found.graph),
        "one seed, one network"
    );
}

#[test]
fn what_can_not_be_reached_is_said_with_what_was() {
    let (graph, data, validation) = trained();
    let model = Model::from_graph(graph.clone());
    let planner = DiagonalPlanner::new(&model, &options(Packing::Diagonal)).unwrap();
    let mut watch = ();
    let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
    match search(&graph, &planner, &settings(Goal::Cost(0.001)), &mut trainer) {
        Err(Error::Budget { asked, reached }) => assert!(asked == 0.001 && reached < 0.9),
        other => panic!("{other:?}"),
    }
}

#[test]
fn accuracy_that_may_not_be_lost_is_not() {
    let (graph, data, validation) = trained();
    let model = Model::from_graph(graph.clone());
    let planner = DiagonalPlanner::new(&model, &options(Packing::Diagonal)).unwrap();
    let mut watch = ();
    let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
    let found = search(&graph, &planner, &settings(Goal::Loss(0.02)), &mut trainer).unwrap();
    let [before, after] = found.validation.map(|score| score.accuracy.unwrap());
    assert!(after >= before - 0.02);
    assert!(found.cost.us < found.original.us);
}

#[test]
fn single_weights_and_units_go_in_the_batch_layout() {
    let (graph, data, validation) = trained();
    let mut watch = ();
    let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
    let goal = settings(Goal::Cost(0.3));
    let found = search(&graph, &BatchPlanner::Published, &goal, &mut trainer).unwrap();
    let operations = |graph: &Graph| privet::operations(graph).unwrap().total() as f64;
    assert!(operations(&found.graph) <= 0.31 * operations(&graph));
    let accuracy = found.validation[1].accuracy.unwrap();
    assert!(accuracy > 0.8, "{:#?}", found.points);
}

#[test]
fn tiles_go_and_the_others_fill_up() {
    let (graph, data, validation) = trained();
    let model = Model::from_graph(graph.clone());
    let asked = Options {
        log_n: Some(14),
        ..options(Packing::Tile(Some(vec![4, 8, 256])))
    };
    let planner = TilePlanner::new(&model, &asked, [4, 8]).unwrap();
    let mut watch = ();
    let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
    let goal = settings(Goal::Cost(0.6));
    let found = search(&graph, &planner, &goal, &mut trainer).unwrap();
    assert!(found.cost.us <= 0.6 * found.original.us);
    let again = planner.cost(&found.graph, &WeightMasks::new()).unwrap();
    assert_eq!(again, found.cost);
    assert!(found.validation[1].accuracy.unwrap() > 0.8);
}

#[test]
fn activations_become_polynomials_and_accuracy_stays() {
    let (data, validation) = digits(600).split(0.3, 1);
    let mut graph = dense(&[64, 32, 4]);
    let act = graph.find("act1").unwrap();
    graph.node_mut(act).op = Op::Activation(privet::extend::Activation::Relu);
    let recipe = Recipe {
        epochs: 15,
        batch: 32,
        rate: 5e-3,
        ..Recipe::default()
    };
    let masks = WeightMasks::new();
    let relu = train(&graph, &data, &validation, &masks, &recipe, &mut (), None).unwrap();
    let mut watch = ();
    let mut trainer = Trainer::new(&data, &validation, None, &mut watch).unwrap();
    let settings = Conversion {
        epochs: [4, 8],
        last_epochs: 8,
        batch: 32,
        ..Conversion::default()
    };
    let converted = convert(&relu.graph, &settings, &mut trainer).unwrap();
    assert_eq!(converted.steps.len(), 1);
    assert_eq!(converted.steps[0].from, "relu");
    let is_polynomial = |graph: &Graph| {
        let act = graph.find("act1").unwrap();
        matches!(graph.node(act).op, Op::Polynomial(_))
    };
    assert!(is_polynomial(&converted.graph));
    let [before, after] = [converted.original, converted.last].map(|s| s.accuracy.unwrap());
    assert!(after >= before - 0.03, "{before} to {after}");
}
