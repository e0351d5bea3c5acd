#include "graph/ops/support.h"

#include <algorithm>
#include <cstring>

#include "core/thread_pool.h"
#include "kernels/dispatch.h"

namespace sealedge {

Error shape_mismatch(std::string message) { return Error{ErrorCode::kShapeMismatch, std::move(message)}; }
Error model_invalid(std::string message) { return Error{ErrorCode::kModelInvalid, std::move(message)}; }
Error op_unsupported(std::string message) { return Error{ErrorCode::kOpUnsupported, std::move(message)}; }

Result<std::vector<int64_t>> shape_argument(const Operand& operand, const char* name) {
  if (operand.type != DataType::kInt64 && operand.type != DataType::kInt32) {
    return model_invalid(std::string(name) + ": expected int64, got " + data_type_name(operand.type));
  }
  if (operand.dims.size() > 1) return model_invalid(std::string(name) + ": expected rank 1");
  const int64_t count = element_count(operand.dims);
  if (count > 0 && !operand.data) {
    return op_unsupported(std::string(name) + " depends on the data of a run, so the shape cannot be planned");
  }
  if (count > static_cast<int64_t>(1) << 20) return model_invalid(std::string(name) + ": too many elements");
  std::vector<int64_t> values(static_cast<size_t>(count));
  if (operand.type == DataType::kInt64) {
    if (count > 0) std::memcpy(values.data(), operand.data, values.size() * sizeof(int64_t));
  } else {
    for (size_t i = 0; i < values.size(); ++i) {
      int32_t value;
      std::memcpy(&value, operand.data + i * sizeof value, sizeof value);
      values[i] = value;
    }
  }
  return values;
}

Result<size_t> resolve_axis(int64_t axis, size_t rank) {
  const auto signed_rank = static_cast<int64_t>(rank);
  if (axis < -signed_rank || axis >= signed_rank) {
    return model_invalid("axis " + std::to_string(axis) + " is out of range for rank " + std::to_string(rank));
  }
  return static_cast<size_t>(axis < 0 ? axis + signed_rank : axis);
}

Result<std::vector<bool>> resolve_axes(const std::vector<int64_t>& axes, size_t rank) {
  std::vector<bool> chosen(rank, false);
  for (int64_t axis : axes) {
    SEALEDGE_ASSIGN(const size_t resolved, resolve_axis(axis, rank));
    if (chosen[resolved]) return model_invalid("axis " + std::to_string(axis) + " is given twice");
    chosen[resolved] = true;
  }
  return chosen;
}

KernelContext kernel_context(const RunArgs& args) {
  KernelContext context{args.kernels ? args.kernels : &active_kernels()};
  context.scratch = args.scratch;
  // Not slot_count(): a caller from outside would make one thread more than there are CPUs.
  const unsigned most = args.pool ? args.pool->size() : 1;
  const unsigned threads = args.max_threads == 0 ? most : std::min(args.max_threads, most);
  if (threads > 1) {
    context.parallel.threads = threads;
    context.parallel.pool = args.pool;
    context.parallel.run = [](void* pool, unsigned max_threads, size_t count, ParallelFor::Task task, void* argument) {
      static_cast<ThreadPool*>(pool)->parallel_for(count, max_threads,
                                                   [&](size_t index, unsigned slot) { task(argument, index, slot); });
    };
  }
  return context;
}

}  // namespace sealedge
