"""Struck bodies: bells, a clock, a door, a pane of glass."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from sounds.synthesis import SECONDS, Mode, add, band, burst, finish, noise, ring, room, silence

#: Partials of a minor-third church bell: ratio to the prime, seconds to fall by 60 dB, level.
_BELL: tuple[Mode, ...] = (
    (0.50, 9.0, 0.30),  # hum
    (1.00, 5.5, 0.45),  # prime
    (1.19, 5.0, 0.60),  # tierce
    (1.50, 2.6, 0.18),  # quint
    (2.00, 3.4, 0.90),  # nominal
    (2.51, 2.0, 0.30),
    (2.66, 1.8, 0.30),
    (3.01, 1.7, 0.45),
    (4.17, 1.1, 0.40),
    (5.43, 0.75, 0.28),
    (6.79, 0.50, 0.18),
    (8.21, 0.35, 0.12),
    (9.70, 0.25, 0.08),
)


def _bell(rng: np.random.Generator, prime: float, seconds: float, rate: int) -> np.ndarray:
    """One stroke: every partial is a pair some tenths of a hertz apart, so that it beats; a clapper's click on top."""
    modes: list[Mode] = []
    for ratio, fall_seconds, level in _BELL:
        hertz, beat = prime * ratio, rng.uniform(0.3, 1.4)
        loudness = level * rng.uniform(0.75, 1.25)
        modes += [
            (hertz - beat / 2, fall_seconds, 0.6 * loudness),
            (hertz + beat / 2, 0.9 * fall_seconds, 0.4 * loudness),
        ]
    stroke = ring(modes, seconds, rate)
    add(stroke, burst(rng, 0.04, rate, band(1_500, 6_000)), 0.0, rate, 0.25)
    return stroke


def peal(rng: np.random.Generator, rate: int, seconds: Sequence[float]) -> np.ndarray:
    """Three bells in turn, one stroke at each of ``seconds``, and what tower and square answer."""
    track = silence(rate)
    for stroke, second in enumerate(seconds):
        prime = (523.3, 440.0, 392.0)[stroke % 3]
        add(track, _bell(rng, prime, SECONDS - second, rate), second, rate, rng.uniform(0.7, 1.0))
    return room(track, rng, rate, 2.0, 0.35)


def church_bells(rate: int) -> np.ndarray:
    """Three bells rung in turn.

    Thirteen inharmonic partials each, the high ones short and the hum long; strokes vary in strength and a little in
    time; the tower and the square answer for two seconds; wind below.
    """
    rng = np.random.default_rng(1)
    rounds = np.add.outer((0.15, 1.47, 2.79, 4.11), (0.0, 0.42, 0.84)).ravel()[:-1]
    track = peal(rng, rate, (rounds + rng.uniform(-0.02, 0.02, len(rounds))).tolist())
    return finish(track + 0.008 * noise(rng, len(track), rate, band(40, 300)), rate)


def _tick(rng: np.random.Generator, rate: int, modes: Sequence[Mode]) -> np.ndarray:
    """One beat of an escapement: the pallet unlocks, pushes and drops, three small impacts within 12 ms."""
    beat = np.zeros(round(0.12 * rate))
    for second, level in ((0.0, 0.35), (0.0045, 0.5), (0.0115, 1.0)):
        body = ring(modes, 0.1, rate)
        add(body, burst(rng, 0.004, rate, band(2_500, 9_000)), 0.0, rate, 0.5)
        add(beat, body, second + rng.uniform(0, 4e-4), rate, level * rng.uniform(0.9, 1.1))
    return beat


_TICK: tuple[Mode, ...] = (
    (410, 0.030, 0.25),
    (1_130, 0.022, 0.35),
    (2_480, 0.018, 0.8),
    (3_720, 0.014, 0.9),
    (5_250, 0.010, 0.6),
    (6_900, 0.008, 0.3),
)
_TOCK: tuple[Mode, ...] = (
    (360, 0.034, 0.30),
    (920, 0.026, 0.45),
    (1_960, 0.020, 0.9),
    (3_080, 0.016, 0.8),
    (4_400, 0.011, 0.4),
    (6_100, 0.008, 0.2),
)


