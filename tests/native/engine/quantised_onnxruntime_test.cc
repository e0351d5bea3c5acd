// The quantised operators of onnxruntime's own domain.
#include <gtest/gtest.h>

#include "quantised_models.h"

namespace sealedge {
namespace {

using namespace testing;

// onnxruntime's own operators say the same as theirs of ONNX between DequantizeLinear and QuantizeLinear.
TEST(QuantisedOnnxruntimeTest, OperatorsOfOnnxruntimeEqualTheirQdqForms) {
  const std::string domain = "com.microsoft";
  const auto with_scales = [] {
    return with_input().constant(floats("s2", {}, {0.07f})).constant(tensor("z2", kUint8, {}, "\x42"));
  };
  struct Form {
    Proto theirs, onnx;
  };
  const std::vector<Form> forms = {
      {node("QLinearAdd", {"q", "s", "z", "q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("Add", {"f", "f"}, {"g"})},
      {node("QLinearMul", {"q", "s", "z", "q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("Mul", {"f", "f"}, {"g"})},
      {node("QLinearSigmoid", {"q", "s", "z", "s2", "z2"}, {"r"}, {}, domain), node("Sigmoid", {"f"}, {"g"})},
      {node("QLinearLeakyRelu", {"q", "s", "z", "s2", "z2"}, {"r"}, {float_attribute("alpha", 0.2f)}, domain),
       node("LeakyRelu", {"f"}, {"g"}, {float_attribute("alpha", 0.2f)})},
      {node("QLinearSoftmax", {"q", "s", "z", "s2", "z2"}, {"r"},
            {int_attribute("axis", 1), int_attribute("opset", 13)}, domain),
       node("Softmax", {"f"}, {"g"}, {int_attribute("axis", 1)})},
      {node("QLinearGlobalAveragePool", {"q", "s", "z", "s2", "z2"}, {"r"}, {}, domain),
       node("GlobalAveragePool", {"f"}, {"g"})},
      {node("QLinearAveragePool", {"q", "s", "z", "s2", "z2"}, {"r"}, {ints_attribute("kernel_shape", {3, 2})}, domain),
       node("AveragePool", {"f"}, {"g"}, {ints_attribute("kernel_shape", {3, 2})})},
      {node("QLinearConcat", {"s2", "z2", "q", "s", "z", "q", "s", "z"}, {"r"}, {int_attribute("axis", 3)}, domain),
       node("Concat", {"f", "f"}, {"g"}, {int_attribute("axis", 3)})},
  };
  for (const Form& form : forms) {
    ModelBuilder theirs = with_scales(), onnx = with_scales();
    theirs.add(form.theirs).add(node("DequantizeLinear", {"r", "s2", "z2"}, {"y"})).output("y");
    onnx.add(form.onnx)
        .add(node("QuantizeLinear", {"g", "s2", "z2"}, {"r"}))
        .add(node("DequantizeLinear", {"r", "s2", "z2"}, {"y"}))
        .output("y");
    const auto got = run_model(theirs, {{"x", image()}}), want = run_model(onnx, {{"x", image()}});
    ASSERT_EQ(got.size(), 1u);
    ASSERT_EQ(want.size(), 1u);
    EXPECT_EQ(got[0].dims, want[0].dims);
    EXPECT_EQ(got[0].values, want[0].values);
  }
}

// QGemm and MatMulIntegerToFloat against plain sums.
TEST(QuantisedOnnxruntimeTest, ProductsOfOnnxruntimeAreExact) {
  const std::string weights("\x05\x11\x7f\x80\x01\xff\x20\x90", 8);  // (4, 2)
  const std::vector<int32_t> bias = {100, -7};
  const auto common = [&] {
    return with_input()
        .constant(tensor("w", kInt8, {4, 2}, weights))
        .constant(floats("ws", {}, {0.01f}))
        .constant(tensor("wz", kInt8, {}, std::string(1, 2)))
        .constant(tensor("b", kInt32, {2}, raw(bias)))
        .constant(int64s("to", {2}, {8, 4}))
        .add(node("Reshape", {"q", "to"}, {"m"}));
  };
  ModelBuilder gemm = common(), product = common();
  gemm.add(node("QGemm", {"m", "s", "z", "w", "ws", "wz", "b", "s", "z"}, {"r"}, {}, "com.microsoft"))
      .add(node("DequantizeLinear", {"r", "s", "z"}, {"y"}))
      .output("y");
  product.add(node("MatMulIntegerToFloat", {"m", "w", "s", "ws", "z", "wz"}, {"y"}, {}, "com.microsoft")).output("y");
  const FloatTensor x = image();
  const auto from_gemm = run_model(gemm, {{"x", x}}), from_product = run_model(product, {{"x", x}});
  ASSERT_EQ(from_gemm.size(), 1u);
  ASSERT_EQ(from_product.size(), 1u);
  const Quant q = {true, 0.05f, 3};
  for (size_t row = 0; row < 8; row++) {
    for (size_t o = 0; o < 2; o++) {
      int32_t sum = 0;
      for (size_t k = 0; k < 4; k++) {
        sum += (quantise(x.values[row * 4 + k], q) - 3) * (static_cast<int8_t>(weights[k * 2 + o]) - 2);
      }
      const float step = 0.05f * 0.01f;
      EXPECT_EQ(from_product[0].values[row * 2 + o], static_cast<float>(sum) * step);
      EXPECT_EQ(from_gemm[0].values[row * 2 + o],
                dequantise(to_step(static_cast<float>(sum + bias[o]) * (step / 0.05f), q), q));
    }
  }
}

}  // namespace
}  // namespace sealedge
