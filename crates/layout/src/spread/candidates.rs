//! Where the copies of a tensor may lie.

use crate::{Copy, IndexMap, Periodic, next_power_of_two};

/// Layouts with the same base positions: one copy, blocks of copies spread evenly modulo what the layer may use, and
/// copies as in the layouts that the layer may write, which a convolution then carries over.
pub(super) fn candidates(base: &Periodic, reader: &Periodic, next: &[Periodic]) -> Vec<Periodic> {
    let mut all = vec![base.clone()];
    let (extent, n_slots) = (base.extent().max(1), base.n_slots);
    if base.n_ciphertexts > 1 || !base.copies.is_empty() {
        return all;
    }
    let is_dense = !matches!(reader.index, IndexMap::Image { .. });
    let moduli = (0..5).map(|k| u64::from(reader.period) << k);
    for m in moduli.filter(|&m| is_dense && m <= u64::from(n_slots)) {
        let m = m as u32;
        for n in numbers((n_slots / extent).min(m), m == reader.period) {
            let made = spread_blocks(n, extent, m, n_slots);
            for copies in made {
                let spread = base.clone().with_copies(copies);
                if spread.n_ciphertexts == 1 && !all.contains(&spread) {
                    all.push(spread);
                }
            }
        }
    }
    for carried in next.iter().flat_map(|next| carried(base, next)) {
        if carried.n_ciphertexts == 1 && !all.contains(&carried) && carried.check().is_ok() {
            all.push(carried);
        }
    }
    all
}

/// Numbers of copies to try: powers of two, or all small ones and what lies between powers, and the most that fit.
fn numbers(most: u32, all: bool) -> Vec<u32> {
    let between: &[u32] = if all { &[4, 5, 6, 7] } else { &[4] };
    let steps = (0..20).flat_map(|k| between.iter().map(move |n| n << k));
    let mut numbers: Vec<u32> = [2, 3].into_iter().chain(steps).collect();
    numbers.retain(|&n| n < most && (all || n.is_power_of_two()));
    if most > 1 {
        numbers.push(most);
    }
    numbers
}

/// `n` blocks that lead evenly through the residues modulo `m`: close together, in whole periods turned within themselves,
/// and as far apart as all slots allow, so that a layer before may carry its own copies over.
fn spread_blocks(n: u32, extent: u32, m: u32, n_slots: u32) -> Vec<Vec<Copy>> {
    // The same residues either way, so the shorter period serves as well.
    let tight = [true, false].map(|ascending| blocks(n, extent, extent, m, ascending));
    let end = |copies: &Vec<Copy>| copies.last().map_or(0, |copy| copy.offset);
    let mut all: Vec<Vec<Copy>> = tight.into_iter().min_by_key(end).into_iter().collect();
    if n.is_power_of_two() || n == n_slots / extent {
        all.push(turned_blocks(n, extent, m));
    }
    for ascending in [true, false] {
        let pitch = widest(n, n_slots, m, ascending).filter(|&pitch| pitch > extent);
        all.extend(pitch.map(|pitch| blocks(n, extent, pitch, m, ascending)));
    }
    all
}

/// Copies of a layer's input that lie as its output's copies do: one for each, and as many as the room between them holds.
fn carried(base: &Periodic, next: &Periodic) -> Vec<Periodic> {
    let extent = base.extent();
    if next.copies.iter().any(|copy| copy.from != 0) {
        return Vec::new();
    }
    let mut starts: Vec<u32> = next.copies.iter().map(|copy| copy.offset).collect();
    starts.push(0);
    starts.sort_unstable();
    let room = starts.windows(2).map(|pair| pair[1] - pair[0]);
    let room = room.chain(starts.last().map(|last| base.n_slots - last));
    let repeats = room.min().unwrap_or(0) / extent.max(1);
    let repeated = |n: u32| {
        let offsets = starts
            .iter()
            .flat_map(|&start| (0..n).map(move |j| start + j * extent));
        let copies = offsets.filter(|&offset| offset > 0).map(|offset| Copy {
            offset,
            from: 0,
            to: extent,
        });
        base.clone().with_copies(copies.collect::<Vec<_>>())
    };
    (1..=repeats.min(2)).map(repeated).collect()
}

/// Whether the layer between two feature maps may act on each copy alike: for every copy of the output there is one of the
/// input at the same distance. Always where only one of them has copies, or one is a vector.
pub(super) fn may_carry(input: &Periodic, output: &Periodic) -> bool {
    let is_vector = |layout: &Periodic| !matches!(layout.index, IndexMap::Image { .. });
    if input.copies.is_empty() || is_vector(input) || is_vector(output) {
        return true;
    }
    let offsets = |layout: &Periodic| -> Vec<u32> {
        let offsets = layout.copies.iter().map(|copy| copy.offset % input.period);
        offsets.chain([0]).collect()
    };
    let known = offsets(input);
    offsets(output).iter().all(|offset| known.contains(offset))
}

/// The largest distance between `n` blocks in all slots that leads evenly through the residues modulo `m`.
fn widest(n: u32, n_slots: u32, m: u32, ascending: bool) -> Option<u32> {
    let gap = m.div_ceil(n);
    let step = if ascending { gap } else { (m - gap % m) % m };
    let most = n_slots / n;
    most.checked_sub((most + m - step % m) % m)
}

/// `n` blocks, each at the least offset that is `pitch` slots after the one before or more and has the residue modulo
/// `m` that spreads them evenly.
fn blocks(n: u32, extent: u32, pitch: u32, m: u32, ascending: bool) -> Vec<Copy> {
    let gap = m.div_ceil(n);
    let mut copies = Vec::new();
    let mut end = pitch;
    for j in 1..n {
        let step = (j * gap) % m;
        let wanted = if ascending { step } else { (m - step) % m };
        let offset = end + (wanted + m - end % m) % m;
        copies.push(Copy {
            offset,
            from: 0,
            to: extent,
        });
        end = offset.saturating_add(pitch).min(u32::MAX / 2);
    }
    copies
}

/// `n` blocks as long as the least period, each turned within itself so that copies are spread evenly modulo `m`.
fn turned_blocks(n: u32, extent: u32, m: u32) -> Vec<Copy> {
    let block = next_power_of_two(extent);
    let mut copies = Vec::new();
    for j in 1..n {
        let start = block.saturating_mul(j).min(u32::MAX / 4);
        let turn = (j * m.div_ceil(n)) % m.min(block);
        let stays = block - turn;
        copies.push(Copy {
            offset: start + turn,
            from: 0,
            to: stays.min(extent),
        });
        if stays < extent {
            copies.push(Copy {
                offset: start - stays,
                from: stays,
                to: extent,
            });
        }
    }
    copies
}
