#include "kernels/gemm/run_gemm.h"

#include <algorithm>
#include <cassert>

#include "kernels/dispatch.h"
#include "kernels/gemm/gemm.h"
#include "kernels/gemm/gemm_tile.h"
#include "kernels/parallel.h"

namespace sealedge {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kStepBytes = kLanes * sizeof(float);  // one k of one panel
constexpr size_t kMaxSteps = kMaxPanelBytes / kStepBytes;
// Several panels are taken as one piece while they fit in about half of L1.
constexpr size_t kGroupBytes = 16 * 1024;

// Steps of K that are multiplied with one piece of one or more panels.
struct KPiece {
  const ptrdiff_t* run_offsets;
  size_t runs;
  size_t run_length;
  bool first;
  bool last;
};

// What one panel of B holds.
size_t panel_steps(const F32RunGemm& g) { return g.panel_steps == 0 ? g.runs * g.run_length : g.panel_steps; }

// What no tile does in registers, on `height` rows of C from c_row on, in the columns of `count` panels.
void finish_rows(const F32RunGemm& g, size_t first, size_t count, size_t c_row, size_t height) {
  const size_t begin = std::max(g.lane_first, first * kLanes);
  const size_t end = std::min(g.lane_first + g.lanes, (first + count) * kLanes);
  float* c = g.c + c_row * g.c_stride + begin;
  if (end - begin == g.c_stride) return g.epilogue.after(g.epilogue.after_params, c, c, height * g.c_stride);
  for (size_t i = 0; i < height; i++, c += g.c_stride) g.epilogue.after(g.epilogue.after_params, c, c, end - begin);
}

// Rows of A that lie a multiple of 4 KiB apart (1,024 channels) fall into one set of L1, whose 8 ways must hold a line
// of each and of the panel: a taller tile would take every element of A from L2.
constexpr size_t kAliasBytes = 4096;
constexpr size_t kMaxAliasedRows = 7;

size_t most_rows_of_a_tile(const RunRows& rows) {
  int d = 3;
  while (d > 0 && rows.size[d] == 1) d--;
  return rows.stride[d] * sizeof(float) % kAliasBytes == 0 ? kMaxAliasedRows : kMaxGemmRows;
}

// The next `size` rows of the cursor times the panels first..first + count of one piece, all of the same K range,
// into rows of C that follow one another from c_row on.
void multiply_segment(const F32RunGemm& g, const F32GemmFamily& family, const KPiece& k, const float* panels,
                      size_t first, size_t count, RowCursor<float>* cursor, size_t size, size_t c_row) {
  const size_t steps = k.runs * k.run_length;
  const size_t lanes_end = g.lane_first + g.lanes;
  const bool narrow = count == 1 && lanes_end <= first * kLanes + 8;
  const auto* tiles = narrow ? family.narrow_tile : family.tile;
  const size_t max_rows = std::min(narrow ? family.narrow_max_rows : family.max_rows, most_rows_of_a_tile(g.rows));
  // Tiles of nearly equal height: 25 rows are 13 + 12, not 14 + 11, as the accumulators of a short tile cannot hide FMA
  // latency.
  const size_t tile_count = (size + max_rows - 1) / max_rows;

  const float* rows[kMaxGemmRows];
  F32Epilogue epilogue = g.epilogue;
  F32GemmTile tile;
  tile.rows_a = rows;
  tile.run_offsets = k.run_offsets;
  tile.runs = k.runs;
  tile.run_length = k.run_length;
  tile.c_stride = g.c_stride;
  tile.accumulate = !k.first;
  tile.epilogue = k.last ? &epilogue : nullptr;
  for (size_t t = 0; t < tile_count; t++) {
    const Part part = part_of(size, t, tile_count);
    const size_t height = part.end - part.begin;
    cursor->take(rows, height);
    const auto multiply = tiles[height - 1];
    for (size_t p = 0; p < count; p++) {
      const size_t column = (first + p) * kLanes;
      tile.panel = panels + p * steps * kLanes;
      tile.c = g.c + c_row * g.c_stride + column;
      tile.lane_begin = g.lane_first > column ? g.lane_first - column : 0;
      tile.lane_end = std::min(kLanes, lanes_end - column);
      if (k.last) {
        if (g.epilogue.scale) epilogue.scale = g.epilogue.scale + column;
        if (g.epilogue.shift) epilogue.shift = g.epilogue.shift + column;
        if (g.epilogue.residual) epilogue.residual = g.epilogue.residual + c_row * g.epilogue.residual_stride + column;
      }
      multiply(tile);
    }
    if (k.last && g.epilogue.after) finish_rows(g, first, count, c_row, height);
    c_row += height;
  }
}

// Rows m0..m1 times the panels.
void multiply_piece(const F32RunGemm& g, const F32GemmFamily& family, const KPiece& k, const float* panels,
                    size_t first, size_t count, size_t m0, size_t m1) {
  RowCursor<float> cursor(g.rows, m0);
  if (g.c_segment == 0) return multiply_segment(g, family, k, panels, first, count, &cursor, m1 - m0, m0);
  for (size_t m = m0; m < m1;) {
    const size_t within = m % g.c_segment, size = std::min(g.c_segment - within, m1 - m);
    multiply_segment(g, family, k, panels, first, count, &cursor, size, m / g.c_segment * g.c_segment_step + within);
    m += size;
  }
}

// One panel whose K does not fit one piece: whole runs per piece where they fit, else parts of one run.
void multiply_deep_panel(const F32RunGemm& g, const F32GemmFamily& family, const WeightSource& b, size_t panel,
                         size_t m0, size_t m1, unsigned slot) {
  const size_t total = g.runs * g.run_length;
  const size_t origin = panel * panel_steps(g) + g.first_step;
  for (size_t k = 0; k < total;) {
    const size_t run = k / g.run_length, within = k % g.run_length;
    const ptrdiff_t offset = g.run_offsets[run] + static_cast<ptrdiff_t>(within);
    KPiece piece = {};
    if (g.run_length <= kMaxSteps) {
      piece.run_offsets = g.run_offsets + run;
      piece.runs = std::min(kMaxSteps / g.run_length, g.runs - run);
      piece.run_length = g.run_length;
    } else {
      piece.run_offsets = &offset;
      piece.runs = 1;
      piece.run_length = std::min(kMaxSteps, g.run_length - within);
    }
    const size_t steps = piece.runs * piece.run_length;
    piece.first = k == 0 && !g.accumulate;
    piece.last = k + steps == total && g.finish;
    const uint8_t* bytes = b.panel((origin + k) * kStepBytes, steps * kStepBytes, slot);
    multiply_piece(g, family, piece, reinterpret_cast<const float*>(bytes), panel, 1, m0, m1);
    b.release(slot);
    k += steps;
  }
}

void multiply_range(const F32RunGemm& g, const F32GemmFamily& family, const WeightSource& b, Part panels, Part rows,
                    unsigned slot) {
  const size_t total = g.runs * g.run_length;
  if (total > kMaxSteps) {
    for (size_t p = panels.begin; p < panels.end; p++) multiply_deep_panel(g, family, b, p, rows.begin, rows.end, slot);
    return;
  }
  const size_t panel_bytes = total * kStepBytes, panel_step_bytes = panel_steps(g) * kStepBytes;
  // Parts of panels are not contiguous, and come one by one.
  const bool alone = panel_bytes == 0 || panel_bytes != panel_step_bytes;
  const size_t group = alone ? 1 : std::max<size_t>(1, kGroupBytes / panel_bytes);
  const KPiece piece = {g.run_offsets, g.runs, g.run_length, !g.accumulate, g.finish};
  for (size_t p = panels.begin; p < panels.end; p += group) {
    const size_t count = std::min(group, panels.end - p);
    if (panel_bytes == 0) {
      multiply_piece(g, family, piece, nullptr, p, count, rows.begin, rows.end);
      continue;
    }
    const uint8_t* bytes = b.panel(p * panel_step_bytes + g.first_step * kStepBytes, count * panel_bytes, slot);
    multiply_piece(g, family, piece, reinterpret_cast<const float*>(bytes), p, count, rows.begin, rows.end);
    b.release(slot);
  }
}

}  // namespace