def ticking(rng: np.random.Generator, rate: int, first: float) -> np.ndarray:
    """Two beats a second from the second ``first`` on, tick and tock in turn, in a small room."""
    track = silence(rate)
    for beat, second in enumerate(np.arange(first, SECONDS - 0.05, 0.5)):
        modes = _TOCK if beat % 2 else _TICK
        add(track, _tick(rng, rate, modes), second + (0.012 if beat % 2 else 0.0), rate, rng.uniform(0.9, 1.0))
    return room(track, rng, rate, 0.25, 0.25, 6_000)


def clock_tick(rate: int) -> np.ndarray:
    """A pendulum clock, two beats a second, tick and tock from two sets of resonances (works, plates and case).

    A little out of beat, as clocks are; a small room; a bed of noise 60 dB below.
    """
    rng = np.random.default_rng(3)
    track = ticking(rng, rate, 0.21)
    track /= np.max(np.abs(track))
    return finish(track + 8e-4 * noise(rng, len(track), rate, band(60, 2_000)), rate)


def _knock(rng: np.random.Generator, rate: int) -> np.ndarray:
    modes: list[Mode] = []
    for hertz, fall_seconds, level in (
        (98, 0.16, 0.8),
        (176, 0.14, 1.0),
        (268, 0.12, 0.9),
        (402, 0.09, 0.7),
        (587, 0.07, 0.42),
        (845, 0.05, 0.25),
        (1_240, 0.035, 0.13),
        (1_910, 0.022, 0.07),
        (2_870, 0.014, 0.035),
    ):
        modes.append((hertz * rng.uniform(0.99, 1.01), fall_seconds, level * rng.uniform(0.8, 1.2)))
    knock = ring(modes, 0.3, rate)
    add(knock, burst(rng, 0.03, rate, band(150, 1_400)), 0.0, rate, 0.45)
    return knock


def knocking(rng: np.random.Generator, rate: int, seconds: Sequence[float]) -> np.ndarray:
    """One knock near each of ``seconds``, no two alike, in a hallway."""
    track = silence(rate)
    for second in seconds:
        add(track, _knock(rng, rate), second + rng.uniform(-0.008, 0.008), rate, rng.uniform(0.75, 1.0))
    return room(track, rng, rate, 0.35, 0.25, 2_500)


def door_wood_knock(rate: int) -> np.ndarray:
    """Knuckles on a wooden door: three knocks, a pause, two more; otherwise a very quiet room.

    Nine modes of the panel, excited a little differently each time, under the click of the knuckle; a hallway answers.
    """
    rng = np.random.default_rng(5)
    track = knocking(rng, rate, (1.10, 1.32, 1.55, 3.20, 3.43))
    track /= np.max(np.abs(track))
    return finish(track + 4e-4 * noise(rng, len(track), rate, band(50, 800)), rate)


def glass_breaking(rate: int) -> np.ndarray:
    """A pane breaks at 1.2 s, and its pieces fall; quiet before and after.

    A blow and a rush of splinters too many to tell apart, then shards, most of them at once and the last a second
    later: each rings in five modes between 1.8 and 13 kHz for a twentieth to a quarter of a second.
    """
    rng = np.random.default_rng(10)
    track = silence(rate)
    start = 1.2
    add(track, ring([(140, 0.12, 1.0), (310, 0.08, 0.6)], 0.15, rate), start, rate, 0.5)
    add(track, burst(rng, 0.10, rate, band(400, 9_000, 1.0)), start, rate, 0.5)
    add(track, burst(rng, 1.1, rate, band(900, 11_000, 1.0)), start + 0.01, rate, 0.16)
    falls = np.concatenate([rng.exponential(0.08, 110), 0.2 + rng.exponential(0.3, 130)])
    for fall in falls[falls < 1.7]:
        lowest = np.exp(rng.uniform(np.log(1_800), np.log(5_500)))
        modes = [
            (lowest * ratio * rng.uniform(0.96, 1.04), rng.uniform(0.05, 0.25) / np.sqrt(ratio), rng.uniform(0.2, 1.0))
            for ratio in (1.0, 1.47, 2.09, 2.56, 3.39)
        ]
        shard = ring(modes, 0.28, rate)
        add(shard, burst(rng, 0.012, rate, band(3_000, 12_000)), 0.0, rate, 0.4)
        add(track, shard, start + fall, rate, 0.16 * np.exp(-fall / 0.7) * (0.4 + min(3.0, rng.pareto(3.0))))
    track = room(track, rng, rate, 0.5, 0.2, 7_000)
    track /= np.max(np.abs(track))
    return finish(track + 3e-4 * noise(rng, len(track), rate, band(50, 1_000)), rate)
