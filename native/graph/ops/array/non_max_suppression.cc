// NonMaxSuppression: per batch and class, the best boxes that do not overlap a better one.
//   boxes (batches, N, 4), scores (batches, classes, N) -> selected (count, 3): batch, class, box
#include <algorithm>
#include <cstring>
#include <memory>

#include "graph/ops/array/selection.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// Bounds what is allocated when planning: there may be no batch to hold the boxes.
constexpr size_t kMostBoxes = size_t{1} << 26;

struct Box {
  float y1, x1, y2, x2;
  float area() const { return (y2 - y1) * (x2 - x1); }
};

struct Problem {
  size_t batches = 0, classes = 0, count = 0;
  bool center_point_box = false;
  const float* boxes = nullptr;
  const float* scores = nullptr;
  int64_t most = 0;  // per class
  float iou_threshold = 0;
  float score_threshold = -__builtin_inff();
};

// Corners in any diagonal order, or (x center, y center, width, height) (NonMaxSuppression-11).
Box box_at(const Problem& problem, size_t batch, int64_t index) {
  const float* b = problem.boxes + (batch * problem.count + static_cast<size_t>(index)) * 4;
  if (problem.center_point_box) {
    return {b[1] - b[3] / 2, b[0] - b[2] / 2, b[1] + b[3] / 2, b[0] + b[2] / 2};
  }
  return {std::min(b[0], b[2]), std::min(b[1], b[3]), std::max(b[0], b[2]), std::max(b[1], b[3])};
}

bool overlaps_too_much(const Box& a, const Box& b, float threshold) {
  const float height = std::min(a.y2, b.y2) - std::max(a.y1, b.y1);
  const float width = std::min(a.x2, b.x2) - std::max(a.x1, b.x1);
  if (!(height > 0) || !(width > 0) || !(a.area() > 0) || !(b.area() > 0)) return false;
  const float common = height * width;
  return common / (a.area() + b.area() - common) > threshold;
}

// Calls found(batch, class, box) for every selected box in order. `order` and `kept` hold `count` numbers each.
template <typename Found>
void select(const Problem& problem, int64_t* order, int64_t* kept, const Found& found) {
  for (size_t batch = 0; batch < problem.batches; ++batch) {
    for (size_t c = 0; c < problem.classes; ++c) {
      const float* scores = problem.scores + (batch * problem.classes + c) * problem.count;
      size_t candidates = 0;
      for (size_t i = 0; i < problem.count; ++i) {
        if (scores[i] > problem.score_threshold) order[candidates++] = static_cast<int64_t>(i);
      }
      // Best first, of equal ones the earlier. A heap, from which only as many are taken as are looked at; and its
      // bounds do not depend on the comparisons, should the caller's memory change meanwhile.
      const auto worse = [scores](int64_t a, int64_t b) {
        return scores[a] < scores[b] || (scores[a] == scores[b] && a > b);
      };
      std::make_heap(order, order + candidates, worse);
      size_t selected = 0;
      while (candidates > 0 && static_cast<int64_t>(selected) < problem.most) {
        std::pop_heap(order, order + candidates, worse);
        const int64_t next = order[--candidates];
        const Box box = box_at(problem, batch, next);
        const bool suppressed = std::any_of(kept, kept + selected, [&](int64_t other) {
          return overlaps_too_much(box, box_at(problem, batch, other), problem.iou_threshold);
        });
        if (suppressed) continue;
        kept[selected++] = next;
        found(batch, c, next);
      }
    }
  }
}

template <typename T>
T scalar_or(const uint8_t* bytes, T otherwise) {
  if (bytes) std::memcpy(&otherwise, bytes, sizeof otherwise);
  return otherwise;
}

Problem problem_of(const Dims& boxes, const Dims& scores, bool center_point_box, std::span<const uint8_t* const> data) {
  const auto at = [&](size_t i) { return i < data.size() ? data[i] : nullptr; };
  Problem problem;
  problem.batches = static_cast<size_t>(boxes[0]);
  problem.count = static_cast<size_t>(boxes[1]);
  problem.classes = static_cast<size_t>(scores[1]);
  problem.center_point_box = center_point_box;
  problem.boxes = reinterpret_cast<const float*>(at(0));
  problem.scores = reinterpret_cast<const float*>(at(1));
  problem.most = scalar_or<int64_t>(at(2), 0);  // without it: no output
  problem.iou_threshold = scalar_or<float>(at(3), 0.0f);
  problem.score_threshold = scalar_or<float>(at(4), problem.score_threshold);
  return problem;
}

