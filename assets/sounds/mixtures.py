"""Mixtures of two sounds."""

from __future__ import annotations

import numpy as np

from sounds.outdoors import falling_rain
from sounds.struck import knocking, peal, ticking
from sounds.synthesis import band, finish, noise


def bells_in_rain(rate: int) -> np.ndarray:
    """A mixture: light rain all the time, and church bells that begin to ring at 1.8 s."""
    rng = np.random.default_rng(11)
    wet = falling_rain(rng, rate, 200)
    track = peal(rng, rate, (1.80, 2.22, 2.64, 3.12, 3.54, 3.96, 4.44))
    return finish(track / np.max(np.abs(track)) + 0.06 * wet, rate)


def knocks_then_clock(rate: int) -> np.ndarray:
    """A mixture: three knocks on a wooden door in the first second and a half, a ticking clock from 2.2 s on."""
    rng = np.random.default_rng(12)
    knocks = knocking(rng, rate, (0.60, 0.84, 1.09))
    clock = ticking(rng, rate, 2.2)
    clock[: round(2.15 * rate)] = 0
    track = knocks / np.max(np.abs(knocks)) + 0.6 * clock / np.max(np.abs(clock))
    return finish(track + 4e-4 * noise(rng, len(track), rate, band(50, 1_000)), rate)
