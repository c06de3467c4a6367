//! Trainings: masks hold, groups vanish, interrupted ones go on, one seed gives one answer.

mod common;

use common::Builder;
use graph::Graph;
use privet_train::{
    Dataset, Distillation, Epoch, LassoGroup, Optimizer, ParameterId, Recipe, Schedule, Step,
    TrainError, Trained, Watch, WeightMask, WeightMasks, parameters, score, train,
};

/// Two interleaved arcs, which no line separates.
fn arcs(n: usize, seed: u64) -> Dataset {
    let mut state = seed | 1;
    let mut unit = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as f32 / (1u64 << 31) as f32
    };
    let (mut inputs, mut labels) = (Vec::new(), Vec::new());
    for k in 0..n {
        let class = k % 2;
        let angle = unit() * std::f32::consts::PI;
        let (x, y) = match class {
            0 => (angle.cos(), angle.sin()),
            _ => (1.0 - angle.cos(), 0.5 - angle.sin()),
        };
        inputs.extend([x + 0.1 * unit(), y + 0.1 * unit()]);
        labels.push(class as u32);
    }
    Dataset::classes(2, inputs, labels).unwrap()
}

fn network(seed: u64) -> Graph {
    Builder::new(&[2])
        .dense("fc1", 16)
        .relu("act")
        .dense("fc2", 2)
        .done(seed)
}

fn recipe() -> Recipe {
    Recipe {
        epochs: 30,
        batch: 32,
        rate: 2e-2,
        ..Recipe::default()
    }
}

fn run(graph: &Graph, masks: &WeightMasks, recipe: &Recipe) -> Trained {
    let (data, validation) = arcs(600, 3).split(0.2, 1);
    train(graph, &data, &validation, masks, recipe, &mut (), None).unwrap()
}

fn weight<'a>(all: &'a [(ParameterId, graph::Tensor)], node: &str) -> &'a [f64] {
    let found = all.iter().find(|(id, _)| *id == ParameterId::weight(node));
    found.unwrap().1.values()
}

#[test]
fn it_learns_with_every_rule_and_schedule() {
    let rules = [
        (Optimizer::Adam, 2e-2, Schedule::Cosine),
        (Optimizer::Adam, 2e-2, Schedule::Halve { after: 3 }),
        (Optimizer::Sgd { momentum: 0.9 }, 0.1, Schedule::OneCycle),
        (Optimizer::Sgd { momentum: 0.0 }, 0.5, Schedule::Constant),
    ];
    for (optimizer, rate, schedule) in rules {
        let recipe = Recipe {
            optimizer,
            rate,
            schedule,
            ..recipe()
        };
        let trained = run(&network(1), &WeightMasks::new(), &recipe);
        let accuracy = score(&trained.graph, &arcs(400, 9))
            .unwrap()
            .accuracy
            .unwrap();
        assert!(accuracy > 0.97, "{optimizer:?}, {schedule:?}: {accuracy}");
        assert!(trained.validation.is_better_than(&trained.start));
    }
}

#[test]
fn one_seed_gives_one_network_on_any_number_of_threads() {
    let a = run(&network(1), &WeightMasks::new(), &recipe());
    let b = run(&network(1), &WeightMasks::new(), &recipe());
    assert_eq!(parameters(&a.graph), parameters(&b.graph));
    let other = Recipe {
        seed: 5,
        ..recipe()
    };
    let c = run(&network(1), &WeightMasks::new(), &other);
    assert_ne!(parameters(&a.graph), parameters(&c.graph));
    let inputs = (0..128 * 784).map(|k| (k * k % 97) as f32 / 97.0).collect();
    let labels = (0..128).map(|k| k % 10).collect();
    let data = Dataset::classes(784, inputs, labels).unwrap();
    let on = |threads| {
        let recipe = Recipe {
            epochs: 2,
            batch: 64,
            ..recipe()
        };
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(threads)
            .build()
            .unwrap();
        let lenet = common::lenet(true, 1);
        pool.install(|| {
            train(
                &lenet,
                &data,
                &data,
                &WeightMasks::new(),
                &recipe,
                &mut (),
                None,
            )
        })
    };
    let [one, three] = [1, 3].map(|threads| parameters(&on(threads).unwrap().graph));
    assert_eq!(one, three);
}

