//! Loops over limbs, on one thread or many, with the same results.

use rayon::prelude::*;

/// Runs `f` on every item and its index; in parallel when the current rayon pool has more than one thread.
pub(crate) fn each<I, F>(items: I, f: F)
where
    I: Iterator,
    I::Item: Send,
    F: Fn(usize, I::Item) + Sync,
{
    if rayon::current_num_threads() == 1 {
        items.enumerate().for_each(|(i, item)| f(i, item));
    } else {
        let items: Vec<I::Item> = items.collect();
        items
            .into_par_iter()
            .enumerate()
            .with_max_len(1)
            .for_each(|(i, item)| f(i, item));
    }
}
