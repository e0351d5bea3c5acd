"""The classifier and its training arithmetic, in numpy: layers with their gradients, and Adam.

Activations are (N, L, C), channels last; weights are (taps, in, out). N windows, L samples, C channels.
"""

import numpy as np

BN_EPSILON = 1e-5
BN_MOMENTUM = 0.9


class Conv:
    def __init__(self, rng, taps, channels_in, channels_out, stride=1, pads=None):
        fan_in = taps * channels_in
        self.w = rng.normal(0, np.sqrt(2 / fan_in), (fan_in, channels_out)).astype(np.float32)
        self.taps, self.channels_in, self.stride = taps, channels_in, stride
        self.pads = pads or ((taps - 1) // 2, taps // 2)
        self.params = ["w"]

    def forward(self, x, training):
        padded = np.pad(x, ((0, 0), self.pads, (0, 0)))
        taps = np.lib.stride_tricks.sliding_window_view(padded, self.taps, axis=1)[:, :: self.stride]
        self.columns = np.ascontiguousarray(taps.transpose(0, 1, 3, 2)).reshape(-1, self.w.shape[0])
        self.shape = (x.shape, padded.shape, taps.shape[1])
        return (self.columns @ self.w).reshape(x.shape[0], taps.shape[1], -1)

    def backward(self, dy):
        (n, length, c), padded_shape, out_length = self.shape
        flat = dy.reshape(-1, dy.shape[-1])
        self.dw = self.columns.T @ flat
        dcolumns = (flat @ self.w.T).reshape(n, out_length, self.taps, c)
        dx = np.zeros(padded_shape, np.float32)
        for tap in range(self.taps):
            dx[:, tap : tap + self.stride * out_length : self.stride][:, :out_length] += dcolumns[:, :, tap]
        return dx[:, self.pads[0] : self.pads[0] + length]


class BatchNorm:
    def __init__(self, channels):
        self.scale, self.shift = np.ones(channels, np.float32), np.zeros(channels, np.float32)
        self.mean, self.var = np.zeros(channels, np.float32), np.ones(channels, np.float32)
        self.params = ["scale", "shift"]

    def forward(self, x, training):
        if training:
            mean, var = x.mean((0, 1)), x.var((0, 1))
            self.mean = BN_MOMENTUM * self.mean + (1 - BN_MOMENTUM) * mean
            self.var = BN_MOMENTUM * self.var + (1 - BN_MOMENTUM) * var
        else:
            mean, var = self.mean, self.var
        self.inv = 1 / np.sqrt(var + BN_EPSILON)
        self.xhat = (x - mean) * self.inv
        return self.scale * self.xhat + self.shift

    def backward(self, dy):
        self.dscale, self.dshift = (dy * self.xhat).sum((0, 1)), dy.sum((0, 1))
        count = dy.shape[0] * dy.shape[1]
        return self.scale * self.inv * (dy - self.dshift / count - self.xhat * (self.dscale / count))


class Relu:
    params = []

    def forward(self, x, training):
        self.mask = x > 0
        return x * self.mask

    def backward(self, dy):
        return dy * self.mask


class MaxPool2:
    params = []

    def forward(self, x, training):
        n, length, c = x.shape
        pairs = x.reshape(n, length // 2, 2, c)
        self.second = pairs[:, :, 1] > pairs[:, :, 0]
        return np.where(self.second, pairs[:, :, 1], pairs[:, :, 0])

    def backward(self, dy):
        n, length, c = dy.shape
        return np.stack([dy * ~self.second, dy * self.second], axis=2).reshape(n, 2 * length, c)


class MeanOverTime:
    params = []

    def forward(self, x, training):
        self.length = x.shape[1]
        return x.mean(1)

    def backward(self, dy):
        return np.repeat(dy[:, None] / self.length, self.length, axis=1)


class Gemm:
    def __init__(self, rng, features_in, features_out):
        self.w = rng.normal(0, np.sqrt(1 / features_in), (features_in, features_out)).astype(np.float32)
        self.b = np.zeros(features_out, np.float32)
        self.params = ["w", "b"]

    def forward(self, x, training):
        self.x = x
        return x @ self.w + self.b

    def backward(self, dy):
        self.dw, self.db = self.x.T @ dy, dy.sum(0)
        return dy @ self.w.T


def build(seed):
    """Wide first filters see the resonance, the pools act as an envelope detector, the later taps span several strikes."""
    rng = np.random.default_rng(seed)

    def block(taps, channels_in, channels_out, stride=1):
        return [Conv(rng, taps, channels_in, channels_out, stride), BatchNorm(channels_out), Relu()]

    return [
        *block(32, 1, 16, stride=4), MaxPool2(),  # 2048 -> 512 -> 256
        *block(9, 16, 24), MaxPool2(),  # -> 128
        *block(9, 24, 32), MaxPool2(),  # -> 64
        *block(9, 32, 48), MaxPool2(),  # -> 32
        *block(5, 48, 64), MeanOverTime(),
        Gemm(rng, 64, 5),
    ]  # fmt: skip


def logits(layers, x, training=False):
    for layer in layers:
        x = layer.forward(x, training)
    return x


def train_step(layers, optimiser, x, labels):
    scores = logits(layers, x, training=True)
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = -np.log(p[rows, labels] + 1e-12).mean()
    p[rows, labels] -= 1
    gradient = (p / len(labels)).astype(np.float32)
    for layer in reversed(layers):
        gradient = layer.backward(gradient)
    optimiser.step(layers)
    return loss


class Adam:
    def __init__(self, weight_decay=1e-4):
        self.rate, self.weight_decay, self.t, self.moments = 0.0, weight_decay, 0, {}

    def step(self, layers):
        self.t += 1
        for index, layer in enumerate(layers):
            for name in layer.params:
                value, gradient = getattr(layer, name), getattr(layer, "d" + name)
                m, v = self.moments.get((index, name), (np.zeros_like(value), np.zeros_like(value)))
                m = 0.9 * m + 0.1 * gradient
                v = 0.999 * v + 0.001 * gradient * gradient
                self.moments[index, name] = (m, v)
                update = m / (1 - 0.9**self.t) / (np.sqrt(v / (1 - 0.999**self.t)) + 1e-8)
                if name == "w":
                    update = update + self.weight_decay * value
                setattr(layer, name, (value - self.rate * update).astype(np.float32))
