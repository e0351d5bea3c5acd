// ReverseSequence: turns round the first sequence_lens[b] steps of each batch entry, keeps the rest.
#include <cstring>

#include "graph/ops/array/selection.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

// time_major: input (time, batch, inner), otherwise (batch, time, inner).
class ReverseKernel final : public Kernel {
 public:
  ReverseKernel(bool time_major, int64_t batches, int64_t steps, size_t inner_bytes)
      : time_major_(time_major), batches_(batches), steps_(steps), inner_bytes_(inner_bytes) {}

  Result<void> run(const RunArgs& args) const override {
    const IndexReader lengths(args.inputs[1], DataType::kInt64);
    for (int64_t batch = 0; batch < batches_; ++batch) {
      const int64_t length = lengths[static_cast<size_t>(batch)];
      if (length < 0 || length > steps_) {
        return Error{ErrorCode::kInputInvalid, "sequence length " + std::to_string(length) + " is out of range for " +
                                                   std::to_string(steps_) + " steps"};
      }
      for (int64_t step = 0; step < steps_; ++step) {
        const int64_t from = step < length ? length - 1 - step : step;
        std::memcpy(args.outputs[0] + offset(batch, step), args.inputs[0] + offset(batch, from), inner_bytes_);
      }
    }
    return {};
  }

 private:
  size_t offset(int64_t batch, int64_t step) const {
    return static_cast<size_t>(time_major_ ? step * batches_ + batch : batch * steps_ + step) * inner_bytes_;
  }
  bool time_major_;
  int64_t batches_, steps_;
  size_t inner_bytes_;
};

class ReverseSequenceOp final : public LinearTimeOp {
 public:
  ReverseSequenceOp(int64_t batch_axis, int64_t time_axis) : batch_axis_(batch_axis), time_axis_(time_axis) {}
  const char* op_type() const override { return "ReverseSequence"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const bool one_of_each = (batch_axis_ == 0 && time_axis_ == 1) || (batch_axis_ == 1 && time_axis_ == 0);
    if (!one_of_each) return model_invalid("batch_axis and time_axis: expected 0 and 1");
    const Dims& dims = inputs[0].dims;
    if (dims.size() < 2) return shape_mismatch("expected rank 2 or more, got " + dims_to_string(dims));
    if (inputs[1].type != DataType::kInt64) return model_invalid("sequence_lens: expected int64");
    const Dims wanted = {dims[static_cast<size_t>(batch_axis_)]};
    if (inputs[1].dims != wanted) {
      return shape_mismatch("sequence_lens: expected " + dims_to_string(wanted) + ", got " +
                            dims_to_string(inputs[1].dims));
    }
    return std::vector<TensorFact>{{inputs[0].type, dims}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    size_t inner_bytes = data_type_size_bytes(setup.inputs[0].type);
    for (size_t d = 2; d < dims.size(); ++d) inner_bytes *= static_cast<size_t>(dims[d]);
    return std::unique_ptr<Kernel>(std::make_unique<ReverseKernel>(
        time_axis_ == 0, dims[static_cast<size_t>(batch_axis_)], dims[static_cast<size_t>(time_axis_)], inner_bytes));
  }

 private:
  int64_t batch_axis_, time_axis_;
};

}  // namespace

OpPtr make_reverse_sequence(int64_t batch_axis, int64_t time_axis) {
  return std::make_shared<ReverseSequenceOp>(batch_axis, time_axis);
}

}  // namespace sealedge
