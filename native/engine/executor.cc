#include "engine/executor.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>

#include "core/checkpoint.h"
#include "memory/wipe.h"

namespace sealedge {

namespace {

constexpr size_t kPageBytes = 4096;

}  // namespace

Result<void> RunSettings::check() const {
  if (!cancelled || !cancelled->load(std::memory_order_relaxed)) return {};
  return Error{ErrorCode::kAborted, "the run was aborted"};
}

Result<std::unique_ptr<RunFrame>> RunFrame::create(std::shared_ptr<const Plan> plan, bool sealed,
                                                   const std::shared_ptr<ActivationMeter>& meter) {
  std::unique_ptr<RunFrame> frame(new RunFrame(std::move(plan), sealed));
  if (frame->plan_->arena_is_secret && frame->plan_->arena_bytes > 0) {
    SEALEDGE_ASSIGN(frame->secret_arena_, SecureBuffer::allocate(frame->plan_->arena_bytes, "activations"));
    frame->arena_ = frame->secret_arena_.data();
  } else if (frame->plan_->arena_bytes > 0) {
    const size_t size = (frame->plan_->arena_bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
    void* pages = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (pages == MAP_FAILED) {
      return Error{ErrorCode::kOutOfMemory, "activations: no memory for " + std::to_string(size) + " bytes"};
    }
    frame->arena_ = static_cast<uint8_t*>(pages);
    frame->arena_bytes_ = size;
    // Activations are not weights, but enough of them give weights away.
    if (sealed) ::madvise(pages, size, MADV_DONTDUMP);
  }
  frame->metered_ = MeteredBytes(meter, frame->plan_->arena_bytes);
  frame->resolve_steps();
  return frame;
}

RunFrame::~RunFrame() {
  if (arena_bytes_ == 0) return;
  if (sealed_) wipe(arena_, arena_bytes_);
  ::munmap(arena_, arena_bytes_);
}

uint8_t* RunFrame::resolve(const Location& location) const {
  switch (location.kind) {
    case Location::Kind::kArena:
      return arena_ + location.offset_bytes;
    case Location::Kind::kInput:
      return const_cast<uint8_t*>(current_inputs_[location.input]);
    case Location::Kind::kConstant:
      return const_cast<uint8_t*>(location.data);  // never written: no step has a constant as output
    case Location::Kind::kNone:
      break;
  }
  return nullptr;
}

void RunFrame::resolve_steps() {
  current_inputs_.assign(plan_->inputs.size(), nullptr);
  size_t input_count = 0;
  size_t output_count = 0;
  for (const PlanStep& step : plan_->steps) {
    input_count += step.inputs.size();
    output_count += step.outputs.size();
  }
  // Sized first: spans and InputUse point into them.
  input_pointers_.reserve(input_count);
  output_pointers_.reserve(output_count);
  for (const PlanStep& step : plan_->steps) {
    const size_t first_input = input_pointers_.size();
    const size_t first_output = output_pointers_.size();
    for (const Location& location : step.inputs) {
      input_pointers_.push_back(resolve(location));
      if (location.kind == Location::Kind::kInput) input_uses_.push_back({&input_pointers_.back(), location.input});
    }
    for (const Location& location : step.outputs) output_pointers_.push_back(resolve(location));
    BoundStep bound;
    bound.kernel = step.kernel.get();
    bound.args.inputs = std::span(input_pointers_).subspan(first_input, step.inputs.size());
    bound.args.outputs = std::span(output_pointers_).subspan(first_output, step.outputs.size());
    bound.args.scratch = arena_ + step.scratch_offset_bytes;
    steps_.push_back(bound);
  }
}

Result<void> RunFrame::run(std::span<const uint8_t* const> inputs, const RunSettings& settings) {
  current_inputs_.clear();
  for (const uint8_t* input : inputs) current_inputs_.push_back(input ? input : nothing_);
  for (const InputUse& use : input_uses_) *use.pointer = current_inputs_[use.input];
  for (size_t i = 0; i < steps_.size(); ++i) {
    const PlanStep& step = plan_->steps[i];
    RunArgs& args = steps_[i].args;
    args.scale = reinterpret_cast<const float*>(resolve(step.scale));
    args.shift = reinterpret_cast<const float*>(resolve(step.shift));
    args.residual = reinterpret_cast<const float*>(resolve(step.residual));
    args.pool = settings.pool;
    args.max_threads = settings.max_threads;
    SEALEDGE_TRY(settings.check());
    if (Result<void> result = steps_[i].kernel->run(args); !result.ok()) {
      Error error = std::move(result).error();
      error.message = step.name + ": " + error.message;
      return error;
    }
    if (i == steps_.size() / 2) SEALEDGE_CHECKPOINT("mid-run");
  }
  return {};
}

Result<std::unique_ptr<RunFrame>> FramePool::take() {
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!idle_.empty()) {
      std::unique_ptr<RunFrame> frame = std::move(idle_.back());
      idle_.pop_back();
      return frame;
    }
  }
  return RunFrame::create(plan_, sealed_, meter_);
}

void FramePool::give_back(std::unique_ptr<RunFrame> frame) {
  const std::lock_guard<std::mutex> lock(mutex_);
  if (idle_.size() < kMaxIdleFrames) idle_.push_back(std::move(frame));
}

}  // namespace sealedge
