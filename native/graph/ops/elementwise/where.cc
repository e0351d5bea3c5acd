// Where: chooses between two operands element by element; moves bits, so it knows element sizes, not types.
#include "graph/ops.h"
#include "graph/ops/elementwise/elementwise_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class WhereKernel final : public Kernel {
 public:
  WhereKernel(std::vector<size_t> dims, std::vector<size_t> condition, std::vector<size_t> x, std::vector<size_t> y,
              size_t element_bytes)
      : dims_(std::move(dims)),
        condition_(std::move(condition)),
        x_(std::move(x)),
        y_(std::move(y)),
        element_bytes_(element_bytes) {}

  Result<void> run(const RunArgs& args) const override {
    switch (element_bytes_) {
      case 1:
        choose<uint8_t>(args);
        break;
      case 2:
        choose<uint16_t>(args);
        break;
      case 4:
        choose<uint32_t>(args);
        break;
      default:
        choose<uint64_t>(args);
        break;
    }
    return {};
  }

 private:
  template <typename T>
  void choose(const RunArgs& args) const {
    auto* out = reinterpret_cast<T*>(args.outputs[0]);
    choose_dimension(0, args.inputs[0], reinterpret_cast<const T*>(args.inputs[1]),
                     reinterpret_cast<const T*>(args.inputs[2]), out);
  }
  template <typename T>
  void choose_dimension(size_t d, const uint8_t* condition, const T* x, const T* y, T*& out) const {
    if (d == dims_.size()) {
      *out++ = *condition != 0 ? *x : *y;  // any byte: it may come from a caller
      return;
    }
    for (size_t i = 0; i < dims_[d]; i++) {
      choose_dimension(d + 1, condition + i * condition_[d], x + i * x_[d], y + i * y_[d], out);
    }
  }

  std::vector<size_t> dims_, condition_, x_, y_;
  size_t element_bytes_;
};

class WhereOp final : public LinearTimeOp {
 public:
  const char* op_type() const override { return "Where"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].type != DataType::kBool) return shape_mismatch("condition is not bool");
    if (inputs[1].type != inputs[2].type) return shape_mismatch("X and Y of different types");
    if (data_type_size_bytes(inputs[1].type) == 0) return op_unsupported(data_type_name(inputs[1].type));
    SEALEDGE_ASSIGN(Dims dims, broadcast_dims(inputs));
    return std::vector<TensorFact>{{inputs[1].type, std::move(dims)}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& out = setup.outputs[0];
    const auto strides = [&](size_t i) { return physical_strides(setup.inputs[i], out); };
    return std::unique_ptr<Kernel>(std::make_unique<WhereKernel>(physical_dims(out), strides(0), strides(1), strides(2),
                                                                 data_type_size_bytes(out.type)));
  }
};

}  // namespace

OpPtr make_where() { return std::make_shared<WhereOp>(); }

}  // namespace sealedge
