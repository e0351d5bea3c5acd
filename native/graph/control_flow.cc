#include "graph/control_flow.h"

namespace sealedge {

namespace {

class ControlFlowOp final : public Op {
 public:
  explicit ControlFlowOp(ControlFlow control) : control(std::move(control)) {}

  const char* op_type() const override {
    switch (control.kind) {
      case ControlFlow::Kind::kIf:
        return "If";
      case ControlFlow::Kind::kLoop:
        return "Loop";
      case ControlFlow::Kind::kScan:
        return "Scan";
    }
    return "";
  }
  // What the outputs are is known when the bodies have run.
  Result<std::vector<TensorFact>> infer(std::span<const Operand>) const override { return not_a_step(); }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup&) const override { return not_a_step(); }

  const ControlFlow control;

 private:
  static Error not_a_step() { return {ErrorCode::kInternal, "control flow is not a step of a plan"}; }
};

}  // namespace

OpPtr make_control_flow(ControlFlow control) { return std::make_shared<ControlFlowOp>(std::move(control)); }

const ControlFlow* as_control_flow(const Op& op) {
  const auto* node = dynamic_cast<const ControlFlowOp*>(&op);
  return node ? &node->control : nullptr;
}

}  // namespace sealedge
