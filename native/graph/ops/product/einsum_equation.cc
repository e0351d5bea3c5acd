#include "graph/ops/product/einsum_equation.h"

#include <algorithm>
#include <array>

#include "graph/ops/support.h"

namespace sealedge {

namespace {

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

// "...": as many labels as `ellipsis_rank`, counted from the end.
void append_ellipsis(size_t ellipsis_rank, std::vector<EinsumLabel>* labels) {
  for (size_t i = ellipsis_rank; i-- > 0;) labels->push_back(kEinsumEllipsis + static_cast<EinsumLabel>(i));
}

// The labels of one term; where "..." stands in it, if it does, is *ellipsis, SIZE_MAX otherwise.
Result<std::vector<EinsumLabel>> parse_term(std::string_view term, size_t* ellipsis) {
  std::vector<EinsumLabel> labels;
  *ellipsis = SIZE_MAX;
  for (size_t i = 0; i < term.size(); ++i) {
    if (term[i] == ' ') continue;
    if (is_letter(term[i])) {
      labels.push_back(term[i]);
    } else if (term.substr(i, 3) == "..." && *ellipsis == SIZE_MAX) {
      *ellipsis = labels.size();
      i += 2;
    } else {
      return model_invalid("equation: unexpected character");
    }
    if (labels.size() > kMaxRank) return model_invalid("equation: too many labels in a term");
  }
  return labels;
}

Result<std::vector<EinsumLabel>> operand_labels(std::string_view term, const Dims& dims) {
  size_t ellipsis;
  SEALEDGE_ASSIGN(std::vector<EinsumLabel> labels, parse_term(term, &ellipsis));
  if (labels.size() > dims.size() || (ellipsis == SIZE_MAX && labels.size() != dims.size())) {
    return shape_mismatch("equation: a term does not fit an operand of rank " + std::to_string(dims.size()));
  }
  if (ellipsis != SIZE_MAX) {
    std::vector<EinsumLabel> inside;
    append_ellipsis(dims.size() - labels.size(), &inside);
    labels.insert(labels.begin() + static_cast<ptrdiff_t>(ellipsis), inside.begin(), inside.end());
  }
  return labels;
}

}  // namespace

Result<EinsumPlan> parse_einsum(std::string_view equation, std::span<const Operand> inputs) {
  EinsumPlan plan;
  const size_t arrow = equation.find("->");
  std::string_view left = equation.substr(0, arrow);
  std::array<int, kEinsumEllipsis> uses{};
  size_t ellipsis_rank = 0;
  for (size_t i = 0; i < inputs.size(); ++i) {
    const size_t comma = left.find(',');
    if ((comma == std::string_view::npos) != (i + 1 == inputs.size())) {
      return model_invalid("equation: expected one term per input");
    }
    SEALEDGE_ASSIGN(std::vector<EinsumLabel> labels, operand_labels(left.substr(0, comma), inputs[i].dims));
    left = comma == std::string_view::npos ? std::string_view() : left.substr(comma + 1);
    for (size_t d = 0; d < labels.size(); ++d) {
      const auto label = static_cast<size_t>(labels[d]);
      if (labels[d] < kEinsumEllipsis) {
        ++uses[label];
      } else {
        ellipsis_rank = std::max(ellipsis_rank, label - kEinsumEllipsis + 1);
      }
      // A size of 1 is repeated to fit the others.
      const int64_t dim = inputs[i].dims[d];
      int64_t& size = plan.size[label];
      if (size != dim && size != 1 && dim != 1) {
        return shape_mismatch("equation: a label stands for sizes " + std::to_string(size) + " and " +
                              std::to_string(dim));
      }
      if (size == 1) size = dim;
    }
    plan.operands.push_back(std::move(labels));
  }

  if (arrow == std::string_view::npos) {  // implicit: the ellipsis, then what occurs once, in alphabetical order
    append_ellipsis(ellipsis_rank, &plan.output);
    for (int letter = 0; letter < kEinsumEllipsis; ++letter) {
      if (uses[static_cast<size_t>(letter)] == 1) plan.output.push_back(letter);
    }
    return plan;
  }
  size_t ellipsis;
  SEALEDGE_ASSIGN(plan.output, parse_term(equation.substr(arrow + 2), &ellipsis));
  std::vector<EinsumLabel> sorted = plan.output;
  std::sort(sorted.begin(), sorted.end());
  if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) {
    return model_invalid("equation: a label is twice in the output");
  }
  for (EinsumLabel label : plan.output) {
    if (uses[static_cast<size_t>(label)] == 0) return model_invalid("equation: an output label is in no term");
  }
  if (ellipsis != SIZE_MAX) {
    std::vector<EinsumLabel> inside;
    append_ellipsis(ellipsis_rank, &inside);
    plan.output.insert(plan.output.begin() + static_cast<ptrdiff_t>(ellipsis), inside.begin(), inside.end());
  }
  if (plan.output.size() > kMaxRank) return model_invalid("equation: too many labels in the output");
  return plan;
}

}  // namespace sealedge
