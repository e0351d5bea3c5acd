// HannWindow, HammingWindow, BlackmanWindow and MelWeightMatrix: tables that follow from scalars.
#include <cmath>
#include <cstring>

#include "graph/ops/element_types.h"
#include "graph/ops/feature/signal.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

constexpr double kPi = 3.14159265358979323846;
// Bounds what is made when planning.
constexpr int64_t kLongest = int64_t{1} << 22;

// A table of doubles made when planning, written as any number type.
template <typename T>
class TableKernel final : public Kernel {
 public:
  explicit TableKernel(std::vector<double> values) : values_(std::move(values)) {}
  Result<void> run(const RunArgs& args) const override {
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    for (size_t i = 0; i < values_.size(); ++i) y[i] = static_cast<T>(values_[i]);
    return {};
  }

 private:
  std::vector<double> values_;
};

Result<std::unique_ptr<Kernel>> make_table(DataType type, std::vector<double> values) {
  return dispatch_type(NumberTypes{}, type, [&]<typename T>() -> std::unique_ptr<Kernel> {
    return std::make_unique<TableKernel<T>>(std::move(values));
  });
}

bool is_number(DataType type) {
  return dispatch_type(NumberTypes{}, type, []<typename T>() { return true; });
}

// A scalar of any number type whose contents are known.
Result<double> scalar_value(const Operand& operand, const char* name) {
  if (element_count(operand.dims) != 1 || !is_number(operand.type)) {
    return model_invalid(std::string(name) + ": expected one number");
  }
  if (!operand.data) {
    return op_unsupported(std::string(name) + " depends on the data of a run, so the shape cannot be planned");
  }
  return dispatch_type(NumberTypes{}, operand.type, [&]<typename T>() {
    T value;
    std::memcpy(&value, operand.data, sizeof value);
    return static_cast<double>(value);
  });
}
Result<int64_t> integer_value(const Operand& operand, const char* name, int64_t least) {
  SEALEDGE_ASSIGN(const double value, scalar_value(operand, name));
  if (!(value >= static_cast<double>(least) && value <= static_cast<double>(kLongest))) {
    return model_invalid(std::string(name) + ": out of range");
  }
  return static_cast<int64_t>(value);
}

class WindowOp final : public Op {
 public:
  WindowOp(WindowKind kind, bool periodic, DataType output) : kind_(kind), periodic_(periodic), output_(output) {}
  const char* op_type() const override {
    return kind_ == WindowKind::kHann      ? "HannWindow"
           : kind_ == WindowKind::kHamming ? "HammingWindow"
                                           : "BlackmanWindow";
  }
  bool needs_contents(size_t) const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!is_number(output_)) return op_unsupported(data_type_name(output_));
    SEALEDGE_ASSIGN(const int64_t size, integer_value(inputs[0], "size", 0));
    return std::vector<TensorFact>{{output_, {size}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const int64_t size = setup.outputs[0].dims[0], period = periodic_ ? size : size - 1;
    std::vector<double> values;
    for (int64_t i = 0; i < size; ++i) {
      // A symmetric window of one point has no period: it is its middle.
      const double x = period == 0 ? kPi : 2 * kPi * static_cast<double>(i) / static_cast<double>(period);
      values.push_back(at(x));
    }
    return make_table(output_, std::move(values));
  }

 private:
  // HannWindow-17, HammingWindow-17 (25/46 and 21/46), BlackmanWindow-17.
  double at(double x) const {
    if (kind_ == WindowKind::kHann) return 0.5 - 0.5 * std::cos(x);
    if (kind_ == WindowKind::kHamming) return 25.0 / 46 - 21.0 / 46 * std::cos(x);
    return 0.42 - 0.5 * std::cos(x) + 0.08 * std::cos(2 * x);
  }
  WindowKind kind_;
  bool periodic_;
  DataType output_;
};

