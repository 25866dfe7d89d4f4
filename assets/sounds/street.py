"""Sounds of the street: a siren, an engine."""

from __future__ import annotations

import numpy as np

from sounds.synthesis import SECONDS, add, band, convolve, finish, noise, ring, room, silence, time_axis, wander


def siren(rate: int) -> np.ndarray:
    """An emergency vehicle's wail, coming nearer.

    The pitch glides between 560 and 1,350 Hz, up faster than down; a clipped wave (odd harmonics strongest) through a
    horn; two house fronts and a street answer; traffic rumbles below.
    """
    rng = np.random.default_rng(2)
    t = time_axis(round(SECONDS * rate), rate)
    cycle = (t / 3.1 + 0.1) % 1.0
    rising = cycle < 0.38
    height = np.where(rising, 1 - np.exp(-4 * cycle / 0.38), np.exp(-3 * np.maximum(0, cycle - 0.38) / 0.62))
    hertz = 560 + 790 * height
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    horn = silence(rate)
    for harmonic in range(1, 12):
        pitch = harmonic * hertz
        through_horn = 1 / (1 + (700 / pitch) ** 4) / (1 + (pitch / 3_200) ** 2)
        level = (1.0 if harmonic % 2 else 0.35) / harmonic
        horn += np.where(pitch < 0.45 * rate, level * through_horn, 0.0) * np.sin(harmonic * phase)
    horn *= 0.55 + 0.45 * t / SECONDS
    track = horn.copy()
    for delay, level in ((0.094, 0.30), (0.187, 0.18)):
        add(track, horn, delay, rate, level)
    track = room(track, rng, rate, 1.1, 0.30)
    return finish(track + 0.04 * noise(rng, len(track), rate, band(40, 400)), rate)


def engine(rate: int) -> np.ndarray:
    """A four-cylinder engine: idle, up to 2,600 turns a minute and back.

    One soft pulse a firing (two a turn), the cylinders unlike and a little out of time, through the resonances of
    exhaust and block; belts and gears hum in multiples of the turns; intake and road noise breathe with the firings.
    """
    rng = np.random.default_rng(6)
    t = time_axis(round(SECONDS * rate), rate)
    turns = np.interp(t, (0, 1.2, 2.2, 2.9, 4.1, 5), (820, 836, 2_444, 2_600, 902, 820))  # a minute
    turns *= 1 + 0.008 * wander(rng, len(t), rate, 6)
    firings = np.searchsorted(np.cumsum(turns / 30) / rate, np.arange(1, int(np.sum(turns / 30) / rate)))
    pulses = silence(rate)
    for index, sample in enumerate(firings):
        at = min(len(t) - 1, max(0, sample + round(rng.normal(0, 2e-4) * rate)))
        cylinder = (1.0, 0.88, 0.95, 0.82)[index % 4]
        pulses[at] += (0.65 + 0.35 * turns[sample] / 2_600) * cylinder * rng.uniform(0.92, 1.06)
    t_pulse = time_axis(round(0.03 * rate), rate)
    soft = convolve(pulses, np.exp(-t_pulse / 0.003) - np.exp(-t_pulse / 0.001))
    exhaust = (
        (62, 0.10, 1.2),
        (118, 0.08, 1.2),
        (205, 0.06, 0.8),
        (345, 0.04, 0.5),
        (560, 0.03, 0.35),
        (890, 0.02, 0.25),
        (1_450, 0.015, 0.16),
    )
    track = convolve(soft, ring(exhaust, 0.15, rate))
    track /= np.sqrt(np.mean(track**2))
    angle = 2 * np.pi * np.cumsum(turns / 60) / rate
    for order, level in ((2, 1.0), (4, 0.6), (6, 0.4), (11, 0.3), (22, 0.5), (36, 0.4), (44, 0.2)):
        track += 0.15 * level * np.sin(order * angle)
    breath = convolve(pulses, np.exp(-t_pulse / 0.008))
    depth = (0.85 + 0.15 * breath / np.mean(breath)) * (0.6 + 0.4 * turns / 2_600)
    track += 0.20 * depth * noise(rng, len(t), rate, band(100, 3_000, 1.0, 0.6))
    track += 0.05 * noise(rng, len(t), rate, band(50, 5_000, 1.0, 0.6))
    return finish(room(track, rng, rate, 0.3, 0.2), rate)
