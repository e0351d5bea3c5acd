#include "core/cpu_features.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>

#include "../support/emulation.h"

namespace sealedge {
namespace {

TEST(CpuFeatures, AgreeWithTheActiveIsa) {
  const CpuFeatures& features = cpu_features();
  switch (active_isa()) {
    case Isa::kScalar:
      EXPECT_FALSE(features.avx2 || features.avx512 || features.neon);
      break;
    case Isa::kAvx2:
      EXPECT_TRUE(features.avx2 && features.fma);
      EXPECT_FALSE(features.avx512 || features.avx512_vnni);
      break;
    case Isa::kAvx512:
      EXPECT_TRUE(features.avx512 && features.avx2);
      EXPECT_FALSE(features.avx512_vnni);
      break;
    case Isa::kVnni:
      EXPECT_TRUE(features.avx512_vnni && features.avx512 && features.avx2);
      break;
    case Isa::kNeon:
      EXPECT_TRUE(features.neon);
      EXPECT_FALSE(features.dotprod);
      break;
    case Isa::kDotprod:
      EXPECT_TRUE(features.neon && features.dotprod);
      break;
  }
}

// The choice is made once, so each forced value needs a process of its own: a death test re-executes the program.
int forced(const char* name, const char* expected) {
  setenv("SEALEDGE_ISA", name, 1);
  return std::strcmp(isa_name(active_isa()), expected) == 0 ? 0 : 1;
}

class CpuFeaturesDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    SEALEDGE_SKIP_IF_EMULATED(testing::kNoNewProcess);
    GTEST_FLAG_SET(death_test_style, "threadsafe");
  }
};

TEST_F(CpuFeaturesDeathTest, ScalarCanAlwaysBeForced) {
  EXPECT_EXIT(_exit(forced("scalar", "scalar")), ::testing::ExitedWithCode(0), "");
}

TEST_F(CpuFeaturesDeathTest, ForcingNeverGoesAboveTheCpu) {
  const char* best = isa_name(active_isa());
  if (std::getenv("SEALEDGE_ISA") != nullptr) GTEST_SKIP() << "an ISA is forced from outside";
  EXPECT_EXIT(_exit(forced("avx1024", best)), ::testing::ExitedWithCode(0), "");
#if defined(__x86_64__)
  EXPECT_EXIT(_exit(forced("neon", best)), ::testing::ExitedWithCode(0), "");
#else
  EXPECT_EXIT(_exit(forced("avx2", best)), ::testing::ExitedWithCode(0), "");
#endif
}

}  // namespace
}  // namespace sealedge
