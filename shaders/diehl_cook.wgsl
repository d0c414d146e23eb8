// A batch of Diehl & Cook networks, each working through its own samples: input -> excitatory (one spike a step,
// adaptive threshold) -> inhibitory (one to one) -> all other excitatory neurons. Weights from the input learn by STDP.
// Source of the equations: Diehl & Cook, "Unsupervised learning of digit recognition using spike-timing-dependent
// plasticity" (2015), in the clocked form that BindsNET gives them (DiehlAndCook2015, DiehlAndCookNodes, PostPre).
//
// Each step t = 0 .. T-1 of a sample (dt = 1 ms, every projection has a delay of one step), in this order:
//   x_j      = sum of w[i, j] over the inputs i that spiked at t-1, minus inh_strength if the inhibitory neuron
//              of another column spiked at t-1
//   v_j      = rest + decay (v_j - rest), plus x_j where the neuron is not refractory
//   crossed  = v_j >= threshold + theta_j e^(-(t+1)/tau_theta);  v_j = reset, refractory for exc_refractory steps
//   theta_j += theta_plus for each crossing (learning)
//   spike    : one of the neurons that crossed, drawn uniformly; the others stay silent
//   inhibitory neuron k of the neuron that spiked at t-1: v = rest + decay (v - rest) + exc_strength, spikes at threshold
//   w[i, j] -= nu_pre  post_j   for the inputs that spike at t
//   w[i, j] += nu_post pre_i    for the neuron that spikes at t      then all weights are clamped to [0, 1]
//   with traces set to 1 by a spike and decaying with 20 ms: pre_i = trace[t - last spike of i], likewise post_j
// After a sample: column j is scaled to sum weight_norm. theta lives on; everything else is reset for each sample.
// Learning off: no STDP, no change of theta, no scaling.
//
// An inhibitory neuron is driven by one excitatory neuron only, and its threshold lies above its rest and its reset
// (the host checks), so it can spike only in the step after that neuron's spike: inhibitory neurons are updated then,
// over all steps since the last time, never in between. A column changes only if its neuron has spiked in the sample
// ("active"), or if scaling has left it with a weight above 1, which the next sample's learning clamps ("unsettled");
// only those columns are clamped and scaled. For all others both are the identity, up to the 1e-6 by which a settled
// column's weights may exceed 1.
//
// items      what each workgroup does: which slot, which samples (first, first + 1, ...), learn or not, and how many more
//            silent samples a layer may have before the item ends early
// slots      one network each: sizes, constants (decays are e^(-dt/tau), from the host in f64), seed
// offsets    u32 [sample][T + 1]: index of the first event of each step, absolute, in `events`
// events     u32, two 16-bit input ids a word, low half first, grouped by step
// trace      f32 [T + 1]: e^(-k / 20 ms)
// weights    f32 in tiles of 32 columns, [slot][tile][input][32], seen as quads of four neighbouring columns: a load of a
//            quad costs an adapter on a processor half of what a load of one weight does. WGSL lets an implementation
//            write a component of a vector by writing all of it, so no two lanes ever write to one quad at once
// theta      f32 mV, [slot][slot_tiles * 32], in quads: adaptive part of the thresholds
// unsettled  u32, [slot][slot_tiles * 32]: 1 for columns to be clamped before the next sample's learning and scaled
//            after it
// scratch    f32, [item][2][slot_tiles * 32], in quads: membrane potentials (mV); first step at which the neuron is not
//            refractory
// results    what became of each item
// records    u32 [record][1 + T]: spike counts of a sample (excitatory, inhibitory << 16), then t << 16 | neuron for
//            each excitatory spike
// launch     one workgroup an item; any number of lanes (a multiple of 8) gives the same bits
// cost       a sample of E events, T steps, n neurons, A active columns, S spikes: E n + 5 T n flops,
//            4 B (E n + 5 T n + 3 I A + 2 E A + 2 I S) moved, mostly from cache; I inputs
// deterministic

// #include "philox.wgsl"

struct Params {
  steps: u32,
  inputs: u32,
  slot_tiles: u32,
  items: u32,
}

struct Item {
  slot: u32,
  // Index of the first sample in the encoded data set.
  first: u32,
  count: u32,
  // 1: learn. 2: the trial's first sample, so theta starts at zero and every column is scaled after it.
  flags: u32,
  // Number of the first sample in the trial, for the draws of winners.
  ordinal: u32,
  // Index of the first record.
  record: u32,
  // The item ends after the sample that brings a layer's count of silent samples above these.
  exc_silent_budget: u32,
  inh_silent_budget: u32,
}

