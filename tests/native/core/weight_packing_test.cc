#include "core/weight_packing.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace sealedge {
namespace {

struct Case {
  WeightLayout layout;
  WeightSourceOrder order;
  std::vector<int64_t> dims;
};

std::vector<Case> cases() {
  std::vector<Case> out;
  for (int64_t o : {1, 15, 16, 17, 40}) {
    out.push_back({WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, {o, 3, 3, 2}});
    out.push_back({WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, {o, 5, 7}});
    out.push_back({WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, {o, 2, 2, 1, 3}});
    out.push_back({WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, {9, o}});
    out.push_back({WeightLayout::kPanel16, WeightSourceOrder::kGemmNK, {o, 9}});
    out.push_back({WeightLayout::kDepthwise16, WeightSourceOrder::kConvOIHW, {o, 1, 3, 3}});
  }
  return out;
}

std::vector<float> distinct_values(size_t count) {
  std::vector<float> values(count);
  for (size_t i = 0; i < count; ++i) values[i] = static_cast<float>(i) + 0.5F;
  return values;
}

// The formulas of SPEC.md "Layouts", one element at a time.
float expected_element(const Case& c, const WeightGeometry& g, const std::vector<float>& w, size_t lane, size_t k) {
  if (lane >= g.lanes) return 0.0F;
  switch (c.order) {
    case WeightSourceOrder::kGemmKN:
      return w[k * g.lanes + lane];
    case WeightSourceOrder::kGemmNK:
      return w[lane * g.inputs + k];
    default: {
      const size_t tap = k / g.inputs;
      const size_t input = k % g.inputs;
      return w[(lane * g.inputs + input) * g.taps + tap];
    }
  }
}

TEST(WeightPacking, FollowsTheFormulasAndComesBack) {
  for (const Case& c : cases()) {
    const auto geometry = weight_geometry(c.layout, c.order, c.dims);
    ASSERT_TRUE(geometry.ok());
    const std::vector<float> row_major = distinct_values(geometry->lanes * geometry->depth());
    std::vector<float> packed(geometry->size_bytes / sizeof(float), -1.0F);
    ASSERT_EQ(packed.size(), (geometry->lanes + 15) / 16 * 16 * geometry->depth());
    pack_weight(*geometry, row_major.data(), packed.data());
    for (size_t i = 0; i < packed.size(); ++i) {
      const size_t lane = i / (geometry->depth() * 16) * 16 + i % 16;
      const size_t k = i / 16 % geometry->depth();
      ASSERT_EQ(packed[i], expected_element(c, *geometry, row_major, lane, k)) << i;
    }
    std::vector<float> back(row_major.size(), -1.0F);
    unpack_weight(*geometry, packed.data(), back.data());
    ASSERT_EQ(back, row_major);
  }
}

TEST(WeightPacking, KeepsEveryBitOfEveryFloat) {
  const auto geometry =
      weight_geometry(WeightLayout::kPanel16, WeightSourceOrder::kGemmKN, std::vector<int64_t>{64, 33});
  ASSERT_TRUE(geometry.ok());
  std::mt19937 random(16);
  std::vector<uint32_t> bits(64 * 33);
  for (uint32_t& word : bits)
    word = static_cast<uint32_t>(random()) | (random() % 3 == 0 ? 0x7F800001U : 0U);  // NaNs too
  std::vector<float> row_major(bits.size());
  std::memcpy(row_major.data(), bits.data(), bits.size() * 4);
  std::vector<float> packed(geometry->size_bytes / 4);
  std::vector<float> back(row_major.size());
  pack_weight(*geometry, row_major.data(), packed.data());
  unpack_weight(*geometry, packed.data(), back.data());
  EXPECT_EQ(std::memcmp(back.data(), bits.data(), bits.size() * 4), 0);
}

TEST(WeightPacking, RefusesWhatDoesNotFit) {
  using L = WeightLayout;
  using O = WeightSourceOrder;
  const int64_t huge = int64_t{1} << 40;
  for (const Case& c : std::initializer_list<Case>{{L::kPlain, O::kNone, {4, 4}},
                                                   {L::kPlain, O::kGemmKN, {4, 4}},
                                                   {L::kPanel16, O::kNone, {4, 4}},
                                                   {L::kPanel16, O::kConvOIHW, {4, 4}},
                                                   {L::kPanel16, O::kGemmKN, {4}},
                                                   {L::kPanel16, O::kGemmNK, {4}},
                                                   {L::kPanel16, O::kGemmKN, {0, 4}},
                                                   {L::kPanel16, O::kGemmKN, {-1, 4}},
                                                   {L::kPanel16, O::kGemmKN, {huge, huge}},
                                                   {L::kPanel16, O::kConvOIHW, {4, huge, huge}},
                                                   {L::kDepthwise16, O::kConvOIHW, {4, 2, 3, 3}},
                                                   {L::kDepthwise16, O::kGemmKN, {4, 1}}}) {
    const auto geometry = weight_geometry(c.layout, c.order, c.dims);
    ASSERT_FALSE(geometry.ok());
    EXPECT_EQ(geometry.error().code, ErrorCode::kModelInvalid);
  }
}

}  // namespace
}  // namespace sealedge
