// NonMaxSuppression: per batch and class, the best boxes that do not overlap a better one.
//   boxes (batches, N, 4), scores (batches, classes, N) -> selected (count, 3): batch, class, box
#include <algorithm>
#include <cstring>

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

class NmsKernel final : public Kernel {
 public:
  NmsKernel(Dims boxes, Dims scores, bool center_point_box, size_t selected)
      : boxes_(std::move(boxes)),
        scores_(std::move(scores)),
        center_point_box_(center_point_box),
        selected_(selected) {}
  size_t scratch_bytes() const override { return 2 * static_cast<size_t>(boxes_[1]) * sizeof(int64_t); }

  Result<void> run(const RunArgs& args) const override {
    const Problem problem = problem_of(boxes_, scores_, center_point_box_, args.inputs);
    auto* order = reinterpret_cast<int64_t*>(args.scratch);
    auto* y = reinterpret_cast<int64_t*>(args.outputs[0]);
    size_t count = 0;
    select(problem, order, order + problem.count, [&](size_t batch, size_t c, int64_t box) {
      if (count++ >= selected_) return;  // never more than was planned
      *y++ = static_cast<int64_t>(batch);
      *y++ = static_cast<int64_t>(c);
      *y++ = box;
    });
    if (count != selected_) return Error{ErrorCode::kInputInvalid, "the input was changed during the run"};
    return {};
  }

 private:
  Dims boxes_, scores_;
  bool center_point_box_;
  size_t selected_;
};

class NmsOp final : public Op {
 public:
  explicit NmsOp(bool center_point_box) : center_point_box_(center_point_box) {}
  const char* op_type() const override { return "NonMaxSuppression"; }
  bool needs_contents(size_t) const override { return true; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand &boxes = inputs[0], &scores = inputs[1];
    if (boxes.type != DataType::kFloat32 || scores.type != DataType::kFloat32) {
      return model_invalid("boxes and scores: expected float32");
    }
    if (boxes.dims.size() != 3 || scores.dims.size() != 3 || boxes.dims[2] != 4 || boxes.dims[0] != scores.dims[0] ||
        boxes.dims[1] != scores.dims[2]) {
      return shape_mismatch("boxes " + dims_to_string(boxes.dims) + " do not fit scores " +
                            dims_to_string(scores.dims));
    }
    std::vector<const uint8_t*> data;
    for (size_t i = 0; i < inputs.size(); ++i) {
      data.push_back(inputs[i].data);
      if (!inputs[i].present) continue;
      if (i >= 2 &&
          (element_count(inputs[i].dims) != 1 || inputs[i].type != (i == 2 ? DataType::kInt64 : DataType::kFloat32))) {
        return model_invalid("a limit must be one int64 or float32");
      }
      if (element_count(inputs[i].dims) > 0 && !inputs[i].data) {
        return op_unsupported("an input depends on the data of a run, so the shape cannot be planned");
      }
    }
    const Problem problem = problem_of(boxes.dims, scores.dims, center_point_box_, data);
    if (problem.count > kMostBoxes) {
      return Error{ErrorCode::kLimitExceeded,
                   "expected at most " + std::to_string(kMostBoxes) + " boxes, got " + std::to_string(problem.count)};
    }
    std::vector<int64_t> order(2 * problem.count);
    int64_t selected = 0;
    select(problem, order.data(), order.data() + problem.count, [&](size_t, size_t, int64_t) { ++selected; });
    return std::vector<TensorFact>{{DataType::kInt64, {selected, 3}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    return std::unique_ptr<Kernel>(std::make_unique<NmsKernel>(
        setup.inputs[0].dims, setup.inputs[1].dims, center_point_box_, static_cast<size_t>(setup.outputs[0].dims[0])));
  }

 private:
  bool center_point_box_;
};

}  // namespace

OpPtr make_non_max_suppression(bool center_point_box) { return std::make_shared<NmsOp>(center_point_box); }

}  // namespace sealedge
