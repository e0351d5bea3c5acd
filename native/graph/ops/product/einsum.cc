// Einsum: operands are contracted two at a time, from the left, each pair as a batch of matrix products:
//   A (batch, rows, summed) * B (batch, summed, columns) -> (batch, rows, columns)
// batch: labels of both that are needed later; summed: of both that are not; rows and columns: of one side. What is of
// one operand only and not needed is summed while it is brought into that order.
#include <algorithm>

#include "core/alignment.h"
#include "core/checked.h"
#include "graph/ops/element_types.h"
#include "graph/ops/product/einsum_equation.h"
#include "graph/ops/product/linear_algebra.h"
#include "graph/ops/product/product_loops.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"
#include "kernels/gemm/gemm.h"

namespace sealedge {

namespace {

// Below this many multiply-adds, packing for the kernel costs more than it gains.
constexpr size_t kWorthPacking = 1 << 14;

// Where a tensor's bytes are: an input, a place in scratch, or the output.
struct Place {
  enum class Kind : uint8_t { kInput, kScratch, kOutput } kind = Kind::kInput;
  size_t at = 0;  // number of the input, or offset in bytes
};

// Elements by label, wherever they lie; a label that repeats in the source is walked along its diagonal, one whose
// size is 1 there has stride 0.
struct View {
  Place place;
  std::vector<EinsumLabel> labels;  // distinct
  std::vector<int64_t> strides;
  int64_t stride_of(EinsumLabel label) const {
    const auto found = std::find(labels.begin(), labels.end(), label);
    return found == labels.end() ? 0 : strides[static_cast<size_t>(found - labels.begin())];
  }
  bool has(EinsumLabel label) const { return std::find(labels.begin(), labels.end(), label) != labels.end(); }
};

// to[i] = sum over `summed` of from[...], i counting through `kept` in order.
struct Arrangement {
  Place from, to;
  Dims kept, summed;
  std::vector<int64_t> kept_strides, summed_strides;
};

struct Contraction {
  Place a, b, y;
  size_t batch = 1;
  LoopProduct product{};
  Place packed;
};

struct Step {
  bool is_product = false;
  Arrangement arrangement;
  Contraction contraction;
};

template <typename T>
void arrange(const Arrangement& step, const T* from, T* to) {
  using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, double>;
  Walk<1> outer(step.kept, {std::span<const int64_t>(step.kept_strides)});
  const auto count = static_cast<size_t>(element_count(step.kept));
  const auto terms = static_cast<size_t>(element_count(step.summed));
  for (size_t i = 0; i < count; ++i, outer.next()) {
    if (step.summed.empty()) {
      to[i] = from[outer.offset()];
      continue;
    }
    Walk<1> inner(step.summed, {std::span<const int64_t>(step.summed_strides)});
    Sum sum{};
    for (size_t j = 0; j < terms; ++j, inner.next()) sum += static_cast<Sum>(from[outer.offset() + inner.offset()]);
    to[i] = static_cast<T>(sum);
  }
}

class EinsumKernel final : public Kernel {
 public:
  EinsumKernel(DataType type, std::vector<Step> steps, size_t scratch_bytes)
      : type_(type), steps_(std::move(steps)), scratch_bytes_(scratch_bytes) {}
  size_t scratch_bytes() const override { return scratch_bytes_; }

  Result<void> run(const RunArgs& args) const override {
    const KernelContext context = kernel_context(args);
    for (const Step& step : steps_) {
      if (step.is_product) {
        multiply(step.contraction, args, context);
        continue;
      }
      dispatch_type(NumberTypes{}, type_, [&]<typename T>() {
        arrange(step.arrangement, reinterpret_cast<const T*>(source(step.arrangement.from, args)),
                reinterpret_cast<T*>(target(step.arrangement.to, args)));
        return true;
      });
    }
    return {};
  }

 private:
  static const uint8_t* source(const Place& place, const RunArgs& args) {
    return place.kind == Place::Kind::kInput ? args.inputs[place.at] : target(place, args);
  }
  static uint8_t* target(const Place& place, const RunArgs& args) {
    return place.kind == Place::Kind::kScratch ? args.scratch + place.at : args.outputs[0];
  }

