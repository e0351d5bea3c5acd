// What an output of a loop's body adds up to: one tensor, with a new dimension for the iterations.
#pragma once

#include <memory>

#include "core/result.h"
#include "engine/graph_run.h"
#include "graph/control_flow.h"

namespace sealedge {

class StackedOutput {
 public:
  // count: iterations; -1 when not known, along axis 0 only. walk: axis of the result, may be negative; backwards: the
  // first value comes last.
  StackedOutput(const GraphRunner* runner, ControlFlow::Walk walk, int64_t count)
      : runner_(runner), walk_(walk), count_(count) {}

  // The value of the next iteration. All must have the same type and dims.
  Result<void> append(const RunValue& value);
  // With fewer values than announced the rest is zero. `unit` is what a value would have been, if there was none.
  Result<RunValue> finish(const TensorFact& unit);

 private:
  Result<void> start(const TensorFact& unit, bool secret);
  Result<void> make_room(bool secret);

  const GraphRunner* runner_;
  const ControlFlow::Walk walk_;
  const int64_t count_;
  bool started_ = false;
  size_t axis_ = 0;
  TensorFact unit_;
  size_t outer_ = 1;        // elements of the dimensions before the axis
  size_t inner_bytes_ = 0;  // of those behind it
  int64_t appended_ = 0;
  int64_t capacity_ = 0;
  bool secret_ = false;
  std::shared_ptr<RunBuffer> buffer_;
};

// What the body's outputs would be for these inputs, without running it: from its plan where that is enough, else as
// declared, with 0 for open dimensions.
std::vector<TensorFact> facts_without_running(const GraphRunner& runner, const std::shared_ptr<const Graph>& body,
                                              std::span<const RunValue> inputs, const ControlFlow& control);

}  // namespace sealedge
