#include "sealing/compare.h"

#include <algorithm>
#include <vector>

#include "sealing/model_walk.h"

namespace sealedge {
namespace {

constexpr size_t kChunkBytes = size_t{1} << 20;

struct Scanned {
  ModelFile file;
  std::vector<TensorRecord> tensors;
  std::string graph;  // without any tensor's data
};

Error differ(const std::string& what) { return {ErrorCode::kModelInvalid, "models differ: " + what}; }

Result<Scanned> scan(const std::string& path) {
  Scanned out;
  SEALEDGE_ASSIGN(out.file, open_model_file(path));
  const auto visit = [&out](const TensorRecord& record, size_t, TensorSite, Rope*) -> Result<void> {
    out.tensors.push_back(record);
    return {};
  };
  SEALEDGE_ASSIGN(Rope rope, walk_model(out.file, visit));
  out.graph = std::move(rope.bytes);
  return out;
}

Result<void> compare_data(const TensorRecord& a, const TensorRecord& b) {
  TensorReader read_a(a);
  TensorReader read_b(b);
  std::vector<uint8_t> bytes_a;
  std::vector<uint8_t> bytes_b;
  for (uint64_t at = 0; at < a.size_bytes; at += bytes_a.size()) {
    bytes_a.resize(static_cast<size_t>(std::min<uint64_t>(kChunkBytes, a.size_bytes - at)));
    bytes_b.resize(bytes_a.size());
    SEALEDGE_TRY(read_a.read(at, bytes_a));
    SEALEDGE_TRY(read_b.read(at, bytes_b));
    if (bytes_a != bytes_b) return differ("tensor " + a.name + " has other elements");
  }
  return {};
}

}  // namespace

Result<CompareReport> compare_models(const std::string& path, const std::string& original_path) {
  SEALEDGE_ASSIGN(const Scanned model, scan(path));
  SEALEDGE_ASSIGN(const Scanned original, scan(original_path));
  CompareReport report;
  if (model.tensors.size() != original.tensors.size()) {
    return differ("expected " + std::to_string(original.tensors.size()) + " tensors, got " +
                  std::to_string(model.tensors.size()));
  }
  for (size_t i = 0; i < model.tensors.size(); ++i) {
    const TensorRecord& a = model.tensors[i];
    const TensorRecord& b = original.tensors[i];
    if (a.name != b.name) return differ("expected tensor " + b.name + ", got " + a.name);
    if (a.data_type != b.data_type || a.dims != b.dims)
      return differ("tensor " + a.name + " has another type or shape");
    SEALEDGE_TRY(compare_data(a, b));
    ++report.tensors;
    report.tensor_bytes += a.size_bytes;
  }
  if (model.graph != original.graph) return differ("the graph");
  return report;
}

}  // namespace sealedge
