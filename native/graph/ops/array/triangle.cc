// Trilu and EyeLike: what depends only on where an element stands to a diagonal.
#include <algorithm>
#include <cstring>

#include "graph/ops/array/selection.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

class TriluKernel final : public Kernel {
 public:
  TriluKernel(size_t matrices, int64_t rows, int64_t columns, size_t element_bytes, bool upper)
      : matrices_(matrices), rows_(rows), columns_(columns), element_bytes_(element_bytes), upper_(upper) {}

  Result<void> run(const RunArgs& args) const override {
    int64_t k = 0;
    if (args.inputs.size() > 1 && args.inputs[1]) std::memcpy(&k, args.inputs[1], sizeof k);
    k = std::clamp(k, -rows_ - 1, columns_ + 1);  // beyond, nothing changes any more; and the sums below are safe
    const uint8_t* x = args.inputs[0];
    uint8_t* y = args.outputs[0];
    const size_t row_bytes = static_cast<size_t>(columns_) * element_bytes_;
    for (size_t matrix = 0; matrix < matrices_; ++matrix) {
      for (int64_t row = 0; row < rows_; ++row, x += row_bytes, y += row_bytes) {
        // Upper keeps columns from row + k on, lower those up to row + k (Trilu-14).
        const int64_t from = upper_ ? std::clamp<int64_t>(row + k, 0, columns_) : 0;
        const int64_t to = upper_ ? columns_ : std::clamp<int64_t>(row + k + 1, 0, columns_);
        const size_t begin = static_cast<size_t>(from) * element_bytes_, end = static_cast<size_t>(to) * element_bytes_;
        if (y != x) std::memcpy(y + begin, x + begin, end - begin);
        std::memset(y, 0, begin);
        std::memset(y + end, 0, row_bytes - end);
      }
    }
    return {};
  }

 private:
  size_t matrices_;
  int64_t rows_, columns_;
  size_t element_bytes_;
  bool upper_;
};

class TriluOp final : public LinearTimeOp {
 public:
  explicit TriluOp(bool upper) : upper_(upper) {}
  const char* op_type() const override { return "Trilu"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (inputs[0].dims.size() < 2) return shape_mismatch("expected matrices, got " + dims_to_string(inputs[0].dims));
    if (inputs.size() > 1 && inputs[1].present &&
        (inputs[1].type != DataType::kInt64 || element_count(inputs[1].dims) != 1)) {
      return model_invalid("k: expected one int64");
    }
    return std::vector<TensorFact>{{inputs[0].type, inputs[0].dims}};
  }
  bool may_overwrite(size_t input, std::span<const Operand>, std::span<const Operand>) const override {
    return input == 0;
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    const auto matrices = static_cast<size_t>(element_count(Dims(dims.begin(), dims.end() - 2)));
    return std::unique_ptr<Kernel>(std::make_unique<TriluKernel>(matrices, dims[dims.size() - 2], dims.back(),
                                                                 data_type_size_bytes(setup.inputs[0].type), upper_));
  }

 private:
  bool upper_;
};

template <typename T>
class EyeKernel final : public Kernel {
 public:
  EyeKernel(int64_t rows, int64_t columns, int64_t k) : rows_(rows), columns_(columns), k_(k) {}
  Result<void> run(const RunArgs& args) const override {
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const int64_t k = std::clamp(k_, -rows_ - 1, columns_ + 1);
    for (int64_t row = 0; row < rows_; ++row) {
      for (int64_t column = 0; column < columns_; ++column) *y++ = one_if(column == row + k);
    }
    return {};
  }

 private:
  static T one_if(bool on) {
    if constexpr (kIsFloating<T>) {
      return T(on ? 1.0f : 0.0f);
    } else {
      return static_cast<T>(on);
    }
  }
  int64_t rows_, columns_, k_;
};

class EyeLikeOp final : public LinearTimeOp {
 public:
  EyeLikeOp(DataType type, int64_t k) : type_(type), k_(k) {}
  const char* op_type() const override { return "EyeLike"; }
  bool needs_only_dims() const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = type_ == DataType::kUndefined ? inputs[0].type : type_;
    if (inputs[0].dims.size() != 2) return shape_mismatch("expected a matrix, got " + dims_to_string(inputs[0].dims));
    if (!make_kernel(type, inputs[0].dims)) return op_unsupported(data_type_name(type));
    return std::vector<TensorFact>{{type, inputs[0].dims}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return make_kernel(type_ == DataType::kUndefined ? setup.inputs[0].type : type_, setup.inputs[0].dims);
  }

 private:
  std::unique_ptr<Kernel> make_kernel(DataType type, const Dims& dims) const {
    return dispatch_type(AllTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<EyeKernel<T>>(dims[0], dims[1], k_);
    });
  }
  DataType type_;
  int64_t k_;
};

}  // namespace

OpPtr make_trilu(bool upper) { return std::make_shared<TriluOp>(upper); }
OpPtr make_eye_like(DataType type, int64_t k) { return std::make_shared<EyeLikeOp>(type, k); }

}  // namespace sealedge
