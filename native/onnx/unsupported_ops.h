// Collects the operators that an import lacks, to report all of them in one error.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "core/keyed_hash.h"
#include "core/result.h"
#include "onnx/model_proto.h"

namespace sealedge {

class UnsupportedOps {
 public:
  // A hostile file may name a million of them; who reads the list needs the first few.
  static constexpr size_t kMaxListed = 100;

  // `reason` is empty when the operator as such is unknown.
  void add(const NodeProto& node, int64_t opset_version, const std::string& reason);
  bool empty() const { return entries_.empty(); }
  // kOpUnsupported. Precondition: !empty().
  Error to_error() const;

 private:
  struct Entry {
    std::string op_type;
    std::string domain;
    int64_t opset_version;
    std::string node;  // the first one
    std::string reason;
    size_t count;
  };
  std::vector<Entry> entries_;  // in file order, one per operator and reason; at most kMaxListed
  std::unordered_map<std::string, size_t, KeyedHash> index_;
};

}  // namespace sealedge
