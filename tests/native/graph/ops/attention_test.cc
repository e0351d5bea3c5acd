// Attention: masks against the definition, for one head of one element, where scores are products.
#include "graph/ops/attention.h"

#include <cmath>

#include "../op_runner.h"

namespace sealedge::testing {
namespace {

// softmax over the keys that take part; 0 where none does.
float attended(const std::vector<float>& scores, const std::vector<float>& values) {
  double sum = 0, total = 0;
  for (size_t i = 0; i < scores.size(); i++) {
    sum += std::exp(scores[i]);
    total += std::exp(scores[i]) * values[i];
  }
  return sum == 0 ? 0.0f : static_cast<float>(total / sum);
}

TestTensor with_mask(const TestTensor& mask) {
  return run_ok(make_attention({.scale = 1.0f}),
                {f32({1, 1, 1, 1}, {0.5f}), f32({1, 1, 3, 1}, {1, 2, 3}), f32({1, 1, 3, 1}, {4, -5, 6}), mask});
}

// Attention-24: a mask that is shorter than the keys hides those behind it.
TEST(Attention, MasksMayBeShort) {
  expect_near(with_mask({}), {attended({0.5f, 1, 1.5f}, {4, -5, 6})});
  expect_near(with_mask(f32({1, 3}, {0, 1, -2})), {attended({0.5f, 2, -0.5f}, {4, -5, 6})});
  expect_near(with_mask(f32({1, 2}, {0, 1})), {attended({0.5f, 2}, {4, -5})});
  expect_near(with_mask(f32({1, 0}, {})), {0});
  expect_near(with_mask(f32({1, 1}, {7})), {attended({7.5f, 8, 8.5f}, {4, -5, 6})});
  expect_near(with_mask(tensor_of<uint8_t>(DataType::kBool, {3}, {1, 0, 1})), {attended({0.5f, 1.5f}, {4, 6})});
  expect_near(with_mask(tensor_of<uint8_t>(DataType::kBool, {0}, {})), {0});
}

TEST(Attention, Refusals) {
  const TestTensor q = noise({2, 3, 4, 5}), k = noise({2, 3, 6, 5}, 2), v = noise({2, 3, 6, 2}, 3);
  const OpPtr op = make_attention({});
  expect_error(op, {q, noise({2, 3, 6, 4}), v}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, noise({2, 2, 6, 5}), noise({2, 2, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, noise({2, 0, 6, 5}), noise({2, 0, 6, 2})}, ErrorCode::kShapeMismatch, "do not go together");
  expect_error(op, {q, k, v, noise({7})}, ErrorCode::kShapeMismatch, "attn_mask");
  expect_error(op, {q, k, v, noise({3, 6})}, ErrorCode::kShapeMismatch, "attn_mask");
  expect_error(op, {q, k, v, {}, noise({2, 3, 1, 5})}, ErrorCode::kModelInvalid, "come together");
  expect_error(op, {q, k, v, {}, noise({2, 3, 5}), noise({2, 3, 5})}, ErrorCode::kShapeMismatch, "does not continue");
  expect_error(op, {noise({2, 4, 15}), k, v}, ErrorCode::kShapeMismatch, "0 heads");
}

}  // namespace
}  // namespace sealedge::testing
