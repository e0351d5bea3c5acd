// Picking, placing, ordering and counting elements, against the standard's definitions on random shapes.
#include "graph/ops/array/selection.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "typed_ops.h"

namespace sealedge::testing {
namespace {

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr int kCases = 60;

size_t count_of(const Dims& dims) { return static_cast<size_t>(element_count(dims)); }

// SplitToSequence with one size: part p of the axis, the last being what is left.
TEST(SelectionTest, PartsOfOneSize) {
  const auto inputs = [](int64_t size, int64_t position, const Dims& dims = {2, 5}) {
    return std::vector<TestTensor>{noise(dims), i64({}, {size}), i64({}, {position})};
  };
  const std::vector<float> x = noise({2, 5}).floats();
  for (int64_t size = 1; size <= 6; ++size) {
    const int64_t parts = (5 + size - 1) / size;
    for (int64_t position = -parts; position < parts; ++position) {
      const int64_t start = (position < 0 ? position + parts : position) * size, count = std::min(size, 5 - start);
      const TestTensor got = typed_ok(make_split_part(1), inputs(size, position))[0];
      ASSERT_EQ(got.dims, (Dims{2, count}));
      for_each_index(got.dims, [&](const Dims& at) {
        EXPECT_EQ(got.floats()[flat_index(got.dims, at)], x[flat_index({2, 5}, {at[0], start + at[1]})]);
      });
    }
    for (const int64_t position : {-parts - 1, parts, INT64_MIN, INT64_MAX}) {
      typed_error(make_split_part(-1), inputs(size, position), ErrorCode::kModelInvalid, "out of range");
    }
  }
  EXPECT_EQ(typed_ok(make_split_part(0), inputs(INT64_MAX, -1))[0].dims, (Dims{2, 5}));
  for (const int64_t size : {int64_t{0}, int64_t{-1}, INT64_MIN}) {
    typed_error(make_split_part(1), inputs(size, 0), ErrorCode::kModelInvalid, "at least 1");
  }
  typed_error(make_split_part(1), inputs(1, 0, {2, 0}), ErrorCode::kModelInvalid, "out of range");
  typed_error(make_split_part(2), inputs(1, 0), ErrorCode::kModelInvalid, "axis");
}

TEST(SelectionTest, TopKIsAStableSortOfEveryLane) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(1, 4));
    const Dims dims = random.dims(rank, 5);
    const int64_t axis = random.between(-static_cast<int64_t>(rank), static_cast<int64_t>(rank) - 1);
    const auto resolved = static_cast<size_t>(axis < 0 ? axis + static_cast<int64_t>(rank) : axis);
    const int64_t k = random.between(0, dims[resolved]);
    const bool largest = random.between(0, 1) == 1;
    const std::vector<int64_t> x = random.ints(count_of(dims), -3, 3);  // many are equal

    const auto got = typed_ok(make_top_k(axis, largest), {i64(dims, x), i64({1}, {k})}, 2);
    Dims out = dims;
    out[resolved] = k;
    EXPECT_EQ(got[0].dims, out);
    EXPECT_EQ(got[1].dims, out);
    for_each_index(out, [&](const Dims& at) {
      std::vector<int64_t> order;
      for (int64_t i = 0; i < dims[resolved]; ++i) order.push_back(i);
      Dims from = at;
      const auto value = [&](int64_t i) {
        from[resolved] = i;
        return x[flat_index(dims, from)];
      };
      // Of equal elements the one with the lower index comes first.
      std::sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
        if (value(a) == value(b)) return a < b;
        return largest ? value(a) > value(b) : value(a) < value(b);
      });
      const int64_t want = order[static_cast<size_t>(at[resolved])];
      EXPECT_EQ(got[1].values<int64_t>()[flat_index(out, at)], want);
      EXPECT_EQ(got[0].values<int64_t>()[flat_index(out, at)], value(want));
    });
  }
}

