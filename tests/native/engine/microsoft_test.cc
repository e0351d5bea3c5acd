// Operators of com.microsoft: what their importer must refuse although what it makes of them would run.
#include <gtest/gtest.h>

#include "run_any.h"

namespace sealedge {
namespace {

using namespace testing;

AnyTensor i32(std::vector<int64_t> dims, const std::vector<int32_t>& values) {
  return {DataType::kInt32, std::move(dims), raw(values)};
}

// A sentence longer than the table of positions, also where that has but one row to repeat.
TEST(MicrosoftTest, SentencesFitTheirPositions) {
  const auto embed = [](int64_t positions) {
    ModelBuilder builder;
    builder.domains = {"com.microsoft"};
    builder.input("ids", {1, -1}, 6).output("y");
    const auto table = [](int64_t rows) { return std::vector<float>(static_cast<size_t>(4 * rows), 0.5f); };
    builder.constant(floats("words", {3, 4}, {1, 2, 3, 4, 2, 3, 4, 1, 4, 3, 2, 1}));
    builder.constant(floats("positions", {positions, 4}, table(positions)));
    builder.constant(floats("gamma", {4}, table(1))).constant(floats("beta", {4}, table(1)));
    return load(builder.add(node("EmbedLayerNormalization", {"ids", "", "words", "positions", "", "gamma", "beta"},
                                 {"y"}, {}, "com.microsoft")));
  };
  const auto fits = run_any(*embed(3), {{"ids", i32({1, 3}, {0, 1, 2})}});
  ASSERT_TRUE(fits.ok()) << fits.error().message;
  EXPECT_EQ((*fits)[0].dims, (std::vector<int64_t>{1, 3, 4}));
  for (const int64_t rows : {1, 2}) {
    const auto too_long = run_any(*embed(rows), {{"ids", i32({1, 3}, {0, 1, 2})}});
    ASSERT_FALSE(too_long.ok()) << rows;
    EXPECT_EQ(too_long.error().code, ErrorCode::kShapeMismatch) << too_long.error().message;
  }
}

}  // namespace
}  // namespace sealedge