void f32_run_gemm(const F32RunGemm& g, const WeightSource& b, const KernelContext& context) {
  const size_t m = g.rows.count();
  if (m == 0 || g.lanes == 0) return;
  const F32GemmFamily& family = *context.kernels->f32_gemm;
  const Part panels = {g.lane_first / kLanes, (g.lane_first + g.lanes + kLanes - 1) / kLanes};
  assert(b.size_bytes() >= panels.end * panel_steps(g) * kStepBytes);
  const size_t panel_count = panels.end - panels.begin;

  // Threads share panels if there are enough of them, as then each panel is fetched by one thread only; otherwise rows.
  const size_t steps = g.runs * g.run_length;
  const size_t row_parts = parts_for(context.parallel, m, steps * g.lanes, 4 * family.max_rows);
  // With few rows, reading a panel takes longer than multiplying it.
  const size_t panel_parts = parts_for(context.parallel, panel_count, steps * kLanes * std::max(m, kMoveWork));
  if (panel_parts >= row_parts) {
    parallel_for(context.parallel, panel_parts, [&](size_t index, unsigned slot) {
      const Part part = part_of(panel_count, index, panel_parts);
      multiply_range(g, family, b, {panels.begin + part.begin, panels.begin + part.end}, {0, m}, slot);
    });
  } else {
    parallel_for(context.parallel, row_parts, [&](size_t index, unsigned slot) {
      multiply_range(g, family, b, panels, part_of(m, index, row_parts), slot);
    });
  }
}

void f32_gemm(const F32GemmParams& params, const WeightSource& b, const KernelContext& context) {
  assert(b.size_bytes() == f32_panel16_bytes(params.k, params.n));
  const ptrdiff_t start = 0;
  f32_run_gemm({.rows = {params.a, {1, 1, 1, params.m}, {0, 0, 0, params.a_stride}},
                .run_offsets = &start,
                .runs = 1,
                .run_length = params.k,
                .lane_first = 0,
                .lanes = params.n,
                .c = params.c,
                .c_stride = params.c_stride,
                .epilogue = params.epilogue},
               b, context);
}

void f32_pack_panel16(const float* b, size_t k, size_t n, size_t k_stride, size_t n_stride, float* out) {
  for (size_t first = 0; first < n; first += kLanes) {
    const size_t lanes = std::min(kLanes, n - first);
    for (size_t row = 0; row < k; row++, out += kLanes) {
      const float* from = b + row * k_stride + first * n_stride;
      for (size_t lane = 0; lane < lanes; lane++) out[lane] = from[lane * n_stride];
      for (size_t lane = lanes; lane < kLanes; lane++) out[lane] = 0.0f;
    }
  }
}

}  // namespace sealedge