TEST(SelectionTest, TopKTakesEveryNumberTypeAndPlacesNaN) {
  const auto got = typed_ok(make_top_k(-1, true), {f32({4}, {1, kNaN, 3, 2}), i64({1}, {2})}, 2);
  EXPECT_TRUE(std::isnan(got[0].floats()[0]));
  EXPECT_EQ(got[1].values<int64_t>(), (std::vector<int64_t>{1, 2}));
  const auto least = typed_ok(make_top_k(-1, false), {f32({4}, {kNaN, 5, 3, 2}), i64({1}, {4})}, 2);
  EXPECT_EQ(least[1].values<int64_t>(), (std::vector<int64_t>{3, 2, 1, 0}));
  const auto halves = typed_ok(make_top_k(0, true), {typed<Float16, float>({3}, {1, 3, 2}), i64({1}, {2})}, 2);
  EXPECT_EQ(halves[1].values<int64_t>(), (std::vector<int64_t>{1, 2}));
  const auto bytes = typed_ok(make_top_k(0, true), {typed<uint8_t, int>({3}, {1, 200, 100}), i64({1}, {1})}, 2);
  EXPECT_EQ(bytes[0].values<uint8_t>(), (std::vector<uint8_t>{200}));
  typed_error(make_top_k(0, true), {f32({2}, {1, 2}), i64({1}, {3})}, ErrorCode::kShapeMismatch, "K");
  typed_error(make_top_k(1, true), {f32({2}, {1, 2}), i64({1}, {1})}, ErrorCode::kModelInvalid, "axis");
}

TEST(SelectionTest, OneHotPutsOnValuesWhereIndicesSay) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = random.between(0, 3);
    const Dims dims = random.dims(static_cast<size_t>(rank));
    const int64_t depth = random.between(0, 4), axis = random.between(-rank - 1, rank);
    const std::vector<int64_t> indices = random.ints(count_of(dims), -6, 6);
    const auto got = typed_ok(make_one_hot(axis), {i64(dims, indices), scalar_of(depth), f32({2}, {-1, 7})})[0];
    const int64_t place = axis < 0 ? axis + rank + 1 : axis;
    Dims out = dims;
    out.insert(out.begin() + place, depth);
    EXPECT_EQ(got.dims, out);
    for_each_index(out, [&](const Dims& at) {
      Dims from = at;
      from.erase(from.begin() + place);
      int64_t index = indices[flat_index(dims, from)];
      if (index < 0) index += depth;
      EXPECT_EQ(got.floats()[flat_index(out, at)], index == at[static_cast<size_t>(place)] ? 7 : -1);
    });
  }
  const auto floats = typed_ok(make_one_hot(-1), {f32({2}, {1.0f, kNaN}), scalar_of(2.0f), i64({2}, {0, 1})})[0];
  EXPECT_EQ(floats.values<int64_t>(), (std::vector<int64_t>{0, 1, 0, 0}));
  typed_error(make_one_hot(-1), {i64({1}, {0}), scalar_of(int64_t{-1}), f32({2}, {0, 1})}, ErrorCode::kModelInvalid,
              "depth");
}