  void multiply(const Contraction& step, const RunArgs& args, const KernelContext& context) const {
    const LoopProduct& p = step.product;
    const size_t element_bytes = data_type_size_bytes(type_);
    const uint8_t *a = source(step.a, args), *b = source(step.b, args);
    uint8_t* y = target(step.y, args);
    for (size_t i = 0; i < step.batch; ++i) {
      const uint8_t* a_matrix = a + i * p.m * p.k * element_bytes;
      const uint8_t* b_matrix = b + i * p.k * p.n * element_bytes;
      uint8_t* y_matrix = y + i * p.m * p.n * element_bytes;
      if (step.packed.kind != Place::Kind::kScratch) {
        find_product_loop(type_)(p, a_matrix, b_matrix, y_matrix, context);
        continue;
      }
      auto* packed = reinterpret_cast<float*>(args.scratch + step.packed.at);
      f32_pack_panel16(reinterpret_cast<const float*>(b_matrix), p.k, p.n, p.n, 1, packed);
      F32GemmParams params = {.m = p.m,
                              .n = p.n,
                              .k = p.k,
                              .a = reinterpret_cast<const float*>(a_matrix),
                              .a_stride = p.k,
                              .c = reinterpret_cast<float*>(y_matrix),
                              .c_stride = p.n};
      f32_gemm(params, ResidentWeightSource(reinterpret_cast<const uint8_t*>(packed), f32_panel16_bytes(p.k, p.n)),
               context);
    }
  }

  DataType type_;
  std::vector<Step> steps_;
  size_t scratch_bytes_;
};

class Planner {
 public:
  Planner(const EinsumPlan& plan, DataType type) : plan_(plan), type_(type) {}

  Result<std::unique_ptr<Kernel>> make(std::span<const Operand> inputs) {
    View current = view_of(inputs, 0);
    for (size_t next = 1; next < inputs.size(); ++next) {
      SEALEDGE_ASSIGN(current, contract(current, view_of(inputs, next), next + 1));
    }
    SEALEDGE_TRY(arrange_into({Place::Kind::kOutput, 0}, current, plan_.output));
    return std::unique_ptr<Kernel>(std::make_unique<EinsumKernel>(type_, std::move(steps_), scratch_));
  }

 private:
  View view_of(std::span<const Operand> inputs, size_t index) const {
    View view{{Place::Kind::kInput, index}, {}, {}};
    const std::vector<int64_t> strides = strides_of(inputs[index].dims, Format::kRowMajor);
    for (size_t d = 0; d < strides.size(); ++d) {
      const EinsumLabel label = plan_.operands[index][d];
      const int64_t stride = inputs[index].dims[d] == 1 ? 0 : strides[d];
      const auto found = std::find(view.labels.begin(), view.labels.end(), label);
      if (found == view.labels.end()) {
        view.labels.push_back(label);
        view.strides.push_back(stride);
      } else {
        view.strides[static_cast<size_t>(found - view.labels.begin())] += stride;
      }
    }
    return view;
  }

  // In the output, or in an operand that is still to come.
  bool needed(EinsumLabel label, size_t next) const {
    const auto in = [label](const std::vector<EinsumLabel>& labels) {
      return std::find(labels.begin(), labels.end(), label) != labels.end();
    };
    return in(plan_.output) ||
           std::any_of(plan_.operands.begin() + static_cast<ptrdiff_t>(next), plan_.operands.end(), in);
  }

  int64_t size_of(EinsumLabel label) const { return plan_.size[static_cast<size_t>(label)]; }
  Dims dims_of(const std::vector<EinsumLabel>& labels) const {
    Dims dims;
    for (EinsumLabel label : labels) dims.push_back(size_of(label));
    return dims;
  }

  Result<Place> reserve(const Dims& dims) {
    SEALEDGE_ASSIGN(const size_t bytes, checked_size_bytes({type_, dims}));
    return reserve_bytes(bytes);
  }
  Result<Place> reserve_bytes(size_t bytes) {
    const Place place{Place::Kind::kScratch, scratch_};
    constexpr size_t kMost = size_t{1} << 40;
    if (bytes > kMost || scratch_ > kMost) return Error{ErrorCode::kLimitExceeded, "intermediate results too large"};
    scratch_ += round_up_64(bytes);
    return place;
  }

  // A step that brings the view's elements into the order of `labels`, summing over its others.
  Result<void> arrange_into(Place to, const View& view, const std::vector<EinsumLabel>& labels) {
    Arrangement step{view.place, to, dims_of(labels), {}, {}, {}};
    for (EinsumLabel label : labels) step.kept_strides.push_back(view.stride_of(label));
    for (size_t i = 0; i < view.labels.size(); ++i) {
      if (std::find(labels.begin(), labels.end(), view.labels[i]) != labels.end()) continue;
      step.summed.push_back(size_of(view.labels[i]));
      step.summed_strides.push_back(view.strides[i]);
    }
    if (step.kept.size() > kMaxRank || step.summed.size() > kMaxRank) return op_unsupported("more than 16 labels");
    steps_.push_back({.is_product = false, .arrangement = std::move(step), .contraction = {}});
    return {};
  }

