// DepthToSpace and SpaceToDepth: blocks of pixels to channels and back, one strided move of six dimensions.
#include "graph/ops/array/pixel_shuffle.h"

#include "graph/ops/strided.h"
#include "graph/ops/support.h"

namespace sealedge {

namespace {

// The small image has block^2 times the channels of the large one.
struct Sizes {
  int64_t batch, channels, height, width;  // of the large image in blocks: height and width are the small image's
};

// (batch, row in block, column in block, channel, block row, block column): where each goes in the large image, and in
// the small one whose channels run as (row, column, channel), or for CRD (channel, row, column).
StridedMove shuffle(const Sizes& s, int64_t block, bool channel_first, bool to_large) {
  const int64_t pixels = s.height * s.width, deep = s.channels * block * block;
  StridedMove move;
  move.dims = {s.batch, block, block, s.channels, s.height, s.width};
  const int64_t row = (channel_first ? block : block * s.channels) * pixels;
  const int64_t column = (channel_first ? 1 : s.channels) * pixels;
  const int64_t channel = (channel_first ? block * block : 1) * pixels;
  std::vector<int64_t> small = {deep * pixels, row, column, channel, s.width, 1};
  const int64_t wide = s.width * block;
  std::vector<int64_t> large = {deep * pixels, wide, 1, pixels * block * block, wide * block, block};
  move.source_stride = to_large ? small : large;
  move.destination_stride = to_large ? large : small;
  return move;
}

class PixelShuffleOp final : public LinearTimeOp {
 public:
  PixelShuffleOp(int64_t block, bool channel_first, bool to_large)
      : block_(block), channel_first_(channel_first), to_large_(to_large) {}
  const char* op_type() const override { return to_large_ ? "DepthToSpace" : "SpaceToDepth"; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    const Operand& x = inputs[0];
    if (data_type_size_bytes(x.type) == 0) return op_unsupported(data_type_name(x.type));
    SEALEDGE_ASSIGN(const Sizes s, sizes(x.dims));
    if (to_large_) return std::vector<TensorFact>{{x.type, {s.batch, s.channels, s.height * block_, s.width * block_}}};
    return std::vector<TensorFact>{{x.type, {s.batch, s.channels * block_ * block_, s.height, s.width}}};
  }

  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    const Operand& x = setup.inputs[0];
    SEALEDGE_ASSIGN(const Sizes s, sizes(x.dims));
    CopyPlan plan;
    plan.element_bytes = data_type_size_bytes(x.type);
    plan.output_bytes = static_cast<size_t>(element_count(x.dims)) * plan.element_bytes;
    if (plan.output_bytes > 0) {
      plan.moves = {shuffle(s, block_, channel_first_, to_large_)};
      plan.sources = {0};
    }
    return make_copy_kernel({std::move(plan)});
  }

 private:
  Result<Sizes> sizes(const Dims& x) const {
    // A bound that keeps products of two in range; dimensions of tensors are at most kMaxElements.
    if (block_ < 1 || block_ > 1 << 10)
      return model_invalid("blocksize: expected 1 to 1024, got " + std::to_string(block_));
    if (x.size() != 4) return shape_mismatch("expected 4 dimensions, got " + dims_to_string(x));
    if (to_large_) {
      if (x[1] % (block_ * block_) != 0) {
        return shape_mismatch(std::to_string(x[1]) + " channels are no multiple of blocksize squared");
      }
      return Sizes{x[0], x[1] / (block_ * block_), x[2], x[3]};
    }
    if (x[2] % block_ != 0 || x[3] % block_ != 0) {
      return shape_mismatch(dims_to_string(x) + " is no multiple of blocksize " + std::to_string(block_));
    }
    return Sizes{x[0], x[1], x[2] / block_, x[3] / block_};
  }

  int64_t block_;
  bool channel_first_, to_large_;
};

}  // namespace

OpPtr make_depth_to_space(int64_t block, bool channel_first) {
  return std::make_shared<PixelShuffleOp>(block, channel_first, true);
}
OpPtr make_space_to_depth(int64_t block, bool channel_first) {
  return std::make_shared<PixelShuffleOp>(block, channel_first, false);
}

}  // namespace sealedge
