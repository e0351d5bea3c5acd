// ConstantOfShape and Range: elements made from nothing but arguments.
#include <cmath>
#include <cstring>
#include <type_traits>

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class FillKernel final : public Kernel {
 public:
  FillKernel(size_t count, std::vector<uint8_t> element) : count_(count), element_(std::move(element)) {}
  Result<void> run(const RunArgs& args) const override {
    for (size_t i = 0; i < count_; ++i) {
      std::memcpy(args.outputs[0] + i * element_.size(), element_.data(), element_.size());
    }
    return {};
  }

 private:
  size_t count_;
  std::vector<uint8_t> element_;
};

class ConstantOfShapeOp final : public LinearTimeOp {
 public:
  ConstantOfShapeOp(DataType type, std::vector<uint8_t> element) : type_(type), element_(std::move(element)) {}
  const char* op_type() const override { return "ConstantOfShape"; }
  bool needs_contents(size_t input) const override { return input == 0; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(Dims dims, shape_argument(inputs[0], "shape"));
    return std::vector<TensorFact>{{type_, std::move(dims)}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto count = static_cast<size_t>(element_count(setup.outputs[0].dims));
    return std::unique_ptr<Kernel>(std::make_unique<FillKernel>(count, element_));
  }

 private:
  DataType type_;
  std::vector<uint8_t> element_;
};

template <typename T>
class RangeKernel final : public Kernel {
 public:
  RangeKernel(T start, T delta, size_t count) : start_(start), delta_(delta), count_(count) {}
  Result<void> run(const RunArgs& args) const override {
    for (size_t i = 0; i < count_; ++i) {
      const T value = element(i);
      std::memcpy(args.outputs[0] + i * sizeof value, &value, sizeof value);
    }
    return {};
  }

 private:
  T element(size_t i) const {
    // Every element is in range, the products on the way need not be: integers are computed modulo 2^64.
    if constexpr (std::is_integral_v<T>) {
      return static_cast<T>(static_cast<uint64_t>(start_) + uint64_t{i} * static_cast<uint64_t>(delta_));
    } else {
      // Of float16 in float32 (Range-27, stash_type).
      using A = Arithmetic<T>;
      return T(static_cast<A>(start_) + static_cast<A>(i) * static_cast<A>(delta_));
    }
  }
  T start_;
  T delta_;
  size_t count_;
};

template <typename T>
T scalar(const Operand& operand) {
  T value;
  std::memcpy(&value, operand.data, sizeof value);
  return value;
}

// max(ceil((limit - start) / delta), 0) (Range-11); integers exactly, -1 when there are too many to count.
template <typename T>
int64_t range_count(T start, T limit, T delta) {
  const long double steps =
      std::ceil((static_cast<long double>(limit) - static_cast<long double>(start)) / static_cast<long double>(delta));
  if (!(steps > 0)) return 0;
  return steps > static_cast<long double>(kMaxElements) ? -1 : static_cast<int64_t>(steps);
}

class RangeOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Range"; }
  bool needs_contents(size_t input) const override { return true; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    for (const Operand& input : inputs) {
      if (input.type != inputs[0].type || element_count(input.dims) != 1)
        return model_invalid("expected three scalars");
      if (!input.data)
        return op_unsupported("an argument depends on the data of a run, so the shape cannot be planned");
    }
    SEALEDGE_ASSIGN(const int64_t count, count_of(inputs));
    return std::vector<TensorFact>{{inputs[0].type, {count}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto count = static_cast<size_t>(setup.outputs[0].dims[0]);
    switch (setup.inputs[0].type) {
      case DataType::kInt64:
        return make<int64_t>(setup, count);
      case DataType::kInt32:
        return make<int32_t>(setup, count);
      case DataType::kInt16:
        return make<int16_t>(setup, count);
      case DataType::kFloat64:
        return make<double>(setup, count);
      case DataType::kFloat16:
        return make<Float16>(setup, count);
      default:
        return make<float>(setup, count);
    }
  }

 private:
  template <typename T>
  static Result<std::unique_ptr<Kernel>> make(const OpSetup& setup, size_t count) {
    return std::unique_ptr<Kernel>(
        std::make_unique<RangeKernel<T>>(scalar<T>(setup.inputs[0]), scalar<T>(setup.inputs[2]), count));
  }
  template <typename T>
  static Result<int64_t> count_as(std::span<const Operand> inputs) {
    const T delta = scalar<T>(inputs[2]);
    if (static_cast<Arithmetic<T>>(delta) == 0) return model_invalid("delta is zero");
    const int64_t count = range_count(scalar<T>(inputs[0]), scalar<T>(inputs[1]), delta);
    if (count < 0) return Error{ErrorCode::kLimitExceeded, "too many elements"};
    return count;
  }
  static Result<int64_t> count_of(std::span<const Operand> inputs) {
    switch (inputs[0].type) {
      case DataType::kInt64:
        return count_as<int64_t>(inputs);
      case DataType::kInt32:
        return count_as<int32_t>(inputs);
      case DataType::kInt16:
        return count_as<int16_t>(inputs);
      case DataType::kFloat32:
        return count_as<float>(inputs);
      case DataType::kFloat64:
        return count_as<double>(inputs);
      case DataType::kFloat16:
        return count_as<Float16>(inputs);
      default:
        return op_unsupported(std::string("type ") + data_type_name(inputs[0].type));
    }
  }
};

}  // namespace

OpPtr make_constant_of_shape(TensorFact value, std::vector<uint8_t> bytes) {
  return std::make_shared<ConstantOfShapeOp>(value.type, std::move(bytes));
}
OpPtr make_range() { return std::make_shared<RangeOp>(); }

}  // namespace sealedge
