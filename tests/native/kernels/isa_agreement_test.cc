// Every instruction set agrees with the scalar kernels on random shapes and values, within the bounds of
// differential/agreement.h. native/fuzz/kernel_fuzz.cc looks for counterexamples without end.
#include <random>

#include "differential/families.h"
#include "kernel_testing.h"

namespace sealedge::testing {
namespace {

using differential::Family;

constexpr size_t kCases = 400;
constexpr size_t kDecisionBytes = 64;

class IsaAgreement : public ::testing::TestWithParam<std::tuple<const KernelTable*, Family>> {};

TEST_P(IsaAgreement, WithTheScalarKernels) {
  const auto& [subject, family] = GetParam();
  std::mt19937 random(7);
  for (size_t i = 0; i < kCases; i++) {
    uint8_t bytes[kDecisionBytes];
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    differential::Decisions decisions(bytes, sizeof bytes);
    ASSERT_EQ(family.compare(decisions, *tables().front(), *subject), "") << "case " << i;
  }
}

std::vector<const KernelTable*> simd_tables() {
  auto all = tables();
  all.erase(all.begin());
  return all;
}

// A scalar build has nothing to compare.
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(IsaAgreement);
INSTANTIATE_TEST_SUITE_P(EveryIsa, IsaAgreement,
                         ::testing::Combine(::testing::ValuesIn(simd_tables()),
                                            ::testing::ValuesIn(differential::kFamilies)),
                         [](const auto& info) {
                           return std::string(std::get<0>(info.param)->isa) + "_" + std::get<1>(info.param).name;
                         });

}  // namespace
}  // namespace sealedge::testing
