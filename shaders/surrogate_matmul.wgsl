// Products of matrices, one for each slot: C = A B, or C += A B; A and B as they are stored or transposed.
//
// sizes   one for each slot: A is rows x inner, B inner x columns; a size of 0 leaves C alone
// a, b, c f32, row by row: the matrix of slot n begins at *_at + n *_slot, its stored rows are *_row apart
// launch  x: tiles of 64 columns of C, y: tiles of 64 rows, z: slots; 64 threads, each with 8 x 8 elements
// cost    2 flops a rows x inner x columns; 8 B a 64 flops from memory
// deterministic: each element is summed in the order of `inner`
//
// Tiles of 64 x 16 in workgroup memory, as in "Programming Massively Parallel Processors" (Kirk, Hwu), chapter 4.

struct Params {
  slots: u32,
  a_transposed: u32,
  a_at: u32,
  a_slot: u32,
  a_row: u32,
  b_transposed: u32,
  b_at: u32,
  b_slot: u32,
  b_row: u32,
  c_at: u32,
  c_slot: u32,
  c_row: u32,
  accumulate: u32,
}

struct Size {
  rows: u32,
  inner: u32,
  columns: u32,
}

@group(0) @binding(0) var<uniform> params: Params;
@group(0) @binding(1) var<storage, read> sizes: array<Size>;
@group(0) @binding(2) var<storage, read> a: array<f32>;
@group(0) @binding(3) var<storage, read> b: array<f32>;
@group(0) @binding(4) var<storage, read_write> c: array<f32>;

// Of C in a workgroup along each side, of a thread, and of the inner side at a time.
const TILE = 64u;
const OWN = 8u;
const DEPTH = 16u;

var<workgroup> left: array<f32, 1024>;
var<workgroup> right: array<f32, 1024>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let slot = group.z;
  if (slot >= params.slots) { return; }
  let size = sizes[slot];
  let first_row = group.y * TILE;
  let first_column = group.x * TILE;
  if (size.inner == 0u || first_row >= size.rows || first_column >= size.columns) { return; }
  let a_at = params.a_at + slot * params.a_slot;
  let b_at = params.b_at + slot * params.b_slot;
  let c_at = params.c_at + slot * params.c_slot;
  let own_row = lane / 8u * OWN;
  let own_column = lane % 8u * OWN;
  let a_down = params.a_transposed == 1u;
  let b_down = params.b_transposed == 1u;
  var sums: array<vec4f, 16>;
  for (var base = 0u; base < size.inner; base += DEPTH) {
    for (var e = lane; e < TILE * DEPTH; e += 64u) {
      // Neighbouring threads read neighbouring elements, whichever way a matrix is stored.
      let row = first_row + select(e / DEPTH, e % TILE, a_down);
      let a_inner = base + select(e % DEPTH, e / TILE, a_down);
      var a_value = 0.0;
      if (row < size.rows && a_inner < size.inner) {
        a_value = a[a_at + select(row * params.a_row + a_inner, a_inner * params.a_row + row, a_down)];
      }
      left[(a_inner - base) * TILE + row - first_row] = a_value;
      let column = first_column + select(e % TILE, e / DEPTH, b_down);
      let b_inner = base + select(e / TILE, e % DEPTH, b_down);
      var b_value = 0.0;
      if (column < size.columns && b_inner < size.inner) {
        b_value = b[b_at + select(b_inner * params.b_row + column, column * params.b_row + b_inner, b_down)];
      }
      right[(b_inner - base) * TILE + column - first_column] = b_value;
    }
    workgroupBarrier();
    for (var k = 0u; k < DEPTH; k++) {
      let at = k * TILE + own_column;
      let near = vec4f(right[at], right[at + 1u], right[at + 2u], right[at + 3u]);
      let far = vec4f(right[at + 4u], right[at + 5u], right[at + 6u], right[at + 7u]);
      for (var r = 0u; r < OWN; r++) {
        let value = left[k * TILE + own_row + r];
        sums[2u * r] += value * near;
        sums[2u * r + 1u] += value * far;
      }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < OWN; r++) {
    let row = first_row + own_row + r;
    if (row >= size.rows) { break; }
    for (var k = 0u; k < OWN; k++) {
      let column = first_column + own_column + k;
      if (column >= size.columns) { break; }
      let at = c_at + row * params.c_row + column;
      let value = sums[2u * r + k / 4u][k % 4u];
      if (params.accumulate == 1u) { c[at] += value; } else { c[at] = value; }
    }
  }
}
