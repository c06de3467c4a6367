//! Layers as the diagonals between packed positions, enumerated from geometry.

use privet_layout::Periodic;
use std::collections::BTreeMap;

/// A packed feature map of square images: `gap²` channels interleave in one block, a frame of `frame²` slots.
#[derive(Clone, Copy)]
pub struct Map {
    channels: u32,
    size: u32,
    gap: u32,
    frame: u32,
}

/// Channel, row and column.
type Pixel = [u32; 3];

impl Map {
    fn element(&self, [channel, y, x]: Pixel) -> u32 {
        (channel * self.size + y) * self.size + x
    }

    fn position(&self, [channel, y, x]: Pixel) -> u32 {
        let in_block = self.gap * self.gap;
        let (block, within) = (channel / in_block, channel % in_block);
        let row = y * self.gap + within / self.gap;
        let col = x * self.gap + within % self.gap;
        (block * self.frame + row) * self.frame + col
    }

    /// Positions up to the end of the last block.
    pub fn extent(&self) -> u32 {
        self.channels.div_ceil(self.gap * self.gap) * self.frame * self.frame
    }

    pub fn elements(&self) -> u32 {
        self.channels * self.size * self.size
    }

    /// The layout as the crate has it.
    pub fn layout(&self, n_slots: u32) -> Periodic {
        let (gap, frame) = ((self.gap, self.gap), (self.frame, self.frame));
        match self.frame {
            1 => Periodic::vector(self.channels, n_slots),
            _ => Periodic::image(self.channels, self.size, self.size, gap, frame, n_slots),
        }
    }

    fn pixels(self) -> impl Iterator<Item = Pixel> {
        let rows = (0..self.channels).flat_map(move |c| (0..self.size).map(move |y| (c, y)));
        rows.flat_map(move |(c, y)| (0..self.size).map(move |x| [c, y, x]))
    }
}

/// A linear layer: where it has entries, and how often the network has it.
pub struct Layer {
    pub input: Map,
    pub output: Map,
    pub n_slots: u32,
    pub times: u32,
    /// Per pair of an output and an input ciphertext, the diagonals `col - row` with an entry, and the elements of one.
    pub blocks: BTreeMap<(u32, u32), BTreeMap<i32, (u32, u32)>>,
    /// What was inserted last: runs of pixels share a diagonal.
    last: Option<(u32, u32, i32)>,
}

impl Layer {
    fn new(input: Map, output: Map, n_slots: u32) -> Self {
        Self {
            input,
            output,
            n_slots,
            times: 1,
            blocks: BTreeMap::new(),
            last: None,
        }
    }

    fn insert(&mut self, to: Pixel, from: Pixel) {
        let (row, col) = (self.output.position(to), self.input.position(from));
        let (output, input) = (row / self.n_slots, col / self.n_slots);
        let diagonal = (col % self.n_slots) as i32 - (row % self.n_slots) as i32;
        if self.last != Some((output, input, diagonal)) {
            let elements = (self.output.element(to), self.input.element(from));
            let block = self.blocks.entry((output, input)).or_default();
            block.entry(diagonal).or_insert(elements);
            self.last = Some((output, input, diagonal));
        }
    }

    /// The entries of one tap of a kernel between two channels.
    fn insert_tap(&mut self, channels: [u32; 2], tap: [u32; 2], [stride, pad]: [u32; 2]) {
        let size = self.input.size;
        let read = |at: u32, tap: u32| (at * stride + tap).checked_sub(pad).filter(|&at| at < size);
        let inside = |tap| (0..self.output.size).filter_map(move |at| Some([at, read(at, tap)?]));
        let [rows, cols] = tap.map(|tap| Vec::from_iter(inside(tap)));
        for &[to_y, from_y] in &rows {
            for &[to_x, from_x] in &cols {
                self.insert([channels[0], to_y, to_x], [channels[1], from_y, from_x]);
            }
        }
    }
}

/// A network laid out as it runs: strides widen gaps, frames stay.
pub struct Net {
    pub n_slots: u32,
    pub layers: Vec<Layer>,
    at: Map,
}

impl Net {
    pub fn image(channels: u32, size: u32, n_slots: u32) -> Self {
        let at = Map {
            channels,
            size,
            gap: 1,
            frame: size,
        };
        let layers = Vec::new();
        Self {
            n_slots,
            layers,
            at,
        }
    }

    pub fn vector(n: u32, n_slots: u32) -> Self {
        Self::image(n, 1, n_slots)
    }

    /// A square convolution.
    pub fn conv(self, channels: u32, kernel: u32, stride: u32, pad: u32) -> Self {
        self.window(channels, [kernel, stride, pad], 1)
    }

    /// Average pooling.
    pub fn pool(self, size: u32) -> Self {
        let channels = self.at.channels;
        self.window(channels, [size, size, 0], channels)
    }

    /// A convolution that is planned but whose result is not what the next layer reads.
    pub fn aside(self, channels: u32, kernel: u32, stride: u32) -> Self {
        let at = self.at;
        let aside = self.conv(channels, kernel, stride, kernel / 2);
        Self { at, ..aside }
    }

    pub fn dense(self, rows: u32) -> Self {
        let output = Net::vector(rows, self.n_slots).at;
        let mut layer = Layer::new(self.at, output, self.n_slots);
        for from in self.at.pixels() {
            (0..rows).for_each(|row| layer.insert([row, 0, 0], from));
        }
        self.layer(layer)
    }

    /// The network has the last layer so often.
    pub fn times(mut self, times: u32) -> Self {
        self.layers.last_mut().expect("a layer").times = times;
        self
    }

    fn window(self, channels: u32, [kernel, stride, pad]: [u32; 3], groups: u32) -> Self {
        let output = Map {
            channels,
            size: (self.at.size + 2 * pad - kernel) / stride + 1,
            gap: self.at.gap * stride,
            frame: self.at.frame,
        };
        let mut layer = Layer::new(self.at, output, self.n_slots);
        let (from_each, to_each) = (self.at.channels / groups, channels / groups);
        for to in 0..channels {
            let first = to / to_each * from_each;
            for from in first..first + from_each {
                for tap in 0..kernel * kernel {
                    layer.insert_tap([to, from], [tap / kernel, tap % kernel], [stride, pad]);
                }
            }
        }
        self.layer(layer)
    }

    fn layer(mut self, layer: Layer) -> Self {
        self.at = layer.output;
        self.layers.push(layer);
        self
    }
}
