//! The networks whose counts are known.

use super::Net;

/// 784-128-128-10.
pub fn mlp(n_slots: u32) -> Net {
    Net::vector(784, n_slots).dense(128).dense(128).dense(10)
}

/// 5@2x2/2, 100, 10.
pub fn lola(n_slots: u32) -> Net {
    let image = Net::image(1, 28, n_slots);
    image.conv(5, 2, 2, 0).dense(100).dense(10)
}

/// 32@5x5/2 p2, 64@5x5/2 p2, 512, 10.
pub fn lenet(n_slots: u32) -> Net {
    let maps = Net::image(1, 28, n_slots)
        .conv(32, 5, 2, 2)
        .conv(64, 5, 2, 2);
    maps.dense(512).dense(10)
}

/// Nine kinds of layer, the head a pooling by 8x8 and a dense layer of their own or fused into one.
pub fn resnet20(n_slots: u32, is_fused: bool) -> Net {
    let stage1 = Net::image(3, 32, n_slots).conv(16, 3, 1, 1);
    let stage1 = stage1.conv(16, 3, 1, 1).times(6);
    let stage2 = stage1.aside(32, 1, 2).conv(32, 3, 2, 1);
    let stage2 = stage2.conv(32, 3, 1, 1).times(5);
    let stage3 = stage2.aside(64, 1, 2).conv(64, 3, 2, 1);
    let stage3 = stage3.conv(64, 3, 1, 1).times(5);
    match is_fused {
        true => stage3.dense(10),
        false => stage3.pool(8).dense(10),
    }
}

/// VGG-16 for images of 32x32: thirteen convolutions, five poolings, one dense layer.
pub fn vgg16(n_slots: u32) -> Net {
    let stages = [(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)];
    let stage = |net: Net, (channels, n): (u32, u32)| {
        let convs = (0..n).fold(net, |net, _| net.conv(channels, 3, 1, 1));
        convs.pool(2)
    };
    let maps = stages.into_iter().fold(Net::image(3, 32, n_slots), stage);
    maps.dense(10)
}