struct Slot {
  neurons: u32,
  seed_low: u32,
  seed_high: u32,
  // A sample is silent for a layer with fewer spikes than this.
  exc_alpha: u32,
  inh_alpha: u32,
  exc_refractory: u32,
  inh_refractory: u32,
  exc_decay: f32,
  exc_rest: f32,
  exc_reset: f32,
  exc_threshold: f32,
  theta_plus: f32,
  // 1 / tau_theta, per step.
  theta_rate: f32,
  // 1 - e^(-T / tau_theta).
  theta_sample_loss: f32,
  inh_decay: f32,
  inh_rest: f32,
  inh_reset: f32,
  inh_threshold: f32,
  exc_strength: f32,
  inh_strength: f32,
  nu_pre: f32,
  nu_post: f32,
  weight_norm: f32,
}

struct Result {
  processed: u32,
  exc_silent: u32,
  inh_silent: u32,
  exc_spikes: u32,
  inh_spikes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> items: array<Item>;
@group(0) @binding(2) var<storage, read> slots: array<Slot>;
@group(0) @binding(3) var<storage, read> offsets: array<u32>;
@group(0) @binding(4) var<storage, read> events: array<u32>;
@group(0) @binding(5) var<storage, read> trace: array<f32>;
@group(0) @binding(6) var<storage, read_write> weights: array<vec4<f32>>;
@group(0) @binding(7) var<storage, read_write> theta: array<vec4<f32>>;
@group(0) @binding(8) var<storage, read_write> unsettled: array<u32>;
@group(0) @binding(9) var<storage, read_write> scratch: array<vec4<f32>>;
@group(0) @binding(10) var<storage, read_write> results: array<Result>;
@group(0) @binding(11) var<storage, read_write> records: array<u32>;

// A multiple of 8.
override lanes: u32 = 32;
// Room in workgroup memory; at least params.steps and params.inputs.
override max_steps: u32 = 128;
override max_inputs: u32 = 1024;

const LEARN = 1u;
const FIRST = 2u;
const WINNER = 2u;
const NONE = 0xffffffffu;
const PARTIALS = 8u;
/// Quads of one lane for which an event is looked up once.
const TOGETHER = 4u;
// A column with a weight above this after scaling is unsettled.
const SETTLED = 1.000001;

// Columns whose neuron has spiked in this sample, in the order of their first spikes.
var<workgroup> active_neuron: array<u32, max_steps>;
var<workgroup> active_spike: array<u32, max_steps>;
var<workgroup> active_inh_v: array<f32, max_steps>;
var<workgroup> active_inh_step: array<u32, max_steps>;
var<workgroup> active_inh_free: array<u32, max_steps>;
var<workgroup> active_count: u32;
// Position in that list of the neuron that spiked in this step, or NONE.
var<workgroup> spiking: u32;
// The inhibitory neuron that spiked in the last step, or NONE.
var<workgroup> inhibiting: u32;
// Smallest draw among the neurons that crossed in this step: 21 random bits, then the neuron.
var<workgroup> winner: atomic<u32>;
// Step of each input's last spike in this sample, or NONE.
var<workgroup> input_spike: array<u32, max_inputs>;
// Inputs that have spiked in this sample, in no particular order: each is dealt with on its own.
var<workgroup> seen: array<u32, max_inputs>;
var<workgroup> seen_count: atomic<u32>;
// [quad of a tile][partial]: sums, and largest weights.
var<workgroup> partial: array<vec4<f32>, 8u * PARTIALS>;
var<workgroup> largest: array<vec4<f32>, 8u * PARTIALS>;
var<workgroup> exc_spikes: u32;
var<workgroup> inh_spikes: u32;

fn event(index: u32) -> u32 {
  return (events[index / 2u] >> (16u * (index & 1u))) & 0xffffu;
}

/// Where the weights of a quad begin, for the slot whose weights begin at `base`; inputs follow 8 apart.
fn quad_start(base: u32, quad: u32) -> u32 {
  return base + quad / 8u * params.inputs * 8u + quad % 8u;
}

/// The marks of a quad, whose first is `at`.
fn marks_of(at: u32) -> vec4<bool> {
  return vec4<u32>(unsettled[at], unsettled[at + 1u], unsettled[at + 2u], unsettled[at + 3u]) != vec4<u32>(0u);
}

/// Clamps the unsettled columns to 1, as learning does at its first step.
fn clamp_columns(base: u32, flags: u32, quads: u32, lane: u32) {
  for (var unit = lane; unit < quads * PARTIALS; unit += lanes) {
    let quad = unit / PARTIALS;
    let marked = marks_of(flags + quad * 4u);
    if (any(marked)) {
      let start = quad_start(base, quad);
      for (var input = unit % PARTIALS; input < params.inputs; input += PARTIALS) {
        let before = weights[start + input * 8u];
        weights[start + input * 8u] = select(before, min(before, vec4<f32>(1.0)), marked);
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
}

/// Scales the marked columns to the norm, tile by tile, and marks those that are unsettled then.
fn scale_columns(base: u32, flags: u32, quads: u32, norm: f32, lane: u32) {
  for (var tile = 0u; tile < quads; tile += 8u) {
    for (var unit = lane; unit < 8u * PARTIALS; unit += lanes) {
      let quad = tile + unit / PARTIALS;
      if (any(marks_of(flags + quad * 4u))) {
        let start = quad_start(base, quad);
        var sum = vec4<f32>(0.0);
        for (var input = unit % PARTIALS; input < params.inputs; input += PARTIALS) {
          sum += weights[start + input * 8u];
        }
        partial[unit] = sum;
      }
    }
    workgroupBarrier();
    for (var unit = lane; unit < 8u * PARTIALS; unit += lanes) {
      let quad = tile + unit / PARTIALS;
      let marked = marks_of(flags + quad * 4u);
      if (any(marked)) {
        let start = quad_start(base, quad);
        var sum = vec4<f32>(0.0);
        for (var part = 0u; part < PARTIALS; part++) {
          sum += partial[unit / PARTIALS * PARTIALS + part];
        }
        let scale = norm / select(sum, vec4<f32>(1.0), sum == vec4<f32>(0.0));
        let factor = select(vec4<f32>(1.0), scale, marked);
        var most = vec4<f32>(0.0);
        for (var input = unit % PARTIALS; input < params.inputs; input += PARTIALS) {
          let scaled = weights[start + input * 8u] * factor;
          weights[start + input * 8u] = scaled;
          most = max(most, scaled);
        }
        largest[unit] = most;
      }
    }
    workgroupBarrier();
    for (var column = lane; column < 32u; column += lanes) {
      let at = flags + tile * 4u + column;
      if (unsettled[at] != 0u) {
        var most = 0.0;
        for (var part = 0u; part < PARTIALS; part++) {
          most = max(most, largest[column / 4u * PARTIALS + part][column % 4u]);
        }
        unsettled[at] = select(0u, 1u, most > SETTLED);
      }
    }
  }
  storageBarrier();
  workgroupBarrier();
}

@compute @workgroup_size(lanes)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  let item_index = group.y * groups.x + group.x;
  if (item_index >= params.items) {
    return;
  }
  let item = items[item_index];
  let slot = slots[item.slot];
  let learn = (item.flags & LEARN) != 0u;
  let tiles = (slot.neurons + 31u) / 32u;
  let quads = tiles * 8u;
  let weight_base = item.slot * params.slot_tiles * params.inputs * 8u;
  let theta_base = item.slot * params.slot_tiles * 8u;
  let flag_base = theta_base * 4u;
  let v_base = item_index * 2u * params.slot_tiles * 8u;
  let free_base = v_base + params.slot_tiles * 8u;
  let key = vec2<u32>(slot.seed_low, slot.seed_high);
  // Lanes that share the columns to be depressed, of an event each; about 16 events come in a step. Divides the lanes.
  let sharers = select(select(1u, 2u, lanes >= 32u), 4u, lanes >= 64u);

  if ((item.flags & FIRST) != 0u) {
    for (var quad = lane; quad < quads; quad += lanes) {
      theta[theta_base + quad] = vec4<f32>(0.0);
    }
    for (var column = lane; column < quads * 4u; column += lanes) {
      unsettled[flag_base + column] = select(0u, 1u, column < slot.neurons);
    }
    storageBarrier();
    workgroupBarrier();
  }
  var exc_silent = 0u;
  var inh_silent = 0u;
  var exc_total = 0u;
  var inh_total = 0u;
  var processed = 0u;
  while (processed < item.count && exc_silent <= item.exc_silent_budget && inh_silent <= item.inh_silent_budget) {
    let step_offsets = (item.first + processed) * (params.steps + 1u);
    let record = (item.record + processed) * (params.steps + 1u);
    for (var quad = lane; quad < quads; quad += lanes) {
      scratch[v_base + quad] = vec4<f32>(slot.exc_rest);
      scratch[free_base + quad] = vec4<f32>(0.0);
    }
    for (var input = lane; input < params.inputs; input += lanes) {
      input_spike[input] = NONE;
    }
    if (lane == 0u) {
      active_count = 0u;
      spiking = NONE;
      inhibiting = NONE;
      exc_spikes = 0u;
      inh_spikes = 0u;
      atomicStore(&winner, NONE);
      atomicStore(&seen_count, 0u);
    }
    workgroupBarrier();

    if (learn) {
      clamp_columns(weight_base, flag_base, quads, lane);
    }
    var drive_from = offsets[step_offsets];
    var drive_to = drive_from;
    for (var t = 0u; t < params.steps; t++) {
      // Membrane potentials and crossings.
      let now = f32(t);
      let inhibitor = inhibiting;
      let theta_scale = exp(-f32(t + 1u) * slot.theta_rate);
      for (var first = lane; first < quads; first += TOGETHER * lanes) {
        // Eight lanes share a tile: they read neighbouring quads. What an event is costs as much to look up as a quad of
        // weights, so it serves several tiles, where there are that many.
        let start = quad_start(weight_base, first);
        let stride = lanes / 8u * params.inputs * 8u;
        // Its value is stated: Dawn (webgpu 0.6.2) leaves what the last round left in a variable of a loop without one.
        var drive = array<vec4<f32>, TOGETHER>();
        if (first + (TOGETHER - 1u) * lanes < quads) {
          var x0 = vec4<f32>(0.0);
          var x1 = vec4<f32>(0.0);
          var x2 = vec4<f32>(0.0);
          var x3 = vec4<f32>(0.0);
          for (var index = drive_from; index < drive_to; index++) {
            let at = start + event(index) * 8u;
            x0 += weights[at];
            x1 += weights[at + stride];
            x2 += weights[at + 2u * stride];
            x3 += weights[at + 3u * stride];
          }
          drive = array<vec4<f32>, TOGETHER>(x0, x1, x2, x3);
        } else {
          for (var index = drive_from; index < drive_to; index++) {
            let at = start + event(index) * 8u;
            for (var k = 0u; k < TOGETHER && first + k * lanes < quads; k++) {
              drive[k] += weights[at + k * stride];
            }
          }
        }
        for (var together = 0u; together < TOGETHER; together++) {
          let quad = first + together * lanes;
          if (quad >= quads) {
            break;
          }
          let column = vec4<u32>(quad * 4u) + vec4<u32>(0u, 1u, 2u, 3u);
          var x = drive[together];
          if (inhibitor != NONE) {
            x -= select(vec4<f32>(slot.inh_strength), vec4<f32>(0.0), column == vec4<u32>(inhibitor));
          }
          let adapted = theta[theta_base + quad];
          let free = scratch[free_base + quad];
          var v = scratch[v_base + quad];
          v = slot.exc_decay * (v - slot.exc_rest) + slot.exc_rest;
          v += select(vec4<f32>(0.0), x, vec4<f32>(now) >= free);
          let crossed = v >= slot.exc_threshold + adapted * theta_scale;
          scratch[v_base + quad] = select(v, vec4<f32>(slot.exc_reset), crossed);
          if (any(crossed)) {
            scratch[free_base + quad] = select(free, vec4<f32>(now + f32(slot.exc_refractory + 1u)), crossed);
            if (learn) {
              let gain = vec4<f32>(slot.theta_plus / theta_scale);
              theta[theta_base + quad] = adapted + select(vec4<f32>(0.0), gain, crossed);
            }
            for (var k = 0u; k < 4u; k++) {
              if (crossed[k]) {
                let drawn = philox4x32(vec4<u32>(column[k], WINNER, item.ordinal + processed, t), key).x;
                atomicMin(&winner, (drawn & 0xfffff800u) | column[k]);
              }
            }
          }
        }
      }
      workgroupBarrier();

      // Inhibitory neuron of the last spike; list of active columns.
      if (lane == 0u) {
        let last = spiking;
        inhibiting = NONE;
        if (last != NONE) {
          var v = active_inh_v[last];
          for (var step = active_inh_step[last]; step <= t; step++) {
            v = slot.inh_decay * (v - slot.inh_rest) + slot.inh_rest;
          }
          if (t >= active_inh_free[last]) {
            v += slot.exc_strength;
          }
          if (v >= slot.inh_threshold) {
            v = slot.inh_reset;
            active_inh_free[last] = t + slot.inh_refractory + 1u;
            inhibiting = active_neuron[last];
            inh_spikes += 1u;
          }
          active_inh_v[last] = v;
          active_inh_step[last] = t + 1u;
        }
        let drawn = atomicExchange(&winner, NONE);
        spiking = NONE;
        if (drawn != NONE) {
          let neuron = drawn & 0x7ffu;
          var place = 0u;
          while (place < active_count && active_neuron[place] != neuron) {
            place++;
          }
          if (place == active_count) {
            active_count += 1u;
            active_neuron[place] = neuron;
            active_inh_v[place] = slot.inh_rest;
            active_inh_step[place] = 0u;
            active_inh_free[place] = 0u;
            if (learn) {
              unsettled[flag_base + neuron] = 1u;
            }
          }
          active_spike[place] = t;
          spiking = place;
          records[record + 1u + exc_spikes] = (t << 16u) | neuron;
          exc_spikes += 1u;
        }
      }

      drive_from = drive_to;
      drive_to = offsets[step_offsets + t + 1u];
      workgroupBarrier();
      if (learn) {
        for (var index = drive_from + lane; index < drive_to; index += lanes) {
          let input = event(index);
          if (input_spike[input] == NONE) {
            seen[atomicAdd(&seen_count, 1u)] = input;
          }
          input_spike[input] = t;
        }
        workgroupBarrier();
        // Depression of the active columns by the inputs of this step, but for the column that spikes. An input spikes
        // once in a step, so lanes with different events write to different rows. Where there are more lanes than
        // events, they share the columns too, those of a quad to one lane.
        for (var place = 0u; place < active_count; place++) {
          let neuron = active_neuron[place];
          if (place != spiking && neuron / 4u % sharers == lane % sharers) {
            let start = quad_start(weight_base, neuron / 4u);
            let depression = select(
              vec4<f32>(0.0),
              vec4<f32>(slot.nu_pre * trace[t - active_spike[place]]),
              vec4<u32>(0u, 1u, 2u, 3u) == vec4<u32>(neuron % 4u),
            );
            for (var index = drive_from + lane / sharers; index < drive_to; index += lanes / sharers) {
              let at = start + event(index) * 8u;
              weights[at] = max(vec4<f32>(0.0), weights[at] - depression);
            }
          }
        }
        // The column that spikes: depression by the inputs of this step, potentiation by all that have spiked. Another
        // column of its quad may have been depressed by another lane just now.
        storageBarrier();
        workgroupBarrier();
        if (spiking != NONE) {
          let neuron = active_neuron[spiking];
          let start = quad_start(weight_base, neuron / 4u);
          let count = atomicLoad(&seen_count);
          for (var place = lane; place < count; place += lanes) {
            let input = seen[place];
            let last = input_spike[input];
            let depression = select(0.0, slot.nu_pre, last == t);
            let potentiation = slot.nu_post * trace[t - last];
            let at = start + input * 8u;
            var quad = weights[at];
            quad[neuron % 4u] = clamp(quad[neuron % 4u] - depression + potentiation, 0.0, 1.0);
            weights[at] = quad;
          }
        }
        storageBarrier();
        workgroupBarrier();
      }
    }

    if (learn) {
      scale_columns(weight_base, flag_base, quads, slot.weight_norm, lane);
      for (var quad = lane; quad < quads; quad += lanes) {
        theta[theta_base + quad] -= theta[theta_base + quad] * slot.theta_sample_loss;
      }
    }
    if (lane == 0u) {
      records[record] = exc_spikes | (inh_spikes << 16u);
    }
    let exc_count = workgroupUniformLoad(&exc_spikes);
    let inh_count = workgroupUniformLoad(&inh_spikes);
    exc_silent += select(0u, 1u, exc_count < slot.exc_alpha);
    inh_silent += select(0u, 1u, inh_count < slot.inh_alpha);
    exc_total += exc_count;
    inh_total += inh_count;
    processed += 1u;
  }
  if (lane == 0u) {
    results[item_index] = Result(processed, exc_silent, inh_silent, exc_total, inh_total);
  }
}
