// Sequences of tensors inside a model, resolved while it is imported: the engine has tensors only, so a sequence is a
// list of values that the importer remembers, and SequenceAt is another name for one of them. What cannot be told from
// the file alone (a position that is computed, a sequence that crosses a body's border) is refused.
#pragma once

#include <cstddef>
#include <unordered_map>
#include <vector>

#include "graph/graph.h"

namespace sealedge {

struct ImportedSequence {
  std::vector<ValueId> items;
  // Or all slices of this value along axis, as many as it turns out to have; items is empty then. Each is of size 1, or
  // of the size that part_size holds, but for the last.
  ValueId sliced = kNoValue;
  ValueId part_size = kNoValue;
  int64_t axis = 0;
  bool keepdims = true;
};

// Of one graph, by the ids of the values that stand for them; no node makes such a value.
class SequenceTable {
 public:
  // Ids in all sequences of a graph: each insertion makes a new sequence, so a small file could ask for a square of
  // them.
  static constexpr size_t kMaxItems = size_t{1} << 20;

  const ImportedSequence* find(ValueId id) const {
    const auto found = sequences_.find(id);
    return found == sequences_.end() ? nullptr : &found->second;
  }
  // False when that would be too many.
  bool add(ValueId id, ImportedSequence sequence) {
    items_ += sequence.items.size();
    return items_ <= kMaxItems && sequences_.emplace(id, std::move(sequence)).second;
  }

 private:
  std::unordered_map<ValueId, ImportedSequence> sequences_;
  size_t items_ = 0;
};

}  // namespace sealedge
