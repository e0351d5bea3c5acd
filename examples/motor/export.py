"""Writes the trained network as ONNX: opset 17, IR version 8, input (N, 1, 2048) of acceleration in g, output (N, 5)."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import network
from simulate import CLASSES, WINDOW


def write(layers, path):
    nodes, weights, x = [], [], "vibration"
    count = {"conv": 0, "pool": 0, "relu": 0}

    def weight(name, value):
        weights.append(numpy_helper.from_array(np.ascontiguousarray(value, dtype=np.float32), name))
        return name

    def node(op_type, inputs, name, **attributes):
        nodes.append(helper.make_node(op_type, inputs, [name], name=name, **attributes))
        return name

    for layer in layers:
        match layer:
            case network.Conv():
                count["conv"] += 1
                name = f"conv{count['conv']}"
                # (taps, in, out) here, (out, in, taps) in ONNX
                w = layer.w.reshape(layer.taps, layer.channels_in, -1).transpose(2, 1, 0)
                x = node("Conv", [x, weight(f"{name}.weight", w)], name, kernel_shape=[layer.taps],
                         strides=[layer.stride], pads=list(layer.pads))  # fmt: skip
            case network.BatchNorm():
                prefix = f"bn{count['conv']}"
                inputs = [weight(f"{prefix}.{k}", getattr(layer, k)) for k in ("scale", "shift", "mean", "var")]
                x = node("BatchNormalization", [x, *inputs], prefix, epsilon=network.BN_EPSILON)
            case network.Relu():
                x = node("Relu", [x], f"relu{count['conv']}")
            case network.MaxPool2():
                x = node("MaxPool", [x], f"pool{count['conv']}", kernel_shape=[2], strides=[2])
            case network.MeanOverTime():
                x = node("AveragePool", [x], "mean", kernel_shape=[layer.length], strides=[layer.length])
                x = node("Flatten", [x], "features", axis=1)
            case network.Gemm():
                x = node("Gemm", [x, weight("head.weight", layer.w), weight("head.bias", layer.b)], "logits")
    node("Softmax", [x], "probabilities", axis=1)

    graph = helper.make_graph(
        nodes, "motor",
        [helper.make_tensor_value_info("vibration", TensorProto.FLOAT, ["N", 1, WINDOW])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", len(CLASSES)])],
        weights,
    )  # fmt: skip
    model = helper.make_model(graph, ir_version=8, producer_name="sealedge examples/motor",
                              opset_imports=[helper.make_opsetid("", 17)])  # fmt: skip
    helper.set_model_props(model, {"classes": ",".join(CLASSES)})
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)
