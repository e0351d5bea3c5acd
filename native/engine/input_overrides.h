// Initializers that are inputs too may be fed (onnx docs/IR.md, "Graphs": an initializer is then the input's default).
// A session that is fed none runs the graph in which they are constants; each combination that is fed has a graph of
// its own, made when first needed.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <vector>

#include "core/result.h"
#include "engine/session.h"
#include "graph/constant_store.h"
#include "graph/graph.h"

namespace sealedge {

class InputOverrides {
 public:
  // The last inputs of the graph are these; defaults are loaded.
  InputOverrides(std::shared_ptr<const Graph> open, std::vector<TensorMetadata> inputs,
                 std::vector<std::shared_ptr<Constant>> defaults, ConstantStore::Kind kind)
      : open_(std::move(open)), inputs_(std::move(inputs)), defaults_(std::move(defaults)), kind_(kind) {}

  const std::vector<TensorMetadata>& inputs() const { return inputs_; }
  // fed: one per input(). The graph's inputs are those without a default, then those fed. Thread-safe.
  Result<std::shared_ptr<const Graph>> graph_for(const std::vector<bool>& fed);

 private:
  Result<std::shared_ptr<const Graph>> bind(const std::vector<bool>& fed) const;

  struct Variant {
    std::vector<bool> fed;
    std::shared_ptr<const Graph> graph;
  };
  const std::shared_ptr<const Graph> open_;
  const std::vector<TensorMetadata> inputs_;
  const std::vector<std::shared_ptr<Constant>> defaults_;
  const ConstantStore::Kind kind_;
  std::mutex mutex_;
  std::list<Variant> variants_;  // used last first
};

}  // namespace sealedge
