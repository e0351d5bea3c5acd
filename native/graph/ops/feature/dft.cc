// DFT-17, DFT-20 and STFT-17. Real or complex input (last dimension 1 or 2), complex output, computed in double.
#include <algorithm>

#include "graph/ops/element_types.h"
#include "graph/ops/feature/signal.h"
#include "graph/ops/support.h"
#include "kernels/fft/fft.h"

namespace sealedge {

namespace {

// Bounds the tables that are made when planning: 64 MiB at most.
constexpr int64_t kLongestTransform = int64_t{1} << 20;

bool is_float(DataType type) {
  return type == DataType::kFloat32 || type == DataType::kFloat64 || type == DataType::kFloat16;
}

// One integer that shape inference needs; its contents are known then.
Result<int64_t> one_integer(const Operand& operand, const char* name) {
  SEALEDGE_ASSIGN(const std::vector<int64_t> values, shape_argument(operand, name));
  if (values.size() != 1) return model_invalid(std::string(name) + ": expected one element");
  return values[0];
}

Result<int64_t> transform_length(int64_t length) {
  if (length < 1 || length > kLongestTransform) {
    return model_invalid("transform length: expected 1 to " + std::to_string(kLongestTransform) + ", got " +
                         std::to_string(length));
  }
  return length;
}

// Many transforms of one length, one of which is read at a time into complex doubles.
template <typename T>
class TransformKernel : public Kernel {
 public:
  TransformKernel(size_t length, bool inverse, size_t kept)
      : length_(length), kept_(kept), inverse_(inverse), table_(fft_table_size(length)) {
    fft_make_table(length, table_.data());
  }
  size_t scratch_bytes() const override { return (length_ + fft_scratch_size(length_)) * sizeof(Complex64); }

 protected:
  // x[i]: the i-th sample, components apart by 1; samples before `count` are there, the rest are 0.
  void read(const T* x, size_t step, size_t components, size_t count, Complex64* to) const {
    for (size_t i = 0; i < length_; ++i) {
      to[i] = {};
      if (i >= count) continue;
      to[i].re = static_cast<double>(x[i * step]);
      if (components == 2) to[i].im = static_cast<double>(x[i * step + 1]);
    }
  }
  void transform_and_write(Complex64* samples, T* y, size_t step, bool real = false) const {
    fft(length_, inverse_, table_.data(), samples, samples + length_);
    for (size_t i = 0; i < kept_; ++i) {
      y[i * step] = T(samples[i].re);
      if (!real) y[i * step + 1] = T(samples[i].im);
    }
  }
  size_t length_, kept_;

 private:
  bool inverse_;
  std::vector<Complex64> table_;
};

template <typename T>
class DftKernel final : public TransformKernel<T> {
 public:
  // `real`: the input is the first half of a spectrum, the output the real signal that has it.
  DftKernel(size_t length, bool inverse, size_t kept, size_t outer, size_t axis, size_t inner, size_t components,
            bool real)
      : TransformKernel<T>(length, inverse, kept),
        outer_(outer),
        axis_(axis),
        inner_(inner),
        components_(components),
        real_(real) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    auto* samples = reinterpret_cast<Complex64*>(args.scratch);
    const size_t used = real_ ? std::min(axis_, this->length_ / 2 + 1) : axis_, width = real_ ? 1 : 2;
    for (size_t lane = 0; lane < outer_ * inner_; ++lane) {
      const size_t o = lane / inner_, i = lane % inner_;
      this->read(x + (o * axis_ * inner_ + i) * components_, inner_ * components_, components_, used, samples);
      if (real_) mirror(samples);
      this->transform_and_write(samples, y + (o * this->kept_ * inner_ + i) * width, inner_ * width, real_);
    }
    return {};
  }

 private:
  // The spectrum of a real signal of n samples: X[n - k] is the conjugate of X[k], so what is its own mirror is real.
  void mirror(Complex64* samples) const {
    const size_t n = this->length_;
    samples[0].im = 0;
    if (n % 2 == 0) samples[n / 2].im = 0;
    for (size_t k = n / 2 + 1; k < n; ++k) samples[k] = {samples[n - k].re, -samples[n - k].im};
  }

  size_t outer_, axis_, inner_, components_;
  bool real_;
};

class DftOp final : public Op {
 public:
  DftOp(int64_t axis, bool inverse, bool onesided) : axis_(axis), inverse_(inverse), onesided_(onesided) {}
  const char* op_type() const override { return "DFT"; }
  bool needs_contents(size_t input) const override { return input > 0; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!is_float(x.type)) return op_unsupported(data_type_name(x.type));
    if (x.dims.size() < 2 || (x.dims.back() != 1 && x.dims.back() != 2)) {
      return shape_mismatch("expected a last dimension of 1 or 2, got " + dims_to_string(x.dims));
    }
    if (onesided_ && inverse_ != (x.dims.back() == 2)) {
      return model_invalid("onesided: only from real input, or back to it");
    }
    SEALEDGE_ASSIGN(const Geometry geometry, geometry_of(inputs));
    TensorFact fact{x.type, x.dims};
    fact.dims[geometry.axis] = geometry.kept;
    fact.dims.back() = gives_real() ? 1 : 2;
    return std::vector<TensorFact>{std::move(fact)};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    SEALEDGE_ASSIGN(const Geometry geometry, geometry_of(setup.inputs));
    size_t outer = 1, inner = 1;
    for (size_t d = 0; d + 1 < dims.size(); ++d) {
      if (d != geometry.axis) (d < geometry.axis ? outer : inner) *= static_cast<size_t>(dims[d]);
    }
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<DftKernel<T>>(
          static_cast<size_t>(geometry.length), inverse_, static_cast<size_t>(geometry.kept), outer,
          static_cast<size_t>(dims[geometry.axis]), inner, static_cast<size_t>(dims.back()), gives_real());
    });
  }

 private:
  bool gives_real() const { return onesided_ && inverse_; }

  struct Geometry {
    size_t axis;
    int64_t length, kept;
  };
  Result<Geometry> geometry_of(std::span<const Operand> inputs) const {
    const Dims& dims = inputs[0].dims;
    int64_t given = axis_;
    if (inputs.size() > 2 && inputs[2].present) {
      SEALEDGE_ASSIGN(given, one_integer(inputs[2], "axis"));
    }
    SEALEDGE_ASSIGN(const size_t axis, resolve_axis(given, dims.size()));
    if (axis + 1 == dims.size()) return model_invalid("axis: the last dimension holds real and imaginary parts");
    int64_t length = gives_real() ? 2 * (dims[axis] - 1) : dims[axis];
    if (inputs.size() > 1 && inputs[1].present) {
      SEALEDGE_ASSIGN(length, one_integer(inputs[1], "dft_length"));
    }
    SEALEDGE_TRY(transform_length(length));
    return Geometry{axis, length, onesided_ && !inverse_ ? length / 2 + 1 : length};
  }

  int64_t axis_;
  bool inverse_, onesided_;
};

