// graph/epilogue.h to kernels/epilogue.h: what the kernels do in registers, and the pass over the output for the rest.
#pragma once

#include "graph/op.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"

namespace sealedge {

class FusedEpilogue {
 public:
  explicit FusedEpilogue(const EpilogueSetup& setup) : setup_(setup) {}

  // For a kernel whose output rows are `row_elements` apart, as are those of the residual.
  F32Epilogue in_registers(const RunArgs& args, size_t row_elements) const;
  // The activation, if F32Epilogue has no such kind. Call after the kernel, with its whole output.
  void finish(float* y, size_t size, const KernelContext& context) const;

 private:
  EpilogueSetup setup_;
};

}  // namespace sealedge
