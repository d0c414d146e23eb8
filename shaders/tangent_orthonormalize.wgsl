// Orthonormal tangent vectors: blocked Gram-Schmidt with reorthogonalization where it is needed, 16 vectors (a panel) at a
// time, each panel made orthonormal by its Cholesky factor.
//
// X = Q R; X becomes Q, logs the logarithms of the diagonal of R. For each panel P of X behind the vectors Q before it:
//   overlap    C = Q^T P
//   subtract   P -= Q C
//   panel      G = P^T P = L L^T, P = P L^-T, three times; pivots below 1e-5 of their diagonal are raised to it, so that
//              the next round has what rounding has spoilt ("shifted CholeskyQR3", Fukaya, Kannan, Nakatsukasa, Yamamoto
//              and Yanagisawa 2020)
// A second pass of the three follows where a vector of P lost nine tenths of its length to the first ("twice is enough").
// Where no more than rounding is left of a vector it is a direction that was lost: it goes on as pseudo-random numbers, and
// its logarithm is -1e30. 1e30 stands where numbers are not finite.
//
// slots     one network each
// vectors   f32, four together, plane `plane`, in place
// overlaps  f32 [k][16]
// logs      f32 [orthonormalization][slot][k]
// again     u32 [slot]: 1 where the panel needs the second pass
// squares   f32 [rows][quads] of four: sums of the squared components of Q, for phase 4
// launch    64 invocations. phase 0, overlap: x: ceil(first / 16); 1, subtract: x: ceil(rows / 16); 2, panel: x: 1;
//           3, all panels of all phases: x: 1; 4, squares: x: ceil(rows quads / 64). y: slots
// cost      2 rows k^2 flops in one pass, 4 in two
// deterministic

// #include "tangents.wgsl"

