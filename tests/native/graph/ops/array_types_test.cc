// The operators that move elements, against their definitions: where each element of the output comes from. Random
// ranks, sizes (0 among them), axes counted from either end, and elements of every size.
#include <algorithm>

#include "graph/ops.h"
#include "graph/ops/elementwise/bit_cast.h"
#include "typed_ops.h"

namespace sealedge::testing {
namespace {

size_t count_of(const Dims& dims) { return static_cast<size_t>(element_count(dims)); }
TestTensor shape_of(const std::vector<int64_t>& values) { return i64({static_cast<int64_t>(values.size())}, values); }

// A tensor of the numbers 1, 2, ... in one of four element sizes, and a way to read one back.
TestTensor numbered(const Dims& dims, uint32_t seed) {
  std::vector<int64_t> values(count_of(dims));
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i + 1);
  switch (seed % 4) {
    case 0:
      return typed<uint8_t, int64_t>(dims, values);
    case 1:
      return typed<int16_t, int64_t>(dims, values);
    case 2:
      return typed<float, int64_t>(dims, values);
    default:
      return typed<int64_t, int64_t>(dims, values);
  }
}
int64_t number_at(const TestTensor& tensor, size_t i) {
  switch (tensor.type) {
    case DataType::kUint8:
      return tensor.values<uint8_t>()[i];
    case DataType::kInt16:
      return tensor.values<int16_t>()[i];
    case DataType::kFloat32:
      return static_cast<int64_t>(tensor.values<float>()[i]);
    default:
      return tensor.values<int64_t>()[i];
  }
}

// Every element of `got` is the input's element at from(coordinates).
void expect_from(const TestTensor& got, const TestTensor& input, const Dims& want_dims,
                 const std::function<Dims(const Dims&)>& from) {
  ASSERT_EQ(got.dims, want_dims);
  EXPECT_EQ(got.type, input.type);
  for_each_index(got.dims, [&](const Dims& at) {
    EXPECT_EQ(number_at(got, flat_index(got.dims, at)), number_at(input, flat_index(input.dims, from(at))));
  });
}

int64_t either_end(RandomCase& random, int64_t axis, size_t rank) {
  return random.between(0, 1) == 0 ? axis : axis - static_cast<int64_t>(rank);
}

constexpr uint32_t kCases = 60;

TEST(ArrayTypesTest, Transpose) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(0, 6));
    const Dims dims = random.dims(rank, 3);
    std::vector<int64_t> perm;
    for (size_t d = 0; d < rank; ++d)
      perm.insert(perm.begin() + random.between(0, static_cast<int64_t>(d)), static_cast<int64_t>(d));
    Dims out;
    for (int64_t axis : perm) out.push_back(dims[static_cast<size_t>(axis)]);
    const TestTensor x = numbered(dims, seed);
    expect_from(typed_ok(make_transpose(perm), {x})[0], x, out, [&](const Dims& at) {
      Dims from(rank);
      for (size_t d = 0; d < rank; ++d) from[static_cast<size_t>(perm[d])] = at[d];
      return from;
    });
  }
}

TEST(ArrayTypesTest, SliceWithSteps) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(1, 4));
    const Dims dims = random.dims(rank, 5);
    std::vector<int64_t> starts, ends, axes, steps;
    Dims out = dims, first(rank, 0), step(rank, 1);
    for (size_t d = 0; d < rank; ++d) {
      if (random.between(0, 2) == 0) continue;
      axes.push_back(either_end(random, static_cast<int64_t>(d), rank));
      starts.push_back(random.between(-7, 7));
      ends.push_back(random.between(-7, 7));
      steps.push_back(random.between(0, 1) == 0 ? random.between(1, 3) : random.between(-3, -1));
      // The standard's rule (Slice-13), element by element: backwards the first element taken is at least the first
      // one.
      const int64_t dim = dims[d];
      const auto clamped = [&](int64_t i, int64_t least) {
        if (i < 0) i += dim;
        return steps.back() > 0 ? std::clamp<int64_t>(i, 0, dim) : std::max(std::min(i, dim - 1), least);
      };
      step[d] = steps.back();
      first[d] = clamped(starts.back(), 0);
      const int64_t end = clamped(ends.back(), -1);
      out[d] = 0;
      for (int64_t i = first[d]; dim > 0 && (step[d] > 0 ? i < end : i > end); i += step[d]) ++out[d];
    }
    const TestTensor x = numbered(dims, seed);
    const auto got = typed_ok(make_slice(), {x, shape_of(starts), shape_of(ends), shape_of(axes), shape_of(steps)})[0];
    expect_from(got, x, out, [&](const Dims& at) {
      Dims from(rank);
      for (size_t d = 0; d < rank; ++d) from[d] = first[d] + at[d] * step[d];
      return from;
    });
  }
}