#[test]
fn dropped_weights_stay_zero_and_others_move() {
    let kept: Vec<bool> = (0..32).map(|k| k % 3 != 0).collect();
    let masks = WeightMasks::from([(
        ParameterId::weight("fc1"),
        WeightMask { kept: kept.clone() },
    )]);
    let before = parameters(&network(1));
    let trained = run(&network(1), &masks, &recipe());
    let after = parameters(&trained.graph);
    for (k, (old, new)) in weight(&before, "fc1")
        .iter()
        .zip(weight(&after, "fc1"))
        .enumerate()
    {
        if kept[k] {
            assert_ne!(old, new, "weight {k}");
        } else {
            assert_eq!(*new, 0.0, "weight {k}");
        }
    }
}

#[test]
fn masks_of_other_shapes_are_refused() {
    let (data, validation) = arcs(100, 3).split(0.2, 1);
    for (node, n) in [("fc1", 31), ("fc9", 32)] {
        let masks = WeightMasks::from([(ParameterId::weight(node), WeightMask::full(n))]);
        let result = train(
            &network(1),
            &data,
            &validation,
            &masks,
            &recipe(),
            &mut (),
            None,
        );
        let text = result.unwrap_err().to_string();
        assert!(text.contains(&format!("{node}.weight")), "{text}");
    }
}

#[test]
fn shrunken_groups_are_exactly_zero() {
    // A group per hidden neuron: its two inputs and its two outputs.
    let groups = (0..16u32).map(|unit| LassoGroup {
        members: vec![
            (ParameterId::weight("fc1"), vec![2 * unit, 2 * unit + 1]),
            (ParameterId::weight("fc2"), vec![unit, 16 + unit]),
        ],
        strength: 0.3,
    });
    let recipe = Recipe {
        lasso: groups.collect(),
        epochs: 40,
        ..recipe()
    };
    let trained = run(&network(1), &WeightMasks::new(), &recipe);
    let all = parameters(&trained.graph);
    let (first, second) = (weight(&all, "fc1"), weight(&all, "fc2"));
    let is_zero = |unit: usize| {
        [
            first[2 * unit],
            first[2 * unit + 1],
            second[unit],
            second[16 + unit],
        ]
        .map(|w| w == 0.0)
    };
    let gone = (0..16).filter(|&unit| is_zero(unit) == [true; 4]).count();
    let partly = (0..16)
        .filter(|&unit| is_zero(unit).contains(&true) && is_zero(unit) != [true; 4])
        .count();
    assert!((2..15).contains(&gone), "{gone} groups vanished");
    assert_eq!(partly, 0);
    assert!(trained.validation.accuracy.unwrap() > 0.95);
}

/// Stops after so many steps.
struct StopAfter(usize);

impl Watch for StopAfter {
    fn step(&mut self, _: &Step) -> bool {
        self.0 = self.0.saturating_sub(1);
        self.0 > 0
    }
}

#[test]
fn an_interrupted_training_ends_as_if_it_had_not_been() {
    let folder = tempfile::tempdir().unwrap();
    let (data, validation) = arcs(600, 3).split(0.2, 1);
    let masks = WeightMasks::new();
    for (name, optimizer) in [
        ("adam", Optimizer::Adam),
        ("sgd", Optimizer::Sgd { momentum: 0.9 }),
    ] {
        let recipe = Recipe {
            optimizer,
            noise: 0.01,
            ..recipe()
        };
        let whole = train(
            &network(1),
            &data,
            &validation,
            &masks,
            &recipe,
            &mut (),
            None,
        )
        .unwrap();
        let path = folder.path().join(name);
        for steps in [100, 7, 200] {
            let mut stop = StopAfter(steps);
            let stopped = train(
                &network(1),
                &data,
                &validation,
                &masks,
                &recipe,
                &mut stop,
                Some(&path),
            );
            assert!(matches!(stopped, Err(TrainError::Stopped)));
        }
        let resumed = train(
            &network(1),
            &data,
            &validation,
            &masks,
            &recipe,
            &mut (),
            Some(&path),
        )
        .unwrap();
        assert_eq!(
            parameters(&whole.graph),
            parameters(&resumed.graph),
            "{name}"
        );
        assert_eq!(whole.epochs, resumed.epochs);
        let other = Recipe {
            rate: 1e-3,
            ..recipe
        };
        let refused = train(
            &network(1),
            &data,
            &validation,
            &masks,
            &other,
            &mut (),
            Some(&path),
        );
        assert!(matches!(refused, Err(TrainError::Checkpoint { .. })));
        std::fs::write(&path, b"torn").unwrap();
        let refused = train(
            &network(1),
            &data,
            &validation,
            &masks,
            &recipe_of(optimizer),
            &mut (),
            Some(&path),
        );
        assert!(matches!(refused, Err(TrainError::Checkpoint { .. })));
    }
}

/// Drops half of the first layer's weights, then the other half, and may stop.
struct Halves {
    left: usize,
}

