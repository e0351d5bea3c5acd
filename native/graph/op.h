// What an operator is to the planner (Op) and to the executor (Kernel).
//
//   import      attributes -> Op                     once per model; immutable, shared by plans and threads
//   infer       input facts -> output facts          per plan: every dimension is concrete
//   formats     row-major or channels-last           per plan
//   prepare     facts, formats, epilogue -> Kernel   per plan; immutable, shared by concurrent runs
//   run         pointers -> results                  never allocates
//
// Rules for prepare and run: weights and other constants may be sealed, so their bytes are read where they lie and
// never copied into ordinary memory; scratch comes from RunArgs (secret memory when the model is sealed).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "core/result.h"
#include "core/weight_layout.h"
#include "graph/epilogue.h"
#include "graph/tensor.h"
#include "kernels/weight_source.h"

namespace sealedge {

class ThreadPool;
struct KernelTable;

// An input or output as the planner knows it. An omitted optional input has present == false.
struct Operand {
  bool present = false;
  DataType type = DataType::kUndefined;
  Dims dims;
  Format format = Format::kRowMajor;
  bool constant = false;  // fixed when planning: an initializer, or computed from shapes
  const uint8_t* data =
      nullptr;  // contents, row-major, 64-byte aligned; null when not constant, or held as a packed weight
  const WeightSource* weight =
      nullptr;  // prepare only: set when weight_request() asked for packing and the input is constant
};

// How this operator wants to read a constant input. The same answer serves sealing and loading, so it may depend on
// nothing but the operator's attributes and the tensor's own facts.
struct WeightRequest {
  WeightLayout layout = WeightLayout::kPlain;
  WeightSourceOrder order = WeightSourceOrder::kNone;
  bool operator==(const WeightRequest&) const = default;
};

struct FormatChoice {
  std::vector<Format> inputs;  // what each input must be converted to; constants arrive row-major
  std::vector<Format> outputs;
};

struct OpSetup {
  std::span<const Operand> inputs;
  std::span<const Operand> outputs;  // an output nobody reads has present == false
  EpilogueSetup epilogue;
  unsigned threads = 1;                            // slots a kernel may use: RunArgs::pool has no more
  std::shared_ptr<const void> findings = nullptr;  // of infer_with_findings(), which gave the outputs
};

struct RunArgs {
  std::span<const uint8_t* const> inputs;  // null when absent or a packed weight
  std::span<uint8_t* const> outputs;       // null when nobody reads it; at most one aliases an input (may_overwrite)
  const float* scale = nullptr;
  const float* shift = nullptr;
  const float* residual = nullptr;       // never overlaps outputs[0]
  uint8_t* scratch = nullptr;            // scratch_bytes(), 64-byte aligned, contents undefined
  ThreadPool* pool = nullptr;            // null: run on this thread, slot 0
  unsigned max_threads = 0;              // of the pool, the caller included; 0: all of them
  const KernelTable* kernels = nullptr;  // null: those of the active instruction set
};

class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual size_t scratch_bytes() const { return 0; }
  // Fails only for what the data itself can do wrong (an index out of range): kInputInvalid.
  virtual Result<void> run(const RunArgs& args) const = 0;
};

class Op {
 public:
  virtual ~Op() = default;
  virtual const char* op_type() const = 0;

  // One fact per output, for concrete input dims. Refuses wrong types, ranks and attributes (kShapeMismatch,
  // kModelInvalid): after it succeeded, prepare and run may rely on everything. Sizes are range-checked by the caller.
  virtual Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const = 0;

  // For operators whose infer() does most of the work to learn how much comes out: the same, and what prepare() needs
  // of it. Positions and counts, never elements: these may be sealed weights.
  virtual Result<std::vector<TensorFact>> infer_with_findings(std::span<const Operand> inputs,
                                                              std::shared_ptr<const void>* findings) const {
    return infer(inputs);
  }

  // About how many elements are looked at by infer(), where it looks at more than shapes and axes, and by a kernel.
  // With constants for inputs both are done while a model is loaded, but only where this is little: otherwise a file of
  // a few bytes could keep a loader busy for hours, and no signal would reach it. The default of work(): each output
  // looks at all inputs. For what is folded in earnest an operator says better; more than that, it must.
  virtual double infer_work(std::span<const Operand> inputs) const { return 0; }
  virtual double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const;

  // infer() or prepare() reads the elements of this input (a shape, axes, a trip count), not only its dims: it must be
  // constant then. Where it is none, planning stops in front of the node until a run has made the value.
  virtual bool needs_contents(size_t input) const { return false; }

  // The output follows from the inputs' dims alone (Shape): computed when planning, with null input pointers.
  virtual bool needs_only_dims() const { return false; }

  virtual WeightRequest weight_request(size_t input, const TensorFact& constant) const { return {}; }
  virtual EpilogueSupport epilogue_support(std::span<const Operand> inputs) const { return {}; }

  // inputs[i].format is how the value arrives. Default: everything row-major.
  virtual FormatChoice choose_formats(std::span<const Operand> inputs, std::span<const Operand> outputs) const;
  // Output 0 has the bytes of input 0 as they are (Reshape ...): no step is run, both share storage. Formats are final.
  virtual bool output_is_view(std::span<const Operand> inputs, std::span<const Operand> outputs) const { return false; }
  // Elements of this input may appear unchanged in an output or in scratch (Concat, Gather, packing for a product).
  // When such an input is a weight of a sealed model, the activations of its runs are kept in secret memory. Packed
  // weights do not count.
  virtual bool may_copy_input(size_t input) const { return true; }
  // Output 0 may be written over this input, because each element is read before its place is written. The planner
  // checks that sizes are equal and nobody reads the input afterwards.
  virtual bool may_overwrite(size_t input, std::span<const Operand> inputs, std::span<const Operand> outputs) const {
    return false;
  }

  virtual Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const = 0;
};

// Building blocks for work().
double element_count(std::span<const Operand> operands);
double linear_work(std::span<const Operand> inputs, std::span<const Operand> outputs);

// Looks at each element of its inputs and outputs a few times, whatever its attributes are.
class LinearTimeOp : public Op {
 public:
  double work(std::span<const Operand> inputs, std::span<const Operand> outputs) const override {
    return linear_work(inputs, outputs);
  }
};

// Building blocks for choose_formats.
// Inputs below data_inputs and all outputs of rank >= 3 channels-last, the rest row-major: convolution, pooling.
FormatChoice channels_last_formats(std::span<const Operand> inputs, std::span<const Operand> outputs,
                                   size_t data_inputs);
// Channels-last if a non-constant input of the output's rank (>= 3) arrives so, and then all such inputs: elementwise.
FormatChoice following_formats(std::span<const Operand> inputs, std::span<const Operand> outputs);
// The first input as it arrives and all outputs likewise, the rest row-major: what moves elements, or looks at one by
// one.
FormatChoice first_input_formats(std::span<const Operand> inputs, std::span<const Operand> outputs);

}  // namespace sealedge
