// A hostile ONNX file: wire reader, importer, shape inference, memory plan, and one run on zeros when it gets that far.
// Bounds are tight, so that the fuzzer spends its time on paths and not on arithmetic.
#include <cstdint>
#include <span>
#include <vector>

#include "engine/session.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  sealedge::SessionOptions options;
  options.limits.max_arena_bytes = size_t{1} << 20;
  auto session = sealedge::Session::create_from_bytes({data, size}, options);
  if (!session.ok()) return 0;

  constexpr int64_t kMaxElements = 4096;
  std::vector<std::vector<int64_t>> shapes;
  std::vector<std::vector<uint8_t>> bytes;
  for (const sealedge::TensorMetadata& input : (*session)->inputs()) {
    std::vector<int64_t>& dims = shapes.emplace_back();
    int64_t elements = 1;
    for (const sealedge::DimMetadata& dim : input.dims) {
      dims.push_back(dim.value < 0 ? 1 : dim.value);
      if (__builtin_mul_overflow(elements, dims.back(), &elements) || elements > kMaxElements) return 0;
    }
    bytes.emplace_back(static_cast<size_t>(elements) * 8, 0);
  }
  std::vector<sealedge::RunInput> inputs;
  for (size_t i = 0; i < shapes.size(); ++i) {
    const sealedge::TensorMetadata& input = (*session)->inputs()[i];
    int64_t elements = 1;
    for (const int64_t dim : shapes[i]) elements *= dim;
    const size_t size_bytes = static_cast<size_t>(elements) * sealedge::data_type_size_bytes(input.type);
    inputs.push_back({input.name, input.type, shapes[i], {bytes[i].data(), size_bytes}});
  }
  std::vector<sealedge::RunOutput> outputs((*session)->outputs().size());
  for (size_t i = 0; i < outputs.size(); ++i) outputs[i].index = i;
  (void)(*session)->run(inputs, outputs).ok();
  return 0;
}