TEST(SelectionTest, GatherAndScatterElementsFollowTheStandardsLoops) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(1, 4));
    const Dims dims = random.dims(rank, 4, false);
    const auto axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(rank) - 1));
    Dims picked = dims;
    for (size_t d = 0; d < rank; ++d) picked[d] = d == axis ? random.between(0, 6) : random.between(0, dims[d]);
    const std::vector<int64_t> indices = random.ints(count_of(picked), -dims[axis], dims[axis] - 1);
    const std::vector<float> data = random.floats(count_of(dims)), updates = random.floats(count_of(picked));
    const auto place = [&](const Dims& at) {
      Dims to = at;
      const int64_t index = indices[flat_index(picked, at)];
      to[axis] = index < 0 ? index + dims[axis] : index;
      return flat_index(dims, to);
    };

    const auto signed_axis = static_cast<int64_t>(axis) - (seed % 2 == 0 ? 0 : static_cast<int64_t>(rank));
    const auto got = typed_ok(make_gather_elements(signed_axis), {f32(dims, data), i64(picked, indices)})[0];
    EXPECT_EQ(got.dims, picked);
    for_each_index(picked, [&](const Dims& at) { EXPECT_EQ(got.floats()[flat_index(picked, at)], data[place(at)]); });

    for (const auto reduction : {ScatterReduction::kNone, ScatterReduction::kAdd, ScatterReduction::kMul,
                                 ScatterReduction::kMax, ScatterReduction::kMin}) {
      std::vector<float> want = data;
      for_each_index(picked, [&](const Dims& at) {
        float& to = want[place(at)];
        const float update = updates[flat_index(picked, at)];
        to = reduction == ScatterReduction::kNone  ? update
             : reduction == ScatterReduction::kAdd ? to + update
             : reduction == ScatterReduction::kMul ? to * update
             : reduction == ScatterReduction::kMax ? std::max(to, update)
                                                   : std::min(to, update);
      });
      EXPECT_EQ(typed_ok(make_scatter_elements(signed_axis, reduction),
                         {f32(dims, data), i64(picked, indices), f32(picked, updates)})[0]
                    .floats(),
                want);
    }
  }
  typed_error(make_gather_elements(0), {f32({2}, {1, 2}), i64({1}, {2})}, ErrorCode::kInputInvalid, "out of range");
  typed_error(make_gather_elements(0), {f32({2}, {1, 2}), i64({1, 1}, {0})}, ErrorCode::kShapeMismatch, "do not fit");
  typed_error(make_scatter_elements(0, ScatterReduction::kNone), {f32({2}, {1, 2}), i64({1}, {-3}), f32({1}, {0})},
              ErrorCode::kInputInvalid, "out of range");
}

TEST(SelectionTest, GatherAndScatterNDTakeRowsOfIndices) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = random.between(1, 4), batch = random.between(0, rank - 1),
               depth = random.between(1, rank - batch);
    const Dims dims = random.dims(static_cast<size_t>(rank), 4, false);
    Dims rows(dims.begin(), dims.begin() + batch);
    for (int64_t i = random.between(0, 2); i > 0; --i) rows.push_back(random.between(1, 3));
    Dims index_dims = rows;
    index_dims.push_back(depth);
    std::vector<int64_t> indices(count_of(index_dims));
    for (size_t i = 0; i < indices.size(); ++i) {
      const int64_t dim = dims[static_cast<size_t>(batch) + i % static_cast<size_t>(depth)];
      indices[i] = random.between(-dim, dim - 1);
    }
    const std::vector<float> data = random.floats(count_of(dims));
    Dims out = rows;
    out.insert(out.end(), dims.begin() + batch + depth, dims.end());
    // Coordinates in the data of coordinates in the output.
    const auto place = [&](const Dims& at) {
      Dims from(at.begin(), at.begin() + batch);
      const Dims row(at.begin(), at.begin() + static_cast<ptrdiff_t>(rows.size()));
      for (int64_t i = 0; i < depth; ++i) {
        const int64_t index = indices[flat_index(rows, row) * static_cast<size_t>(depth) + static_cast<size_t>(i)];
        from.push_back(index < 0 ? index + dims[static_cast<size_t>(batch + i)] : index);
      }
      from.insert(from.end(), at.begin() + static_cast<ptrdiff_t>(rows.size()), at.end());
      return flat_index(dims, from);
    };
    const auto got = typed_ok(make_gather_nd(batch), {f32(dims, data), i64(index_dims, indices)})[0];
    EXPECT_EQ(got.dims, out);
    for_each_index(out, [&](const Dims& at) { EXPECT_EQ(got.floats()[flat_index(out, at)], data[place(at)]); });

    if (batch != 0) continue;
    std::vector<float> want = data;
    const std::vector<float> updates = random.floats(count_of(out));
    for_each_index(out, [&](const Dims& at) { want[place(at)] += updates[flat_index(out, at)]; });
    EXPECT_EQ(typed_ok(make_scatter_nd(ScatterReduction::kAdd),
                       {f32(dims, data), i64(index_dims, indices), f32(out, updates)})[0]
                  .floats(),
              want);
  }
  typed_error(make_gather_nd(0), {f32({2}, {1, 2}), i64({1, 1}, {5})}, ErrorCode::kInputInvalid, "out of range");
  typed_error(make_gather_nd(1), {f32({2}, {1, 2}), i64({2, 1}, {0, 0})}, ErrorCode::kShapeMismatch, "do not fit");
  typed_error(make_scatter_nd(ScatterReduction::kNone), {f32({2}, {1, 2}), i64({1, 1}, {0}), f32({2}, {0, 0})},
              ErrorCode::kShapeMismatch, "updates");
}