  // Where the view's elements are in this order, moved there if they are not.
  Result<Place> arranged(const View& view, const std::vector<EinsumLabel>& labels) {
    const std::vector<int64_t> dense = strides_of(dims_of(labels), Format::kRowMajor);
    bool in_order = labels.size() == view.labels.size();
    for (size_t i = 0; in_order && i < labels.size(); ++i) {
      in_order = view.has(labels[i]) && (size_of(labels[i]) == 1 || view.stride_of(labels[i]) == dense[i]);
    }
    if (in_order) return view.place;
    SEALEDGE_ASSIGN(const Place place, reserve(dims_of(labels)));
    SEALEDGE_TRY(arrange_into(place, view, labels));
    return place;
  }

  Result<View> contract(const View& a, const View& b, size_t next) {
    std::vector<EinsumLabel> batch, rows, columns, summed;
    for (EinsumLabel label : a.labels) {
      const bool later = needed(label, next);
      if (b.has(label)) {
        (later ? batch : summed).push_back(label);
      } else if (later) {
        rows.push_back(label);
      }
    }
    for (EinsumLabel label : b.labels) {
      if (!a.has(label) && needed(label, next)) columns.push_back(label);
    }
    const auto joined = [](std::initializer_list<const std::vector<EinsumLabel>*> parts) {
      std::vector<EinsumLabel> all;
      for (const auto* part : parts) all.insert(all.end(), part->begin(), part->end());
      return all;
    };
    const std::vector<EinsumLabel> result = joined({&batch, &rows, &columns});
    // The steps below work on dense tensors of these sizes.
    SEALEDGE_TRY(checked_element_count(dims_of(joined({&batch, &rows, &summed}))));
    SEALEDGE_TRY(checked_element_count(dims_of(joined({&batch, &summed, &columns}))));
    SEALEDGE_TRY(checked_element_count(dims_of(result)));
    const auto count = [&](const std::vector<EinsumLabel>& labels) {
      return static_cast<size_t>(element_count(dims_of(labels)));
    };
    Contraction step;
    SEALEDGE_ASSIGN(step.a, arranged(a, joined({&batch, &rows, &summed})));
    SEALEDGE_ASSIGN(step.b, arranged(b, joined({&batch, &summed, &columns})));
    SEALEDGE_ASSIGN(step.y, reserve(dims_of(result)));
    const size_t m = count(rows), n = count(columns), k = count(summed);
    step.batch = count(batch);
    step.product = {m, n, k, k, 1, n, 1};
    const bool empty = step.batch == 0 || m == 0 || n == 0 || k == 0;
    if (type_ == DataType::kFloat32 && !empty && k >= kWorthPacking / m / n) {
      SEALEDGE_ASSIGN(step.packed, reserve_bytes(f32_panel16_bytes(k, n)));
    }
    View made{step.y, result, strides_of(dims_of(result), Format::kRowMajor)};
    steps_.push_back({.is_product = true, .arrangement = {}, .contraction = step});
    return made;
  }

  const EinsumPlan& plan_;
  DataType type_;
  std::vector<Step> steps_;
  size_t scratch_ = 0;
};

class EinsumOp final : public Op {
 public:
  explicit EinsumOp(std::string equation) : equation_(std::move(equation)) {}
  const char* op_type() const override { return "Einsum"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const DataType type = inputs[0].type;
    for (const Operand& input : inputs) {
      if (input.type != type) return shape_mismatch("operands of different types");
    }
    if (!find_product_loop(type)) return op_unsupported(data_type_name(type));
    SEALEDGE_ASSIGN(const EinsumPlan plan, parse_einsum(equation_, inputs));
    TensorFact fact{type, {}};
    for (EinsumLabel label : plan.output) fact.dims.push_back(plan.size[static_cast<size_t>(label)]);
    SEALEDGE_TRY(checked_element_count(fact.dims));
    SEALEDGE_TRY(Planner(plan, type).make(inputs));  // intermediate results may be too large
    return std::vector<TensorFact>{std::move(fact)};
  }

  // At most all combinations of elements, whatever is summed.
  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    double combinations = 1;
    for (size_t i = 0; i < inputs.size(); ++i) combinations *= element_count(inputs.subspan(i, 1));
    return combinations + linear_work(inputs, outputs);
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const EinsumPlan plan, parse_einsum(equation_, setup.inputs));
    return Planner(plan, setup.inputs[0].type).make(setup.inputs);
  }

 private:
  std::string equation_;
};

}  // namespace

OpPtr make_einsum(std::string equation) { return std::make_shared<EinsumOp>(std::move(equation)); }

}  // namespace sealedge
