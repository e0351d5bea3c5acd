// RoiAlign-16 and MaxRoiPool-1: regions of an image, each made height x width.
#include <algorithm>
#include <cmath>
#include <cstring>

#include "graph/ops/element_types.h"
#include "graph/ops/support.h"
#include "graph/ops/window/sampling.h"
#include "kernels/parallel.h"

namespace sealedge {

namespace {

// More samples than this per bin and dimension would only be a way to keep a CPU busy: where their number follows from
// a region, one per pixel, and where the model names it.
constexpr double kMaxSamples = 1 << 12;
constexpr int64_t kMaxSamplingRatio = 256;

struct RoiGeometry {
  size_t batch, channels, in_height, in_width, rois, height, width;
  RoiAttributes attributes;
};

// Where a region lies, in pixels of the image.
struct Region {
  double x1, y1, x2, y2;
};

Result<size_t> checked_batch(double index, size_t batch) {
  if (index >= 0 && index < static_cast<double>(batch)) return static_cast<size_t>(index);
  return Error{ErrorCode::kInputInvalid, "a region names an image that is not there: expected below " +
                                             std::to_string(batch) + ", got " + std::to_string(index)};
}

template <typename T>
class RoiKernel : public Kernel {
 public:
  explicit RoiKernel(const RoiGeometry& geometry) : g_(geometry) {}

  Result<void> run(const RunArgs& args) const final {
    const KernelContext context = kernel_context(args);
    for (size_t r = 0; r < g_.rois; r++) {
      SEALEDGE_ASSIGN(const size_t n, batch_of(args, r));
      SEALEDGE_ASSIGN(const Region region, region_of(args, r));
      const size_t parts = parts_for(context.parallel, g_.channels, g_.height * g_.width * 4 * kFunctionWork);
      parallel_for(context.parallel, parts, [&](size_t index, unsigned) {
        const Part part = part_of(g_.channels, index, parts);
        for (size_t c = part.begin; c < part.end; c++) {
          const size_t pixels = g_.in_height * g_.in_width;
          const T* image = reinterpret_cast<const T*>(args.inputs[0]) + (n * g_.channels + c) * pixels;
          T* y = reinterpret_cast<T*>(args.outputs[0]) + (r * g_.channels + c) * g_.height * g_.width;
          for (size_t i = 0; i < g_.height; i++) {
            for (size_t j = 0; j < g_.width; j++) *y++ = static_cast<T>(bin(image, region, i, j));
          }
        }
      });
    }
    return {};
  }

 protected:
  virtual Result<size_t> batch_of(const RunArgs& args, size_t r) const = 0;
  virtual Result<Region> region_of(const RunArgs& args, size_t r) const = 0;
  virtual double bin(const T* image, const Region& region, size_t i, size_t j) const = 0;

  const T* roi(const RunArgs& args, size_t r, size_t columns) const {
    return reinterpret_cast<const T*>(args.inputs[1]) + r * columns;
  }

  RoiGeometry g_;
};

template <typename T>
class RoiAlignKernel final : public RoiKernel<T> {
 public:
  using RoiKernel<T>::RoiKernel;

 private:
  Result<size_t> batch_of(const RunArgs& args, size_t r) const override {
    int64_t index;
    std::memcpy(&index, args.inputs[2] + r * sizeof index, sizeof index);
    return checked_batch(static_cast<double>(index), this->g_.batch);
  }

  Result<Region> region_of(const RunArgs& args, size_t r) const override {
    const T* roi = this->roi(args, r, 4);
    const RoiAttributes& a = this->g_.attributes;
    const double scale = a.spatial_scale, shift = a.half_pixel ? 0.5 : 0.0;
    Region region = {static_cast<double>(roi[0]) * scale - shift, static_cast<double>(roi[1]) * scale - shift,
                     static_cast<double>(roi[2]) * scale - shift, static_cast<double>(roi[3]) * scale - shift};
    if (!a.half_pixel) {
      region.x2 = std::max(region.x2, region.x1 + 1);
      region.y2 = std::max(region.y2, region.y1 + 1);
    }
    const double largest = kMaxSamples * static_cast<double>(std::min(this->g_.height, this->g_.width));
    if (a.sampling_ratio == 0 && !(region.x2 - region.x1 <= largest && region.y2 - region.y1 <= largest)) {
      return Error{ErrorCode::kInputInvalid, "a region is too large, or no number"};
    }
    return region;
  }