TEST(SelectionTest, ScatterCombinesEveryType) {
  const auto scatter = [](ScatterReduction reduction, const TestTensor& data, const TestTensor& updates) {
    return typed_ok(make_scatter_elements(0, reduction), {data, i64({2}, {0, 0}), updates})[0];
  };
  EXPECT_EQ(scatter(ScatterReduction::kAdd, typed<uint8_t, int>({1}, {250}), typed<uint8_t, int>({2}, {5, 3}))
                .values<uint8_t>(),
            (std::vector<uint8_t>{2}));
  EXPECT_EQ(scatter(ScatterReduction::kAdd, boolean({1}, {0}), boolean({2}, {0, 7})).bytes, (std::vector<uint8_t>{1}));
  EXPECT_EQ(scatter(ScatterReduction::kMul, boolean({1}, {1}), boolean({2}, {1, 0})).bytes, (std::vector<uint8_t>{0}));
  EXPECT_TRUE(std::isnan(scatter(ScatterReduction::kMax, f32({1}, {kNaN}), f32({2}, {1, 2})).floats()[0]));
  EXPECT_TRUE(std::isnan(scatter(ScatterReduction::kMin, f32({1}, {0}), f32({2}, {kNaN, 2})).floats()[0]));
  EXPECT_EQ(scatter(ScatterReduction::kMul, typed<Float16, float>({1}, {2}), typed<Float16, float>({2}, {3, 0.5f}))
                .values<Float16>()[0],
            3.0f);
}

TEST(SelectionTest, CompressKeepsWhereTheConditionHolds) {
  const TestTensor x = i64({3, 2}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(typed_ok(make_compress(0), {x, boolean({3}, {0, 1, 9})})[0].values<int64_t>(),
            (std::vector<int64_t>{3, 4, 5, 6}));
  EXPECT_EQ(typed_ok(make_compress(-1), {x, boolean({1}, {1})})[0].dims, (Dims{3, 1}));
  EXPECT_EQ(typed_ok(make_compress(std::nullopt), {x, boolean({5}, {0, 1, 0, 0, 1})})[0].values<int64_t>(),
            (std::vector<int64_t>{2, 5}));
  EXPECT_EQ(typed_ok(make_compress(0), {x, boolean({5}, {1, 0, 0, 1, 1})})[0].dims, (Dims{1, 2}))
      << "conditions past the end are not looked at";
  EXPECT_EQ(typed_ok(make_compress(0), {x, boolean({0}, {})})[0].dims, (Dims{0, 2}));
}

TEST(SelectionTest, NonZeroListsCoordinates) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const Dims dims = random.dims(static_cast<size_t>(random.between(1, 4)));
    const std::vector<int64_t> x = random.ints(count_of(dims), 0, 1);
    const auto got = typed_ok(make_non_zero(), {typed<int8_t, int64_t>(dims, x)})[0];
    std::vector<Dims> want;
    for_each_index(dims, [&](const Dims& at) {
      if (x[flat_index(dims, at)] != 0) want.push_back(at);
    });
    ASSERT_EQ(got.dims, (Dims{static_cast<int64_t>(dims.size()), static_cast<int64_t>(want.size())}));
    for (size_t i = 0; i < want.size(); ++i) {
      for (size_t d = 0; d < dims.size(); ++d) EXPECT_EQ(got.values<int64_t>()[d * want.size() + i], want[i][d]);
    }
  }
  EXPECT_EQ(typed_ok(make_non_zero(), {scalar_of(3.0f)})[0].dims, (Dims{0, 1}));
  EXPECT_EQ(typed_ok(make_non_zero(), {f32({4}, {0.0f, -0.0f, kNaN, 1e-45f})})[0].values<int64_t>(),
            (std::vector<int64_t>{2, 3}));
  const Operand unknown = {.present = true, .type = DataType::kFloat32, .dims = {2}};
  EXPECT_FALSE(make_non_zero()->infer({&unknown, 1}).ok());
}

