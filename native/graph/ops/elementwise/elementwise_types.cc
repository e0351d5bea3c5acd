#include "graph/ops/elementwise/elementwise_types.h"

#include <algorithm>

#include "graph/ops/support.h"

namespace sealedge {

Result<Dims> broadcast_dims(std::span<const Operand> operands) {
  Dims out;
  for (const Operand& operand : operands) {
    if (!operand.present) continue;
    const Dims& dims = operand.dims;
    if (dims.size() > out.size()) out.insert(out.begin(), dims.size() - out.size(), 1);
    for (size_t i = 0; i < dims.size(); i++) {
      int64_t& size = out[out.size() - 1 - i];
      const int64_t mine = dims[dims.size() - 1 - i];
      if (size != mine && size != 1 && mine != 1) {
        return shape_mismatch("cannot broadcast " + dims_to_string(dims) + " and " + dims_to_string(out));
      }
      if (size == 1) size = mine;
    }
  }
  if (out.size() > kMaxBroadcastRank) return op_unsupported("more than 8 dimensions");
  return out;
}

std::vector<size_t> memory_order(size_t rank, Format format) {
  std::vector<size_t> order;
  const bool channels_last = format == Format::kChannelsLast && rank >= 3;
  for (size_t d = 0; d < rank; d++) {
    if (!channels_last || d != 1) order.push_back(d);
  }
  if (channels_last) order.push_back(1);
  return order;
}

std::vector<size_t> physical_dims(const Operand& output) {
  std::vector<size_t> dims;
  for (size_t d : memory_order(output.dims.size(), output.format)) dims.push_back(static_cast<size_t>(output.dims[d]));
  return dims;
}

std::vector<size_t> physical_strides(const Operand& operand, const Operand& output) {
  const size_t missing = output.dims.size() - operand.dims.size();
  const std::vector<int64_t> own = strides_of(operand.dims, operand.format);
  std::vector<size_t> strides;
  for (size_t d : memory_order(output.dims.size(), output.format)) {
    const bool repeats = d < missing || operand.dims[d - missing] == 1;
    strides.push_back(repeats ? 0 : static_cast<size_t>(own[d - missing]));
  }
  return strides;
}

FormatChoice broadcast_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) {
  FormatChoice choice = following_formats(inputs, outputs);
  if (choice.outputs[0] != Format::kChannelsLast) return choice;
  Operand output = outputs[0];
  output.format = Format::kChannelsLast;
  for (size_t i = 0; i < inputs.size(); i++) {
    if (!inputs[i].present) continue;
    Operand input = inputs[i];
    input.format = choice.inputs[i];
    if (physical_strides(input, output).back() <= 1) continue;
    if (input.constant && input.dims.size() == output.dims.size()) {
      choice.inputs[i] = Format::kChannelsLast;
    } else {
      // Of lower rank: it has no channels-last form, and would be walked across its rows.
      return {std::vector<Format>(inputs.size(), Format::kRowMajor), {Format::kRowMajor}};
    }
  }
  return choice;
}

}  // namespace sealedge
