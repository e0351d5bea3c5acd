// What the passes on quantised graphs ask of an operator: its parameters, if it is of that kind.
#pragma once

#include <optional>

#include "graph/ops.h"

namespace sealedge {

struct ConvParameters {
  WindowAttributes window;
  int64_t group;
};
std::optional<ConvParameters> as_conv(const Op& op);

struct GemmParameters {
  bool trans_a, trans_b;
};
std::optional<GemmParameters> as_gemm(const Op& op);

struct PoolParameters {
  PoolKind kind;
  std::optional<WindowAttributes> window;  // absent: global
  bool ceil_mode;
  bool count_include_pad;
};
std::optional<PoolParameters> as_pool(const Op& op);

struct SoftmaxParameters {
  int64_t axis;
  bool log;
  bool coerce_2d;
};
std::optional<SoftmaxParameters> as_softmax(const Op& op);

std::optional<int64_t> as_concat(const Op& op);  // axis

}  // namespace sealedge
