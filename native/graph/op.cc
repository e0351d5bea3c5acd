#include "graph/op.h"

#include <algorithm>

namespace sealedge {

double element_count(std::span<const Operand> operands) {
  double count = 0;
  for (const Operand& operand : operands) {
    if (operand.present) count += static_cast<double>(element_count(operand.dims));
  }
  return count;
}

double linear_work(std::span<const Operand> inputs, std::span<const Operand> outputs) {
  return element_count(inputs) + element_count(outputs);
}

double Op::work(std::span<const Operand> inputs, std::span<const Operand> outputs) const {
  return std::max(element_count(inputs), 1.0) * std::max(element_count(outputs), 1.0);
}

FormatChoice Op::choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const {
  return {std::vector<Format>(inputs.size(), Format::kRowMajor),
          std::vector<Format>(outputs.size(), Format::kRowMajor)};
}

FormatChoice channels_last_formats(std::span<const Operand> inputs, std::span<const Operand> outputs,
                                   size_t data_inputs) {
  FormatChoice choice;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const bool image = i < data_inputs && inputs[i].dims.size() >= 3;
    choice.inputs.push_back(image ? Format::kChannelsLast : Format::kRowMajor);
  }
  for (const Operand& output : outputs) {
    choice.outputs.push_back(output.dims.size() >= 3 ? Format::kChannelsLast : Format::kRowMajor);
  }
  return choice;
}

FormatChoice first_input_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) {
  FormatChoice choice{std::vector<Format>(inputs.size(), Format::kRowMajor),
                      std::vector<Format>(outputs.size(), inputs[0].format)};
  choice.inputs[0] = inputs[0].format;
  return choice;
}

FormatChoice following_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) {
  const size_t rank = outputs[0].dims.size();
  auto follows = [&](const Operand& input) { return input.present && !input.constant && input.dims.size() == rank; };
  const bool channels_last = rank >= 3 && std::any_of(inputs.begin(), inputs.end(), [&](const Operand& input) {
                               return follows(input) && input.format == Format::kChannelsLast;
                             });
  FormatChoice choice;
  for (const Operand& input : inputs) {
    choice.inputs.push_back(channels_last && follows(input) ? Format::kChannelsLast : Format::kRowMajor);
  }
  choice.outputs.assign(outputs.size(), channels_last ? Format::kChannelsLast : Format::kRowMajor);
  return choice;
}

}  // namespace sealedge
