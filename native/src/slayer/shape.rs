//! Sizes of the network, and the numbers that hold for a whole batch.

use crate::failure::Failure;

/// Channels that are computed together.
pub const LANES: usize = 8;
pub type Reals = [f32; LANES];
pub type Ints = [i32; LANES];
/// A byte for each channel of a block: 0 or 1 for spikes, 0 or 255 for masks.
pub type Bytes = u64;

pub const IMAGE_SIDE: usize = 28;
pub const CLASSES: usize = 10;
/// Blocks of the output layer.
pub const CLASS_BLOCKS: usize = CLASSES.div_ceil(LANES);

/// Conv and pool of one stage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stage {
    pub inputs: usize,
    pub channels: usize,
    pub kernel: usize,
    /// Side of the stage's input.
    pub input_side: usize,
}

impl Stage {
    pub fn blocks(&self) -> usize {
        self.channels.div_ceil(LANES)
    }
    /// Channels of a block.
    pub fn lanes(&self, block: usize) -> usize {
        LANES.min(self.channels - block * LANES)
    }
    pub fn conv_side(&self) -> usize {
        self.input_side + 1 - self.kernel
    }
    /// Pools of 2 x 2 sites at a stride of 1.
    pub fn pool_side(&self) -> usize {
        self.conv_side() - 1
    }
    /// A row of the conv layer as numbers, [column][channel], with the kernel's reach less one on each side and a block at
    /// the end, so that no product has to be cut at an edge.
    pub fn row_length(&self) -> usize {
        (self.conv_side() + 2 * (self.kernel - 1)) * self.channels + LANES
    }
    /// A row of the kernel for one input channel, [column, reversed][channel], in whole blocks: what a spike adds to the
    /// numbers of a row from its own column on.
    pub fn kernel_row(&self) -> usize {
        (self.kernel * self.channels).next_multiple_of(LANES)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shape {
    pub steps: usize,
    pub stages: [Stage; 2],
}

impl Shape {
    pub fn new(steps: usize, channels: [usize; 2], kernels: [usize; 2]) -> Result<Self, Failure> {
        let refused = |what: &str| Err(Failure::new("shape", what.to_owned()));
        if steps == 0 || channels.contains(&0) || kernels.contains(&0) {
            return refused("steps, channels and kernels are to be at least 1");
        }
        if kernels[0] + kernels[1] > IMAGE_SIDE - 1 {
            return refused(
                "two convolutions and two pools leave nothing of the image: give smaller kernels",
            );
        }
        let first = Stage {
            inputs: 1,
            channels: channels[0],
            kernel: kernels[0],
            input_side: IMAGE_SIDE,
        };
        let second = Stage {
            inputs: channels[0],
            channels: channels[1],
            kernel: kernels[1],
            input_side: first.pool_side(),
        };
        Ok(Self {
            steps,
            stages: [first, second],
        })
    }

    /// Weights of the first conv layer, of the second, of the output layer.
    pub fn weight_counts(&self) -> [usize; 3] {
        let [first, second] = self.stages;
        [
            first.channels * first.kernel * first.kernel,
            second.channels * first.channels * second.kernel * second.kernel,
            CLASSES * second.channels * second.pool_side() * second.pool_side(),
        ]
    }
}
