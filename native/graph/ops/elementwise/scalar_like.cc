#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include "graph/ops/element_types.h"
#include "graph/ops/legacy_forms.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

template <typename T>
T converted(double value) {
  if constexpr (kIsFloating<T> || std::is_same_v<T, BoolByte>) {
    return T(value);
  } else {
    if (std::isnan(value)) return 0;
    // The limits as doubles: that of int64 and uint64 rounds up to a value which is out of range itself.
    if (value <= static_cast<double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
    if (value >= static_cast<double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
    return static_cast<T>(value);
  }
}

class ScalarKernel final : public Kernel {
 public:
  ScalarKernel(DataType type, double value) : type_(type), value_(value) {}
  Result<void> run(const RunArgs& args) const override {
    dispatch_type(AllTypes{}, type_, [&]<typename T>() {
      const T value = converted<T>(value_);
      std::memcpy(args.outputs[0], &value, sizeof value);
      return true;
    });
    return {};
  }

 private:
  DataType type_;
  double value_;
};

class ScalarLikeOp final : public LinearTimeOp {
 public:
  explicit ScalarLikeOp(double value) : value_(value) {}
  const char* op_type() const override { return "ScalarLike"; }
  bool needs_only_dims() const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!dispatch_type(AllTypes{}, inputs[0].type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(inputs[0].type));
    }
    return std::vector<TensorFact>{{inputs[0].type, {}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return std::unique_ptr<Kernel>(std::make_unique<ScalarKernel>(setup.outputs[0].type, value_));
  }

 private:
  double value_;
};

}  // namespace

OpPtr make_scalar_like(double value) { return std::make_shared<ScalarLikeOp>(value); }

}  // namespace sealedge