  double bin(const T* image, const Region& region, size_t i, size_t j) const override {
    const RoiAttributes& a = this->g_.attributes;
    const double height = (region.y2 - region.y1) / static_cast<double>(this->g_.height);
    const double width = (region.x2 - region.x1) / static_cast<double>(this->g_.width);
    const auto samples = [&](double size) {
      return a.sampling_ratio > 0 ? a.sampling_ratio : static_cast<int64_t>(std::ceil(std::max(size, 0.0)));
    };
    const int64_t rows = samples(height), columns = samples(width);
    double sum = 0, best = 0;
    bool found = false;
    for (int64_t s = 0; s < rows; s++) {
      const double y =
          region.y1 + (static_cast<double>(i) + (static_cast<double>(s) + 0.5) / static_cast<double>(rows)) * height;
      // All of the row's samples are zeros: regions may be larger than images by far.
      if (!(y >= -1 && y <= static_cast<double>(this->g_.in_height)) && columns > 0) {
        best = found ? std::max(best, 0.0) : 0.0;
        found = true;
        continue;
      }
      for (int64_t t = 0; t < columns; t++) {
        const double x =
            region.x1 +
            (static_cast<double>(j) + (static_cast<double>(t) + 0.5) / static_cast<double>(columns)) * width;
        double terms[4];
        interpolate(image, y, x, terms);
        sum += terms[0] + terms[1] + terms[2] + terms[3];
        // The standard's reference takes the largest of the weighted neighbours, not of their sums.
        const double largest = *std::max_element(terms, terms + 4);
        best = found ? std::max(best, largest) : largest;
        found = true;
      }
    }
    if (a.maximum) return best;
    return sum / static_cast<double>(std::max<int64_t>(rows * columns, 1));
  }

  // The four weighted neighbours; zeros more than a pixel outside.
  void interpolate(const T* image, double y, double x, double* terms) const {
    const auto height = static_cast<double>(this->g_.in_height), width = static_cast<double>(this->g_.in_width);
    std::fill(terms, terms + 4, 0.0);
    if (!(y >= -1 && y <= height && x >= -1 && x <= width)) return;
    y = std::min(std::max(y, 0.0), height - 1);
    x = std::min(std::max(x, 0.0), width - 1);
    const auto top = static_cast<size_t>(y), left = static_cast<size_t>(x);
    const size_t bottom = std::min(top + 1, this->g_.in_height - 1), right = std::min(left + 1, this->g_.in_width - 1);
    const double v = y - static_cast<double>(top), u = x - static_cast<double>(left);
    const auto at = [&](size_t row, size_t column) {
      return static_cast<double>(image[row * this->g_.in_width + column]);
    };
    terms[0] = (1 - v) * (1 - u) * at(top, left);
    terms[1] = (1 - v) * u * at(top, right);
    terms[2] = v * (1 - u) * at(bottom, left);
    terms[3] = v * u * at(bottom, right);
  }
};

template <typename T>
class MaxRoiPoolKernel final : public RoiKernel<T> {
 public:
  using RoiKernel<T>::RoiKernel;

 private:
  Result<size_t> batch_of(const RunArgs& args, size_t r) const override {
    return checked_batch(static_cast<double>(this->roi(args, r, 5)[0]), this->g_.batch);
  }

  Result<Region> region_of(const RunArgs& args, size_t r) const override {
    const T* roi = this->roi(args, r, 5) + 1;
    const double scale = this->g_.attributes.spatial_scale;
    Region region = {std::round(static_cast<double>(roi[0]) * scale), std::round(static_cast<double>(roi[1]) * scale),
                     std::round(static_cast<double>(roi[2]) * scale), std::round(static_cast<double>(roi[3]) * scale)};
    // Both ends are inside; at least one pixel.
    region.x2 = std::max(region.x2, region.x1) + 1;
    region.y2 = std::max(region.y2, region.y1) + 1;
    for (double v : {region.x1, region.y1, region.x2, region.y2}) {
      if (!std::isfinite(v)) return Error{ErrorCode::kInputInvalid, "a region is no number"};
    }
    return region;
  }

