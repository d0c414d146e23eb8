// Products of matrices, one for each slot: C = A B, or C += A B; A and B as they are stored or transposed.
//
// sizes   one for each slot: A is rows x inner, B inner x columns; a size of 0 leaves C alone
// a, b, c f32, row by row: the matrix of slot n begins at *_at + n *_slot, its stored rows are *_row apart
// launch  x: tiles of 32 columns of C, y: tiles of 32 rows, z: slots; 64 threads, each with 4 x 4 elements
// cost    2 flops a rows x inner x columns; 8 B a 32 flops from memory
// deterministic: each element is summed in the order of `inner`
//
// Tiles of 32 x 32 in workgroup memory, as in "Programming Massively Parallel Processors" (Kirk, Hwu), chapter 4.

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

const TILE = 32u;

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
  let own_row = lane / 8u * 4u;
  let own_column = lane % 8u * 4u;
  var sums: array<vec4f, 4>;
  for (var base = 0u; base < size.inner; base += TILE) {
    for (var e = lane; e < TILE * TILE; e += 64u) {
      let major = e / TILE;
      let minor = e % TILE;
      // Neighbouring threads read neighbouring elements, whichever way a matrix is stored.
      let a_row = first_row + select(major, minor, params.a_transposed == 1u);
      let a_inner = base + select(minor, major, params.a_transposed == 1u);
      var a_value = 0.0;
      if (a_row < size.rows && a_inner < size.inner) {
        a_value = a[a_at + select(a_row * params.a_row + a_inner, a_inner * params.a_row + a_row, params.a_transposed == 1u)];
      }
      left[(a_row - first_row) * TILE + a_inner - base] = a_value;
      let b_inner = base + select(major, minor, params.b_transposed == 1u);
      let b_column = first_column + select(minor, major, params.b_transposed == 1u);
      var b_value = 0.0;
      if (b_column < size.columns && b_inner < size.inner) {
        b_value = b[b_at + select(b_inner * params.b_row + b_column, b_column * params.b_row + b_inner, params.b_transposed == 1u)];
      }
      right[(b_inner - base) * TILE + b_column - first_column] = b_value;
    }
    workgroupBarrier();
    for (var k = 0u; k < TILE; k++) {
      let at = k * TILE + own_column;
      let row = vec4f(right[at], right[at + 1u], right[at + 2u], right[at + 3u]);
      for (var r = 0u; r < 4u; r++) { sums[r] += left[(own_row + r) * TILE + k] * row; }
    }
    workgroupBarrier();
  }
  for (var r = 0u; r < 4u; r++) {
    let row = first_row + own_row + r;
    if (row >= size.rows) { break; }
    for (var k = 0u; k < 4u; k++) {
      let column = first_column + own_column + k;
      if (column >= size.columns) { break; }
      let at = c_at + row * params.c_row + column;
      if (params.accumulate == 1u) { c[at] += sums[r][k]; } else { c[at] = sums[r][k]; }
    }
  }
}
