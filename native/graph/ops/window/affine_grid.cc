// AffineGrid-20: where an affine map takes each pixel of an image, for GridSample.
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window/sampling.h"

namespace sealedge {

namespace {

template <typename T>
class AffineGridKernel final : public Kernel {
 public:
  AffineGridKernel(Dims grid, bool align_corners) : grid_(std::move(grid)), align_corners_(align_corners) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* theta = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const size_t rank = grid_.size() - 2, row = rank + 1;
    int64_t pixels = 1;
    for (size_t d = 1; d <= rank; ++d) pixels *= grid_[d];
    for (int64_t n = 0; n < grid_[0]; ++n, theta += rank * row) {
      for (int64_t pixel = 0; pixel < pixels; ++pixel, y += rank) {
        // x first, which is the innermost dimension; then 1 for the translation.
        double position[4];
        int64_t rest = pixel;
        for (size_t d = 0; d < rank; ++d) {
          const int64_t size = grid_[rank - d];
          position[d] = coordinate(rest % size, size);
          rest /= size;
        }
        position[rank] = 1;
        for (size_t i = 0; i < rank; ++i) {
          double sum = 0;
          for (size_t j = 0; j < row; ++j) sum += static_cast<double>(theta[i * row + j]) * position[j];
          y[i] = T(sum);
        }
      }
    }
    return {};
  }

 private:
  // From -1 to 1, between the centres of the corner pixels or between their outer edges.
  double coordinate(int64_t index, int64_t size) const {
    const auto i = static_cast<double>(index), n = static_cast<double>(size);
    if (align_corners_) return size == 1 ? 0 : -1 + 2 * i / (n - 1);
    return (2 * i + 1) / n - 1;
  }

  Dims grid_;
  bool align_corners_;
};

class AffineGridOp final : public Op {
 public:
  explicit AffineGridOp(bool align_corners) : align_corners_(align_corners) {}
  const char* op_type() const override { return "AffineGrid"; }
  bool needs_contents(size_t input) const override { return input == 1; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& theta = inputs[0];
    if (!dispatch_type(FloatTypes{}, theta.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(theta.type));
    }
    SEALEDGE_ASSIGN(const std::vector<int64_t> size, shape_argument(inputs[1], "size"));
    if (size.size() != 4 && size.size() != 5) return model_invalid("size: expected 4 or 5 values");
    const int64_t rank = static_cast<int64_t>(size.size()) - 2;
    if (theta.dims != Dims{size[0], rank, rank + 1}) {
      return shape_mismatch("theta " + dims_to_string(theta.dims) + " does not fit size " + dims_to_string(size));
    }
    Dims grid = {size[0]};
    grid.insert(grid.end(), size.begin() + 2, size.end());
    for (int64_t dim : grid) {
      if (dim < 0) return model_invalid("size: expected no negative values");
    }
    grid.push_back(rank);
    return std::vector<TensorFact>{{theta.type, std::move(grid)}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<AffineGridKernel<T>>(setup.outputs[0].dims, align_corners_);
    });
  }

 private:
  bool align_corners_;
};

}  // namespace

OpPtr make_affine_grid(bool align_corners) { return std::make_shared<AffineGridOp>(align_corners); }

}  // namespace sealedge
