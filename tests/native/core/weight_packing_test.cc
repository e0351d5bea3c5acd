#include "core/weight_packing.h"

#include <gtest/gtest.h>

#include <memory>
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
    pack_weight(*geometry, reinterpret_cast<const uint8_t*>(row_major.data()),
                reinterpret_cast<uint8_t*>(packed.data()));
    for (size_t i = 0; i < packed.size(); ++i) {
      const size_t lane = i / (geometry->depth() * 16) * 16 + i % 16;
      const size_t k = i / 16 % geometry->depth();
      ASSERT_EQ(packed[i], expected_element(c, *geometry, row_major, lane, k)) << i;
    }
    std::vector<float> back(row_major.size(), -1.0F);
    unpack_weight(*geometry, reinterpret_cast<const uint8_t*>(packed.data()), reinterpret_cast<uint8_t*>(back.data()));
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
  pack_weight(*geometry, reinterpret_cast<const uint8_t*>(row_major.data()), reinterpret_cast<uint8_t*>(packed.data()));
  unpack_weight(*geometry, reinterpret_cast<const uint8_t*>(packed.data()), reinterpret_cast<uint8_t*>(back.data()));
  EXPECT_EQ(std::memcmp(back.data(), bits.data(), bits.size() * 4), 0);
}

// The value of element (lane, k) as the packed int8, by the formulas of SPEC.md "Layouts".
int8_t expected_byte(const Case& c, const WeightGeometry& g, const std::vector<uint8_t>& w, size_t lane, size_t k) {
  if (lane >= g.lanes || k >= g.depth()) return 0;
  size_t at = (lane * g.inputs + k % g.inputs) * g.taps + k / g.inputs;
  if (c.order == WeightSourceOrder::kGemmKN) at = k * g.lanes + lane;
  if (c.order == WeightSourceOrder::kGemmNK) at = lane * g.inputs + k;
  return is_unsigned_layout(c.layout) ? static_cast<int8_t>(w[at] - 128) : static_cast<int8_t>(w[at]);
}

TEST(WeightPacking, OfBytesFollowsTheFormulasAndComesBack) {
  std::vector<Case> cases_of_bytes;
  for (const Case& c : cases()) {
    const bool depthwise = c.layout == WeightLayout::kDepthwise16;
    for (auto layout : {depthwise ? WeightLayout::kInt8Depthwise16 : WeightLayout::kInt8Panel16,
                        depthwise ? WeightLayout::kUint8Depthwise16 : WeightLayout::kUint8Panel16}) {
      cases_of_bytes.push_back({layout, c.order, c.dims});
    }
  }
  std::mt19937 random(8);
  for (const Case& c : cases_of_bytes) {
    const auto geometry = weight_geometry(c.layout, c.order, c.dims);
    ASSERT_TRUE(geometry.ok());
    std::vector<uint8_t> row_major(geometry->row_major_bytes());
    for (uint8_t& byte : row_major) byte = static_cast<uint8_t>(random());
    std::vector<uint8_t> packed(geometry->size_bytes, 0xee);
    pack_weight(*geometry, row_major.data(), packed.data());
    ASSERT_EQ(geometry->size_bytes % 64, 0U);
    const size_t depth = (geometry->depth() + 3) / 4 * 4;
    const bool depthwise = is_depthwise_layout(c.layout);
    for (size_t panel = 0; panel < geometry->panels; ++panel) {
      const uint8_t* bytes = packed.data() + panel * geometry->panel_size_bytes();
      for (size_t lane = 0; lane < 16; ++lane) {
        int32_t sum = 0;
        for (size_t k = 0; k < depth; ++k) {
          const int8_t want = expected_byte(c, *geometry, row_major, panel * 16 + lane, k);
          const size_t at = depthwise ? k * 16 + lane : 64 + (k / 4 * 16 + lane) * 4 + k % 4;
          ASSERT_EQ(static_cast<int8_t>(bytes[at]), want) << "lane " << lane << " k " << k;
          sum += want;
        }
        int32_t stored;
        std::memcpy(&stored, bytes + lane * 4, 4);
        if (!depthwise) ASSERT_EQ(stored, sum);
      }
    }
    std::vector<uint8_t> back(row_major.size(), 0xee);
    unpack_weight(*geometry, packed.data(), back.data());
    ASSERT_EQ(back, row_major);
  }
}

TEST(WeightPacking, SaysWhereEachElementLies) {
  std::vector<Case> all = cases();
  const size_t floats = all.size();
  for (size_t i = 0; i < floats; ++i) {
    const bool depthwise = all[i].layout == WeightLayout::kDepthwise16;
    for (WeightLayout layout : {depthwise ? WeightLayout::kInt8Depthwise16 : WeightLayout::kInt8Panel16,
                                depthwise ? WeightLayout::kUint8Depthwise16 : WeightLayout::kUint8Panel16}) {
      all.push_back({layout, all[i].order, all[i].dims});
    }
  }
  for (const Case& c : all) {
    const auto geometry = weight_geometry(c.layout, c.order, c.dims);
    ASSERT_TRUE(geometry.ok());
    const size_t size = geometry->element_bytes();
    const size_t count = geometry->row_major_bytes() / size;
    const auto packed_words = std::make_unique<uint32_t[]>(geometry->size_bytes / 4);  // aligned
    auto* packed = reinterpret_cast<uint8_t*>(packed_words.get());
    std::vector<uint32_t> row_major_words((count * size + 3) / 4);
    auto* row_major = reinterpret_cast<uint8_t*>(row_major_words.data());
    for (size_t i = 0; i < count * size; ++i) row_major[i] = static_cast<uint8_t>(i * 37 + i / 251);
    pack_weight(*geometry, row_major, packed);
    for (size_t i = 0; i < count; ++i) {
      const size_t at = packed_offset_bytes(*geometry, i);
      ASSERT_LE(at + size, geometry->size_bytes);
      for (size_t byte = 0; byte < size; ++byte) {
        const auto flip = static_cast<uint8_t>(is_unsigned_layout(c.layout) ? 0x80 : 0);
        ASSERT_EQ(packed[at + byte] ^ flip, row_major[i * size + byte]) << i;
      }
    }
  }
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