TEST(ArrayTypesTest, ConcatAndSplit) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(1, 4));
    const auto axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(rank) - 1));
    Dims dims = random.dims(rank, 4);
    std::vector<int64_t> sizes;
    for (int64_t i = random.between(1, 4); i > 0; --i) sizes.push_back(random.between(0, 3));
    dims[axis] = 0;
    for (int64_t size : sizes) dims[axis] += size;
    const TestTensor x = numbered(dims, seed);
    const auto parts =
        typed_ok(make_split(either_end(random, static_cast<int64_t>(axis), rank), static_cast<int64_t>(sizes.size())),
                 {x, shape_of(sizes)}, sizes.size());
    int64_t begin = 0;
    for (size_t i = 0; i < sizes.size(); ++i) {
      Dims part = dims;
      part[axis] = sizes[i];
      expect_from(parts[i], x, part, [&](const Dims& at) {
        Dims from = at;
        from[axis] += begin;
        return from;
      });
      begin += sizes[i];
    }
    const auto whole = typed_ok(make_concat(either_end(random, static_cast<int64_t>(axis), rank)), parts)[0];
    EXPECT_EQ(whole.dims, x.dims);
    EXPECT_EQ(whole.bytes, x.bytes);
  }
}

TEST(ArrayTypesTest, ExpandTileAndGather) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const auto rank = static_cast<size_t>(random.between(1, 4));
    const Dims dims = random.dims(rank, 3);
    const TestTensor x = numbered(dims, seed);

    Dims shape = dims;
    for (size_t d = 0; d < rank; ++d)
      shape[d] = dims[d] == 1 ? random.between(0, 3) : random.between(0, 1) == 0 ? 1 : dims[d];
    shape.insert(shape.begin(), random.between(1, 2));
    Dims out = shape;
    for (size_t d = 0; d < rank; ++d) out[d + 1] = dims[d] == 1 ? shape[d + 1] : dims[d];
    expect_from(typed_ok(make_expand(), {x, shape_of(shape)})[0], x, out, [&](const Dims& at) {
      Dims from(at.begin() + 1, at.end());
      for (size_t d = 0; d < rank; ++d) from[d] = dims[d] == 1 ? 0 : from[d];
      return from;
    });

    const std::vector<int64_t> repeats = random.ints(rank, 0, 3);
    Dims tiled = dims;
    for (size_t d = 0; d < rank; ++d) tiled[d] *= repeats[d];
    expect_from(typed_ok(make_tile(), {x, shape_of(repeats)})[0], x, tiled, [&](const Dims& at) {
      Dims from = at;
      for (size_t d = 0; d < rank; ++d) from[d] %= dims[d];
      return from;
    });

    const auto axis = static_cast<size_t>(random.between(0, static_cast<int64_t>(rank) - 1));
    if (dims[axis] == 0) continue;
    const Dims index_dims = random.dims(static_cast<size_t>(random.between(0, 2)), 3);
    const std::vector<int64_t> indices = random.ints(count_of(index_dims), -dims[axis], dims[axis] - 1);
    Dims picked(dims.begin(), dims.begin() + static_cast<ptrdiff_t>(axis));
    picked.insert(picked.end(), index_dims.begin(), index_dims.end());
    picked.insert(picked.end(), dims.begin() + static_cast<ptrdiff_t>(axis) + 1, dims.end());
    const auto got = typed_ok(make_gather(either_end(random, static_cast<int64_t>(axis), rank)),
                              {x, typed<int32_t, int64_t>(index_dims, indices)})[0];
    expect_from(got, x, picked, [&](const Dims& at) {
      const auto middle = at.begin() + static_cast<ptrdiff_t>(axis);
      const Dims place(middle, middle + static_cast<ptrdiff_t>(index_dims.size()));
      const int64_t index = indices[flat_index(index_dims, place)];
      Dims from(at.begin(), middle);
      from.push_back(index < 0 ? index + dims[axis] : index);
      from.insert(from.end(), middle + static_cast<ptrdiff_t>(index_dims.size()), at.end());
      return from;
    });
  }
}

