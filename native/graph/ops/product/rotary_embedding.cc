// RotaryEmbedding-23: pairs of a head's elements turned by the angle of their position.
#include "graph/ops/element_types.h"
#include "graph/ops/product/attention.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

// X is (B, S, H * D) or (B, H, S, D); the caches are (B, S, R / 2), or with positions (P, R / 2): R of D elements turn.
struct RotaryShape {
  size_t batch, heads, rows, size, rotated;
  size_t head_stride, row_stride;
};

Result<RotaryShape> resolve(const RotaryAttributes& attributes, std::span<const Operand> inputs) {
  const Dims& x = inputs[0].dims;
  const auto at = [&](size_t d) { return static_cast<size_t>(x[d]); };
  RotaryShape shape = {};
  if (x.size() == 4) {
    shape = {at(0), at(1), at(2), at(3), 0, at(2) * at(3), at(3)};
  } else if (x.size() == 3) {
    if (attributes.heads < 1 || x[2] % attributes.heads != 0) {
      return shape_mismatch("X " + dims_to_string(x) + " has not " + std::to_string(attributes.heads) + " heads");
    }
    const auto heads = static_cast<size_t>(attributes.heads);
    shape = {at(0), heads, at(1), at(2) / heads, 0, at(2) / heads, at(2)};
  } else {
    return shape_mismatch("X: expected rank 3 or 4");
  }
  const int64_t rotated = attributes.dimensions == 0 ? static_cast<int64_t>(shape.size) : attributes.dimensions;
  if (rotated < 0 || rotated % 2 != 0 || rotated > static_cast<int64_t>(shape.size)) {
    return model_invalid("rotary_embedding_dim: expected an even number up to the size of a head");
  }
  shape.rotated = static_cast<size_t>(rotated);

  const Dims &cos = inputs[1].dims, &sin = inputs[2].dims;
  const bool by_position = inputs.size() > 3 && inputs[3].present;
  const auto batch = static_cast<int64_t>(shape.batch), rows = static_cast<int64_t>(shape.rows);
  const Dims wanted = by_position ? Dims{cos.empty() ? 0 : cos[0], rotated / 2} : Dims{batch, rows, rotated / 2};
  if (cos != wanted || sin != wanted) {
    return shape_mismatch("cos_cache " + dims_to_string(cos) + " or sin_cache " + dims_to_string(sin) +
                          " does not fit X " + dims_to_string(x));
  }
  if (by_position && (!IndexReader::accepts(inputs[3].type) || inputs[3].dims != Dims{batch, rows})) {
    return shape_mismatch("position_ids: expected an integer for each row");
  }
  return shape;
}

template <typename T>
class RotaryKernel final : public Kernel {
 public:
  RotaryKernel(const RotaryShape& shape, bool interleaved, DataType positions, int64_t most)
      : shape_(shape), interleaved_(interleaved), positions_(positions), most_(most) {}

  Result<void> run(const RunArgs& args) const override {
    const auto* x = reinterpret_cast<const T*>(args.inputs[0]);
    const auto* cos = reinterpret_cast<const T*>(args.inputs[1]);
    const auto* sin = reinterpret_cast<const T*>(args.inputs[2]);
    auto* y = reinterpret_cast<T*>(args.outputs[0]);
    const size_t half = shape_.rotated / 2;
    for (size_t b = 0; b < shape_.batch; ++b) {
      for (size_t row = 0; row < shape_.rows; ++row) {
        size_t at = b * shape_.rows + row;
        if (positions_ != DataType::kUndefined) {
          const int64_t position = IndexReader(args.inputs[3], positions_)[at];
          if (position < 0 || position >= most_) return index_out_of_range(position, most_);
          at = static_cast<size_t>(position);
        }
        for (size_t h = 0; h < shape_.heads; ++h) {
          const size_t place =
              b * shape_.heads * shape_.rows * shape_.size + h * shape_.head_stride + row * shape_.row_stride;
          rotate(x + place, cos + at * half, sin + at * half, y + place);
        }
      }
    }
    return {};
  }

 private:
  void rotate(const T* x, const T* cos, const T* sin, T* y) const {
    using A = Arithmetic<T>;
    const size_t half = shape_.rotated / 2;
    for (size_t i = 0; i < half; ++i) {
      const size_t first = interleaved_ ? 2 * i : i, second = interleaved_ ? 2 * i + 1 : i + half;
      const A a = static_cast<A>(x[first]), b = static_cast<A>(x[second]);
      const A c = static_cast<A>(cos[i]), s = static_cast<A>(sin[i]);
      y[first] = T(a * c - b * s);
      y[second] = T(a * s + b * c);
    }
    for (size_t i = shape_.rotated; i < shape_.size; ++i) y[i] = x[i];
  }

  RotaryShape shape_;
  bool interleaved_;
  DataType positions_;
  int64_t most_;
};

class RotaryEmbeddingOp final : public Op {
 public:
  explicit RotaryEmbeddingOp(const RotaryAttributes& attributes) : attributes_(attributes) {}
  const char* op_type() const override { return "RotaryEmbedding"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (!dispatch_type(FloatTypes{}, x.type, []<typename T>() { return true; })) {
      return op_unsupported(data_type_name(x.type));
    }
    if (inputs[1].type != x.type || inputs[2].type != x.type)
      return shape_mismatch("X and its caches have different types");
    SEALEDGE_TRY(resolve(attributes_, inputs));
    return std::vector<TensorFact>{{x.type, x.dims}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const RotaryShape shape, resolve(attributes_, setup.inputs));
    const bool by_position = setup.inputs.size() > 3 && setup.inputs[3].present;
    const DataType positions = by_position ? setup.inputs[3].type : DataType::kUndefined;
    return dispatch_type(FloatTypes{}, setup.inputs[0].type, [&]<typename T>() -> std::unique_ptr<Kernel> {
      return std::make_unique<RotaryKernel<T>>(shape, attributes_.interleaved, positions, setup.inputs[1].dims[0]);
    });
  }

 private:
  RotaryAttributes attributes_;
};

}  // namespace

OpPtr make_rotary_embedding(const RotaryAttributes& attributes) {
  return std::make_shared<RotaryEmbeddingOp>(attributes);
}

}  // namespace sealedge
