// Cast between numeric types and bool.
#include <cmath>
#include <cstring>
#include <limits>
#include <type_traits>

#include "graph/ops.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

struct Bool {
  uint8_t byte;
};

// Out of range and NaN: the standard leaves float to integer open; this saturates and makes NaN 0, the same on every
// CPU. Integer to smaller integer keeps the low bits, as the standard says.
template <typename To, typename From>
To convert(From value) {
  if constexpr (std::is_same_v<From, Bool>) {
    return convert<To, uint8_t>(value.byte != 0 ? 1 : 0);
  } else if constexpr (std::is_same_v<To, Bool>) {
    return Bool{static_cast<uint8_t>(value != From{0} ? 1 : 0)};
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    if (std::isnan(value)) return 0;
    // As doubles, max() of the 64-bit types rounds up to a power of two, which is itself out of range.
    const auto wide = static_cast<double>(value);
    if (wide >= static_cast<double>(std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    if (wide <= static_cast<double>(std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    return static_cast<To>(wide);
  } else {
    return static_cast<To>(value);
  }
}

using CastLoop = void (*)(const uint8_t* from, uint8_t* to, size_t count);

template <typename From, typename To>
void cast_loop(const uint8_t* from, uint8_t* to, size_t count) {
  for (size_t i = 0; i < count; ++i) {
    From value;
    std::memcpy(&value, from + i * sizeof value, sizeof value);
    const To result = convert<To>(value);
    std::memcpy(to + i * sizeof result, &result, sizeof result);
  }
}

template <typename From>
CastLoop loop_to(DataType to) {
  switch (to) {
    case DataType::kFloat32:
      return cast_loop<From, float>;
    case DataType::kFloat64:
      return cast_loop<From, double>;
    case DataType::kInt8:
      return cast_loop<From, int8_t>;
    case DataType::kUint8:
      return cast_loop<From, uint8_t>;
    case DataType::kInt16:
      return cast_loop<From, int16_t>;
    case DataType::kUint16:
      return cast_loop<From, uint16_t>;
    case DataType::kInt32:
      return cast_loop<From, int32_t>;
    case DataType::kUint32:
      return cast_loop<From, uint32_t>;
    case DataType::kInt64:
      return cast_loop<From, int64_t>;
    case DataType::kUint64:
      return cast_loop<From, uint64_t>;
    case DataType::kBool:
      return cast_loop<From, Bool>;
    default:
      return nullptr;
  }
}

CastLoop find_loop(DataType from, DataType to) {
  switch (from) {
    case DataType::kFloat32:
      return loop_to<float>(to);
    case DataType::kFloat64:
      return loop_to<double>(to);
    case DataType::kInt8:
      return loop_to<int8_t>(to);
    case DataType::kUint8:
      return loop_to<uint8_t>(to);
    case DataType::kInt16:
      return loop_to<int16_t>(to);
    case DataType::kUint16:
      return loop_to<uint16_t>(to);
    case DataType::kInt32:
      return loop_to<int32_t>(to);
    case DataType::kUint32:
      return loop_to<uint32_t>(to);
    case DataType::kInt64:
      return loop_to<int64_t>(to);
    case DataType::kUint64:
      return loop_to<uint64_t>(to);
    case DataType::kBool:
      return loop_to<Bool>(to);
    default:
      return nullptr;
  }
}

class CastKernel final : public Kernel {
 public:
  CastKernel(CastLoop loop, size_t count) : loop_(loop), count_(count) {}
  Result<void> run(const RunArgs& args) const override {
    loop_(args.inputs[0], args.outputs[0], count_);
    return {};
  }

 private:
  CastLoop loop_;
  size_t count_;
};

class CastOp final : public Op {
 public:
  explicit CastOp(DataType to) : to_(to) {}
  const char* op_type() const override { return "Cast"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != to_ && !find_loop(inputs[0].type, to_)) {
      return op_unsupported(std::string("from ") + data_type_name(inputs[0].type) + " to " + data_type_name(to_));
    }
    return std::vector<TensorFact>{{to_, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return {{inputs[0].format}, {inputs[0].format}};
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return inputs[0].type == to_;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto count = static_cast<size_t>(element_count(setup.inputs[0].dims));
    return std::unique_ptr<Kernel>(std::make_unique<CastKernel>(find_loop(setup.inputs[0].type, to_), count));
  }

 private:
  DataType to_;
};

}  // namespace

OpPtr make_cast(DataType to) { return std::make_shared<CastOp>(to); }

}  // namespace sealedge
