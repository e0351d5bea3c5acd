// graph/epilogue.h to kernels/epilogue.h.
#pragma once

#include "graph/op.h"
#include "kernels/epilogue.h"
#include "kernels/kernel_context.h"

namespace sealedge {

class FusedEpilogue {
 public:
  explicit FusedEpilogue(const EpilogueSetup& setup) : setup_(setup) {}

  // For a kernel whose output rows are `row_elements` apart, as are those of the residual.
  F32Epilogue for_run(const RunArgs& args, size_t row_elements, const KernelContext& context) const;

 private:
  EpilogueSetup setup_;
};

}  // namespace sealedge