TEST(ArrayTypesTest, WhereBroadcastsThreeOperands) {
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    RandomCase random(seed);
    const Dims out = random.dims(static_cast<size_t>(random.between(0, 4)), 4);
    const auto operand_dims = [&](bool whole) {
      Dims dims = out;
      for (int64_t& dim : dims) dim = !whole && random.between(0, 2) == 0 ? 1 : dim;
      return dims;
    };
    const Dims c_dims = operand_dims(false), x_dims = operand_dims(true), y_dims = operand_dims(false);
    const std::vector<int64_t> condition = random.ints(count_of(c_dims), 0, 2);
    const TestTensor x = numbered(x_dims, seed), y = numbered(y_dims, seed);
    TestTensor mask = typed<uint8_t, int64_t>(c_dims, condition);
    mask.type = DataType::kBool;
    const auto chosen = typed_ok(make_where(), {mask, x, y})[0];
    ASSERT_EQ(chosen.dims, out);
    for_each_index(out, [&](const Dims& at) {
      const bool first = condition[broadcast_index(c_dims, at)] != 0;
      const int64_t want =
          first ? number_at(x, broadcast_index(x_dims, at)) : number_at(y, broadcast_index(y_dims, at));
      EXPECT_EQ(number_at(chosen, flat_index(out, at)), want);
    });
  }
}

TEST(ArrayTypesTest, RangeCountsInEveryType) {
  EXPECT_EQ(typed_ok(make_range(), {scalar_of(int16_t{3}), scalar_of(int16_t{-4}), scalar_of(int16_t{-3})})[0]
                .values<int16_t>(),
            (std::vector<int16_t>{3, 0, -3}));
  EXPECT_EQ(typed_ok(make_range(), {scalar_of(1.0), scalar_of(2.0), scalar_of(0.25)})[0].values<double>(),
            (std::vector<double>{1, 1.25, 1.5, 1.75}));
  EXPECT_EQ(typed_ok(make_range(), {scalar_of(5.0f), scalar_of(1.0f), scalar_of(1.0f)})[0].dims, (Dims{0}));
  // Range-27: 2048 + 1 is 2048 in float16, so sums would stand still.
  const auto halves =
      typed_ok(make_range(), {scalar_of(Float16(2040.0f)), scalar_of(Float16(2060.0f)), scalar_of(Float16(1.0f))})[0];
  ASSERT_EQ(halves.dims, (Dims{20}));
  for (size_t i = 0; i < 20; ++i) {
    EXPECT_EQ(halves.values<Float16>()[i], Float16(2040.0f + static_cast<float>(i)));
  }
  typed_error(make_range(), {scalar_of(Float16(1.0f)), scalar_of(Float16(2.0f)), scalar_of(Float16(0.0f))},
              ErrorCode::kModelInvalid, "zero");
}

TEST(ArrayTypesTest, BitCastKeepsTheBytes) {
  const TestTensor x = f32({2, 2}, {1.0f, -0.0f, std::numeric_limits<float>::quiet_NaN(), 1e-45f});
  const TestTensor bits = typed_ok(make_bit_cast(DataType::kUint32), {x})[0];
  EXPECT_EQ(bits.type, DataType::kUint32);
  EXPECT_EQ(bits.dims, x.dims);
  EXPECT_EQ(bits.bytes, x.bytes);
  EXPECT_EQ(bits.values<uint32_t>()[0], 0x3f800000u);
  EXPECT_EQ(typed_ok(make_bit_cast(DataType::kFloat32), {bits})[0].bytes, x.bytes);
  EXPECT_EQ(typed_ok(make_bit_cast(DataType::kInt8), {typed<uint8_t>({0}, std::vector<uint8_t>{})})[0].dims, (Dims{0}));
  typed_error(make_bit_cast(DataType::kInt64), {x}, ErrorCode::kModelInvalid, "width");
  const TestTensor nibbles = tensor_of<int8_t>(DataType::kInt4, {1}, {-1});
  typed_error(make_bit_cast(DataType::kUint4), {nibbles}, ErrorCode::kOpUnsupported, "from int4 to uint4");
  typed_error(make_bit_cast(DataType::kUint8), {nibbles}, ErrorCode::kOpUnsupported, "from int4 to uint8");
}

}  // namespace
}  // namespace sealedge::testing
