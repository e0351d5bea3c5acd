"""Trains the motor-bearing classifier, evaluates it on other speeds and seeds, and writes motor.onnx and windows/*.csv.

    pip install -r requirements.txt
    python train.py            # about six minutes on four cores; the same seeds give the same data and the same start

A developer's tool: nothing in sealedge needs it at run time.
"""

import argparse
import pathlib

import numpy as np

import export
import network
from simulate import CLASSES, WINDOW, Conditions, dataset, simulate

HERE = pathlib.Path(__file__).parent
# The model is trained in three bands of speed and judged in the gaps between them, and beyond them.
TRAINED_RPM = [(1_180, 1_300), (1_420, 1_540), (1_660, 1_780)]
UNSEEN_RPM = [(1_300, 1_420), (1_540, 1_660)]
BEYOND_RPM = [(1_100, 1_180), (1_780, 1_860)]
TRAIN_SEED, SAME_SEED, UNSEEN_SEED, BEYOND_SEED, WINDOW_SEED = 1, 1_001, 1_002, 1_003, 1_004


def train(per_class, epochs, batch=64):
    x, labels = dataset(TRAIN_SEED, per_class, TRAINED_RPM)
    layers, optimiser = network.build(seed=0), network.Adam()
    rng = np.random.default_rng(2)
    steps, step = epochs * (len(x) // batch), 0
    for epoch in range(epochs):
        order, losses = rng.permutation(len(x)), []
        for begin in range(0, len(x) - batch + 1, batch):
            # One cycle: a short warm-up, then down along a cosine.
            optimiser.rate = 2e-3 * min(1, step / 200) * 0.5 * (1 + np.cos(np.pi * step / steps))
            picked = order[begin : begin + batch]
            losses.append(network.train_step(layers, optimiser, augment(rng, x[picked]), labels[picked]))
            step += 1
        print(f"epoch {epoch + 1}/{epochs}: loss {np.mean(losses):.4f}", flush=True)
    return layers


def augment(rng, windows):
    """Sensor sign and gain differ between installations."""
    gain = rng.uniform(0.85, 1.15, (len(windows), 1)) * rng.choice([-1, 1], (len(windows), 1))
    return (windows * gain).astype(np.float32)[:, :, None]


def confusion(layers, seed, rpm_ranges, per_class):
    x, labels = dataset(seed, per_class, rpm_ranges)
    matrix = np.zeros((len(CLASSES), len(CLASSES)), int)
    for begin in range(0, len(x), 256):
        scores = network.logits(layers, x[begin : begin + 256, :, None])
        np.add.at(matrix, (labels[begin : begin + 256], scores.argmax(1)), 1)
    return matrix


def markdown(title, matrix):
    lines = [f"{title}: {100 * np.trace(matrix) / matrix.sum():.2f} % of {matrix.sum()} windows right", ""]
    lines += ["| truth \\ answer | " + " | ".join(CLASSES) + " |", "|---|" + "---|" * len(CLASSES)]
    lines += [f"| {name} | " + " | ".join(str(v) for v in row) + " |" for name, row in zip(CLASSES, matrix)]
    return "\n".join(lines) + "\n"


def write_windows(folder):
    """One window per class at 1,600 rpm (a speed outside the training bands), drawn once, not picked for its answer."""
    rng = np.random.default_rng(WINDOW_SEED)
    folder.mkdir(exist_ok=True)
    for label in CLASSES:
        cond = Conditions(label, rpm=1_600, load=0.7, severity=1.0)
        window = simulate(rng, cond)
        header = f"# acceleration in g, {WINDOW} samples at 12 kHz; expected: {label}; {cond.rpm} rpm, load {cond.load}"
        (folder / f"{label}.csv").write_text("\n".join([header, *(f"{v:.5f}" for v in window)]) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--per-class", type=int, default=4_000)
    parser.add_argument("--epochs", type=int, default=16)
    parser.add_argument("--out", type=pathlib.Path, default=HERE)
    args = parser.parse_args()

    layers = train(args.per_class, args.epochs)
    print(markdown("Trained speeds, other seed", confusion(layers, SAME_SEED, TRAINED_RPM, 500)))
    print(markdown("Speeds between the trained bands", confusion(layers, UNSEEN_SEED, UNSEEN_RPM, 1_000)))
    print(markdown("Speeds beyond the trained bands", confusion(layers, BEYOND_SEED, BEYOND_RPM, 500)))
    args.out.mkdir(exist_ok=True)
    export.write(layers, args.out / "motor.onnx")
    write_windows(args.out / "windows")


if __name__ == "__main__":
    main()
