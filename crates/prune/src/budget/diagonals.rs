//! What rotations pay for: units, and diagonals along babies and giants.

use super::{Cost, Planner, Way, masked, masks_of};
use crate::Error;
use crate::aligned::{Curve, Pricer, Target, align, choose, options, unit_options, without_units};
use privet::extend::Graph;
use privet::prelude::{Model, Options};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMasks, parameters, set_parameter};

/// Plans as the compiler does for samples one at a time, or several side by side.
pub struct DiagonalPlanner {
    pricer: Pricer,
}

impl DiagonalPlanner {
    /// A planner for the ring and the layouts that a network compiles to.
    ///
    /// # Errors
    /// As [`Pricer::new`].
    pub fn new(model: &Model, options: &Options) -> Result<Self, Error> {
        Ok(Self {
            pricer: Pricer::new(model, options)?,
        })
    }
}

impl Planner for DiagonalPlanner {
    fn cost(&self, graph: &Graph, masks: &WeightMasks) -> Result<Cost, Error> {
        let priced = self.pricer.price(&masked(graph, masks))?;
        Ok(Cost {
            us: priced.us,
            rotations: priced.rotations,
        })
    }

    fn ways(
        &self,
        graph: &Graph,
        masks: &WeightMasks,
        importance: &Importance,
        target_us: f64,
    ) -> Result<Vec<Way>, Error> {
        let change = target_us - self.cost(graph, masks)?.us;
        let units = relative(unit_options(&self.pricer, graph, importance)?);
        let layers = relative(options(&self.pricer, graph, importance)?);
        let mut ways = vec![
            removed("units", graph, importance, &units, change)?.0,
            thinned("diagonals", graph, &layers, change)?,
        ];
        // Both, and units that change places so that what matters falls inside.
        match align(&self.pricer, graph, importance, target_us) {
            Ok(found) => ways.push(Way {
                name: "units, diagonals and order".to_owned(),
                graph: masked(&found.graph, &found.masks),
                masks: found.masks,
            }),
            Err(crate::aligned::Error::Target { .. }) => {}
            Err(error) => return Err(error.into()),
        }
        Ok(ways)
    }
}

pub(super) type Importance = BTreeMap<ParameterId, Vec<f64>>;

/// Curves whose costs are what each choice changes.
pub(super) fn relative(mut curves: Vec<Curve>) -> Vec<Curve> {
    for curve in &mut curves {
        let whole = curve.choices.first().map_or(0.0, |choice| choice.us);
        let choices = curve.choices.iter_mut();
        choices.for_each(|choice| choice.us -= whole);
    }
    curves
}

/// The choices that change the cost by so much, or the most that there is.
fn chosen(curves: &[Curve], change: f64) -> Result<WeightMasks, Error> {
    match choose(curves, Target::Us(change)) {
        Err(crate::aligned::Error::Target { .. }) => {
            Ok(choose(curves, Target::Lost(f64::INFINITY))?.masks)
        }
        found => Ok(found?.masks),
    }
}

/// The network without units, and the importances of what is left.
pub(super) fn removed(
    name: &str,
    graph: &Graph,
    importance: &Importance,
    curves: &[Curve],
    change: f64,
) -> Result<(Way, Importance), Error> {
    let masks = chosen(curves, change)?;
    let left = without_units(&masked(graph, &masks), &masks)?;
    let mut valued = graph.clone();
    for (id, values) in importance {
        set_parameter(&mut valued, id, values.clone());
    }
    let valued = parameters(&without_units(&valued, &masks)?).into_iter();
    let importance = valued.map(|(id, tensor)| (id, tensor.values().to_vec()));
    let way = Way {
        name: name.to_owned(),
        masks: masks_of(&left),
        graph: left,
    };
    Ok((way, importance.collect()))
}

/// The network without diagonals; all else in the plan that is left may grow.
fn thinned(name: &str, graph: &Graph, curves: &[Curve], change: f64) -> Result<Way, Error> {
    let mut masks = masks_of(graph);
    masks.extend(chosen(curves, change)?);
    Ok(Way {
        name: name.to_owned(),
        graph: masked(graph, &masks),
        masks,
    })
}
