#include "engine/stacked_output.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace sealedge {

Result<void> StackedOutput::start(const TensorFact& unit, bool secret) {
  const auto rank = static_cast<int64_t>(unit.dims.size()) + 1;
  if (walk_.axis < -rank || walk_.axis >= rank) {
    return Error{ErrorCode::kModelInvalid, "scan output axis " + std::to_string(walk_.axis) +
                                               " is out of range for rank " + std::to_string(rank)};
  }
  axis_ = static_cast<size_t>(walk_.axis < 0 ? walk_.axis + rank : walk_.axis);
  unit_ = unit;
  inner_bytes_ = data_type_size_bytes(unit.type);
  for (size_t i = 0; i < unit.dims.size(); ++i) {
    (i < axis_ ? outer_ : inner_bytes_) *= static_cast<size_t>(unit.dims[i]);
  }
  started_ = true;
  secret_ = secret;
  return {};
}

// Doubled while the number of iterations is open.
Result<void> StackedOutput::make_room(bool secret) {
  if (buffer_ && appended_ < capacity_ && (secret_ || !secret)) return {};
  const int64_t wanted = count_ >= 0 ? count_ : std::max<int64_t>(4, appended_ < capacity_ ? capacity_ : 2 * capacity_);
  Dims dims = unit_.dims;
  dims.insert(dims.begin() + static_cast<std::ptrdiff_t>(axis_), wanted);
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes({unit_.type, dims}));
  secret_ |= secret;
  SEALEDGE_ASSIGN(std::shared_ptr<RunBuffer> larger, runner_->allocate(size_bytes, secret_));
  const size_t kept = buffer_ ? (count_ >= 0 ? size_bytes : static_cast<size_t>(appended_) * inner_bytes_) : 0;
  if (kept > 0) std::memcpy(larger->data(), buffer_->data(), kept);
  if (count_ >= 0 && kept == 0 && size_bytes > 0) std::memset(larger->data(), 0, size_bytes);
  buffer_ = std::move(larger);
  capacity_ = wanted;
  return {};
}

Result<void> StackedOutput::append(const RunValue& value) {
  if (!started_) SEALEDGE_TRY(start(value.fact, value.secret));
  if (value.fact.dims != unit_.dims || value.fact.type != unit_.type) {
    return Error{ErrorCode::kShapeMismatch, "a scan output changes between iterations: expected " +
                                                dims_to_string(unit_.dims) + ", got " +
                                                dims_to_string(value.fact.dims)};
  }
  SEALEDGE_TRY(make_room(value.secret));
  const int64_t place = walk_.backwards ? count_ - 1 - appended_ : appended_;
  const size_t stride = (count_ >= 0 ? static_cast<size_t>(count_) : 1) * inner_bytes_;
  for (size_t i = 0; i < outer_ && inner_bytes_ > 0; ++i) {
    std::memcpy(buffer_->data() + i * stride + static_cast<size_t>(place) * inner_bytes_, value.data + i * inner_bytes_,
                inner_bytes_);
  }
  ++appended_;
  return {};
}

Result<RunValue> StackedOutput::finish(const TensorFact& unit) {
  if (!started_) SEALEDGE_TRY(start(unit, false));
  if (!buffer_) SEALEDGE_TRY(make_room(false));
  TensorFact fact = unit_;
  fact.dims.insert(fact.dims.begin() + static_cast<std::ptrdiff_t>(axis_), count_ >= 0 ? count_ : appended_);
  return RunValue{std::move(fact), buffer_->data(), buffer_, secret_};
}

std::vector<TensorFact> facts_without_running(const GraphRunner& runner, const std::shared_ptr<const Graph>& body,
                                              std::span<const RunValue> inputs, const ControlFlow& control) {
  std::vector<TensorFact> facts = control.declared_outputs;
  for (TensorFact& fact : facts) {
    for (int64_t& dim : fact.dims) dim = std::max<int64_t>(dim, 0);
  }
  // A body that cannot be planned for what it will never see is no mistake.
  const auto frames = runner.plans->get(body, inputs);
  if (!frames.ok() || (*frames)->plan().is_stage) return facts;
  for (size_t i = 0; i < facts.size(); ++i) facts[i] = (*frames)->plan().outputs[i].fact;
  return facts;
}

}  // namespace sealedge
