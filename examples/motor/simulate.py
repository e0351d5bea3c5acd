"""Vibration of a motor bearing, simulated from the standard bearing-fault model.

A localised fault strikes once per passage of a rolling element. Each strike excites a structural resonance, which rings
down; the train of strikes is almost periodic (rolling elements slip a little), and its amplitude follows the load zone
whenever the fault moves through it (McFadden and Smith 1984; Antoni and Randall 2003; Randall and Antoni 2011):

    x(t) = sum_i A_i s(t - t_i) + 1x and 2x shaft components + electrical hum + noise
    t_{i+1} = t_i + T (1 + slip_i),   s(t) = exp(-zeta w t) sin(w t)

    class        strikes at                       A_i follows
    inner_race   BPFI                             the load zone at shaft speed (the fault turns with the shaft)
    outer_race   BPFO                             nothing (the fault stands still)
    ball         2 BSF (both races, once each)    the load zone at cage speed, and the race that is struck
    imbalance    -                                a 1x force growing with the square of the speed
    healthy      -                                -

Every class has some residual imbalance, misalignment, hum and noise. Every class draws resonance, damping, load, severity and
noise from the same ranges, so that no class can be told by its resonance alone.
"""

from dataclasses import dataclass

import numpy as np

CLASSES = ["healthy", "inner_race", "outer_race", "ball", "imbalance"]
SAMPLE_RATE_HZ = 12_000
WINDOW = 2_048

# Bearing 6205: nine balls, contact angle 0.
BALLS, BALL_MM, PITCH_MM = 9, 7.94, 39.04
_RATIO = BALL_MM / PITCH_MM
FTF = 0.5 * (1 - _RATIO)  # cage speed, in shaft orders
BPFO = 0.5 * BALLS * (1 - _RATIO)
BPFI = 0.5 * BALLS * (1 + _RATIO)
BSF = 0.5 / _RATIO * (1 - _RATIO**2)


@dataclass
class Conditions:
    label: str
    rpm: float
    load: float  # 0..1: widens the load zone and strengthens strikes
    severity: float  # peak of a strike in g; for imbalance, amplitude of the 1x component at 1,500 rpm


def draw_conditions(rng, label, rpm_ranges):
    lo, hi = rpm_ranges[rng.integers(len(rpm_ranges))]
    severity = rng.uniform(0.5, 1.4) if label == "imbalance" else rng.uniform(0.5, 2.0)
    return Conditions(label, rng.uniform(lo, hi), rng.uniform(0.2, 1.0), severity)


def _load_zone(angle, load):
    """Stribeck's load distribution: zero outside the zone, which is wider under more load."""
    epsilon = 0.3 + 0.3 * load
    return np.clip(1 - (1 - np.cos(angle)) / (2 * epsilon), 0, None) ** 1.5


def _strikes(rng, cond, shaft_hz):
    """Times and amplitudes of the strikes that are heard within the window."""
    order = {"inner_race": BPFI, "outer_race": BPFO, "ball": 2 * BSF}[cond.label]
    period = 1 / (order * shaft_hz)
    lead = 0.03  # strikes before the window still ring into it
    count = int((WINDOW / SAMPLE_RATE_HZ + lead) / period * 1.1) + 2
    gaps = period * (1 + rng.normal(0, 0.012, count))
    times = np.cumsum(gaps) - lead - rng.uniform(0, period)
    amplitude = rng.normal(1, 0.08, count)
    phase = rng.uniform(0, 2 * np.pi)
    if cond.label == "inner_race":
        amplitude *= 0.1 + 0.9 * _load_zone(2 * np.pi * shaft_hz * times + phase, cond.load)
    elif cond.label == "ball":
        amplitude *= 0.25 + 0.75 * _load_zone(2 * np.pi * FTF * shaft_hz * times + phase, cond.load)
        amplitude[rng.integers(2) :: 2] *= rng.uniform(0.5, 0.8)  # the inner race is farther from the sensor
    return times, amplitude * cond.severity * (0.6 + 0.4 * cond.load)


def simulate(rng, cond):
    """One window of acceleration in g, float32, WINDOW samples at SAMPLE_RATE_HZ."""
    t = np.arange(WINDOW) / SAMPLE_RATE_HZ
    shaft_hz = cond.rpm / 60
    x = np.zeros(WINDOW)

    if cond.label in ("inner_race", "outer_race", "ball"):
        omega = 2 * np.pi * rng.uniform(2_200, 4_200)
        zeta = rng.uniform(0.03, 0.07)
        times, amplitudes = _strikes(rng, cond, shaft_hz)
        since = t[None, :] - times[:, None]
        ringing = np.where(since >= 0, np.exp(-zeta * omega * np.clip(since, 0, None)) * np.sin(omega * since), 0)
        x += amplitudes @ ringing

    one_x = rng.uniform(0.03, 0.18)
    if cond.label == "imbalance":
        one_x = cond.severity
    x += one_x * (cond.rpm / 1_500) ** 2 * np.sin(2 * np.pi * shaft_hz * t + rng.uniform(0, 2 * np.pi))
    x += rng.uniform(0.01, 0.12) * np.sin(4 * np.pi * shaft_hz * t + rng.uniform(0, 2 * np.pi))
    x += rng.uniform(0.0, 0.06) * np.sin(2 * np.pi * 100 * t + rng.uniform(0, 2 * np.pi))

    # White noise of the sensor, and the broad hump of rolling contact: noise through a resonator of low quality.
    x += rng.normal(0, rng.uniform(0.04, 0.12), WINDOW)
    hump = 2 * np.pi * rng.uniform(800, 4_000) / SAMPLE_RATE_HZ
    kernel = 0.9 ** np.arange(64) * np.cos(hump * np.arange(64))
    x += rng.uniform(0.02, 0.07) * np.convolve(rng.normal(0, 1, WINDOW + 63), kernel, mode="valid")
    return x.astype(np.float32)


def dataset(seed, per_class, rpm_ranges):
    """(windows, labels): per_class windows of every class, in shuffled order. Fully determined by the arguments."""
    rng = np.random.default_rng(seed)
    windows, labels = [], []
    for label_index, label in enumerate(CLASSES):
        for _ in range(per_class):
            windows.append(simulate(rng, draw_conditions(rng, label, rpm_ranges)))
            labels.append(label_index)
    order = rng.permutation(len(labels))
    return np.stack(windows)[order], np.array(labels)[order]
