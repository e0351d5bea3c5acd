// op_type -> op: Fourier transforms and windows, and matrices beyond the plain product.
#include <array>

#include "graph/ops/feature/signal.h"
#include "graph/ops/product/linear_algebra.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

// The axis is an attribute in opset 17, an input since 20.
void dft(NodeImport& node) {
  const int64_t axis = node.opset() < 20 ? node.get_int("axis", 1) : -2;
  if (node.opset() < 20 && node.input_count() > 2) return node.invalid("too many inputs");
  node.emit(make_dft(axis, node.get_int("inverse", 0) != 0, node.get_int("onesided", 0) != 0), node.inputs());
}

void stft(NodeImport& node) { node.emit(make_stft(node.get_int("onesided", 1) != 0), node.inputs()); }

DataType output_type(NodeImport& node) {
  const int64_t type = node.get_int("output_datatype", static_cast<int64_t>(DataType::kFloat32));
  return type > 0 && type < 256 ? static_cast<DataType>(type) : DataType::kUndefined;
}

template <WindowKind kKind>
void window(NodeImport& node) {
  node.emit(make_window(kKind, node.get_int("periodic", 1) != 0, output_type(node)), node.inputs());
}

void mel_weight_matrix(NodeImport& node) { node.emit(make_mel_weight_matrix(output_type(node)), node.inputs()); }

void det(NodeImport& node) { node.emit(make_det(), node.inputs()); }

void einsum(NodeImport& node) {
  if (!node.has("equation")) return node.invalid("attribute 'equation' is missing");
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i)) return node.invalid("an input is missing");
  }
  node.emit(make_einsum(std::string(node.get_string("equation", ""))), node.inputs());
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"BlackmanWindow", 1, 1, window<WindowKind::kBlackman>},
    {"DFT", 1, 3, dft},
    {"Det", 1, 1, det},
    {"Einsum", 1, kVariadic, einsum},
    {"HammingWindow", 1, 1, window<WindowKind::kHamming>},
    {"HannWindow", 1, 1, window<WindowKind::kHann>},
    {"MelWeightMatrix", 5, 5, mel_weight_matrix},
    {"STFT", 2, 4, stft},
});

}  // namespace

std::span<const OpImporter> signal_importers() { return kImporters; }

}  // namespace sealedge