struct Params {
  slots: u32,
  plane: u32,
  phase: u32,
  // The panel begins at this vector, a multiple of 16.
  first: u32,
  // 0 or 1
  pass_index: u32,
  // Offset in logs of this orthonormalization.
  log_offset: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> slots: array<TangentSlot>;
@group(0) @binding(2) var<storage, read_write> vectors: array<vec4<f32>>;
@group(0) @binding(3) var<storage, read_write> overlaps: array<f32>;
@group(0) @binding(4) var<storage, read_write> logs: array<f32>;
@group(0) @binding(5) var<storage, read_write> again: array<u32>;
@group(0) @binding(6) var<storage, read_write> squares: array<vec4<f32>>;

const OVERLAP = 0u;
const SUBTRACT = 1u;
const PANELS = 2u;
const ALL = 3u;
const SQUARES = 4u;
const PANEL = 16u;
const LANES = 64u;
const LOST = -1e30;
const NOT_FINITE = 1e30;
// Shares of squared lengths: pivots are raised to FLOOR; below ROUNDING nothing but rounding is left; below CANCELLED there is
// a second pass.
const FLOOR = 1e-5;
const ROUNDING = 4e-12;
const CANCELLED = 0.01;
const NOTHING = 1e-36;
const ROUNDS = 3u;

var<workgroup> sums: array<vec4<f32>, 256>;
var<workgroup> gram: array<f32, 256>;
var<workgroup> replaced: array<u32, 16>;
// Squared lengths of the panel's vectors before the first pass.
var<workgroup> lengths: array<f32, 16>;
var<workgroup> flag: u32;
var<private> params_slot: u32;

fn at(slot: TangentSlot, row: u32, quad: u32) -> u32 {
  return slot.x + (params.plane * slot.rows + row) * slot.quads + quad;
}

/// Products of 16 vectors with the panel's 16, into sums[0 .. 63]: sums[4 m + q] holds vector m with quad q of the panel.
fn products(slot: TangentSlot, left_quad: u32, first: u32, lane: u32) {
  let a = left_quad + (lane / 4u) % 4u;
  let b = first / 4u + lane % 4u;
  var sum0 = vec4<f32>(0.0);
  var sum1 = vec4<f32>(0.0);
  var sum2 = vec4<f32>(0.0);
  var sum3 = vec4<f32>(0.0);
  if (a < slot.quads && b < slot.quads) {
    for (var row = lane / 16u; row < slot.rows; row += 4u) {
      let left = vectors[at(slot, row, a)];
      let right = vectors[at(slot, row, b)];
      sum0 += left.x * right;
      sum1 += left.y * right;
      sum2 += left.z * right;
      sum3 += left.w * right;
    }
  }
  let place = (lane / 16u) * 64u + ((lane / 4u) % 4u) * 16u + lane % 4u;
  sums[place] = sum0;
  sums[place + 4u] = sum1;
  sums[place + 8u] = sum2;
  sums[place + 12u] = sum3;
  workgroupBarrier();
  let sum = sums[lane] + sums[lane + 64u] + sums[lane + 128u] + sums[lane + 192u];
  workgroupBarrier();
  sums[lane] = sum;
  workgroupBarrier();
}

fn overlap(slot: TangentSlot, first: u32, tile: u32, lane: u32) {
  products(slot, 4u * tile, first, lane);
  let vector = tile * PANEL + lane / 4u;
  if (vector < first) {
    let place = slot.overlaps + vector * PANEL + 4u * (lane % 4u);
    let sum = sums[lane];
    overlaps[place] = sum.x;
    overlaps[place + 1u] = sum.y;
    overlaps[place + 2u] = sum.z;
    overlaps[place + 3u] = sum.w;
  }
  workgroupBarrier();
}

fn overlap_quad(slot: TangentSlot, vector: u32, quad: u32) -> vec4<f32> {
  let place = slot.overlaps + vector * PANEL + 4u * quad;
  return vec4<f32>(overlaps[place], overlaps[place + 1u], overlaps[place + 2u], overlaps[place + 3u]);
}

fn subtract(slot: TangentSlot, first: u32, tile: u32, lane: u32) {
  let row = tile * PANEL + lane / 4u;
  let quad = lane % 4u;
  if (row < slot.rows && first / 4u + quad < slot.quads) {
    let place = at(slot, row, first / 4u + quad);
    var rest = vectors[place];
    for (var q = 0u; q < first / 4u; q++) {
      let own = vectors[at(slot, row, q)];
      rest -= own.x * overlap_quad(slot, 4u * q, quad) + own.y * overlap_quad(slot, 4u * q + 1u, quad);
      rest -= own.z * overlap_quad(slot, 4u * q + 2u, quad) + own.w * overlap_quad(slot, 4u * q + 3u, quad);
    }
    vectors[place] = rest;
  }
}

/// A number in [-1, 1) for a component of a replaced vector (Jarzynski and Olano 2020, pcg).
fn pseudo_random(row: u32, vector: u32) -> f32 {
  let state = (row * 747796405u + vector) * 747796405u + 2891336453u;
  let word = ((state >> ((state >> 28u) + 4u)) ^ state) * 277803737u;
  return f32(((word >> 22u) ^ word) >> 8u) * 1.1920929e-7 - 1.0;
}

fn factorize(slot: TangentSlot, first: u32, pass_index: u32, round: u32) {
  let width = min(PANEL, slot.count - first);
  for (var j = 0u; j < width; j++) {
    let log_at = params.log_offset + slot.logs + first + j;
    let length = gram[j * PANEL + j];
    if (round == 0u && pass_index == 0u) {
      lengths[j] = length;
      for (var m = 0u; m < first; m++) {
        let share = overlaps[slot.overlaps + m * PANEL + j];
        lengths[j] += share * share;
      }
      logs[log_at] = 0.0;
    }
    // Infinity or NaN, told by its bits: comparisons need not tell NaN in WGSL.
    let finite = (bitcast<u32>(length) & 0x7f800000u) != 0x7f800000u;
    // A row of zeros and a column that is not used leave the others as they are.
    if (!finite || !(length > NOTHING)) {
      replaced[j] = 1u;
      logs[log_at] = select(NOT_FINITE, LOST, finite);
      for (var i = j; i < width; i++) {
        gram[i * PANEL + j] = 0.0;
      }
      for (var m = 0u; m < j; m++) {
        gram[j * PANEL + m] = 0.0;
      }
      gram[j * PANEL + j] = 1.0;
      again[params_slot] = 1u;
      continue;
    }
    var pivot = length;
    for (var m = 0u; m < j; m++) {
      pivot -= gram[j * PANEL + m] * gram[j * PANEL + m];
    }
    let root = sqrt(max(pivot, FLOOR * length));
    if (abs(logs[log_at]) < NOT_FINITE) {
      logs[log_at] += log(root);
      if (round + 1u == ROUNDS && pass_index == 0u) {
        let left = 2.0 * logs[log_at] - log(lengths[j]);
        if (left < log(CANCELLED)) {
          again[params_slot] = 1u;
        }
        if (left < log(ROUNDING)) {
          logs[log_at] = LOST;
        }
      }
    }
    gram[j * PANEL + j] = root;
    for (var i = j + 1u; i < width; i++) {
      var rest = gram[i * PANEL + j];
      for (var m = 0u; m < j; m++) {
        rest -= gram[i * PANEL + m] * gram[j * PANEL + m];
      }
      gram[i * PANEL + j] = rest / root;
    }
  }
}

/// P = P L^-T: forward substitution along each row.
fn solve(slot: TangentSlot, first: u32, lane: u32) {
  let width = min(PANEL, slot.count - first);
  let quads = (width + 3u) / 4u;
  for (var row = lane; row < slot.rows; row += LANES) {
    var values: array<f32, 16>;
    for (var q = 0u; q < quads; q++) {
      let four = vectors[at(slot, row, first / 4u + q)];
      values[4u * q] = four.x;
      values[4u * q + 1u] = four.y;
      values[4u * q + 2u] = four.z;
      values[4u * q + 3u] = four.w;
    }
    for (var j = 0u; j < width; j++) {
      var rest = values[j];
      for (var m = 0u; m < j; m++) {
        rest -= gram[j * PANEL + m] * values[m];
      }
      values[j] = rest / gram[j * PANEL + j];
      if (replaced[j] != 0u) {
        values[j] = pseudo_random(row, first + j);
      }
    }
    for (var q = 0u; q < quads; q++) {
      vectors[at(slot, row, first / 4u + q)] =
        vec4<f32>(values[4u * q], values[4u * q + 1u], values[4u * q + 2u], values[4u * q + 3u]);
    }
  }
}

fn panel(slot: TangentSlot, first: u32, pass_index: u32, lane: u32) {
  for (var round = 0u; round < ROUNDS; round++) {
    if (lane < PANEL) {
      replaced[lane] = 0u;
    }
    products(slot, first / 4u, first, lane);
    for (var c = 0u; c < 4u; c++) {
      gram[4u * lane + c] = sums[lane][c];
    }
    workgroupBarrier();
    if (lane == 0u) {
      if (round == 0u && pass_index == 0u) {
        again[params_slot] = 0u;
      }
      factorize(slot, first, pass_index, round);
    }
    workgroupBarrier();
    solve(slot, first, lane);
    storageBarrier();
    workgroupBarrier();
  }
  if (pass_index == 0u) {
    replace_lost(slot, first, lane);
    storageBarrier();
    workgroupBarrier();
  }
}

/// What rounding has left of a lost direction may well lie along the others: the second pass gets a vector that does not.
fn replace_lost(slot: TangentSlot, first: u32, lane: u32) {
  for (var j = 0u; j < min(PANEL, slot.count - first); j++) {
    if (logs[params.log_offset + slot.logs + first + j] > 0.5 * LOST) {
      continue;
    }
    for (var row = lane; row < slot.rows; row += LANES) {
      vectors[at(slot, row, (first + j) / 4u)][j % 4u] = pseudo_random(row, first + j);
    }
  }
}

/// Whether the second pass is to be done: the same for all invocations.
fn wanted(pass_index: u32, lane: u32) -> bool {
  if (lane == 0u) {
    flag = again[params_slot];
  }
  return workgroupUniformLoad(&flag) != 0u || pass_index == 0u;
}

@compute @workgroup_size(64)
fn main(
  @builtin(workgroup_id) group: vec3<u32>,
  @builtin(num_workgroups) groups: vec3<u32>,
  @builtin(local_invocation_index) lane: u32,
) {
  if (group.y >= params.slots) {
    return;
  }
  params_slot = group.y;
  let slot = slots[group.y];
  let phase = params.phase;
  if (phase == SQUARES) {
    let place = group.x * LANES + lane;
    if (place < slot.rows * slot.quads) {
      let value = vectors[at(slot, 0u, 0u) + place];
      squares[slot.squares + place] += value * value;
    }
    return;
  }
  // Each phase is written once: whatever has barriers in it takes software adapters long to compile.
  let all = phase == ALL;
  let end = select(min(params.first + PANEL, slot.count), slot.count, all);
  for (var first = select(params.first, 0u, all); first < end; first += PANEL) {
    for (var p = select(params.pass_index, 0u, all); p < select(params.pass_index + 1u, 2u, all); p++) {
      if (!wanted(p, lane)) {
        continue;
      }
      if (all || phase == OVERLAP) {
        for (var tile = group.x; tile < first / PANEL; tile += groups.x) {
          overlap(slot, first, tile, lane);
        }
        storageBarrier();
        workgroupBarrier();
      }
      if (all || phase == SUBTRACT) {
        for (var tile = group.x; first > 0u && tile < (slot.rows + PANEL - 1u) / PANEL; tile += groups.x) {
          subtract(slot, first, tile, lane);
        }
        storageBarrier();
        workgroupBarrier();
      }
      if (all || phase == PANELS) {
        panel(slot, first, p, lane);
      }
    }
  }
}