// What was found when planning. The elements are those of the plan, so there is nothing to look for again.
using Selection = std::vector<int64_t>;

class NmsKernel final : public Kernel {
 public:
  explicit NmsKernel(std::shared_ptr<const Selection> selected) : selected_(std::move(selected)) {}

  Result<void> run(const RunArgs& args) const override {
    if (!selected_->empty()) std::memcpy(args.outputs[0], selected_->data(), selected_->size() * sizeof(int64_t));
    return {};
  }

 private:
  std::shared_ptr<const Selection> selected_;
};

class NmsOp final : public Op {
 public:
  explicit NmsOp(bool center_point_box) : center_point_box_(center_point_box) {}
  const char* op_type() const override { return "NonMaxSuppression"; }
  bool needs_contents(size_t) const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  // Each candidate against each that was kept, of each class; with nothing to suppress that is all of them.
  double infer_work(std::span<const Operand> inputs) const override {
    const double scores = element_count(inputs.subspan(1, 1));
    const bool limited = inputs.size() > 2 && inputs[2].type == DataType::kInt64 && element_count(inputs[2].dims) == 1;
    const int64_t most = limited ? scalar_or<int64_t>(inputs[2].data, 0) : 0;
    const double boxes = inputs[0].dims.size() > 1 ? static_cast<double>(inputs[0].dims[1]) : 0;
    constexpr double kOverlap = 4;
    return scores * kOverlap * (1 + std::min(boxes, std::max(static_cast<double>(most), 0.0)));
  }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    std::shared_ptr<const void> unused;
    return infer_with_findings(inputs, &unused);
  }

  Result<std::vector<TensorFact>> infer_with_findings(std::span<const Operand> inputs,
                                                      std::shared_ptr<const void>* findings) const override {
    SEALEDGE_TRY(check(inputs));
    SEALEDGE_ASSIGN(std::shared_ptr<const Selection> selected, select_from(inputs));
    const auto count = static_cast<int64_t>(selected->size() / 3);
    *findings = std::move(selected);
    return std::vector<TensorFact>{{DataType::kInt64, {count, 3}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return std::unique_ptr<Kernel>(
        std::make_unique<NmsKernel>(std::static_pointer_cast<const Selection>(setup.findings)));
  }

 private:
  static Result<void> check(std::span<const Operand> inputs) {
    const Operand &boxes = inputs[0], &scores = inputs[1];
    if (boxes.type != DataType::kFloat32 || scores.type != DataType::kFloat32) {
      return model_invalid("boxes and scores: expected float32");
    }
    if (boxes.dims.size() != 3 || scores.dims.size() != 3 || boxes.dims[2] != 4 || boxes.dims[0] != scores.dims[0] ||
        boxes.dims[1] != scores.dims[2]) {
      return shape_mismatch("boxes " + dims_to_string(boxes.dims) + " do not fit scores " +
                            dims_to_string(scores.dims));
    }
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!inputs[i].present) continue;
      if (i >= 2 &&
          (element_count(inputs[i].dims) != 1 || inputs[i].type != (i == 2 ? DataType::kInt64 : DataType::kFloat32))) {
        return model_invalid("a limit must be one int64 or float32");
      }
      if (element_count(inputs[i].dims) > 0 && !inputs[i].data) {
        return op_unsupported("an input depends on the data of a run, so the shape cannot be planned");
      }
    }
    return {};
  }

  Result<std::shared_ptr<const Selection>> select_from(std::span<const Operand> inputs) const {
    std::vector<const uint8_t*> data;
    for (const Operand& input : inputs) data.push_back(input.data);
    const Problem problem = problem_of(inputs[0].dims, inputs[1].dims, center_point_box_, data);
    if (problem.count > kMostBoxes) {
      return Error{ErrorCode::kLimitExceeded,
                   "expected at most " + std::to_string(kMostBoxes) + " boxes, got " + std::to_string(problem.count)};
    }
    std::vector<int64_t> order(2 * problem.count);
    auto selected = std::make_shared<Selection>();
    select(problem, order.data(), order.data() + problem.count, [&](size_t batch, size_t c, int64_t box) {
      selected->insert(selected->end(), {static_cast<int64_t>(batch), static_cast<int64_t>(c), box});
    });
    return std::shared_ptr<const Selection>(std::move(selected));
  }

  bool center_point_box_;
};

}  // namespace

OpPtr make_non_max_suppression(bool center_point_box) { return std::make_shared<NmsOp>(center_point_box); }

}  // namespace sealedge