TEST(SelectionTest, UniqueCountsAndNumbersTheDistinct) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const bool sorted = seed % 2 == 0;
    const auto count = static_cast<size_t>(random.between(0, 12));
    const std::vector<int64_t> x = random.ints(count, -2, 2);
    const auto got = typed_ok(make_unique_elements(std::nullopt, sorted), {i64({static_cast<int64_t>(count)}, x)}, 4);
    std::vector<int64_t> distinct;
    for (int64_t value : x) {
      if (std::find(distinct.begin(), distinct.end(), value) == distinct.end()) distinct.push_back(value);
    }
    if (sorted) std::sort(distinct.begin(), distinct.end());
    EXPECT_EQ(got[0].values<int64_t>(), distinct);
    std::vector<int64_t> first, inverse, counts;
    for (int64_t value : distinct) {
      first.push_back(std::find(x.begin(), x.end(), value) - x.begin());
      counts.push_back(std::count(x.begin(), x.end(), value));
    }
    for (int64_t value : x) inverse.push_back(std::find(distinct.begin(), distinct.end(), value) - distinct.begin());
    EXPECT_EQ(got[1].values<int64_t>(), first);
    EXPECT_EQ(got[2].values<int64_t>(), inverse);
    EXPECT_EQ(got[3].values<int64_t>(), counts);
  }
  const auto columns = typed_ok(make_unique_elements(1, true), {f32({2, 3}, {2, 1, 2, 5, 4, 5})}, 4);
  EXPECT_EQ(columns[0].floats(), (std::vector<float>{1, 2, 4, 5}));
  EXPECT_EQ(columns[2].values<int64_t>(), (std::vector<int64_t>{1, 0, 1}));
  const auto nans = typed_ok(make_unique_elements(std::nullopt, true), {f32({4}, {kNaN, 1, kNaN, 0})}, 4);
  EXPECT_EQ(nans[3].values<int64_t>(), (std::vector<int64_t>{1, 1, 2}));
}

