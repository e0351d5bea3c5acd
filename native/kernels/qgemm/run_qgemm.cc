#include "kernels/qgemm/run_qgemm.h"

#include <algorithm>
#include <cassert>
#include <cstring>

#include "kernels/dispatch.h"
#include "kernels/parallel.h"
#include "kernels/qgemm/qgemm_tile.h"

namespace sealedge {
namespace {

constexpr size_t kLanes = 16;
constexpr size_t kQuadBytes = 64;  // four steps of K of one panel
constexpr size_t kSumBytes = 64;
// Several panels are taken as one piece while they fit in about half of L1.
constexpr size_t kGroupBytes = 16 * 1024;
constexpr size_t kMaxGroup = 8;
// Rows whose partial sums are kept between two pieces of a deep K.
constexpr size_t kDeepRows = 64;

// What a tile needs of one panel besides its weights, with lanes outside the range zero.
struct PanelLanes {
  alignas(64) int32_t start[kLanes];
  alignas(64) int32_t weight_zero[kLanes];
  alignas(64) float multiplier[kLanes];
  size_t lane_begin, lane_end;
};

PanelLanes panel_lanes(const Q8RunGemm& g, const Q8GemmFamily& family, size_t panel, const uint8_t* sums) {
  PanelLanes lanes = {};
  const size_t column = panel * kLanes;
  lanes.lane_begin = g.lane_first > column ? g.lane_first - column : 0;
  lanes.lane_end = std::min(kLanes, g.lane_first + g.lanes - column);
  const auto zero = static_cast<uint32_t>(g.a_zero + family.a_bias[g.a_signed]);
  for (size_t lane = lanes.lane_begin; lane < lanes.lane_end; lane++) {
    uint32_t sum;
    std::memcpy(&sum, sums + lane * sizeof sum, sizeof sum);
    const uint32_t bias = g.bias ? static_cast<uint32_t>(g.bias[column + lane]) : 0;
    lanes.start[lane] = static_cast<int32_t>(bias - zero * sum);
    if (g.weight_zero) lanes.weight_zero[lane] = g.weight_zero[column + lane];
    if (g.epilogue.multiplier) lanes.multiplier[lane] = g.epilogue.multiplier[column + lane];
  }
  return lanes;
}

class Multiplier {
 public:
  Multiplier(const Q8RunGemm& g, const Q8GemmFamily& family) : g_(g), family_(family) {
    tile_.epilogue = g.epilogue;
    tile_.c_stride_bytes = g.c_stride * q8_output_bytes(g.epilogue.output);
    tile_.row_terms = nullptr;
  }

  // Panels whose whole K is one piece: `pieces` holds `count` of them, sums in front. Tiles of nearly equal height.
  void whole_panels(const uint8_t* pieces, size_t first, size_t count, Part rows) {
    const size_t quads = g_.runs * g_.run_length / 4;
    const size_t panel_bytes = kSumBytes + quads * kQuadBytes;
    PanelLanes lanes[kMaxGroup];
    for (size_t p = 0; p < count; p++) lanes[p] = panel_lanes(g_, family_, first + p, pieces + p * panel_bytes);
    set_runs(g_.run_offsets, g_.runs, g_.run_length);
    tile_.partial = nullptr;
    tile_.last = true;
    RowCursor<uint8_t> cursor(g_.rows, rows.begin);
    each_tile(rows, [&](size_t m, size_t height) {
      cursor.take(rows_, height);
      for (size_t p = 0; p < count; p++) {
        tile_.panel = reinterpret_cast<const int8_t*>(pieces + p * panel_bytes + kSumBytes);
        tile_.start = lanes[p].start;
        run_tile(lanes[p], first + p, m, height);
      }
    });
  }

  // One panel whose K takes several pieces: rows in blocks, whose sums are kept between the pieces.
  void deep_panel(const WeightSource& b, size_t panel, Part rows, unsigned slot) {
    const size_t total = g_.runs * g_.run_length;
    const size_t panel_offset = panel * (kSumBytes + total / 4 * kQuadBytes);
    const uint8_t* sums = b.panel(panel_offset, kSumBytes, slot);
    const PanelLanes lanes = panel_lanes(g_, family_, panel, sums);
    b.release(slot);
    for (size_t m0 = rows.begin; m0 < rows.end; m0 += kDeepRows) {
      deep_block(b, panel, panel_offset + kSumBytes, lanes, {m0, std::min(rows.end, m0 + kDeepRows)}, slot);
    }
  }

