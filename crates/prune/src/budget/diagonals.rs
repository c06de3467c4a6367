//! What rotations pay for: units, and diagonals along babies and giants.

use super::{Cost, Planner, Way, masked, masks_of};
use crate::Error;
use crate::aligned::{Curve, Pricer, Target, align_layers, choose, unit_options, without_units};
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
        let priced = self.pricer.price(&masked(graph, masks)?)?;
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
        let now = self.cost(graph, masks)?.us;
        let units = relative(unit_options(&self.pricer, graph, importance)?);
        let mut ways = vec![removed("units", graph, importance, &units, target_us - now)?.0];
        for (share, name) in [(0.5, "units and diagonals"), (0.0, "diagonals")] {
            let change = share * (target_us - now);
            let (first, left) = removed("units", graph, importance, &units, change)?;
            // Units change places so that what matters falls inside the diagonals that stay.
            match align_layers(&self.pricer, &first.graph, &left, target_us) {
                Ok(found) => ways.push(Way {
                    name: name.to_owned(),
                    graph: masked(&found.graph, &found.masks)?,
                    masks: found.masks,
                }),
                Err(crate::aligned::Error::Target { .. }) => {}
                Err(error) => return Err(error.into()),
            }
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
    let left = without_units(&masked(graph, &masks)?, &masks)?;
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
