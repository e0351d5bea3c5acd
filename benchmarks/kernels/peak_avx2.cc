#include "kernels/simd/avx2_f32.h"
#include "peak.h"

namespace sealedge {

double peak_flops_avx2(size_t count, float* sink) {
  using V = Avx2F32;
  V::Vector sum[12];
  for (auto& s : sum) s = V::set1(*sink);
  const auto x = V::set1(0.5f), y = V::set1(*sink);
  for (size_t i = 0; i < count; i++) {
    for (auto& s : sum) s = V::fma(s, x, y);
  }
  for (int i = 1; i < 12; i++) sum[0] = V::add(sum[0], sum[i]);
  *sink = V::sum(sum[0]);
  return static_cast<double>(count) * 12 * V::kLanes * 2;
}

}  // namespace sealedge
