// What a model may ask for. A file of a few bytes can declare anything; beyond these bounds it is refused with
// kLimitExceeded, before memory is taken for it. Every bound is the caller's to set (SessionOptions::limits).
#pragma once

#include <cstddef>

namespace sealedge {

struct ModelLimits {
  // One tensor: an initializer, an input, an output, or anything in between.
  size_t max_tensor_bytes = size_t{4} << 30;
  // All weights and constants, in every layout they are kept in, and what is computed from them.
  size_t max_constant_bytes = size_t{16} << 30;
  // Of these, what is computed from a plain model's weights when it is loaded and kept. Nothing is refused beyond it:
  // it is computed in every run. A model's own size bounds it too (onnx/derive_weights.h).
  size_t max_derived_bytes = size_t{1} << 30;
  // Activations of one run.
  size_t max_arena_bytes = size_t{4} << 30;
  // Nodes of all graphs of the file, the bodies of If, Loop and Scan included.
  size_t max_nodes = size_t{1} << 20;
  // Graphs inside graphs; 0 allows no If, Loop or Scan.
  size_t max_graph_depth = 16;
};

}  // namespace sealedge