impl Watch for Halves {
    fn step(&mut self, _: &Step) -> bool {
        self.left = self.left.saturating_sub(1);
        self.left > 0
    }

    fn masks(&mut self, steps: usize, _: &dyn Fn() -> Graph) -> Option<WeightMasks> {
        let kept = |even: bool| WeightMask {
            kept: (0..32).map(|k| (k % 2 == 0) == even).collect(),
        };
        let mask = match steps {
            5 => kept(true),
            20 => kept(false),
            _ => return None,
        };
        Some(WeightMasks::from([(ParameterId::weight("fc1"), mask)]))
    }
}

#[test]
fn an_interrupted_training_keeps_the_masks_that_were_chosen_on_the_way() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("halves");
    let (data, validation) = arcs(600, 3).split(0.2, 1);
    let run = |left: usize, path: Option<&std::path::Path>| {
        let mut watch = Halves { left };
        let masks = WeightMasks::new();
        let graph = network(1);
        train(
            &graph,
            &data,
            &validation,
            &masks,
            &recipe(),
            &mut watch,
            path,
        )
    };
    let whole = run(usize::MAX, None).unwrap();
    // Three whole epochs of fifteen steps.
    assert!(matches!(run(50, Some(&path)), Err(TrainError::Stopped)));
    let resumed = run(usize::MAX, Some(&path)).unwrap();
    assert_eq!(parameters(&whole.graph), parameters(&resumed.graph));
    let all = parameters(&resumed.graph);
    let mut dropped = weight(&all, "fc1").iter().step_by(2);
    assert!(dropped.all(|v| *v == 0.0));
}

fn recipe_of(optimizer: Optimizer) -> Recipe {
    Recipe {
        optimizer,
        ..recipe()
    }
}

#[test]
fn divergence_is_rolled_back_and_named() {
    let square = Builder::new(&[2])
        .dense("fc1", 16)
        .square("a")
        .dense("fc2", 16)
        .square("b")
        .dense("fc3", 2)
        .done(1);
    let (data, validation) = arcs(600, 3).split(0.2, 1);
    let wild = Recipe {
        rate: 1e3,
        optimizer: Optimizer::Sgd { momentum: 0.9 },
        clip: None,
        ..recipe()
    };
    let result = train(
        &square,
        &data,
        &validation,
        &WeightMasks::new(),
        &wild,
        &mut (),
        None,
    );
    match result {
        Err(TrainError::Diverged { tries, rate, .. }) => assert!(tries == 3 && rate < 1e3),
        Ok(trained) => assert!(trained.epochs.last().unwrap().rate < 100.0),
        Err(other) => panic!("{other}"),
    }
    let tame = Recipe { rate: 1.0, ..wild };
    let rolled = train(
        &square,
        &data,
        &validation,
        &WeightMasks::new(),
        &tame,
        &mut (),
        None,
    )
    .unwrap();
    assert!(rolled.validation.loss.is_finite());
    assert!(rolled.epochs.iter().all(|e: &Epoch| e.loss.is_finite()));
}

#[test]
fn a_teacher_alone_can_teach() {
    let teacher = run(&network(1), &WeightMasks::new(), &recipe()).graph;
    let how = Distillation {
        teacher: teacher.clone(),
        share: 1.0,
        temperature: 2.0,
    };
    // Labels say nothing here, the teacher everything.
    let data = arcs(600, 3);
    let inputs: Vec<f32> = (0..data.len())
        .flat_map(|k| data.input(k).to_vec())
        .collect();
    let blank = Dataset::classes(2, inputs, vec![0; 600]).unwrap();
    let recipe = Recipe {
        distillation: Some(how),
        ..recipe()
    };
    let trained = train(
        &network(2),
        &blank,
        &arcs(200, 5),
        &WeightMasks::new(),
        &recipe,
        &mut (),
        None,
    )
    .unwrap();
    let accuracy = trained.validation.accuracy.unwrap();
    assert!(accuracy > 0.95, "{accuracy}");
}

#[test]
fn frozen_parameters_do_not_move_and_goals_end_it() {
    let frozen = [ParameterId::weight("fc1"), ParameterId::new("fc1", "bias")];
    let recipe = Recipe {
        frozen: frozen.iter().cloned().collect(),
        goal: Some(0.6),
        ..recipe()
    };
    let start = network(1);
    let trained = run(&start, &WeightMasks::new(), &recipe);
    assert!(trained.epochs.len() < 30, "the goal was reached at once");
    for ((id, old), (_, new)) in parameters(&start).iter().zip(parameters(&trained.graph)) {
        assert_eq!(frozen.contains(id), *old == new, "{id}");
    }
}
