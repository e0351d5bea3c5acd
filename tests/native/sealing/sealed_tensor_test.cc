#include "sealing/sealed_tensor.h"

#include <gtest/gtest.h>

namespace sealedge {
namespace {

TEST(Placement, ComesBack) {
  const SegmentPlacement placement{.segment = 12,
                                   .offset_bytes = 640,
                                   .length_bytes = 1 << 20,
                                   .layout = WeightLayout::kPanel16,
                                   .order = WeightSourceOrder::kConvOIHW,
                                   .dims = {64, 3, 7, 7}};
  EXPECT_EQ(format_placement(placement), "12 640 1048576 panel16 conv_oihw 64x3x7x7");
  const auto parsed = parse_placement(format_placement(placement));
  ASSERT_TRUE(parsed.ok());
  EXPECT_EQ(format_placement(*parsed), format_placement(placement));
}

TEST(Placement, OneSpellingOnly) {
  ASSERT_TRUE(parse_placement("1 0 64 plain none 16").ok());
  for (const char* text : {"",
                           "1 0 64 plain none",
                           "1 0 64 plain none 16 ",
                           " 1 0 64 plain none 16",
                           "1  0 64 plain none 16",
                           "0 0 64 plain none 16",
                           "01 0 64 plain none 16",
                           "+1 0 64 plain none 16",
                           "-1 0 64 plain none 16",
                           "1 32 64 plain none 16",
                           "1 0 64 Plain none 16",
                           "1 0 64 panel32 none 16",
                           "1 0 64 plain gemm_kn 16",
                           "1 0 64 panel16 none 16",
                           "1 0 64 plain none 16x",
                           "1 0 64 plain none x16",
                           "1 0 64 plain none 016",
                           "1 0 64 plain none -16",
                           "1 0 64 plain none",
                           "1 0 99999999999999999999 plain none 16",
                           "1 0 64 plain none 99999999999999999999"}) {
    const auto parsed = parse_placement(text);
    ASSERT_FALSE(parsed.ok()) << text;
    EXPECT_EQ(parsed.error().code, ErrorCode::kModelInvalid);
  }
}

TEST(SealedTensor, EntriesAreClosed) {
  const std::string digest(64, 'a');
  const ExternalEntries good = {
      {"location", "sealed"}, {"sealedge.sha256", digest}, {"sealedge.placement", "1 0 64 plain none 16"}};
  ASSERT_TRUE(parse_sealed_tensor(good).ok());
  ExternalEntries two = good;
  two.emplace_back("sealedge.placement", "2 0 64 panel16 gemm_kn 1x16");
  EXPECT_EQ(parse_sealed_tensor(two)->placements.size(), 2U);
  for (size_t left_out = 0; left_out < good.size(); ++left_out) {
    ExternalEntries entries = good;
    entries.erase(entries.begin() + static_cast<ptrdiff_t>(left_out));
    EXPECT_FALSE(parse_sealed_tensor(entries).ok()) << left_out;
  }
  for (const auto& extra : {good[0], good[1], ExternalEntries::value_type{"offset", "0"}}) {
    ExternalEntries entries = good;
    entries.push_back(extra);
    EXPECT_FALSE(parse_sealed_tensor(entries).ok()) << extra.first;
  }
  EXPECT_FALSE(parse_sealed_tensor({{"location", "weights.bin"}, good[1], good[2]}).ok());
  EXPECT_FALSE(parse_sealed_tensor({good[0], {"sealedge.sha256", std::string(64, 'A')}, good[2]}).ok());
}

TEST(Placement, LengthIsThatOfTheLayout) {
  SegmentPlacement placement{.layout = WeightLayout::kPanel16, .order = WeightSourceOrder::kGemmKN, .dims = {3, 17}};
  EXPECT_EQ(placed_length_bytes(placement, 1, 3 * 17 * 4).value(), 2U * 3 * 16 * 4);
  EXPECT_FALSE(placed_length_bytes(placement, 1, 3 * 16 * 4).ok());
  EXPECT_FALSE(placed_length_bytes(placement, 6, 3 * 17 * 4).ok()) << "blocked layouts are for FLOAT";
  placement = {.dims = {3, 17}};
  EXPECT_EQ(placed_length_bytes(placement, 6, 3 * 17 * 4).value(), 204U);
}

}  // namespace
}  // namespace sealedge
