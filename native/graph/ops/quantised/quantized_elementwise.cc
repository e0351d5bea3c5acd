// Tables, sums and products of 8-bit tensors.
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/quantised/quantized_ops.h"
#include "graph/ops/support.h"
#include "kernels/requantize_scalar.h"

namespace sealedge {

namespace {

class LookupKernel final : public Kernel {
 public:
  LookupKernel(const ByteTable& table, size_t size) : table_(table), size_(size) {}
  Result<void> run(const RunArgs& args) const override {
    q8_lookup(table_.data(), args.inputs[0], args.outputs[0], size_, kernel_context(args));
    return {};
  }

 private:
  ByteTable table_;
  size_t size_;
};

class LookupOp final : public LinearTimeOp {
 public:
  LookupOp(const char* op_type, DataType from, DataType to, const ByteTable& table, size_t rank)
      : op_type_(op_type), from_(from), to_(to), table_(table), rank_(rank) {}
  const char* op_type() const override { return op_type_; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != from_) return model_invalid(std::string("expected ") + data_type_name(from_));
    Dims dims = inputs[0].dims;
    if (dims.size() < rank_) dims.insert(dims.begin(), rank_ - dims.size(), 1);
    return std::vector<TensorFact>{{to_, std::move(dims)}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (inputs[0].dims.size() < rank_) return Op::choose_formats(inputs, outputs);
    return following_formats(inputs, outputs);
  }
  bool may_overwrite(size_t, std::span<const Operand>, std::span<const Operand>) const override { return true; }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto size = static_cast<size_t>(element_count(setup.inputs[0].dims));
    return std::unique_ptr<Kernel>(std::make_unique<LookupKernel>(table_, size));
  }

 private:
  const char* op_type_;
  DataType from_, to_;
  ByteTable table_;
  size_t rank_;
};

class QuantizedBinaryKernel final : public Kernel {
 public:
  QuantizedBinaryKernel(const Q8BinaryParams& params, const BroadcastPlan& plan) : params_(params), plan_(plan) {}
  Result<void> run(const RunArgs& args) const override {
    q8_binary(params_, plan_, args.inputs[0], args.inputs[1], args.outputs[0], kernel_context(args));
    return {};
  }

 private:
  Q8BinaryParams params_;
  BroadcastPlan plan_;
};

class QuantizedBinaryOp final : public LinearTimeOp {
 public:
  QuantizedBinaryOp(const Q8BinaryParams& params, const QuantizedType& a, const QuantizedType& b,
                    const QuantizedType& y)
      : params_(params), a_(a.type), b_(b.type), y_(y.type) {}
  const char* op_type() const override { return params_.op == Q8Binary::kAdd ? "QLinearAdd" : "QLinearMul"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != a_ || inputs[1].type != b_) return model_invalid("operands have other types");
    SEALEDGE_ASSIGN(Dims dims, broadcast_dims(inputs.first(2)));
    return std::vector<TensorFact>{{y_, std::move(dims)}};
  }
  FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return broadcast_formats(inputs, outputs);
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& y = setup.outputs[0];
    const std::vector<size_t> dims = physical_dims(y);
    BroadcastPlan plan;
    if (!make_broadcast_plan(dims.size(), dims.data(), physical_strides(setup.inputs[0], y).data(),
                             physical_strides(setup.inputs[1], y).data(), &plan)) {
      return op_unsupported("more than 8 dimensions");
    }
    return std::unique_ptr<Kernel>(std::make_unique<QuantizedBinaryKernel>(params_, plan));
  }

 private:
  Q8BinaryParams params_;
  DataType a_, b_, y_;
};

}  // namespace

Q8Step QuantizedType::writing(float lo, float hi) const {
  const auto least = static_cast<float>(lowest() - zero_point), most = static_cast<float>(lowest() + 255 - zero_point);
  Q8Step step = {scale, zero_point, least, most};
  step.lo = static_cast<float>(round_to_step_scalar(lo / scale, least, most, 0));
  step.hi = static_cast<float>(round_to_step_scalar(hi / scale, step.lo, most, 0));
  return step;
}

OpPtr make_lookup(const char* op_type, DataType from, DataType to, const ByteTable& table, size_t rank) {
  return std::make_shared<LookupOp>(op_type, from, to, table, rank);
}

OpPtr make_quantized_binary(Q8Binary op, const QuantizedType& a, const QuantizedType& b, const QuantizedType& y,
                            float lo, float hi) {
  return std::make_shared<QuantizedBinaryOp>(Q8BinaryParams{op, a.reading(), b.reading(), y.writing(lo, hi)}, a, b, y);
}

}  // namespace sealedge
