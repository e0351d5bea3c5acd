#include "onnx/unsupported_ops.h"

#include "graph/graph.h"

namespace sealedge {

namespace {

std::string json_string(const std::string& text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      quoted += '\\';
      quoted += c;
    } else if (byte < 0x20 || byte >= 0x7f) {  // names from the file need not be UTF-8
      quoted += std::string("\\u00") + kHex[byte >> 4] + kHex[byte & 15];
    } else {
      quoted += c;
    }
  }
  return quoted + '"';
}

}  // namespace

void UnsupportedOps::add(const NodeProto& node, int64_t opset_version, const std::string& reason) {
  const std::string op_type = printable(node.op_type);
  const std::string domain = node.domain.empty() ? "ai.onnx" : printable(node.domain);
  const std::string key = domain + '\n' + op_type + '\n' + reason;
  if (entries_.size() == kMaxListed && !index_.contains(key)) return;
  const auto [found, added] = index_.try_emplace(key, entries_.size());
  if (added) {
    entries_.push_back({op_type, domain, opset_version, printable(node.name), reason, 1});
  } else {
    ++entries_[found->second].count;
  }
}

Error UnsupportedOps::to_error() const {
  Error error{ErrorCode::kOpUnsupported, "operators this engine lacks: "};
  std::string list = "[";
  for (const Entry& entry : entries_) {
    if (&entry != &entries_.front()) {
      error.message += ", ";
      list += ',';
    }
    error.message += (entry.domain == "ai.onnx" ? "" : entry.domain + ".") + entry.op_type;
    if (!entry.reason.empty()) error.message += " (" + entry.reason + ")";
    list += "{\"opType\":" + json_string(entry.op_type) + ",\"domain\":" + json_string(entry.domain) +
            ",\"opsetVersion\":" + std::to_string(entry.opset_version) + ",\"node\":" + json_string(entry.node) +
            ",\"reason\":" + json_string(entry.reason) + ",\"count\":" + std::to_string(entry.count) + "}";
  }
  const Entry& first = entries_.front();
  error.fields = {{"opType", first.op_type},
                  {"domain", first.domain},
                  {"opsetVersion", std::to_string(first.opset_version)},
                  {"node", first.node},
                  {"operators", list + "]"}};
  return error;
}

}  // namespace sealedge
