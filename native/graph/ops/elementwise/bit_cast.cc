#include "graph/ops/elementwise/bit_cast.h"

#include <cstring>

#include "graph/ops/support.h"

namespace sealedge {

namespace {

class BitCastKernel final : public Kernel {
 public:
  explicit BitCastKernel(size_t size_bytes) : size_bytes_(size_bytes) {}
  Result<void> run(const RunArgs& args) const override {
    if (size_bytes_ > 0) std::memmove(args.outputs[0], args.inputs[0], size_bytes_);
    return {};
  }

 private:
  size_t size_bytes_;
};

class BitCastOp final : public LinearTimeOp {
 public:
  explicit BitCastOp(DataType to) : to_(to) {}
  const char* op_type() const override { return "BitCast"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType from = inputs[0].type;
    // Elements that share bytes of a file have each their own here: their bits are not where a cast would look for
    // them.
    if (data_type_packed_bits(from) > 0 || data_type_packed_bits(to_) > 0) {
      return op_unsupported(std::string("from ") + data_type_name(from) + " to " + data_type_name(to_));
    }
    if (data_type_size_bytes(from) != data_type_size_bytes(to_)) {
      return model_invalid(std::string("from ") + data_type_name(from) + " to " + data_type_name(to_) +
                           ", which has another width");
    }
    return std::vector<TensorFact>{{to_, inputs[0].dims}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand>) const override {
    return {{inputs[0].format}, {inputs[0].format}};
  }
  bool output_is_view(std::span<const Operand>, std::span<const Operand>) const override { return true; }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes({to_, setup.inputs[0].dims}));
    return std::unique_ptr<Kernel>(std::make_unique<BitCastKernel>(size_bytes));
  }

 private:
  DataType to_;
};

}  // namespace

std::shared_ptr<const Op> make_bit_cast(DataType to) { return std::make_shared<BitCastOp>(to); }

}  // namespace sealedge
