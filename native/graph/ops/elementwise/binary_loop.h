// The kernel that the *_loops.cc files fill with functions.
#pragma once

#include <memory>

#include "graph/ops.h"
#include "graph/ops/elementwise/elementwise_types.h"

namespace sealedge {

template <typename A, typename B, typename R, R (*kFunction)(A, B)>
class BinaryLoop final : public Kernel {
 public:
  explicit BinaryLoop(const BroadcastPlan& plan) : plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    each_pair(plan_, reinterpret_cast<const A*>(args.inputs[0]), reinterpret_cast<const B*>(args.inputs[1]),
              reinterpret_cast<R*>(args.outputs[0]), kFunction);
    return {};
  }

 private:
  BroadcastPlan plan_;
};

// Integer division and remainder: a zero in B is what the data itself does wrong.
template <typename T, T (*kFunction)(T, T)>
class DividingLoop final : public Kernel {
 public:
  explicit DividingLoop(const BroadcastPlan& plan) : plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    bool zero = false;
    each_pair(plan_, reinterpret_cast<const T*>(args.inputs[0]), reinterpret_cast<const T*>(args.inputs[1]),
              reinterpret_cast<T*>(args.outputs[0]), [&](T a, T b) {
                zero = zero || b == 0;
                return b == 0 ? T{0} : kFunction(a, b);
              });
    if (zero) return Error{ErrorCode::kInputInvalid, "integer division by zero"};
    return {};
  }

 private:
  BroadcastPlan plan_;
};

template <typename T>
bool equal(T a, T b) {
  return a == b;
}
template <typename T>
bool greater(T a, T b) {
  return a > b;
}
template <typename T>
bool greater_or_equal(T a, T b) {
  return a >= b;
}
template <typename T>
bool less(T a, T b) {
  return a < b;
}
template <typename T>
bool less_or_equal(T a, T b) {
  return a <= b;
}

template <typename T>
std::unique_ptr<Kernel> make_comparison_loop(BinaryKind kind, const BroadcastPlan& plan) {
  switch (kind) {
    case BinaryKind::kEqual:
      return std::make_unique<BinaryLoop<T, T, bool, equal<T>>>(plan);
    case BinaryKind::kGreater:
      return std::make_unique<BinaryLoop<T, T, bool, greater<T>>>(plan);
    case BinaryKind::kGreaterOrEqual:
      return std::make_unique<BinaryLoop<T, T, bool, greater_or_equal<T>>>(plan);
    case BinaryKind::kLess:
      return std::make_unique<BinaryLoop<T, T, bool, less<T>>>(plan);
    case BinaryKind::kLessOrEqual:
      return std::make_unique<BinaryLoop<T, T, bool, less_or_equal<T>>>(plan);
    default:
      return nullptr;
  }
}

}  // namespace sealedge
