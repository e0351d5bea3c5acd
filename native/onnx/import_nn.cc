// op_type -> op: layers.
#include <array>

#include "graph/ops/legacy_forms.h"
#include "graph/ops/window/pooling.h"
#include "onnx/legacy.h"
#include "onnx/node_import.h"
#include "onnx/product_import.h"
#include "onnx/window_attributes.h"

namespace sealedge {

WindowAttributes window_attributes(NodeImport& node) {
  WindowAttributes window;
  window.kernel_shape = node.get_ints("kernel_shape");
  window.strides = node.get_ints("strides");
  window.pads = node.get_ints("pads");
  window.dilations = node.get_ints("dilations");
  const std::string_view auto_pad = node.get_string("auto_pad", "NOTSET");
  if (auto_pad == "NOTSET" || auto_pad.empty()) {
    window.auto_pad = AutoPad::kNotSet;
  } else if (auto_pad == "SAME_UPPER") {
    window.auto_pad = AutoPad::kSameUpper;
  } else if (auto_pad == "SAME_LOWER") {
    window.auto_pad = AutoPad::kSameLower;
  } else if (auto_pad == "VALID") {
    window.auto_pad = AutoPad::kValid;
  } else {
    node.invalid("unknown value of attribute 'auto_pad'");
  }
  return window;
}

OpPtr conv_of(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  const int64_t group = node.get_int("group", 1);
  if (group < 1) node.invalid("attribute 'group' must be positive");
  const TensorFact* weight = node.constant_fact(node.input(1));
  // One filter per channel, fixed by the model: a kernel and a weight layout of its own.
  const bool depthwise = group > 1 && weight && weight->type == DataType::kFloat32 && weight->dims.size() >= 3 &&
                         weight->dims[0] == group && weight->dims[1] == 1;
  return depthwise ? make_depthwise_conv(std::move(window), group) : make_conv(std::move(window), group);
}

namespace {

void conv(NodeImport& node) { node.emit(conv_of(node), {node.input(0), node.input(1), node.input(2)}); }

template <PoolKind kKind>
void pool(NodeImport& node) {
  WindowAttributes window = window_attributes(node);
  if (window.kernel_shape.empty()) return node.invalid("attribute 'kernel_shape' is missing");
  const bool ceil_mode = node.get_int("ceil_mode", 0) != 0;
  if (kKind == PoolKind::kMax && node.wants_output(1)) {
    const bool column_major = node.get_int("storage_order", 0) != 0;
    return node.emit(make_max_pool(std::move(window), ceil_mode, column_major), {node.input(0)});
  }
  const bool count_include_pad = kKind == PoolKind::kAverage && node.get_int("count_include_pad", 0) != 0;
  node.emit(make_pool(kKind, std::move(window), ceil_mode, count_include_pad), {node.input(0)});
}

template <PoolKind kKind>
void global_pool(NodeImport& node) {
  node.emit(make_global_pool(kKind), {node.input(0)});
}

// BatchNormalization-14: Y by the batch's own statistics, and running = running * momentum + current * (1 - momentum).
void batch_normalization_training(NodeImport& node) {
  const auto momentum = static_cast<double>(node.get_float("momentum", 0.9f));
  const ValueId mean = node.add_inner(), variance = node.add_inner();
  node.emit_to(make_batch_statistics(), {node.input(0)}, {mean, variance});
  const auto running = [&](ValueId before, ValueId current, ValueId output) {
    if (output == kNoValue) return;
    const auto scaled = [&](ValueId value, double factor) {
      return node.emit_inner(make_binary(BinaryKind::kMul), {value, scalar_like(node, factor, value)});
    };
    node.emit_to(make_binary(BinaryKind::kAdd), {scaled(before, momentum), scaled(current, 1 - momentum)}, {output});
  };
  running(node.input(3), mean, node.output(1));
  running(node.input(4), variance, node.output(2));
  node.emit_to(make_batch_norm(node.get_epsilon(1e-5f)), {node.input(0), node.input(1), node.input(2), mean, variance},
               {node.output(0)});
}

void batch_normalization(NodeImport& node) {
  if (node.opset() >= 14 && node.get_int("training_mode", 0) != 0) return batch_normalization_training(node);
  for (size_t i = 1; i < node.output_count(); ++i) {
    if (node.wants_output(i)) return node.unsupported("training outputs (opset < 14)");
  }
  if (node.opset() < 9 && node.get_int("spatial", 1) == 0) return legacy_batch_normalization_per_element(node);
  node.emit(make_batch_norm(node.get_epsilon(1e-5f)), node.inputs());
}

// Dropout drops nothing outside training. Before opset 7 is_test said so, with a default of 0 that no model which is
// only run can have meant: what it asks for is random. From opset 12 on training_mode is an input, decided when known.
void dropout(NodeImport& node) {
  const bool may_train = node.opset() >= 12 && node.has_input(2);
  if (!node.wants_output(1) && !may_train) return node.alias_output(node.input(0));
  node.emit(make_dropout(node.opset() < 10 ? DataType::kUndefined : DataType::kBool),
            {node.input(0), may_train ? node.input(1) : kNoValue, may_train ? node.input(2) : kNoValue});
}

// Before opset 13 the axis splits the tensor into rows and columns; from 13 on it is one dimension.
template <bool kLog>
void softmax(NodeImport& node) {
  const bool coerce_2d = node.opset() < 13;
  node.emit(make_softmax(node.get_int("axis", coerce_2d ? 1 : -1), kLog, coerce_2d), {node.input(0)});
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"AveragePool", 1, 1, pool<PoolKind::kAverage>},
    {"BatchNormalization", 5, 5, batch_normalization},
    {"Conv", 2, 3, conv},
    {"Dropout", 1, 3, dropout},
    {"GlobalAveragePool", 1, 1, global_pool<PoolKind::kAverage>},
    {"GlobalMaxPool", 1, 1, global_pool<PoolKind::kMax>},
    {"LogSoftmax", 1, 1, softmax<true>},
    {"MaxPool", 1, 1, pool<PoolKind::kMax>},
    {"Softmax", 1, 1, softmax<false>},
});

}  // namespace

std::span<const OpImporter> nn_importers() { return kImporters; }

}  // namespace sealedge
