// The operators, as the importer makes them. Legacy forms are gone here (onnx/legacy.cc): every tensor argument is an
// input.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "graph/op.h"
#include "kernels/pool/pool.h"

namespace sealedge {

using OpPtr = std::shared_ptr<const Op>;

// --- convolution and pooling: graph/ops/{conv,depthwise,pool}.cc
// -------------------------------------------------------

enum class AutoPad : uint8_t { kNotSet, kSameUpper, kSameLower, kValid };

// Empty vectors mean the ONNX defaults for the input's rank (1, 0, 1). pads is ONNX's (begins..., ends...).
struct WindowAttributes {
  std::vector<int64_t> kernel_shape = {};  // Conv: empty means taken from W
  std::vector<int64_t> strides = {};
  std::vector<int64_t> pads = {};
  std::vector<int64_t> dilations = {};
  AutoPad auto_pad = AutoPad::kNotSet;
};

// Inputs X (N, C, spatial...), W (M, C / group, spatial...), B (M) optional. One to three spatial dimensions.
// B never reaches the kernel: the planner moves it into the epilogue's shift (EpilogueSupport::bias_input).
OpPtr make_conv(WindowAttributes window, int64_t group);
// Conv with group == C == M: one filter per channel. The importer chooses it when W is a constant (M, 1, ...) and group
// == M.
OpPtr make_depthwise_conv(WindowAttributes window, int64_t channels);

OpPtr make_pool(PoolKind kind, WindowAttributes window, bool ceil_mode, bool count_include_pad);
OpPtr make_global_pool(PoolKind kind);

// --- products: graph/ops/{gemm,matmul}.cc
// ------------------------------------------------------------------------------

// A' * B' with A (M, K), B (K, N) before transposition. alpha, beta and C are nodes of their own or the epilogue.
OpPtr make_gemm(bool trans_a, bool trans_b);
// numpy.matmul; trans_b swaps the last two dimensions of B (a Transpose folded into it). Constant B of rank 2 is a
// packed weight.
OpPtr make_matmul(bool trans_b);

// --- normalisation, softmax, reduction: graph/ops/{batch_norm,softmax,reduce}.cc
// ---------------------------------------

// Inputs X, scale, B, mean, var (C each); inference mode. Usually folded into a convolution's epilogue before planning.
OpPtr make_batch_norm(float epsilon);
// coerce_2d: opset < 13, everything from axis on is one row.
OpPtr make_softmax(int64_t axis, bool log, bool coerce_2d);

enum class ReduceKind : uint8_t { kSum, kMean, kMax, kMin, kProd, kL1, kL2, kLogSum, kLogSumExp, kSumSquare };
// Inputs X, axes (int64, constant) optional; absent or empty means all axes, or none with noop_with_empty_axes.
OpPtr make_reduce(ReduceKind kind, bool keepdims, bool noop_with_empty_axes);
enum class ArgKind : uint8_t { kMax, kMin };
OpPtr make_arg_reduce(ArgKind kind, int64_t axis, bool keepdims, bool select_last_index);

// --- elementwise, numpy broadcasting: graph/ops/elementwise.cc
// ---------------------------------------------------------

enum class UnaryKind : uint8_t {
  kAbs,
  kNeg,
  kSign,
  kFloor,
  kCeil,
  kRound,
  kSqrt,
  kReciprocal,
  kExp,
  kLog,
  kErf,
  kSin,
  kCos,
  kTan,
  kAtan,
  kRelu,
  kSigmoid,
  kTanh,
  kSoftplus,
  kSoftsign,
  kHardSwish,
  kNot,
  kIsNaN,
  kLeakyRelu,        // a: alpha
  kElu,              // a: alpha
  kSelu,             // a: alpha, b: gamma
  kHardSigmoid,      // a: alpha, b: beta
  kThresholdedRelu,  // a: alpha
  kGelu,             // a: 0 exact (erf), 1 tanh approximation
  kAsin,
  kAcos,
  kSinh,
  kCosh,
  kAsinh,
  kAcosh,
  kAtanh,
  kCelu,  // a: alpha
  kMish,
  kShrink,  // a: lambd, b: bias
  kIsInf,   // a: detect_negative, b: detect_positive; each 0 or 1
  kBitwiseNot,
  kSwish,  // a: alpha
};
OpPtr make_unary(UnaryKind kind, float a = 0, float b = 0);

enum class BinaryKind : uint8_t {
  kAdd,
  kSub,
  kMul,
  kDiv,
  kPow,
  kMin,
  kMax,
  kMod,
  kFmod,
  kPRelu,
  kAnd,
  kOr,
  kXor,
  kEqual,
  kGreater,
  kGreaterOrEqual,
  kLess,
  kLessOrEqual,
  kBitShiftLeft,
  kBitShiftRight,
  kBitwiseAnd,
  kBitwiseOr,
  kBitwiseXor,
};
// Variadic Sum, Min, Max and Mean arrive as chains of these.
OpPtr make_binary(BinaryKind kind);
// Inputs X, min, max (scalars, each optional).
OpPtr make_clip();
// Inputs condition, X, Y.
OpPtr make_where();

// If this operator is an activation that an epilogue can take over, which one. Clip: only with constant bounds.
std::optional<Activation> as_activation(const Op& op, std::span<const Operand> inputs);
// What the fusing passes ask: the parameters, if the operator is of that kind.
std::optional<BinaryKind> as_binary(const Op& op);
std::optional<UnaryKind> as_unary(const Op& op);
std::optional<float> as_batch_norm(const Op& op);                // epsilon
std::optional<bool> as_matmul(const Op& op);                     // trans_b
std::optional<std::vector<int64_t>> as_transpose(const Op& op);  // perm, may be empty

// --- arrangement of elements: graph/ops/{reshape,transpose,concat,slice,...}.cc
// ----------------------------------------

OpPtr make_reshape(bool allow_zero);  // data, shape
// Opset < 7 broadcasting: data with as many ones appended as its last dimension needs to sit at `axis + its rank` of
// like.
OpPtr make_broadcast_axis(int64_t axis);                      // data, like
OpPtr make_flatten(int64_t axis);                             // data
OpPtr make_squeeze();                                         // data, axes optional
OpPtr make_unsqueeze();                                       // data, axes
OpPtr make_identity();                                        // data
OpPtr make_transpose(std::vector<int64_t> perm);              // data; empty perm reverses
OpPtr make_swap_last_two();                                   // data: its matrices transposed
OpPtr make_concat(int64_t axis);                              // one or more
OpPtr make_slice();                                           // data, starts, ends, axes optional, steps optional
OpPtr make_split(int64_t axis, int64_t num_outputs);          // data, split optional
OpPtr make_gather(int64_t axis);                              // data, indices
OpPtr make_pad(std::string mode);                             // data, pads, value optional, axes optional
OpPtr make_expand();                                          // data, shape
OpPtr make_tile();                                            // data, repeats
OpPtr make_shape(int64_t start, std::optional<int64_t> end);  // data
OpPtr make_size();                                            // data
OpPtr make_cast(DataType to);                                 // data
OpPtr make_cast_like();                                       // data, like
OpPtr make_constant_of_shape(TensorFact value, std::vector<uint8_t> bytes);  // shape
OpPtr make_range();                                                          // start, limit, delta
// Copies between row-major and channels-last; inserted by the planner, never imported.
OpPtr make_convert_format(Format to);
bool is_convert_format(const Op& op);

}  // namespace sealedge
