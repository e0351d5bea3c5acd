// Small quantised models, and the arithmetic of docs/QUANTISATION.md in its plainest form.
#pragma once

#include <cmath>

#include "run_model.h"

namespace sealedge::testing {

inline constexpr int kInt8 = 3, kUint8 = 2, kInt32 = 6;

struct Quant {
  bool is_signed;
  float scale;
  int zero;
  int lowest() const { return is_signed ? -128 : 0; }
  int type() const { return is_signed ? kInt8 : kUint8; }
};

// A quantised activation: NCHW, values as the integers they are.
struct Tensor8 {
  std::string name;
  std::vector<int64_t> dims;
  Quant q;
  std::vector<int> values;
  int64_t size() const { return static_cast<int64_t>(values.size()); }
};

inline float clamp_round(float v, float lo, float hi) { return std::nearbyint(std::fmin(std::fmax(v, lo), hi)); }

inline int to_step(float steps, const Quant& q) {
  const auto lo = static_cast<float>(q.lowest() - q.zero), hi = static_cast<float>(q.lowest() + 255 - q.zero);
  return static_cast<int>(clamp_round(steps, lo, hi)) + q.zero;
}
inline int quantise(float v, const Quant& q) { return to_step(v / q.scale, q); }
inline float dequantise(int v, const Quant& q) { return static_cast<float>(v - q.zero) * q.scale; }

// DequantizeLinear x, QuantizeLinear x: int8 in, int8 out, nothing between but what a test puts there.
inline ModelBuilder with_input() {
  ModelBuilder model;
  model.input("x", {1, 2, 4, 4})
      .constant(floats("s", {}, {0.05f}))
      .constant(tensor("z", kInt8, {}, std::string(1, 3)))
      .add(node("QuantizeLinear", {"x", "s", "z"}, {"q"}))
      .add(node("DequantizeLinear", {"q", "s", "z"}, {"f"}));
  return model;
}
inline FloatTensor image() {
  FloatTensor tensor{{1, 2, 4, 4}, {}};
  for (int i = 0; i < 32; i++) tensor.values.push_back(static_cast<float>(i * 7 % 13) * 0.3f - 1.5f);
  return tensor;
}

inline size_t steps_of(const ModelBuilder& model, const FloatTensor& input) {
  const auto session = Session::create_from_bytes(model.build(), {});
  EXPECT_TRUE(session.ok());
  if (!session.ok()) return 0;
  EXPECT_TRUE(run_session(**session, {{"x", input}}).ok());
  return (*session)->report().step_count;
}

}  // namespace sealedge::testing
