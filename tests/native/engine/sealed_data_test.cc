#include "engine/sealed_data.h"

#include <gtest/gtest.h>

namespace sealedge {
namespace {

TEST(SealedPlacementTest, ReadsWhatTheSpecificationWrites) {
  const auto sealed = parse_sealed_placement("3 128 36864 panel16 conv_oihw 64x16x3x3");
  ASSERT_TRUE(sealed.ok());
  EXPECT_EQ(sealed->segment, 3u);
  EXPECT_EQ(sealed->offset_bytes, 128u);
  EXPECT_EQ(sealed->length_bytes, 36864u);
  EXPECT_EQ(sealed->placement, (WeightPlacement{WeightLayout::kPanel16, WeightSourceOrder::kConvOIHW, {64, 16, 3, 3}}));
  EXPECT_TRUE(parse_sealed_placement("1 0 4000 plain none 1000").ok());
  EXPECT_TRUE(parse_sealed_placement("1 0 576 depthwise16 conv_oihw 16x1x3x3").ok());
}

TEST(SealedPlacementTest, RefusesEverythingElse) {
  for (const char* text : {"",
                           "1 0 64 plain none",
                           "1 0 64 plain none 16 x",
                           "1  0 64 plain none 16",
                           "0 0 64 plain none 16",
                           "01 0 64 plain none 16",
                           "1 32 64 plain none 16",
                           "1 -64 64 plain none 16",
                           "1 +0 64 plain none 16",
                           "1 0 64 Plain none 16",
                           "1 0 64 plain gemm_kn 16",
                           "1 0 64 panel16 none 4x4",
                           "1 0 64 panel16 gemm 4x4",
                           "1 0 64 plain none 4x",
                           "1 0 64 plain none x4",
                           "1 0 64 plain none 4x04",
                           "1 0 64 plain none 4 ",
                           "1 0 99999999999999999999 plain none 16",
                           "1 0 64 plain none 1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1",
                           "1 0 64 plain none 1099511627777",
                           "1 0 64 plain none 1099511627776x2"}) {
    EXPECT_FALSE(parse_sealed_placement(text).ok()) << text;
  }
}

}  // namespace
}  // namespace sealedge