TEST(SelectionTest, NonMaxSuppressionDropsOverlaps) {
  const TestTensor boxes = f32({1, 4, 4}, {0, 0, 1, 1, 0, 0.1f, 1, 1.1f, 1, 11, 0, 10, 0, 0, 0, 1});
  const TestTensor scores = f32({1, 2, 4}, {0.9f, 0.75f, 0.9f, 0.1f, 0.1f, 0.9f, 0.3f, kNaN});
  const auto run = [&](int64_t most, float iou, float least) {
    return typed_ok(make_non_max_suppression(false),
                    {boxes, scores, scalar_of(most), scalar_of(iou), f32({1}, {least})})[0];
  };
  EXPECT_EQ(run(3, 0.5f, 0.2f).values<int64_t>(), (std::vector<int64_t>{0, 0, 0, 0, 0, 2, 0, 1, 1, 0, 1, 2}));
  EXPECT_EQ(run(1, 0.5f, 0.2f).dims, (Dims{2, 3}));
  EXPECT_EQ(run(9, 0.99f, 0.0f).dims, (Dims{7, 3})) << "a NaN score is not above the threshold";
  EXPECT_EQ(typed_ok(make_non_max_suppression(false), {boxes, scores})[0].dims, (Dims{0, 3}));
  const TestTensor centred = f32({1, 2, 4}, {0.5f, 0.5f, 1, 1, 0.6f, 0.5f, 1, 1});
  EXPECT_EQ(typed_ok(make_non_max_suppression(true), {centred, f32({1, 1, 2}, {0.1f, 0.2f}), scalar_of(int64_t{5}),
                                                      scalar_of(0.5f), scalar_of(0.0f)})[0]
                .values<int64_t>(),
            (std::vector<int64_t>{0, 0, 1}));
}

TEST(SelectionTest, CumSumAndCumProdRunBothWays) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = random.between(1, 3);
    const Dims dims = random.dims(static_cast<size_t>(rank));
    const int64_t given = random.between(-rank, rank - 1);
    const auto axis = static_cast<size_t>(given < 0 ? given + rank : given);
    const bool exclusive = random.between(0, 1) == 1, reverse = random.between(0, 1) == 1;
    const std::vector<int64_t> x = random.ints(count_of(dims), -9, 9);
    const auto got = typed_ok(make_cumsum(exclusive, reverse), {i64(dims, x), scalar_of(given)})[0];
    const auto products = typed_ok(make_cumprod(exclusive, reverse), {i64(dims, x), scalar_of(given)})[0];
    for_each_index(dims, [&](const Dims& at) {
      int64_t want = 0, product = 1;
      Dims from = at;
      for (from[axis] = 0; from[axis] < dims[axis]; ++from[axis]) {
        const int64_t distance = reverse ? from[axis] - at[axis] : at[axis] - from[axis];
        if (distance < 0 || (distance == 0 && exclusive)) continue;
        want += x[flat_index(dims, from)];
        product *= x[flat_index(dims, from)];
      }
      EXPECT_EQ(products.values<int64_t>()[flat_index(dims, at)], product);
      EXPECT_EQ(got.values<int64_t>()[flat_index(dims, at)], want);
    });
  }
  EXPECT_EQ(typed_ok(make_cumsum(false, false), {typed<Float16, float>({3}, {1, 2, 3}), scalar_of(int32_t{0})})[0]
                .values<Float16>()[2],
            6.0f);
  typed_error(make_cumsum(false, false), {f32({1}, {1}), scalar_of(int64_t{1})}, ErrorCode::kModelInvalid, "axis");
}

