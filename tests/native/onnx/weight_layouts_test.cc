#include "onnx/weight_layouts.h"

#include <gtest/gtest.h>

#include "../support/onnx_builder.h"

namespace sealedge {
namespace {

using testing::ModelBuilder;
using testing::node;
using testing::Proto;

// A weight whose bytes are not there, as the sealer passes it.
Proto absent(const std::string& name, const std::vector<int64_t>& dims) {
  Proto proto;
  for (int64_t dim : dims) proto.varint(1, static_cast<uint64_t>(dim));
  return proto.varint(2, 1).bytes(8, name).message(13, Proto().bytes(1, "location").bytes(2, "anywhere")).varint(14, 1);
}

const WeightLayouts& find(const std::vector<WeightLayouts>& layouts, const std::string& name) {
  for (const WeightLayouts& entry : layouts) {
    if (entry.name == name) return entry;
  }
  ADD_FAILURE() << "no entry for " << name;
  return layouts.front();
}

TEST(WeightLayoutsTest, FollowTheConsumers) {
  const auto layouts =
      decide_weight_layouts(ModelBuilder()
                                .input("x", {1, 16, 8, 8})
                                .constant(absent("conv", {32, 16, 3, 3}))
                                .constant(absent("bias", {32}))
                                .constant(absent("depthwise", {32, 1, 3, 3}))
                                .constant(absent("dense", {10, 2048}))
                                .constant(absent("product", {10, 10}))
                                .constant(absent("unused", {4, 4}))
                                .add(node("Conv", {"x", "conv", "bias"}, {"a"}))
                                .add(node("Conv", {"a", "depthwise"}, {"b"}, {testing::int_attribute("group", 32)}))
                                .add(node("Flatten", {"b"}, {"c"}))
                                .add(node("Gemm", {"c", "dense"}, {"d"}, {testing::int_attribute("transB", 1)}))
                                .add(node("MatMul", {"d", "product"}, {"y"}))
                                .output("y")
                                .build());
  ASSERT_TRUE(layouts.ok()) << layouts.error().message;
  ASSERT_EQ(layouts->size(), 6u);
  using Placements = std::vector<WeightPlacement>;
  const auto panel16 = WeightLayout::kPanel16;
  EXPECT_EQ(find(*layouts, "conv").placements, (Placements{{panel16, WeightSourceOrder::kConvOIHW, {32, 16, 3, 3}}}));
  EXPECT_EQ(find(*layouts, "depthwise").placements,
            (Placements{{WeightLayout::kDepthwise16, WeightSourceOrder::kConvOIHW, {32, 1, 3, 3}}}));
  EXPECT_EQ(find(*layouts, "dense").placements, (Placements{{panel16, WeightSourceOrder::kGemmNK, {10, 2048}}}));
  EXPECT_EQ(find(*layouts, "product").placements, (Placements{{panel16, WeightSourceOrder::kGemmKN, {10, 10}}}));
  EXPECT_EQ(find(*layouts, "bias").placements, (Placements{{WeightLayout::kPlain, WeightSourceOrder::kNone, {32}}}));
  EXPECT_EQ(find(*layouts, "unused").placements,
            (Placements{{WeightLayout::kPlain, WeightSourceOrder::kNone, {4, 4}}}));
}

TEST(WeightLayoutsTest, SeeThroughReshapeAndTranspose) {
  const auto layouts = decide_weight_layouts(ModelBuilder()
                                                 .input("x", {1, 256})
                                                 .constant(absent("reshaped", {16, 4, 4, 10}))
                                                 .constant(absent("transposed", {20, 10}))
                                                 .constant(testing::int64s("shape", {2}, {256, 10}))
                                                 .add(node("Reshape", {"reshaped", "shape"}, {"r"}))
                                                 .add(node("Transpose", {"transposed"}, {"t"}))
                                                 .add(node("MatMul", {"x", "r"}, {"a"}))
                                                 .add(node("MatMul", {"a", "t"}, {"y"}))
                                                 .output("y")
                                                 .build());
  ASSERT_TRUE(layouts.ok()) << layouts.error().message;
  const WeightPlacement reshaped{WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, {256, 10}};
  const WeightPlacement transposed{WeightLayout::kPanel16, WeightSourceOrder::kGemmNK, {20, 10}};
  EXPECT_EQ(find(*layouts, "reshaped").placements, std::vector{reshaped});
  EXPECT_EQ(find(*layouts, "transposed").placements, std::vector{transposed});
}

TEST(WeightLayoutsTest, ConsumersThatDisagreeGetACopyEach) {
  const auto layouts =
      decide_weight_layouts(ModelBuilder()
                                .input("x", {10, 10})
                                .constant(absent("w", {10, 10}))
                                .add(node("MatMul", {"x", "w"}, {"a"}))
                                .add(node("Gemm", {"a", "w"}, {"b"}, {testing::int_attribute("transB", 1)}))
                                .add(node("Add", {"b", "w"}, {"y"}))
                                .output("y")
                                .build());
  ASSERT_TRUE(layouts.ok()) << layouts.error().message;
  EXPECT_EQ(find(*layouts, "w").placements.size(), 3u);
}

TEST(WeightLayoutsTest, OneWeightInTooManyLayoutsIsRefused) {
  ModelBuilder builder;
  builder.input("x", {1, 1}).constant(absent("w", {1 << 10}));
  for (int64_t i = 0; i < 10; ++i) {
    const std::string n = std::to_string(i);
    builder.constant(testing::int64s("shape" + n, {2}, {1 << i, (1 << 10) >> i}));
    builder.add(node("Reshape", {"w", "shape" + n}, {"r" + n})).add(node("MatMul", {"x", "r" + n}, {"y" + n}));
    builder.output("y" + n);
  }
  const auto layouts = decide_weight_layouts(builder.build());
  ASSERT_FALSE(layouts.ok());
  EXPECT_EQ(layouts.error().code, ErrorCode::kLimitExceeded);
}

}  // namespace
}  // namespace sealedge
