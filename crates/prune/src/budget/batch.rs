//! What the batch layout pays for: every weight a product, every unit an activation.

use super::{Cost, Planner, Way, masked};
use crate::Error;
use crate::mofhei::{Prices, cull, select_by_price};
use privet::extend::{CostTable, Graph, Params};
use std::collections::BTreeMap;
use train::{ParameterId, WeightMasks};

/// How single weights and units are priced.
#[derive(Clone, Debug)]
pub enum BatchPlanner {
    /// By a cost table, for the chain of these parameters.
    Measured(Box<(CostTable, Params)>),
    /// By operations of the published model.
    Published,
}

impl BatchPlanner {
    fn prices(&self, graph: &Graph) -> Result<Prices, Error> {
        let prices = match self {
            Self::Measured(known) => Prices::measured(graph, &known.0, &known.1),
            Self::Published => Prices::published(graph),
        };
        prices.ok_or_else(|| {
            let what = "the network has an operation without a price in the batch layout";
            Error::Scheme(what.to_owned())
        })
    }
}

impl Planner for BatchPlanner {
    fn cost(&self, graph: &Graph, masks: &WeightMasks) -> Result<Cost, Error> {
        let culled = cull(&masked(graph, masks)?).map_err(|e| Error::Scheme(e.to_string()))?;
        let us = self.prices(&culled)?.total(&culled, &WeightMasks::new());
        Ok(Cost { us, rotations: 0 })
    }

    fn ways(
        &self,
        graph: &Graph,
        masks: &WeightMasks,
        importance: &BTreeMap<ParameterId, Vec<f64>>,
        target_us: f64,
    ) -> Result<Vec<Way>, Error> {
        let prices = self.prices(graph)?;
        let share = 1.0 - target_us / self.cost(graph, masks)?.us;
        let masks = select_by_price(graph, importance, &prices, share)
            .map_err(|e| Error::Scheme(e.to_string()))?;
        let left = cull(&masked(graph, &masks)?).map_err(|e| Error::Scheme(e.to_string()))?;
        Ok(vec![Way {
            name: "weights and units".to_owned(),
            masks: super::masks_of(&left),
            graph: left,
        }])
    }
}