// The standard's loop.
TEST(SelectionTest, TensorScatterWritesRowsWhereIndicesSay) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = random.between(2, 4);
    const Dims dims = random.dims(static_cast<size_t>(rank), 4);
    const int64_t axis = random.between(1, rank - 1) - (seed % 2 == 0 ? rank : 0);
    const auto at_axis = static_cast<size_t>(axis < 0 ? axis + rank : axis);
    Dims update_dims = dims;
    update_dims[at_axis] = random.between(0, dims[at_axis]);
    const int64_t rows = dims[at_axis], room = rows - update_dims[at_axis];
    const bool circular = random.between(0, 1) == 1, given = random.between(0, 3) > 0;
    const std::vector<int64_t> cache = random.ints(count_of(dims), 0, 9),
                               update = random.ints(count_of(update_dims), 10, 19);
    std::vector<int64_t> indices;
    for (int64_t b = 0; b < dims[0]; ++b) indices.push_back(given ? random.between(0, circular ? 2 * rows : room) : 0);
    std::vector<int64_t> want = cache;
    for_each_index(update_dims, [&](const Dims& at) {
      Dims to = at;
      to[at_axis] = (indices[static_cast<size_t>(at[0])] + at[at_axis]) % rows;
      want[flat_index(dims, to)] = update[flat_index(update_dims, at)];
    });
    const auto got = typed_ok(make_tensor_scatter(axis, circular), {i64(dims, cache), i64(update_dims, update),
                                                                    given ? i64({dims[0]}, indices) : omitted()});
    EXPECT_EQ(got[0].dims, dims);
    EXPECT_EQ(got[0].values<int64_t>(), want);
  }
  const TestTensor cache = f32({1, 2, 1}, {1, 2}), row = f32({1, 1, 1}, {3});
  const OpPtr op = make_tensor_scatter(-2, false);
  typed_error(op, {cache, row, i64({1}, {2})}, ErrorCode::kInputInvalid, "write_indices");
  typed_error(op, {cache, row, i64({1}, {-1})}, ErrorCode::kInputInvalid, "write_indices");
  typed_error(op, {cache, row, i64({2}, {0, 0})}, ErrorCode::kShapeMismatch, "write_indices");
  typed_error(op, {cache, f32({1, 3, 1}, {1, 2, 3})}, ErrorCode::kShapeMismatch, "does not fit");
  typed_error(make_tensor_scatter(0, false), {cache, row}, ErrorCode::kModelInvalid, "batch");
}

TEST(SelectionTest, TriluAndEyeLikeFollowTheDiagonal) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    Dims dims = random.dims(static_cast<size_t>(random.between(2, 4)));
    const bool upper = seed % 2 == 0;
    const int64_t k = seed % 7 == 0 ? (upper ? INT64_MAX : INT64_MIN) : random.between(-5, 5);
    const std::vector<int64_t> x = random.ints(count_of(dims), 1, 9);
    const auto got = typed_ok(make_trilu(upper), {typed<uint16_t, int64_t>(dims, x), scalar_of(k)})[0];
    for_each_index(dims, [&](const Dims& at) {
      const int64_t row = at[dims.size() - 2], column = at.back();
      const bool kept = upper ? column - row >= k : column - row <= k;
      const size_t i = flat_index(dims, at);
      EXPECT_EQ(got.values<uint16_t>()[i], kept ? x[i] : 0);
    });
    dims.resize(2);
    const auto eye = typed_ok(make_eye_like(DataType::kFloat64, k),
                              {typed<BoolByte, bool>(dims, std::vector<bool>(count_of(dims), true))})[0];
    for_each_index(dims, [&](const Dims& at) {
      EXPECT_EQ(eye.values<double>()[flat_index(dims, at)], at[1] - at[0] == k ? 1 : 0);
    });
  }
  EXPECT_EQ(typed_ok(make_trilu(true), {i64({2, 2}, {1, 2, 3, 4})})[0].values<int64_t>(),
            (std::vector<int64_t>{1, 2, 0, 4}));
}

TEST(SelectionTest, HardmaxMarksTheFirstLargest) {
  EXPECT_EQ(typed_ok(make_hardmax(-1, false), {f32({2, 3}, {1, 3, 3, 2, kNaN, 9})})[0].floats(),
            (std::vector<float>{0, 1, 0, 0, 1, 0}));
  EXPECT_EQ(typed_ok(make_hardmax(0, false), {f32({2, 2}, {1, 3, 2, 0})})[0].floats(),
            (std::vector<float>{0, 1, 1, 0}));
  EXPECT_EQ(typed_ok(make_hardmax(0, true), {f32({2, 2}, {1, 3, 2, 0})})[0].floats(), (std::vector<float>{0, 1, 0, 0}));
  EXPECT_EQ(typed_ok(make_hardmax(2, true), {f32({1, 2}, {1, 3})})[0].floats(), (std::vector<float>{1, 1}));
}