class MelWeightMatrixOp final : public Op {
 public:
  explicit MelWeightMatrixOp(DataType output) : output_(output) {}
  const char* op_type() const override { return "MelWeightMatrix"; }
  bool needs_contents(size_t) const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!is_number(output_)) return op_unsupported(data_type_name(output_));
    SEALEDGE_ASSIGN(const Filters filters, filters_of(inputs));
    return std::vector<TensorFact>{{output_, {filters.spectrum, filters.count}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const Filters filters, filters_of(setup.inputs));
    return make_table(output_, triangles(filters));
  }

 private:
  struct Filters {
    int64_t count, spectrum;         // mel bins, bins of the one-sided spectrum
    std::vector<int64_t> edge_bins;  // count + 2
  };

  // Edges at equal distances in mel, mel = 2595 log10(1 + hertz / 700), brought to bins of the spectrum
  // (MelWeightMatrix-17; the step is divided by count + 2, as the standard's reference does).
  static Result<Filters> filters_of(std::span<const Operand> inputs) {
    Filters filters;
    SEALEDGE_ASSIGN(filters.count, integer_value(inputs[0], "num_mel_bins", 0));
    SEALEDGE_ASSIGN(const int64_t length, integer_value(inputs[1], "dft_length", 1));
    SEALEDGE_ASSIGN(const int64_t sample_rate, integer_value(inputs[2], "sample_rate", 1));
    SEALEDGE_ASSIGN(const double lower, scalar_value(inputs[3], "lower_edge_hertz"));
    SEALEDGE_ASSIGN(const double upper, scalar_value(inputs[4], "upper_edge_hertz"));
    filters.spectrum = length / 2 + 1;
    if (filters.count > kLongest / filters.spectrum) {
      return model_invalid("num_mel_bins: out of range");
    }
    const auto mel = [](double hertz) { return 2595 * std::log10(1 + hertz / 700); };
    const double low = mel(lower), step = (mel(upper) - low) / static_cast<double>(filters.count + 2);
    for (int64_t i = 0; i < filters.count + 2; ++i) {
      const double hertz = 700 * (std::pow(10.0, (low + static_cast<double>(i) * step) / 2595) - 1);
      const double bin = std::floor(static_cast<double>(length + 1) * hertz / static_cast<double>(sample_rate));
      if (!(bin >= 0 && bin < static_cast<double>(filters.spectrum))) {
        return model_invalid("edges: beyond the spectrum");
      }
      filters.edge_bins.push_back(static_cast<int64_t>(bin));
    }
    return filters;
  }

  // Filter i rises from edge i to edge i + 1 and falls to edge i + 2.
  static std::vector<double> triangles(const Filters& filters) {
    std::vector<double> weights(static_cast<size_t>(filters.count * filters.spectrum), 0.0);
    for (int64_t i = 0; i < filters.count; ++i) {
      const int64_t* edge = &filters.edge_bins[static_cast<size_t>(i)];
      const auto weight = [&](int64_t bin) -> double& { return weights[static_cast<size_t>(bin * filters.count + i)]; };
      const auto rise = static_cast<double>(edge[1] - edge[0]), fall = static_cast<double>(edge[2] - edge[1]);
      if (edge[0] == edge[1]) weight(edge[1]) = 1;
      for (int64_t bin = edge[0]; edge[0] < edge[1] && bin <= edge[1]; ++bin) {
        weight(bin) = static_cast<double>(bin - edge[0]) / rise;
      }
      for (int64_t bin = edge[1]; bin < edge[2]; ++bin) weight(bin) = static_cast<double>(edge[2] - bin) / fall;
    }
    return weights;
  }

  DataType output_;
};

}  // namespace

OpPtr make_window(WindowKind kind, bool periodic, DataType output) {
  return std::make_shared<WindowOp>(kind, periodic, output);
}
OpPtr make_mel_weight_matrix(DataType output) { return std::make_shared<MelWeightMatrixOp>(output); }

}  // namespace sealedge
