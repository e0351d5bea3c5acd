// Masks of com.microsoft.Attention and its like, which tell by their rank what they hold.
#include "graph/ops/product/attention.h"
#include "graph/ops/support.h"
#include "graph/ops/walk.h"

namespace sealedge {

namespace {

struct MaskForm {
  int64_t batch, rows, keys;
  bool ends = false, begins = false, all = false;  // otherwise one number for each key
};

Result<MaskForm> resolve(std::span<const Operand> inputs) {
  const Dims &mask = inputs[0].dims, &key = inputs[1].dims;
  if (key.size() != 3 && key.size() != 4) return shape_mismatch("K: expected rank 3 or 4");
  MaskForm form = {.batch = key[0], .rows = 1, .keys = key.size() == 3 ? key[1] : key[2]};
  if (inputs.size() > 2 && inputs[2].present) {
    if (inputs[2].dims.size() != 4) return shape_mismatch("past_key: expected rank 4");
    if (__builtin_add_overflow(form.keys, inputs[2].dims[2], &form.keys)) return shape_mismatch("too many keys");
  }
  form.begins = mask.size() == 1 && form.batch > 0 && mask[0] == 2 * form.batch;
  form.ends = mask == Dims{form.batch} || form.begins;
  if (mask.size() == 3) form.rows = mask[1];
  if (form.ends || mask == Dims{form.batch, form.keys} || mask == Dims{form.batch, form.rows, form.keys}) return form;
  // One number for all keys changes every score alike, which is as good as none.
  form.all = mask == Dims{1, 1} || mask == Dims{form.batch, 1};
  if (form.all) return form;
  return shape_mismatch("mask " + dims_to_string(mask) + " does not fit K " + dims_to_string(key));
}

class AttentionMaskKernel final : public Kernel {
 public:
  AttentionMaskKernel(const MaskForm& form, DataType type, float filter_value)
      : form_(form), type_(type), filter_value_(filter_value) {}

  Result<void> run(const RunArgs& args) const override {
    const IndexReader mask(args.inputs[0], type_);
    auto* y = reinterpret_cast<float*>(args.outputs[0]);
    size_t next = 0;
    for (int64_t b = 0; b < form_.batch; ++b) {
      const auto entry = static_cast<size_t>(b), entries = static_cast<size_t>(form_.batch);
      const int64_t end = form_.ends ? mask[entry] : 0, begin = form_.begins ? mask[entries + entry] : 0;
      for (int64_t row = 0; row < form_.rows; ++row) {
        for (int64_t key = 0; key < form_.keys; ++key) {
          const bool takes_part = form_.all || (form_.ends ? key >= begin && key < end : mask[next++] > 0);
          *y++ = takes_part ? 0 : filter_value_;
        }
      }
    }
    return {};
  }

 private:
  MaskForm form_;
  DataType type_;
  float filter_value_;
};

class AttentionMaskOp final : public Op {
 public:
  explicit AttentionMaskOp(float filter_value) : filter_value_(filter_value) {}
  const char* op_type() const override { return "AttentionMask"; }
  bool may_copy_input(size_t) const override { return false; }

  Result<std::vector<TensorFact>> infer(std::span<const Operand> inputs) const override {
    if (!IndexReader::accepts(inputs[0].type))
      return op_unsupported(std::string("a mask of ") + data_type_name(inputs[0].type));
    SEALEDGE_ASSIGN(const MaskForm form, resolve(inputs));
    return std::vector<TensorFact>{{DataType::kFloat32, {form.batch, 1, form.rows, form.keys}}};
  }
  Result<std::unique_ptr<Kernel>> prepare(const OpSetup& setup) const override {
    SEALEDGE_ASSIGN(const MaskForm form, resolve(setup.inputs));
    return std::unique_ptr<Kernel>(std::make_unique<AttentionMaskKernel>(form, setup.inputs[0].type, filter_value_));
  }

 private:
  float filter_value_;
};

}  // namespace

OpPtr make_attention_mask(float filter_value) { return std::make_shared<AttentionMaskOp>(filter_value); }

}  // namespace sealedge
