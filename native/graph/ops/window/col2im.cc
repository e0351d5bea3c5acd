// Col2Im-18: every column holds one window's worth of an image; overlapping windows add up.
#include "graph/ops/window/col2im.h"

#include <algorithm>
#include <type_traits>

#include "core/checked.h"
#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window.h"
#include "kernels/conv/window_range.h"

namespace sealedge {

namespace {

template <typename T>
class Col2ImKernel final : public Kernel {
  using Sum = std::conditional_t<kIsFloating<T>, double, T>;

 public:
  Col2ImKernel(const WindowGeometry& window, size_t channels) : window_(window), channels_(channels) {}
  size_t scratch_bytes() const override { return window_.in_pixels() * sizeof(Sum); }

  Result<void> run(const RunArgs& args) const override {
    const size_t planes = window_.batch * channels_, pixels = window_.in_pixels();
    const size_t columns = window_.taps() * window_.out_pixels();
    auto* sums = reinterpret_cast<Sum*>(args.scratch);
    for (size_t plane = 0; plane < planes; plane++) {
      const T* x = reinterpret_cast<const T*>(args.inputs[0]) + plane * columns;
      T* y = reinterpret_cast<T*>(args.outputs[0]) + plane * pixels;
      std::fill(sums, sums + pixels, Sum{});
      for (size_t tap = 0; tap < window_.taps(); tap++) {
        for (size_t o = 0; o < window_.out_pixels(); o++, x++) add(tap, o, static_cast<Sum>(*x), sums);
      }
      for (size_t i = 0; i < pixels; i++) y[i] = static_cast<T>(sums[i]);
    }
    return {};
  }

 private:
  void add(size_t tap, size_t o, Sum value, Sum* sums) const {
    const size_t(&kernel)[3] = window_.kernel;
    const size_t(&out)[3] = window_.out;
    const size_t k[3] = {tap / kernel[2] / kernel[1], tap / kernel[2] % kernel[1], tap % kernel[2]};
    const size_t at[3] = {o / out[2] / out[1], o / out[2] % out[1], o % out[2]};
    size_t to = 0;
    for (int d = 0; d < 3; d++) {
      // Wraps far above `in` for positions in the leading padding.
      const auto position = static_cast<size_t>(input_position(window_, d, at[d], k[d]));
      if (position >= window_.in[d]) return;
      to = to * window_.in[d] + position;
    }
    if constexpr (std::is_integral_v<Sum>) {
      using U = std::make_unsigned_t<Sum>;  // wraps, as in numpy
      sums[to] = static_cast<Sum>(static_cast<U>(sums[to]) + static_cast<U>(value));
    } else {
      sums[to] += value;
    }
  }

  WindowGeometry window_;
  size_t channels_;
};

class Col2ImOp final : public Op {
 public:
  explicit Col2ImOp(WindowAttributes window) : window_(std::move(window)) {}
  const char* op_type() const override { return "Col2Im"; }
  bool needs_contents(size_t input) const override { return input == 1 || input == 2; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!dispatch_type(NumberTypes{}, inputs[0].type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(inputs[0].type));
    }
    SEALEDGE_ASSIGN(const Shape shape, resolve(inputs));
    return std::vector<TensorFact>{{inputs[0].type, shape.image}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const Shape shape, resolve(setup.inputs));
    return dispatch_type(NumberTypes{}, setup.inputs[0].type, [&]<typename T>() {
      return std::unique_ptr<Kernel>(
          std::make_unique<Col2ImKernel<T>>(shape.window, static_cast<size_t>(shape.image[1])));
    });
  }

 private:
  struct Shape {
    WindowGeometry window;
    Dims image;  // (N, C, spatial...)
  };

  Result<Shape> resolve(std::span<const Operand> inputs) const {
    const Dims& x = inputs[0].dims;
    SEALEDGE_ASSIGN(const std::vector<int64_t> image, shape_argument(inputs[1], "image_shape"));
    SEALEDGE_ASSIGN(const std::vector<int64_t> block, shape_argument(inputs[2], "block_shape"));
    if (x.size() != 3) return shape_mismatch("expected 3 dimensions, got " + dims_to_string(x));
    if (std::ranges::any_of(image, [](int64_t size) { return size < 0; }))
      return model_invalid("image_shape is negative");
    Shape shape;
    shape.image = {x[0], 1};
    shape.image.insert(shape.image.end(), image.begin(), image.end());
    SEALEDGE_ASSIGN(shape.window, resolve_window(window_, shape.image, block, false));
    int64_t taps = 1, places = 1;
    for (int d = 0; d < 3; d++) {
      if (!checked_mul(taps, static_cast<int64_t>(shape.window.kernel[d]), &taps) ||
          !checked_mul(places, static_cast<int64_t>(shape.window.out[d]), &places)) {
        return Error{ErrorCode::kLimitExceeded, "the image is too large"};
      }
    }
    if (x[1] % taps != 0 || x[2] != places) {
      return shape_mismatch(dims_to_string(x) + " are not the columns of " + std::to_string(places) + " windows of " +
                            std::to_string(taps) + " pixels");
    }
    shape.image[1] = x[1] / taps;
    SEALEDGE_TRY(checked_element_count(shape.image));
    return shape;
  }

  WindowAttributes window_;
};

}  // namespace

OpPtr make_col2im(WindowAttributes window) { return std::make_shared<Col2ImOp>(std::move(window)); }

}  // namespace sealedge
