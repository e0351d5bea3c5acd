// Det: determinants of square matrices, by elimination with partial pivoting, in double.
#include <cmath>
#include <utility>

#include "graph/ops/element_types.h"
#include "graph/ops/product/linear_algebra.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Destroys m, which is (n, n).
double determinant(double* m, size_t n) {
  double product = 1;
  for (size_t column = 0; column < n; ++column) {
    size_t pivot = column;
    for (size_t row = column + 1; row < n; ++row) {
      if (std::fabs(m[row * n + column]) > std::fabs(m[pivot * n + column])) pivot = row;
    }
    if (pivot != column) {
      for (size_t i = column; i < n; ++i) std::swap(m[pivot * n + i], m[column * n + i]);
      product = -product;
    }
    const double diagonal = m[column * n + column];
    product *= diagonal;
    if (diagonal == 0) return product;
    for (size_t row = column + 1; row < n; ++row) {
      const double factor = m[row * n + column] / diagonal;
      for (size_t i = column + 1; i < n; ++i) m[row * n + i] -= factor * m[column * n + i];
    }
  }
  return product;
}

template <typename T>
class DetKernel final : public Kernel {
 public:
  DetKernel(size_t matrices, size_t n) : matrices_(matrices), n_(n) {}
  size_t scratch_bytes() const override { return n_ * n_ * sizeof(double); }
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    auto* copy = reinterpret_cast<double*>(args.scratch);
    for (size_t matrix = 0; matrix < matrices_; ++matrix, x += n_ * n_) {
      for (size_t i = 0; i < n_ * n_; ++i) copy[i] = static_cast<double>(x[i]);
      y[matrix] = T(determinant(copy, n_));
    }
    return {};
  }

 private:
  size_t matrices_, n_;
};

class DetOp final : public Op {
 public:
  const char* op_type() const override { return "Det"; }
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (x.dims.size() < 2 || x.dims.back() != x.dims[x.dims.size() - 2]) {
      return shape_mismatch("expected square matrices, got " + dims_to_string(x.dims));
    }
    if (!is_float(x.type)) return op_unsupported(data_type_name(x.type));
    return std::vector<TensorFact>{{x.type, Dims(x.dims.begin(), x.dims.end() - 2)}};
  }
  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return linear_work(inputs, outputs) + element_count(inputs) * static_cast<double>(inputs[0].dims.back());
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const auto matrices = static_cast<size_t>(element_count(setup.outputs[0].dims));
    const auto n = static_cast<size_t>(setup.inputs[0].dims.back());
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<DetKernel<T>>(matrices, n);
    });
  }

 private:
  static bool is_float(DataType type) {
    return type == DataType::kFloat32 || type == DataType::kFloat64 || type == DataType::kFloat16;
  }
};

}  // namespace

OpPtr make_det() { return std::make_shared<DetOp>(); }

}  // namespace sealedge
