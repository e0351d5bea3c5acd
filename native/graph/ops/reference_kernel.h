// Runs a reference of kernels/conv/conv_reference.h as an operator: float64 and float16, row-major, with B as it is.
#pragma once

#include "graph/op.h"
#include "kernels/conv/conv_reference.h"

namespace sealedge {

// Reference: ConvReference or ConvTransposeReference of any type.
template <typename Reference>
class ReferenceKernel final : public Kernel {
 public:
  explicit ReferenceKernel(const Reference& reference) : reference_(reference) {}
  Result<void> run(const RunArgs& args) const override {
    Reference reference = reference_;
    reference.x = reinterpret_cast<decltype(reference.x)>(args.inputs[0]);
    reference.w = reinterpret_cast<decltype(reference.w)>(args.inputs[1]);
    reference.bias = args.inputs.size() > 2 ? reinterpret_cast<decltype(reference.bias)>(args.inputs[2]) : nullptr;
    reference.y = reinterpret_cast<decltype(reference.y)>(args.outputs[0]);
    reference.run();
    return {};
  }

 private:
  Reference reference_;
};

}  // namespace sealedge
