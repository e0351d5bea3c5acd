// The operators that move elements, against values worked out by hand, in both formats where that matters.
#include <gtest/gtest.h>

#include <cstring>
#include <numeric>

#include "graph/ops.h"

namespace sealedge {
namespace {

// A float32 tensor; contents in row-major order, handed to the operator in `format`.
struct Given {
  Dims dims;
  std::vector<float> values;
  Format format = Format::kRowMajor;
};

Operand operand(const Dims& dims, DataType type = DataType::kFloat32) {
  Operand result;
  result.present = true;
  result.type = type;
  result.dims = dims;
  return result;
}

Operand ints(const std::vector<int64_t>& values) {
  Operand result = operand({static_cast<int64_t>(values.size())}, DataType::kInt64);
  result.constant = true;
  result.data = reinterpret_cast<const uint8_t*>(values.data());
  return result;
}

// Reorders between row-major and a format, both ways.
std::vector<float> rearrange(const std::vector<float>& values, const Dims& dims, Format format, bool back) {
  const std::vector<int64_t> strides = strides_of(dims, format);
  std::vector<float> result(values.size());
  std::vector<int64_t> index(dims.size(), 0);
  for (size_t i = 0; i < values.size(); ++i) {
    size_t at = 0;
    for (size_t d = 0; d < dims.size(); ++d) at += static_cast<size_t>(index[d] * strides[d]);
    (back ? result[i] : result[at]) = back ? values[at] : values[i];
    for (size_t d = dims.size(); d-- > 0 && ++index[d] == dims[d];) index[d] = 0;
  }
  return result;
}

struct Made {
  Dims dims;
  std::vector<float> values;  // row-major
  bool view = false;
};

// Runs op on given (plus constant arguments after it) and checks that the result has `outputs` outputs of one element
// type.
std::vector<Made> run(const OpPtr& op, const std::vector<Given>& given, const std::vector<Operand>& arguments = {},
                      size_t outputs = 1) {
  std::vector<Operand> inputs;
  std::vector<std::vector<float>> memory;
  for (const Given& g : given) {
    inputs.push_back(operand(g.dims));
    inputs.back().format = g.format;
    memory.push_back(rearrange(g.values, g.dims, g.format, false));
  }
  inputs.insert(inputs.end(), arguments.begin(), arguments.end());
  const auto facts = op->infer(inputs);
  if (!facts.ok()) {
    ADD_FAILURE() << facts.error().message;
    return {};
  }
  std::vector<Operand> made;
  for (size_t i = 0; i < outputs; ++i) made.push_back(operand((*facts)[i].dims, (*facts)[i].type));
  const FormatChoice formats = op->choose_formats(inputs, made);
  for (size_t i = 0; i < outputs; ++i) made[i].format = formats.outputs[i];
  for (size_t i = 0; i < given.size(); ++i) EXPECT_EQ(formats.inputs[i], inputs[i].format) << "reads any format";

  OpSetup setup;
  setup.inputs = inputs;
  setup.outputs = made;
  const auto kernel = op->prepare(setup);
  if (!kernel.ok()) {
    ADD_FAILURE() << kernel.error().message;
    return {};
  }
  std::vector<const uint8_t*> in;
  for (const auto& values : memory) in.push_back(reinterpret_cast<const uint8_t*>(values.data()));
  for (const Operand& argument : arguments) in.push_back(argument.data);
  std::vector<std::vector<float>> results;
  std::vector<uint8_t*> out;
  for (const Operand& output : made) results.emplace_back(static_cast<size_t>(element_count(output.dims)), -99.0f);
  for (auto& values : results) out.push_back(reinterpret_cast<uint8_t*>(values.data()));
  std::vector<uint8_t> scratch((*kernel)->scratch_bytes() + 64);
  RunArgs args;
  args.inputs = in;
  args.outputs = out;
  args.scratch = scratch.data();
  EXPECT_TRUE((*kernel)->run(args).ok());

  std::vector<Made> all;
  for (size_t i = 0; i < outputs; ++i) {
    all.push_back({made[i].dims, rearrange(results[i], made[i].dims, made[i].format, true), false});
  }
  all[0].view = op->output_is_view(inputs, made);
  if (all[0].view && !given.empty()) {
    EXPECT_EQ(results[0], memory[0]) << "a view must have the input's bytes";
  }
  return all;
}

std::vector<float> count(size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

TEST(ArrayOpsTest, TransposeReadsBothFormats) {
  for (Format format : {Format::kRowMajor, Format::kChannelsLast}) {
    const auto made = run(make_transpose({0, 2, 1}), {{{1, 2, 3}, {0, 1, 2, 3, 4, 5}, format}});
    EXPECT_EQ(made[0].dims, (Dims{1, 3, 2}));
    EXPECT_EQ(made[0].values, (std::vector<float>{0, 3, 1, 4, 2, 5}));
    EXPECT_TRUE(made[0].view) << "from one format to the other no byte moves";
  }
  EXPECT_TRUE(run(make_transpose({0, 3, 1, 2}), {{{1, 2, 2, 3}, count(12)}})[0].view) << "becomes channels-last";
  EXPECT_EQ(run(make_transpose({}), {{{2, 3}, count(6)}})[0].values, (std::vector<float>{0, 3, 1, 4, 2, 5}));
}

TEST(ArrayOpsTest, ConcatMixesFormats) {
  const Given left{{1, 2, 1, 2}, {0, 1, 2, 3}, Format::kChannelsLast};
  const Given right{{1, 1, 1, 2}, {4, 5}};
  const auto made = run(make_concat(1), {left, right});
  EXPECT_EQ(made[0].dims, (Dims{1, 3, 1, 2}));
  EXPECT_EQ(made[0].values, (std::vector<float>{0, 1, 2, 3, 4, 5}));
  EXPECT_EQ(run(make_concat(-1), {{{2, 1}, {0, 1}}, {{2, 0}, {}}, {{2, 2}, {2, 3, 4, 5}}})[0].values,
            (std::vector<float>{0, 2, 3, 1, 4, 5}));
}

TEST(ArrayOpsTest, SplitIsTheInverse) {
  const std::vector<int64_t> sizes = {1, 3};
  const auto made = run(make_split(1, 2), {{{2, 4}, count(8)}}, {ints(sizes)}, 2);
  EXPECT_EQ(made[0].values, (std::vector<float>{0, 4}));
  EXPECT_EQ(made[1].values, (std::vector<float>{1, 2, 3, 5, 6, 7}));
  const auto uneven = run(make_split(0, 2), {{{3}, count(3)}}, {}, 2);
  EXPECT_EQ(uneven[0].values, (std::vector<float>{0, 1}));
  EXPECT_EQ(uneven[1].values, (std::vector<float>{2}));
}

TEST(ArrayOpsTest, SliceClampsAndReverses) {
  const auto slice = [](int64_t start, int64_t end, int64_t step) {
    const std::vector<int64_t> starts = {start}, ends = {end}, axes = {0}, steps = {step};
    return run(make_slice(), {{{5}, count(5)}}, {ints(starts), ints(ends), ints(axes), ints(steps)})[0].values;
  };
  using Values = std::vector<float>;
  EXPECT_EQ(slice(1, 3, 1), (Values{1, 2}));
  EXPECT_EQ(slice(-2, INT64_MAX, 1), (Values{3, 4}));
  EXPECT_EQ(slice(0, 100, 2), (Values{0, 2, 4}));
  EXPECT_EQ(slice(-1, INT64_MIN, -1), (Values{4, 3, 2, 1, 0}));
  EXPECT_EQ(slice(3, 0, -2), (Values{3, 1}));
  EXPECT_EQ(slice(4, 2, 1), (Values{}));
  EXPECT_EQ(slice(-9, -10, -1), (Values{0})) << "backward, a start is clamped to the first element, not before it";
  EXPECT_EQ(slice(-9, 0, -1), (Values{}));
  EXPECT_EQ(slice(0, 5, INT64_MAX), (Values{0}));
  EXPECT_EQ(slice(4, INT64_MIN, INT64_MIN + 1), (Values{4}));
  const std::vector<int64_t> starts = {1}, ends = {2}, axes = {1};
  EXPECT_EQ(
      run(make_slice(), {{{1, 2, 1, 3}, count(6), Format::kChannelsLast}}, {ints(starts), ints(ends), ints(axes)})[0]
          .values,
      (Values{3, 4, 5}));
}

TEST(ArrayOpsTest, PadHasFourModes) {
  const auto pad = [](const char* mode, const std::vector<int64_t>& pads) {
    return run(make_pad(mode), {{{3}, {1, 2, 3}}}, {ints(pads)})[0].values;
  };
  using Values = std::vector<float>;
  EXPECT_EQ(pad("constant", {1, 2}), (Values{0, 1, 2, 3, 0, 0}));
  EXPECT_EQ(pad("constant", {-1, 1}), (Values{2, 3, 0}));
  EXPECT_EQ(pad("edge", {2, 1}), (Values{1, 1, 1, 2, 3, 3}));
  EXPECT_EQ(pad("reflect", {2, 2}), (Values{3, 2, 1, 2, 3, 2, 1}));
  EXPECT_EQ(pad("wrap", {1, 2}), (Values{3, 1, 2, 3, 1, 2}));
  EXPECT_EQ(make_pad("mirror"), nullptr);
  // Both dimensions, corners included.
  const std::vector<int64_t> both = {1, 1, 0, 0};
  EXPECT_EQ(run(make_pad("edge"), {{{2, 2}, {1, 2, 3, 4}}}, {ints(both)})[0].values,
            (Values{1, 1, 2, 1, 1, 2, 3, 3, 4}));
}

TEST(ArrayOpsTest, ExpandAndTileRepeat) {
  const std::vector<int64_t> shape = {2, 1, 2}, repeats = {2, 2};
  const auto expanded = run(make_expand(), {{{3, 1}, {1, 2, 3}}}, {ints(shape)});
  EXPECT_EQ(expanded[0].dims, (Dims{2, 3, 2}));
  EXPECT_EQ(expanded[0].values, (std::vector<float>{1, 1, 2, 2, 3, 3, 1, 1, 2, 2, 3, 3}));
  EXPECT_EQ(run(make_tile(), {{{1, 2}, {1, 2}}}, {ints(repeats)})[0].values,
            (std::vector<float>{1, 2, 1, 2, 1, 2, 1, 2}));
}

TEST(ArrayOpsTest, ReshapeRules) {
  const auto shape_of = [](const Dims& dims, const std::vector<int64_t>& shape, bool allow_zero = false) {
    const Operand inputs[] = {operand(dims), ints(shape)};
    const auto facts = make_reshape(allow_zero)->infer(inputs);
    return facts.ok() ? (*facts)[0].dims : Dims{-99};
  };
  EXPECT_EQ(shape_of({2, 3, 4}, {0, -1}), (Dims{2, 12}));
  EXPECT_EQ(shape_of({2, 3, 4}, {4, 6}), (Dims{4, 6}));
  EXPECT_EQ(shape_of({0, 3}, {0, 5}, true), (Dims{0, 5}));
  EXPECT_EQ(shape_of({2, 3}, {-1, -1}), (Dims{-99}));
  EXPECT_EQ(shape_of({2, 3}, {4, -1}), (Dims{-99}));
  EXPECT_EQ(shape_of({2, 3}, {-2, 3}), (Dims{-99}));
  EXPECT_EQ(shape_of({2, 3}, {7}), (Dims{-99}));
  EXPECT_EQ(shape_of({2, 3}, {6, 1, 0}), (Dims{-99}));
  EXPECT_EQ(shape_of({6}, {INT64_MAX, INT64_MAX}), (Dims{-99}));
}

TEST(ArrayOpsTest, SqueezeUnsqueezeFlattenShapes) {
  const auto dims_of = [](const OpPtr& op, std::vector<Operand> inputs) {
    const auto facts = op->infer(inputs);
    return facts.ok() ? (*facts)[0].dims : Dims{-99};
  };
  const std::vector<int64_t> axes = {0, -1}, twice = {1, 1}, one = {1};
  EXPECT_EQ(dims_of(make_squeeze(), {operand({1, 2, 1})}), (Dims{2}));
  EXPECT_EQ(dims_of(make_squeeze(), {operand({1, 2, 1}), ints(axes)}), (Dims{2}));
  EXPECT_EQ(dims_of(make_squeeze(), {operand({1, 2, 1}), ints(one)}), (Dims{-99}));
  EXPECT_EQ(dims_of(make_unsqueeze(), {operand({2}), ints(axes)}), (Dims{1, 2, 1}));
  EXPECT_EQ(dims_of(make_unsqueeze(), {operand({2}), ints(twice)}), (Dims{-99}));
  EXPECT_EQ(dims_of(make_flatten(-1), {operand({2, 3, 4})}), (Dims{6, 4}));
  EXPECT_EQ(dims_of(make_flatten(3), {operand({2, 3, 4})}), (Dims{24, 1}));
  EXPECT_EQ(dims_of(make_flatten(4), {operand({2, 3, 4})}), (Dims{-99}));
}

}  // namespace
}  // namespace sealedge