template <typename T>
class StftKernel final : public TransformKernel<T> {
 public:
  StftKernel(size_t length, size_t kept, size_t batch, size_t samples, size_t components, size_t frames, size_t step)
      : TransformKernel<T>(length, false, kept),
        batch_(batch),
        samples_(samples),
        components_(components),
        frames_(frames),
        step_(step) {}
  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    const auto* window = args.inputs.size() > 2 ? reinterpret_cast<const T*>(args.inputs[2]) : nullptr;
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    auto* frame = reinterpret_cast<Complex64*>(args.scratch);
    for (size_t i = 0; i < batch_ * frames_; ++i, y += this->kept_ * 2) {
      const T* from = x + (i / frames_ * samples_ + i % frames_ * step_) * components_;
      this->read(from, components_, components_, this->length_, frame);
      for (size_t j = 0; window && j < this->length_; ++j) {
        const auto weight = static_cast<double>(window[j]);
        frame[j] = {frame[j].re * weight, frame[j].im * weight};
      }
      this->transform_and_write(frame, y, 2);
    }
    return {};
  }

 private:
  size_t batch_, samples_, components_, frames_, step_;
};

class StftOp final : public Op {
 public:
  explicit StftOp(bool onesided) : onesided_(onesided) {}
  const char* op_type() const override { return "STFT"; }
  bool needs_contents(size_t input) const override { return input == 1 || input == 3; }

  // signal (batch, samples) or (batch, samples, 1 or 2) -> (batch, frames, frequencies, 2)
  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    SEALEDGE_ASSIGN(const Geometry geometry, geometry_of(inputs));
    return std::vector<TensorFact>{{inputs[0].type, {inputs[0].dims[0], geometry.frames, geometry.kept, 2}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& dims = setup.inputs[0].dims;
    SEALEDGE_ASSIGN(const Geometry geometry, geometry_of(setup.inputs));
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<StftKernel<T>>(static_cast<size_t>(geometry.length), static_cast<size_t>(geometry.kept),
                                             static_cast<size_t>(dims[0]), static_cast<size_t>(dims[1]),
                                             static_cast<size_t>(dims.size() == 3 ? dims[2] : 1),
                                             static_cast<size_t>(geometry.frames), static_cast<size_t>(geometry.step));
    });
  }

 private:
  struct Geometry {
    int64_t length, kept, frames, step;
  };
  Result<Geometry> geometry_of(std::span<const Operand> inputs) const {
    const Operand& x = inputs[0];
    if (!is_float(x.type)) return op_unsupported(data_type_name(x.type));
    const bool complex = x.dims.size() == 3 && x.dims[2] == 2;
    if (x.dims.size() != 2 && !(x.dims.size() == 3 && (complex || x.dims[2] == 1))) {
      return shape_mismatch("signal: expected (batch, samples, 1 or 2), got " + dims_to_string(x.dims));
    }
    if (onesided_ && complex) return model_invalid("onesided: only for a real signal");
    SEALEDGE_ASSIGN(const int64_t step, one_integer(inputs[1], "frame_step"));
    if (step < 1) return model_invalid("frame_step: expected at least 1, got " + std::to_string(step));
    const bool has_window = inputs.size() > 2 && inputs[2].present;
    int64_t length = 0;
    if (inputs.size() > 3 && inputs[3].present) {
      SEALEDGE_ASSIGN(length, one_integer(inputs[3], "frame_length"));
    } else if (has_window && inputs[2].dims.size() == 1) {
      length = inputs[2].dims[0];
    } else {
      return model_invalid("frame_length: neither it nor a window is given");
    }
    SEALEDGE_TRY(transform_length(length));
    if (has_window && (inputs[2].type != x.type || inputs[2].dims != Dims{length})) {
      return shape_mismatch("window: expected " + std::to_string(length) + " of the signal's type");
    }
    if (x.dims[1] < length) return shape_mismatch("signal: shorter than a frame of " + std::to_string(length));
    return Geometry{length, onesided_ ? length / 2 + 1 : length, (x.dims[1] - length) / step + 1, step};
  }

  bool onesided_;
};

}  // namespace

OpPtr make_dft(int64_t axis, bool inverse, bool onesided) { return std::make_shared<DftOp>(axis, inverse, onesided); }
OpPtr make_stft(bool onesided) { return std::make_shared<StftOp>(onesided); }

}  // namespace sealedge
