// Every family of kernels that has more than a scalar form, with its comparison: empty, or how a table disagrees with
// the scalar one on the case that the decisions make.
#pragma once

#include "elementwise.h"
#include "moves.h"
#include "products.h"
#include "quantised.h"
#include "rows.h"
#include "windows.h"

namespace sealedge::differential {

struct Family {
  const char* name;
  std::string (*compare)(Decisions& decisions, const KernelTable& scalar, const KernelTable& subject);
};

inline constexpr Family kFamilies[] = {
    {"gemm", compare_gemm},
    {"conv", compare_conv},
    {"depthwise", compare_depthwise},
    {"pool", compare_pool},
    {"unary", compare_unary},
    {"binary", compare_binary},
    {"reduce", compare_reduce},
    {"softmax", compare_softmax},
    {"transpose", compare_transpose},
    {"copy", compare_copy},
    {"q8_conv", compare_q8_conv},
    {"q8_depthwise", compare_q8_depthwise},
    {"dequantize", compare_dequantize},
    {"quantize", compare_quantize},
    {"q8_binary", compare_q8_binary},
};

}  // namespace sealedge::differential
