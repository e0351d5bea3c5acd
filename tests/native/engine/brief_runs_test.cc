#include "engine/brief_runs.h"

#include <gtest/gtest.h>

#include <array>

namespace sealedge {
namespace {

using std::chrono::microseconds;

constexpr std::array<int64_t, 2> kSmall = {1, 16};
constexpr std::array<int64_t, 2> kLarge = {64, 16};

std::array<RunInput, 1> of(std::span<const int64_t> dims) { return {RunInput{"x", DataType::kFloat32, dims, {}}}; }

TEST(BriefRuns, AreExpectedAfterThreeInARow) {
  BriefRuns runs;
  EXPECT_FALSE(runs.expect(of(kSmall)));
  for (int i = 0; i < 3; ++i) {
    EXPECT_FALSE(runs.expect(of(kSmall))) << i;
    runs.record(of(kSmall), true, microseconds(40));
  }
  EXPECT_TRUE(runs.expect(of(kSmall)));
  EXPECT_FALSE(runs.expect(of(kLarge))) << "other dims are other work";
}

TEST(BriefRuns, OneThatTookLongerStartsTheCountAnew) {
  BriefRuns runs;
  for (int i = 0; i < 5; ++i) runs.record(of(kSmall), true, microseconds(40));
  runs.record(of(kSmall), true, kBriefRun + microseconds(1));
  EXPECT_FALSE(runs.expect(of(kSmall)));
  for (int i = 0; i < 3; ++i) runs.record(of(kSmall), true, microseconds(40));
  EXPECT_TRUE(runs.expect(of(kSmall)));
}

TEST(BriefRuns, OtherDimsStartTheCountAnew) {
  BriefRuns runs;
  for (int i = 0; i < 5; ++i) runs.record(of(kSmall), true, microseconds(40));
  runs.record(of(kLarge), true, microseconds(40));
  EXPECT_FALSE(runs.expect(of(kSmall)));
  EXPECT_FALSE(runs.expect(of(kLarge)));
}

TEST(BriefRuns, AreNeverExpectedOfWorkThatDependsOnData) {
  BriefRuns runs;
  for (int i = 0; i < 10; ++i) runs.record(of(kSmall), false, microseconds(1));
  EXPECT_FALSE(runs.expect(of(kSmall)));
}

}  // namespace
}  // namespace sealedge