  double bin(const T* image, const Region& region, size_t i, size_t j) const override {
    const auto range = [](double start, double end, size_t bins, size_t k, size_t size) {
      const double step = (end - start) / static_cast<double>(bins), limit = static_cast<double>(size);
      const double first = std::floor(static_cast<double>(k) * step) + start;
      const double last = std::ceil(static_cast<double>(k + 1) * step) + start;
      return std::pair(static_cast<size_t>(std::min(std::max(first, 0.0), limit)),
                       static_cast<size_t>(std::min(std::max(last, 0.0), limit)));
    };
    const auto [top, bottom] = range(region.y1, region.y2, this->g_.height, i, this->g_.in_height);
    const auto [left, right] = range(region.x1, region.x2, this->g_.width, j, this->g_.in_width);
    if (top >= bottom || left >= right) return 0;
    auto best = static_cast<double>(image[top * this->g_.in_width + left]);
    for (size_t y = top; y < bottom; y++) {
      for (size_t x = left; x < right; x++)
        best = std::max(best, static_cast<double>(image[y * this->g_.in_width + x]));
    }
    return best;
  }
};

class RoiOp final : public Op {
 public:
  RoiOp(RoiAttributes attributes, bool align) : attributes_(attributes), align_(align) {}
  const char* op_type() const override { return align_ ? "RoiAlign" : "MaxRoiPool"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &x = inputs[0], &rois = inputs[1];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (attributes_.height < 1 || attributes_.width < 1 || attributes_.sampling_ratio < 0 ||
        attributes_.sampling_ratio > kMaxSamplingRatio || !std::isfinite(attributes_.spatial_scale)) {
      return model_invalid("the size of a region's output, its samples or scale are out of range");
    }
    if (x.dims.size() != 4) return shape_mismatch("expected 4 dimensions, got " + dims_to_string(x.dims));
    if (x.dims[2] == 0 || x.dims[3] == 0) return op_unsupported("an image without pixels");
    const int64_t columns = align_ ? 4 : 5;
    if (rois.type != x.type || rois.dims.size() != 2 || rois.dims[1] != columns) {
      return shape_mismatch("rois: expected (number, " + std::to_string(columns) + "), got " +
                            dims_to_string(rois.dims));
    }
    if (align_ && (inputs[2].type != DataType::kInt64 || inputs[2].dims != Dims{rois.dims[0]})) {
      return shape_mismatch("batch_indices: expected one int64 for each region");
    }
    return std::vector<TensorFact>{{x.type, {rois.dims[0], x.dims[1], attributes_.height, attributes_.width}}};
  }

  // A region may ask for as many samples as there can be.
  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    if (!align_) return Op::work(inputs, outputs);
    const double samples =
        attributes_.sampling_ratio > 0 ? static_cast<double>(attributes_.sampling_ratio) : kMaxSamples;
    constexpr double kSample = 8;
    return linear_work(inputs, outputs) + element_count(outputs) * samples * samples * kSample;
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Dims& x = setup.inputs[0].dims;
    const RoiGeometry geometry = {.batch = static_cast<size_t>(x[0]),
                                  .channels = static_cast<size_t>(x[1]),
                                  .in_height = static_cast<size_t>(x[2]),
                                  .in_width = static_cast<size_t>(x[3]),
                                  .rois = static_cast<size_t>(setup.inputs[1].dims[0]),
                                  .height = static_cast<size_t>(attributes_.height),
                                  .width = static_cast<size_t>(attributes_.width),
                                  .attributes = attributes_};
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      if (align_) return std::make_unique<RoiAlignKernel<T>>(geometry);
      return std::make_unique<MaxRoiPoolKernel<T>>(geometry);
    });
  }

 private:
  RoiAttributes attributes_;
  bool align_;
};

}  // namespace

OpPtr make_roi_align(RoiAttributes attributes) { return std::make_shared<RoiOp>(attributes, true); }
OpPtr make_max_roi_pool(RoiAttributes attributes) { return std::make_shared<RoiOp>(attributes, false); }

}  // namespace sealedge
