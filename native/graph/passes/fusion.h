// Gives the work of cheap nodes to the epilogue of the heavy node before them (graph/epilogue.h). One rewrite per file;
// each looks from the cheap node back to the node that makes its input.
#pragma once

#include <optional>
#include <vector>

#include "core/result.h"
#include "graph/derived_constants.h"
#include "graph/graph.h"

namespace sealedge {

// The graph while it is being rewritten. A node whose op is null has been taken into another one.
struct Fusion {
  Graph* graph;
  DerivedConstants* derived;
  std::vector<uint32_t> uses;
  std::vector<size_t> producers;

  // The node that makes `value`, if it takes epilogues (what it supports is in *support), makes nothing else, and the
  // value is read `readers` times: by nobody but those who ask.
  Node* epilogue_target(ValueId value, EpilogueSupport* support, uint32_t readers = 1) const;
  // A float32 constant with contents, else null.
  std::shared_ptr<Constant> float_constant(ValueId value) const;
  // Channels of the target's output along its epilogue axis.
  int64_t channels(const Node& target, const EpilogueSupport& support) const;
  // The constant as a value a node can name.
  ValueId add_constant(std::shared_ptr<Constant> constant);
  // `target` makes output 0 of `node` from now on, and node is gone. With `later`, it runs in node's place.
  void absorb(Node* target, size_t node, bool later = false);
};

// Each returns whether nodes[index] was taken in.
Result<bool> fold_batch_norm(Fusion* fusion, size_t index);
Result<bool> fuse_channel_arithmetic(Fusion* fusion, size_t index);
Result<bool> fuse_residual(Fusion* fusion, size_t index);
Result<bool> fuse_gate(Fusion* fusion, size_t index);
Result<bool> fuse_activation(Fusion* fusion, size_t index);

// All of them, in one sweep. Precondition: shapes are inferred.
Result<void> fuse_epilogues(Graph* graph, DerivedConstants* derived);

}  // namespace sealedge
