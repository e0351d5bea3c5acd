#include "graph/evaluate.h"

#include <algorithm>

namespace sealedge {

namespace {

constexpr size_t kLentBytes = 4096;     // of secret memory a loan takes a page
constexpr size_t kTotalLimits = 64;     // how often FoldBudget::limit_bytes may be read or written
constexpr double kTotalWork = 1 << 28;  // well below a second, even of the slowest elements
constexpr size_t kShapeBytes = 1024;    // what shapes need is computed whatever was spent
constexpr double kShapeWork = 2 * kShapeBytes;

// Everything row-major: constants always are, and results of this file are too.
bool is_view(const Node& node, const std::vector<Operand>& inputs, const std::vector<Operand>& outputs) {
  return !node.inputs.empty() && node.inputs[0] != kNoValue && inputs[0].constant && outputs[0].present &&
         node.op->output_is_view(inputs, outputs);
}

// The bytes that a kernel would read and write, or false when too many or not there.
bool fits(const Graph& graph, const Node& node, const std::vector<Operand>& inputs, const std::vector<Operand>& outputs,
          size_t limit_bytes) {
  const bool dims_only = node.op->needs_only_dims();
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].present || dims_only) continue;
    if (!inputs[i].data) return false;
    const auto size = checked_size_bytes(graph.values[node.inputs[i]].fact);
    if (!size.ok() || *size > limit_bytes) return false;
  }
  for (const Operand& output : outputs) {
    const auto size = output.present ? checked_size_bytes({output.type, output.dims}) : Result<size_t>(size_t{0});
    if (!size.ok() || *size > limit_bytes) return false;
  }
  return true;
}

Result<std::shared_ptr<Constant>> allocate_constant(const TensorFact& fact, ConstantStore* store, uint8_t** data) {
  SEALEDGE_ASSIGN(const size_t size_bytes, checked_size_bytes(fact));
  auto constant = std::make_shared<Constant>();
  constant->fact = fact;
  // What follows from it may be all that is needed later on.
  if (size_bytes >= kLentBytes) {
    SEALEDGE_ASSIGN(ConstantStore::Loan loan, store->lend(size_bytes));
    *data = loan.data;
    constant->owner = std::move(loan.owner);
  } else {
    SEALEDGE_ASSIGN(*data, store->allocate(size_bytes));
    constant->store = store->shared();
  }
  constant->data = *data;
  return constant;
}

}  // namespace

Result<void> infer_node(Graph* graph, Node* node) {
  const auto fail = [&](Error error) {
    error.message = describe_node(*node) + ": " + error.message;
    return error;
  };
  const std::vector<Operand> inputs = operands_of(*graph, node->inputs);
  auto facts = node->op->infer_with_findings(inputs, &node->findings);
  if (!facts.ok()) return fail(std::move(facts).error());
  if (facts->size() < node->outputs.size()) {
    return fail({ErrorCode::kModelInvalid, "it has only " + std::to_string(facts->size()) + " outputs"});
  }
  for (size_t i = 0; i < node->outputs.size(); ++i) {
    if (node->outputs[i] == kNoValue) continue;
    if (auto size = checked_size_bytes((*facts)[i], graph->limits.max_tensor_bytes); !size.ok()) {
      return fail(std::move(size).error());
    }
    graph->values[node->outputs[i]].fact = std::move((*facts)[i]);
  }
  return {};
}

