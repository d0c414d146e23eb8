// What the last layer's output costs, which class it names, and the gradient of the cost. With C classes, score s[c] and
// the label l of a sample:
//
//   0 rate mean square   s = spikes / steps;      sum of (s[c] - target)^2, target rate_true for l, else rate_false
//   1 rate cross-entropy s = spikes / steps;      -log softmax(gain s)[l]
//   2 spike max          s = spikes / steps;      -log((s[l] + epsilon) / sum of (s[c] + epsilon))
//   3 membrane max       s = max over t of V[t];  -log softmax(gain s)[l]
//   4 membrane mean      s = mean over t of V[t]; -log softmax(gain s)[l]
//
// (Shrestha, Orchard 2018, section 2 for 0; SpikeMax: Shrestha et al. 2022; 3: Cramer et al. 2020, equation 8.)
//
// goals     one a slot; `weight` multiplies the gradient (1 / batch for a mean)
// counts    u32 [slot][sample][width], from surrogate_forward
// trace     f32 [slot][sample][steps][planes][width]: V in plane 0; read by 3 and 4
// labels    u32 [slot][sample]
// upstream  f32 [slot][sample][steps][width]: the gradient with respect to spikes or V, where `gradient` is 1
// outcomes  one a slot and sample; `predicted` is the first class with the highest score
// launch    x: samples, y: slots; one thread each
// cost      4 to 8 B a step and class
// deterministic

struct Params {
  slots: u32,
  batch: u32,
  steps: u32,
  width: u32,
  planes: u32,
  classes: u32,
  gradient: u32,
}

struct Goal {
  runs: u32,
  // The slot's samples in this batch, and its steps.
  samples: u32,
  steps: u32,
  kind: u32,
  rate_true: f32,
  rate_false: f32,
  gain: f32,
  epsilon: f32,
  weight: f32,
}

struct Outcome {
  loss: f32,
  predicted: u32,
  spikes: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> goals: array<Goal>;
@group(0) @binding(2) var<storage, read> counts: array<u32>;
@group(0) @binding(3) var<storage, read> trace: array<f32>;
@group(0) @binding(4) var<storage, read> labels: array<u32>;
@group(0) @binding(5) var<storage, read_write> upstream: array<f32>;
@group(0) @binding(6) var<storage, read_write> outcomes: array<Outcome>;

override max_classes: u32 = 64;

var<workgroup> score: array<f32, max_classes>;
var<workgroup> slope: array<f32, max_classes>;
var<workgroup> peak: array<u32, max_classes>;

@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) group: vec3u) {
  let slot = group.y;
  if (slot >= params.slots || group.x >= params.batch) { return; }
  let goal = goals[slot];
  if (goal.runs == 0u || group.x >= goal.samples) { return; }
  let sample = slot * params.batch + group.x;
  let label = labels[sample];
  let width = params.width;
  let steps = f32(goal.steps);
  let counts_at = sample * width;
  let row = params.planes * width;
  let trace_at = sample * params.steps * row;
  var best = 0u;
  var spikes = 0u;
  for (var c = 0u; c < params.classes; c++) {
    var value = 0.0;
    peak[c] = 0u;
    spikes += counts[counts_at + c];
    if (goal.kind <= 2u) {
      value = f32(counts[counts_at + c]) / steps;
    } else if (goal.kind == 3u) {
      value = trace[trace_at + c];
      for (var t = 1u; t < goal.steps; t++) {
        let v = trace[trace_at + t * row + c];
        if (v > value) {
          value = v;
          peak[c] = t;
        }
      }
    } else {
      for (var t = 0u; t < goal.steps; t++) { value += trace[trace_at + t * row + c]; }
      value /= steps;
    }
    score[c] = value;
    if (value > score[best]) { best = c; }
  }
  var loss = 0.0;
  if (goal.kind == 0u) {
    for (var c = 0u; c < params.classes; c++) {
      let off = score[c] - select(goal.rate_false, goal.rate_true, c == label);
      loss += off * off;
      slope[c] = 2.0 * off;
    }
  } else if (goal.kind == 2u) {
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) { sum += score[c] + goal.epsilon; }
    let own = score[label] + goal.epsilon;
    loss = log(sum) - log(own);
    for (var c = 0u; c < params.classes; c++) { slope[c] = 1.0 / sum - select(0.0, 1.0 / own, c == label); }
  } else {
    let most = goal.gain * score[best];
    var sum = 0.0;
    for (var c = 0u; c < params.classes; c++) {
      slope[c] = exp(goal.gain * score[c] - most);
      sum += slope[c];
    }
    for (var c = 0u; c < params.classes; c++) {
      slope[c] = goal.gain * (slope[c] / sum - select(0.0, 1.0, c == label));
    }
    loss = log(sum) - (goal.gain * score[label] - most);
  }
  if (params.gradient == 1u) {
    let upstream_at = sample * params.steps * width;
    for (var t = 0u; t < goal.steps; t++) {
      for (var c = 0u; c < params.classes; c++) {
        var value = goal.weight * slope[c];
        if (goal.kind == 3u) { value = select(0.0, value, t == peak[c]); } else { value /= steps; }
        upstream[upstream_at + t * width + c] = value;
      }
    }
  }
  outcomes[sample].loss = loss;
  outcomes[sample].predicted = best;
  outcomes[sample].spikes = spikes;
}