 private:
  void deep_block(const WeightSource& b, size_t panel, size_t offset, const PanelLanes& lanes, Part rows,
                  unsigned slot) {
    constexpr size_t kMost = kMaxPanelBytes / kQuadBytes * 4;  // steps of K in one piece
    alignas(64) int32_t partial[kDeepRows * kLanes];
    const size_t total = g_.runs * g_.run_length;
    for (size_t k = 0; k < total;) {
      const size_t run = k / g_.run_length, within = k % g_.run_length;
      const ptrdiff_t run_offset = g_.run_offsets[run] + static_cast<ptrdiff_t>(within);
      size_t steps = std::min(kMost, g_.run_length - within);
      if (g_.run_length <= kMost) {
        const size_t runs = std::min(kMost / g_.run_length, g_.runs - run);
        set_runs(g_.run_offsets + run, runs, g_.run_length);
        steps = runs * g_.run_length;
      } else {
        set_runs(&run_offset, 1, steps);
      }
      tile_.panel = reinterpret_cast<const int8_t*>(b.panel(offset + k * kLanes, steps * kLanes, slot));
      tile_.start = k == 0 ? lanes.start : nullptr;
      tile_.last = k + steps == total;
      RowCursor<uint8_t> cursor(g_.rows, rows.begin);
      each_tile(rows, [&](size_t m, size_t height) {
        cursor.take(rows_, height);
        tile_.partial = partial + (m - rows.begin) * kLanes;
        run_tile(lanes, panel, m, height);
      });
      b.release(slot);
      k += steps;
    }
  }

  void set_runs(const ptrdiff_t* offsets, size_t runs, size_t length) {
    tile_.rows_a = rows_;
    tile_.run_offsets = offsets;
    tile_.runs = runs;
    tile_.run_quads = length / 4;
  }

  template <typename Body>
  void each_tile(Part rows, Body body) {
    const size_t size = rows.end - rows.begin;
    const size_t tiles = (size + family_.max_rows - 1) / family_.max_rows;
    for (size_t t = 0; t < tiles; t++) {
      const Part part = part_of(size, t, tiles);
      body(rows.begin + part.begin, part.end - part.begin);
    }
  }

  void run_tile(const PanelLanes& lanes, size_t panel, size_t m, size_t height) {
    tile_.lane_begin = lanes.lane_begin;
    tile_.lane_end = lanes.lane_end;
    tile_.weight_zero = lanes.weight_zero;
    if (g_.row_terms) tile_.row_terms = g_.row_terms + m;
    tile_.epilogue.multiplier = lanes.multiplier;
    tile_.c = g_.c + (m * g_.c_stride + panel * kLanes) * q8_output_bytes(g_.epilogue.output);
    family_.tile[g_.a_signed][height - 1](tile_);
  }

  const Q8RunGemm& g_;
  const Q8GemmFamily& family_;
  const uint8_t* rows_[kMaxQ8GemmRows];
  Q8GemmTile tile_;
};

void multiply_range(const Q8RunGemm& g, const Q8GemmFamily& family, const WeightSource& b, Part panels, Part rows,
                    unsigned slot) {
  Multiplier multiplier(g, family);
  const size_t panel_bytes = kSumBytes + g.runs * g.run_length / 4 * kQuadBytes;
  if (panel_bytes > kMaxPanelBytes) {
    for (size_t p = panels.begin; p < panels.end; p++) multiplier.deep_panel(b, p, rows, slot);
    return;
  }
  const size_t group = std::clamp<size_t>(kGroupBytes / panel_bytes, 1, kMaxGroup);
  for (size_t p = panels.begin; p < panels.end; p += group) {
    const size_t count = std::min(group, panels.end - p);
    multiplier.whole_panels(b.panel(p * panel_bytes, count * panel_bytes, slot), p, count, rows);
    b.release(slot);
  }
}

}  // namespace

void q8_run_gemm(const Q8RunGemm& g, const WeightSource& b, const KernelContext& context) {
  const size_t m = g.rows.count();
  if (m == 0 || g.lanes == 0) return;
  assert(g.run_length % 4 == 0);
  const Q8GemmFamily& family = *context.kernels->q8_gemm;
  const Part panels = {g.lane_first / kLanes, (g.lane_first + g.lanes + kLanes - 1) / kLanes};
  const size_t panel_count = panels.end - panels.begin, steps = g.runs * g.run_length;
  assert(b.size_bytes() >= panels.end * (kSumBytes + steps / 4 * kQuadBytes));

  // As the float driver shares work, at about four multiply-adds of bytes for one of floats.
  const size_t row_parts = parts_for(context.parallel, m, (steps * g.lanes + 3) / 4, 4 * family.max_rows);
  const size_t panel_parts = parts_for(context.parallel, panel_count, steps * kLanes * std::max(m, kMoveWork) / 4);
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

}  // namespace sealedge