namespace {

// False, and nothing done, when the kernel wants more scratch than that: what it works on is then larger than what it
// reads and writes (an outer product of many vectors that are summed up in the end).
Result<bool> evaluate(Graph* graph, size_t index, ConstantStore* store, size_t most_scratch_bytes) {
  const Node& node = graph->nodes[index];
  const std::vector<Operand> inputs = operands_of(*graph, node.inputs);
  const std::vector<Operand> outputs = operands_of(*graph, node.outputs);
  OpSetup setup;
  setup.inputs = inputs;
  setup.outputs = outputs;
  setup.findings = node.findings;
  SEALEDGE_ASSIGN(const std::unique_ptr<Kernel> kernel, node.op->prepare(setup));
  if (kernel->scratch_bytes() > most_scratch_bytes) return false;
  ConstantStore scratch_store(store->kind());
  RunArgs args;
  if (kernel->scratch_bytes() > 0) {
    SEALEDGE_ASSIGN(args.scratch, scratch_store.allocate(kernel->scratch_bytes()));
  }
  std::vector<const uint8_t*> input_data;
  for (const Operand& input : inputs) input_data.push_back(node.op->needs_only_dims() ? nullptr : input.data);
  std::vector<uint8_t*> output_data(outputs.size(), nullptr);
  std::vector<std::shared_ptr<Constant>> results(outputs.size());
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (!outputs[i].present) continue;
    SEALEDGE_ASSIGN(results[i], allocate_constant({outputs[i].type, outputs[i].dims}, store, &output_data[i]));
  }
  args.inputs = input_data;
  args.outputs = output_data;
  if (Result<void> run = kernel->run(args); !run.ok()) {
    Error error = std::move(run).error();
    error.message = describe_node(node) + ": " + error.message;
    return error;
  }
  for (size_t i = 0; i < outputs.size(); ++i) {
    if (results[i]) graph->values[node.outputs[i]].constant = std::move(results[i]);
  }
  return true;
}

}  // namespace

Result<void> evaluate_node(Graph* graph, size_t index, ConstantStore* store) {
  SEALEDGE_TRY(evaluate(graph, index, store, SIZE_MAX));
  return {};
}

namespace {

// What evaluating the node has read and written.
size_t bytes_of(const std::vector<Operand>& inputs, const std::vector<Operand>& outputs) {
  size_t bytes = 0;
  for (const auto* operands : {&inputs, &outputs}) {
    for (const Operand& operand : *operands) {
      if (!operand.present) continue;
      bytes += static_cast<size_t>(element_count(operand.dims)) * data_type_size_bytes(operand.type);
    }
  }
  return bytes;
}

}  // namespace

FoldBudget::FoldBudget(size_t limit_bytes)
    : limit_bytes_(limit_bytes), bytes_left_(kTotalLimits * limit_bytes), work_left_(kTotalWork) {}

size_t FoldBudget::limit_bytes() const { return bytes_left_ > 0 ? limit_bytes_ : std::min(limit_bytes_, kShapeBytes); }

bool FoldBudget::take_work(double work) {
  if (work > std::max(work_left_, kShapeWork)) return false;
  work_left_ -= work;
  return true;
}

void FoldBudget::spend_bytes(size_t size_bytes) { bytes_left_ -= std::min(bytes_left_, size_bytes); }

Result<bool> make_constant(Graph* graph, size_t index, ConstantStore* store, FoldBudget* budget) {
  const Node& node = graph->nodes[index];
  const std::vector<Operand> inputs = operands_of(*graph, node.inputs);
  const std::vector<Operand> outputs = operands_of(*graph, node.outputs);
  if (is_view(node, inputs, outputs)) {
    graph->values[node.outputs[0]].constant = graph->values[node.inputs[0]].constant;
    return true;
  }
  const bool dims_only = node.op->needs_only_dims();
  const bool all_constant =
      std::all_of(inputs.begin(), inputs.end(), [](const Operand& input) { return !input.present || input.constant; });
  if (!all_constant && !dims_only) return false;
  const size_t limit_bytes = budget ? budget->limit_bytes() : SIZE_MAX;
  if (!fits(*graph, node, inputs, outputs, limit_bytes)) return false;
  // Constants are row-major; an operator that wants images otherwise (a convolution of constants) runs with the others.
  const FormatChoice formats = node.op->choose_formats(inputs, outputs);
  const auto row_major = [](Format format) { return format == Format::kRowMajor; };
  if (!std::all_of(formats.inputs.begin(), formats.inputs.end(), row_major) ||
      !std::all_of(formats.outputs.begin(), formats.outputs.end(), row_major)) {
    return false;
  }
  if (budget && !dims_only && !budget->take_work(node.op->work(inputs, outputs))) return false;
  SEALEDGE_ASSIGN(const bool done, evaluate(graph, index, store, std::min(limit_bytes, graph->limits.max_arena_bytes)));
  if (done && budget) budget->spend_bytes(dims_only ? bytes_of({}, outputs) : bytes_of(inputs, outputs));
  return done;
}

}  // namespace sealedge