TEST(SelectionTest, ReverseSequenceTurnsTheFirstStepsRound) {
  const TestTensor x = i64({2, 3}, {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(typed_ok(make_reverse_sequence(0, 1), {x, i64({2}, {2, 3})})[0].values<int64_t>(),
            (std::vector<int64_t>{2, 1, 3, 6, 5, 4}));
  EXPECT_EQ(typed_ok(make_reverse_sequence(1, 0), {x, i64({3}, {0, 2, 1})})[0].values<int64_t>(),
            (std::vector<int64_t>{1, 5, 3, 4, 2, 6}));
  typed_error(make_reverse_sequence(0, 1), {x, i64({2}, {2, 4})}, ErrorCode::kInputInvalid, "sequence length");
  typed_error(make_reverse_sequence(0, 0), {x, i64({2}, {2, 3})}, ErrorCode::kModelInvalid, "batch_axis");
}

TEST(SelectionTest, CenterCropPadCutsAndPads) {
  const TestTensor x = i64({5}, {1, 2, 3, 4, 5});
  const auto to = [&](int64_t size) {
    return typed_ok(make_center_crop_pad(std::nullopt), {x, i64({1}, {size})})[0].values<int64_t>();
  };
  EXPECT_EQ(to(3), (std::vector<int64_t>{2, 3, 4}));
  EXPECT_EQ(to(2), (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(to(8), (std::vector<int64_t>{0, 1, 2, 3, 4, 5, 0, 0}));
  EXPECT_EQ(to(0), (std::vector<int64_t>{}));
  EXPECT_EQ(typed_ok(make_center_crop_pad(std::vector<int64_t>{-1}), {i64({2, 2}, {1, 2, 3, 4}), i64({1}, {1})})[0]
                .values<int64_t>(),
            (std::vector<int64_t>{1, 3}));
}

TEST(SelectionTest, TfIdfCountsGramsOfThePool) {
  TfIdfAttributes attributes;
  attributes.min_gram_length = 1;
  attributes.max_gram_length = 2;
  attributes.pool = {7, 5, 5, 6, 7, 8};  // 7; 5; 5 6; 7 8
  attributes.ngram_counts = {0, 2};
  attributes.ngram_indexes = {1, 0, 4, 2};
  const TestTensor x = i64({2, 5}, {5, 6, 7, 8, 5, 7, 7, 9, 8, 6});
  EXPECT_EQ(typed_ok(make_tf_idf(attributes), {x})[0].floats(), (std::vector<float>{2, 1, 1, 0, 1, 0, 2, 0, 0, 0}));
  attributes.max_skip_count = 1;  // 7 . 8 counts too; single items are not counted twice
  EXPECT_EQ(typed_ok(make_tf_idf(attributes), {x})[0].floats(), (std::vector<float>{2, 1, 1, 0, 1, 0, 2, 1, 0, 0}));
  attributes.max_skip_count = 2;
  attributes.mode = TfIdfMode::kTfIdf;
  const TestTensor weights = f32({4}, {1, 2, 3, 4});
  EXPECT_EQ(typed_ok(make_tf_idf(attributes), {x, weights})[0].floats(),
            (std::vector<float>{4, 1, 4, 0, 3, 0, 2, 8, 0, 0}));
  EXPECT_EQ(typed_ok(make_tf_idf(attributes), {x})[0].floats(), (std::vector<float>{2, 1, 1, 0, 1, 0, 2, 2, 0, 0}));
  typed_error(make_tf_idf(attributes), {x, f32({3}, {1, 2, 3})}, ErrorCode::kModelInvalid, "weights");
  attributes.mode = TfIdfMode::kIdf;
  EXPECT_EQ(typed_ok(make_tf_idf(attributes), {i64({3}, {5, 5, 7}), weights})[0].floats(),
            (std::vector<float>{2, 1, 0, 0, 0}));
  attributes.ngram_counts = {0, 3};
  typed_error(make_tf_idf(attributes), {x}, ErrorCode::kModelInvalid, "ngram_counts");
}

}  // namespace
}  // namespace sealedge::testing
