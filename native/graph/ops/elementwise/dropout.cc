// Dropout outside training: the data as they are, and a mask that keeps everything.
#include <cstring>

#include "graph/ops/element_types.h"
#include "graph/ops/legacy_forms.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class DropoutKernel final : public Kernel {
 public:
  DropoutKernel(size_t size_bytes, size_t count, DataType mask) : size_bytes_(size_bytes), count_(count), mask_(mask) {}

  Result<void> run(const RunArgs& args) const override {
    if (args.outputs[0] && args.outputs[0] != args.inputs[0] && size_bytes_ > 0) {
      std::memcpy(args.outputs[0], args.inputs[0], size_bytes_);
    }
    if (args.outputs.size() < 2 || !args.outputs[1]) return {};
    dispatch_type(AllTypes{}, mask_, [&]<typename T>() {
      const T one = T(1.0);
      for (size_t i = 0; i < count_; ++i) std::memcpy(args.outputs[1] + i * sizeof one, &one, sizeof one);
      return true;
    });
    return {};
  }

 private:
  size_t size_bytes_;
  size_t count_;
  DataType mask_;
};

// A scalar of any float type that is present and fixed; `name` is the input's name in the standard.
Result<double> scalar_argument(const Operand& operand, const char* name) {
  if (element_count(operand.dims) != 1) return shape_mismatch(std::string(name) + ": expected a scalar");
  if (!operand.data) return op_unsupported(std::string(name) + " depends on the data of a run");
  double value = 0;
  const bool known = dispatch_type(AllTypes{}, operand.type, [&]<typename T>() {
    T element;
    std::memcpy(&element, operand.data, sizeof element);
    value = static_cast<double>(element);
    return true;
  });
  if (!known) return op_unsupported(data_type_name(operand.type));
  return value;
}

class DropoutOp final : public LinearTimeOp {
 public:
  explicit DropoutOp(DataType mask) : mask_(mask) {}
  const char* op_type() const override { return "Dropout"; }
  bool needs_contents(size_t input) const override { return input > 0; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const bool has_training_mode = inputs.size() > 2 && inputs[2].present;
    if (has_training_mode) {
      SEALEDGE_ASSIGN(const double training, scalar_argument(inputs[2], "training_mode"));
      double ratio = 0.5;  // Dropout-12: the default
      if (inputs[1].present) {
        SEALEDGE_ASSIGN(ratio, scalar_argument(inputs[1], "ratio"));
      }
      if (training != 0 && ratio != 0) return op_unsupported("training mode: its output is random");
    }
    const DataType mask = mask_ == DataType::kUndefined ? inputs[0].type : mask_;
    return std::vector<TensorFact>{{inputs[0].type, inputs[0].dims}, {mask, inputs[0].dims}};
  }
  bool output_is_view(std::span<const Operand>, std::span<const Operand> outputs) const override {
    return outputs.size() < 2 || !outputs[1].present;
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& data = setup.inputs[0];
    SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes({data.type, data.dims}));
    const DataType mask = mask_ == DataType::kUndefined ? data.type : mask_;
    return std::unique_ptr<Kernel>(
        std::make_unique<DropoutKernel>(size_bytes, static_cast<size_t>(element_count(data.dims)), mask));
  }

 private:
  DataType mask_;
};

}  // namespace

OpPtr make_dropout(DataType mask) { return std::make_shared<DropoutOp>(mask); }

}  // namespace sealedge
