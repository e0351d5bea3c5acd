// Cast between numeric types and bool.
#include <cstring>
#include <limits>
#include <type_traits>

#include "graph/ops.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Out of range and NaN: the standard leaves float to integer open; this saturates and makes NaN 0, the same on every
// CPU. Integer to smaller integer keeps the low bits, as the standard says. To float16 there is one rounding only.
template <typename To, typename From>
To convert(From value) {
  if constexpr (std::is_same_v<To, BoolByte>) {
    return BoolByte(value != From{});
  } else if constexpr (std::is_same_v<From, BoolByte>) {
    return convert<To, uint8_t>(value ? 1 : 0);
  } else if constexpr (std::is_same_v<To, Float16>) {
    return Float16(static_cast<double>(value));
  } else if constexpr (kIsFloating<From> && std::is_integral_v<To>) {
    if (value != value) return 0;
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

// From packed integers as from what they are in memory; to them nothing casts.
CastLoop find_loop(DataType from, DataType to) {
  return dispatch_type(AllTypes{}, data_type_in_memory(from), [&]<typename From>() {
    return dispatch_type(AllTypes{}, to, []<typename To>() -> CastLoop { return cast_loop<From, To>; });
  });
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

class CastOp final : public LinearTimeOp {
 public:
  // kUndefined: to the type of input 1 (CastLike), of which nothing else is read.
  explicit CastOp(DataType to) : to_(to) {}
  const char* op_type() const override { return to_ == DataType::kUndefined ? "CastLike" : "Cast"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType from = inputs[0].type, to = target(inputs);
    if (from != to && !find_loop(from, to)) {
      return op_unsupported(std::string("from ") + data_type_name(from) + " to " + data_type_name(to));
    }
    return std::vector<TensorFact>{{to, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    FormatChoice choice{{}, {inputs[0].format}};
    for (const Operand& input : inputs) choice.inputs.push_back(input.format);
    return choice;
  }
  bool output_is_view(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return inputs[0].type == target(inputs);
  }
  bool may_copy_input(size_t input) const override { return input == 0; }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    const auto count = static_cast<size_t>(element_count(x.dims));
    const DataType to = target(setup.inputs);
    const CastLoop same = [](const uint8_t* in, uint8_t* out, size_t bytes) { std::memcpy(out, in, bytes); };
    if (x.type == to)
      return std::unique_ptr<Kernel>(std::make_unique<CastKernel>(same, count * data_type_size_bytes(to)));
    return std::unique_ptr<Kernel>(std::make_unique<CastKernel>(find_loop(x.type, to), count));
  }

 private:
  DataType target(std::span<const Operand> inputs) const { return to_ == DataType::kUndefined ? inputs[1].type : to_; }
  DataType to_;
};

}  // namespace

OpPtr make_cast(DataType to) { return std::make_shared<CastOp>(to); }
OpPtr make_cast_like() { return std::make_shared<CastOp>(DataType::kUndefined); }

}  // namespace sealedge
