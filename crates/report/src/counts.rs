//! Numbers of HE operations.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::iter::Sum;
use std::ops::{Add, AddAssign};

macro_rules! counts {
    ($( $(#[$doc:meta])* $name:ident, )*) => {
        /// Numbers of HE operations, of a layer or of a circuit.
        ///
        /// `rotations` counts every slot rotation, single or hoisted, whatever it is for: the figure the
        /// literature calls rotations. `baby`, `giant`, `collapse` and `conversion` say what they are for, each
        /// rotation in at most one of them; [`other_rotations`](Counts::other_rotations) are in none.
        /// `rotations_hoisted` says how, across these classes. Conjugations are no rotations.
        ///
        /// `key_products`, `decompose` and `mod_down` count the steps of key switching wherever they happen:
        /// inside a plain rotation, conjugation or relinearization too.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Counts {
            $( $(#[$doc])* pub $name: u64, )*
        }

        impl Counts {
            /// Every count by its name, in the report's order.
            pub fn fields(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$( (stringify!($name), self.$name), )*].into_iter()
            }
        }

        impl AddAssign for Counts {
            fn add_assign(&mut self, other: Counts) {
                $( self.$name += other.$name; )*
            }
        }
    };
}

counts! {
    /// Slot rotations of every class.
    rotations,
    /// Rotations that are baby steps.
    baby,
    /// Rotations that are giant steps.
    giant,
    /// Rotations that sum up partial results.
    collapse,
    /// Rotations that change a layout.
    conversion,
    /// Conjugations.
    conjugate,
    /// Those of `rotations` that share another's decomposition.
    rotations_hoisted,
    /// Inner products of digits and a key.
    key_products,
    /// Decompositions into digits.
    decompose,
    /// Divisions by the special primes.
    mod_down,
    /// Relinearizations.
    relinearize,
    /// Rescales.
    rescale,
    /// Products with a packed vector.
    mul_plain,
    /// Products with one number, which need no encoding.
    mul_scalar,
    /// Products of two ciphertexts, squares included.
    mul,
    /// Additions and subtractions of ciphertexts.
    add,
    /// Additions of a packed vector.
    add_plain,
    /// Packed vectors that are encoded.
    encode,
    /// Bootstraps.
    bootstrap,
    /// Refreshes by the client.
    refresh,
}

impl Counts {
    /// Slot rotations of every class: `baby + giant + collapse + conversion +` [`other_rotations`](Counts::other_rotations).
    pub fn total_rotations(&self) -> u64 {
        self.rotations
    }

    /// Rotations that are neither baby nor giant step, nor for collapse or conversion.
    pub fn other_rotations(&self) -> u64 {
        let classes = [self.baby, self.giant, self.collapse, self.conversion];
        classes
            .into_iter()
            .fold(self.rotations, u64::saturating_sub)
    }

    /// Products of every kind: with vectors, with numbers, of ciphertexts.
    pub fn total_products(&self) -> u64 {
        let kinds = [self.mul_plain, self.mul_scalar, self.mul];
        kinds.into_iter().fold(0, u64::saturating_add)
    }

    /// The counts that are not zero, by name: the form of [`PassReport::before`](crate::PassReport::before).
    pub fn to_map(&self) -> BTreeMap<String, u64> {
        self.fields()
            .filter(|&(_, count)| count > 0)
            .map(|(name, count)| (name.into(), count))
            .collect()
    }
}

impl Add for Counts {
    type Output = Counts;

    fn add(mut self, other: Counts) -> Counts {
        self += other;
        self
    }
}

impl Sum for Counts {
    fn sum<I: Iterator<Item = Counts>>(counts: I) -> Counts {
        counts.fold(Counts::default(), Add::add)
    }
}
