// op_type -> values: sequences of tensors, none of which is left after import (sequences.h).
#include <array>
#include <cstring>
#include <optional>

#include "graph/ops/array/selection.h"
#include "onnx/node_import.h"

namespace sealedge {

namespace {

const ImportedSequence* sequence_of(NodeImport& node) {
  const ImportedSequence* sequence = node.sequence(0);
  if (!sequence) node.unsupported("a sequence that is not made in the same graph");
  return sequence;
}

// A list of known length; slices of a value have as many as a run gives them.
const ImportedSequence* items_of(NodeImport& node) {
  const ImportedSequence* sequence = sequence_of(node);
  if (!sequence || sequence->sliced == kNoValue) return sequence;
  node.unsupported("a sequence whose length depends on the data");
  return nullptr;
}

// The one number of a constant input; none where it was refused.
std::optional<int64_t> fixed_number(NodeImport& node, size_t input, const char* name) {
  const Constant* constant = node.constant(node.input(input));
  if (!constant || !constant->data || element_count(constant->fact.dims) != 1) {
    node.unsupported("a position that is not constant");
    return std::nullopt;
  }
  int64_t value = 0;
  if (constant->fact.type == DataType::kInt64) {
    std::memcpy(&value, constant->data, sizeof value);
  } else if (constant->fact.type == DataType::kInt32) {
    int32_t small;
    std::memcpy(&small, constant->data, sizeof small);
    value = small;
  } else {
    node.invalid(std::string(name) + ": expected int32 or int64");
    return std::nullopt;
  }
  return value;
}

// Position `input` in [-count, last]; `otherwise` when it is not given.
std::optional<size_t> position(NodeImport& node, size_t input, size_t count, size_t last, size_t otherwise) {
  if (!node.has_input(input)) return otherwise;
  const std::optional<int64_t> given = fixed_number(node, input, "position");
  if (!given) return std::nullopt;
  const int64_t value = *given;
  const auto signed_count = static_cast<int64_t>(count);
  if (value < -signed_count || value > static_cast<int64_t>(last)) {
    node.invalid("position " + std::to_string(value) + " is out of range for " + std::to_string(count) + " tensors");
    return std::nullopt;
  }
  return static_cast<size_t>(value < 0 ? value + signed_count : value);
}

void sequence_construct(NodeImport& node) {
  for (size_t i = 0; i < node.input_count(); ++i) {
    if (!node.has_input(i) || node.sequence(i)) return node.invalid("expected tensors");
  }
  node.sequence_output({.items = node.inputs()});
}

void sequence_empty(NodeImport& node) { node.sequence_output({}); }

void sequence_insert(NodeImport& node) {
  const ImportedSequence* sequence = items_of(node);
  if (!sequence) return;
  if (node.sequence(1)) return node.invalid("expected a tensor");
  ImportedSequence longer = *sequence;
  const size_t count = longer.items.size();
  const std::optional<size_t> at = position(node, 2, count, count, count);
  if (!at) return;
  longer.items.insert(longer.items.begin() + static_cast<ptrdiff_t>(*at), node.input(1));
  node.sequence_output(std::move(longer));
}

void sequence_erase(NodeImport& node) {
  const ImportedSequence* sequence = items_of(node);
  if (!sequence) return;
  if (sequence->items.empty()) return node.invalid("the sequence is empty");
  ImportedSequence shorter = *sequence;
  const size_t last = shorter.items.size() - 1;
  const std::optional<size_t> at = position(node, 1, shorter.items.size(), last, last);
  if (!at) return;
  shorter.items.erase(shorter.items.begin() + static_cast<ptrdiff_t>(*at));
  node.sequence_output(std::move(shorter));
}

void sequence_at(NodeImport& node) {
  const ImportedSequence* sequence = sequence_of(node);
  if (!sequence) return;
  if (sequence->part_size != kNoValue) {
    return node.emit(make_split_part(sequence->axis), {sequence->sliced, sequence->part_size, node.input(1)});
  }
  if (sequence->sliced != kNoValue) {
    // Slice number p is Gather with the scalar p; with [p] its dimension stays.
    ValueId at = node.input(1);
    if (sequence->keepdims) at = node.emit_inner(make_reshape(false), {at, node.make_ints(std::array<int64_t, 1>{1})});
    return node.emit(make_gather(sequence->axis), {sequence->sliced, at});
  }
  if (sequence->items.empty()) return node.invalid("the sequence is empty");
  const std::optional<size_t> at = position(node, 1, sequence->items.size(), sequence->items.size() - 1, 0);
  if (at) node.alias_output(sequence->items[*at]);
}

// ceil(length / size), of positive numbers: -(-length / size) would need a division that rounds down.
ValueId parts_of(NodeImport& node, ValueId length, ValueId size) {
  const ValueId wide = node.emit_inner(make_cast(DataType::kInt64), {size});
  const ValueId one = node.make_ints(std::array<int64_t, 1>{1});
  const ValueId before = node.emit_inner(make_binary(BinaryKind::kSub), {length, one});
  const ValueId sum = node.emit_inner(make_binary(BinaryKind::kAdd), {before, wide});
  return node.emit_inner(make_binary(BinaryKind::kDiv), {sum, wide});
}

void sequence_length(NodeImport& node) {
  const ImportedSequence* sequence = sequence_of(node);
  if (!sequence) return;
  if (sequence->sliced != kNoValue) {
    const ValueId shape = node.emit_inner(make_shape(0, std::nullopt), {sequence->sliced});
    const ValueId axis = node.make_ints(std::array{sequence->axis});
    ValueId length = node.emit_inner(make_gather(0), {shape, axis});
    if (sequence->part_size != kNoValue) length = parts_of(node, length, sequence->part_size);
    return node.emit(make_squeeze(), {length});
  }
  const auto length = static_cast<int64_t>(sequence->items.size());
  node.constant_output({DataType::kInt64, {}}, {reinterpret_cast<const uint8_t*>(&length), sizeof length});
}

void concat_from_sequence(NodeImport& node) {
  const ImportedSequence* sequence = items_of(node);
  if (!sequence) return;
  if (!node.has("axis")) return node.invalid("attribute 'axis' is missing");
  if (sequence->items.empty()) return node.invalid("the sequence is empty");
  const int64_t axis = node.get_int("axis", 0);
  std::vector<ValueId> items = sequence->items;
  if (node.get_int("new_axis", 0) != 0) {
    const ValueId axes = node.make_ints(std::array{axis});
    for (ValueId& item : items) item = node.emit_inner(make_unsqueeze(), {item, axes});
  }
  node.emit(make_concat(axis), std::move(items));
}

// Into slices of 1 without split, into parts of one size for a scalar, into parts of the sizes that a list gives.
void split_to_sequence(NodeImport& node) {
  const int64_t axis = node.get_int("axis", 0);
  if (!node.has_input(1)) {
    return node.sequence_output(
        {.items = {}, .sliced = node.input(0), .axis = axis, .keepdims = node.get_int("keepdims", 1) != 0});
  }
  if (const Constant* size = node.constant(node.input(1)); size && size->data && size->fact.dims.empty()) {
    const std::optional<int64_t> elements = fixed_number(node, 1, "split");
    if (!elements) return;
    // The sum of a length and a size stays in range.
    if (*elements < 1 || *elements > INT64_MAX / 2) return node.invalid("split: expected at least 1");
    return node.sequence_output({.items = {}, .sliced = node.input(0), .part_size = node.input(1), .axis = axis});
  }
  const std::optional<int64_t> parts = node.fixed_length(node.input(1));
  if (!parts) return node.unsupported("split into a number of parts that the model does not fix");
  // Each is an output of one node: far more than a model has use for.
  static constexpr int64_t kMaxParts = 4096;
  if (*parts < 1 || *parts > kMaxParts)
    return node.invalid("split: expected 1 to " + std::to_string(kMaxParts) + " sizes");
  ImportedSequence sequence;
  for (int64_t i = 0; i < *parts; ++i) sequence.items.push_back(node.add_inner());
  node.emit_to(make_split(axis, *parts), node.inputs(), sequence.items);
  node.sequence_output(std::move(sequence));
}

constexpr auto kImporters = std::to_array<OpImporter>({
    {"ConcatFromSequence", 1, 1, concat_from_sequence},
    {"SequenceAt", 2, 2, sequence_at},
    {"SequenceConstruct", 1, kVariadic, sequence_construct},
    {"SequenceEmpty", 0, 0, sequence_empty},
    {"SequenceErase", 1, 2, sequence_erase},
    {"SequenceInsert", 2, 3, sequence_insert},
    {"SequenceLength", 1, 1, sequence_length},
    {"SplitToSequence", 1, 2, split_to_sequence},
});

}  // namespace

std::span<const OpImporter> sequence_importers() { return kImporters; }

}  // namespace sealedge
