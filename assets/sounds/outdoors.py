"""Sounds of the open air: rain, crickets, the sea, thunder."""

from __future__ import annotations

import numpy as np

from sounds.synthesis import SECONDS, add, band, burst, finish, noise, ring, room, silence, time_axis, wander


def falling_rain(rng: np.random.Generator, rate: int, drops_per_second: float) -> np.ndarray:
    """Many far drops as noise, near ones as short ticks, and bubbles; the rain alone, not finished."""
    samples = round(SECONDS * rate)
    bed = noise(rng, samples, rate, band(120, 7_000, 1.0, 0.45)) * (1 + 0.08 * wander(rng, samples, rate, 1.5))
    track = 0.1 * bed
    for _ in range(round(drops_per_second * SECONDS)):
        pitch = np.exp(rng.uniform(np.log(1_200), np.log(7_500)))
        drop = ring([(pitch, rng.uniform(0.003, 0.010), 0.6), (1.6 * pitch, 0.004, 0.4)], 0.02, rate)
        add(drop, burst(rng, 0.006, rate, band(700, 9_000, 1.0)), 0.0, rate, 0.7)
        add(track, drop, rng.uniform(0, SECONDS - 0.03), rate, min(0.9, 0.06 * (1 + rng.pareto(2.2))))
    for _ in range(round(0.12 * drops_per_second * SECONDS)):  # bubbles: they rise in pitch as they reach the surface
        t = time_axis(round(0.05 * rate), rate)
        pitch = rng.uniform(900, 3_500)
        bubble = np.exp(-6.91 * t / rng.uniform(0.02, 0.045)) * np.sin(2 * np.pi * pitch * t * (1 + 2.5 * t))
        add(track, bubble, rng.uniform(0, SECONDS - 0.06), rate, min(0.5, 0.05 * (1 + rng.pareto(2.5))))
    return track


def rain(rate: int) -> np.ndarray:
    """Steady rain on stone and puddles.

    A bed of many far drops (noise up to 7 kHz, a little darker than white), 260 near drops a second as short ticks
    whose strength follows a power law, and bubbles that rise in pitch.
    """
    rng = np.random.default_rng(4)
    return finish(falling_rain(rng, rate, 260), rate)


def crickets(rate: int) -> np.ndarray:
    """Three field crickets in a summer night.

    Each chirps at its own carrier (3.9 to 4.8 kHz): three or four pulses of 20 ms, 30 a second, each sinking a little
    in pitch; a far meadow trills below, with wind.
    """
    rng = np.random.default_rng(7)
    track = silence(rate)
    for carrier, every, level in ((4_620, 0.46, 1.0), (4_180, 0.61, 0.35), (3_930, 0.53, 0.2)):
        second = rng.uniform(0.02, 0.3)
        while second < SECONDS - 0.2:
            for pulse in range(rng.integers(3, 5)):
                t = time_axis(round(0.021 * rate), rate)
                shape = np.sin(np.pi * t / t[-1]) ** 1.5 * (0.7 + 0.1 * pulse)
                pitch = carrier * (1 + rng.normal(0, 0.001)) * (1.006 - 0.6 * t)
                tone = np.sin(2 * np.pi * np.cumsum(pitch) / rate)
                add(track, shape * (tone + 0.08 * np.sin(4 * np.pi * np.cumsum(pitch) / rate)), second, rate, level)
                second += 0.033
            second += every - 0.1 + rng.normal(0, 0.02)
    t = time_axis(len(track), rate)
    meadow = noise(rng, len(t), rate, band(4_000, 4_700, 12.0)) * (1 + 0.6 * np.sin(2 * np.pi * 43 * t))
    track = (
        room(track, rng, rate, 0.5, 0.12, 6_000)
        + 0.03 * meadow
        + 0.02 * noise(rng, len(t), rate, band(3_000, 9_000, 1.0))
    )
    return finish(track + 0.012 * noise(rng, len(t), rate, band(60, 900, 1.0)), rate)


def sea_waves(rate: int) -> np.ndarray:
    """Two waves that swell, break and run out on sand.

    Noise in four bands, each with its own rise and fall: the rumble comes first, the roar at the break, the hiss of the
    foam last and longest; far surf all the time.
    """
    rng = np.random.default_rng(8)
    samples = round(SECONDS * rate)
    t = time_axis(samples, rate)
    track = 0.08 * noise(rng, samples, rate, band(120, 3_000, 1.0, 0.3))
    for low, high, delay, rise, fall, level in (
        (50, 250, -0.15, 0.7, 1.1, 0.55),
        (250, 1_000, 0.0, 0.45, 0.8, 0.7),
        (1_000, 3_000, 0.12, 0.3, 0.9, 0.36),
        (3_000, 9_000, 0.2, 0.4, 1.3, 0.14),
    ):
        strength = np.zeros(samples)
        for crest, height in ((-1.5, 0.8), (1.35, 1.0), (4.05, 0.85)):
            away = t - crest - delay
            strength += height * np.where(away < 0, np.exp(away / (0.5 * rise)), np.exp(-away / fall))
        texture = np.maximum(0.2, 1 + 0.22 * wander(rng, samples, rate, 9))
        track += level * strength * texture * noise(rng, samples, rate, band(low, high, 2.0))
    return finish(track, rate)


def thunderstorm(rate: int) -> np.ndarray:
    """A flash some hundred metres away: its thunder claps at one second and rolls on, in light rain and wind.

    Noise in five bands, the lower the louder and longer; claps from eighteen points of the channel arrive one after
    the other, and the air between makes each of them swell and flutter.
    """
    rng = np.random.default_rng(9)
    samples = round(SECONDS * rate)
    t = time_axis(samples, rate)
    arrivals = np.sort(1.0 + rng.exponential(0.7, 18))
    strengths = rng.uniform(0.2, 1.0, len(arrivals)) ** 1.5 * np.exp(-(arrivals - 1.0) / 2.0)
    arrivals[0], strengths[0] = 1.0, 0.7
    track = 0.12 * falling_rain(rng, rate, 60)
    for low, high, fall, level in (
        (25, 80, 0.9, 0.9),
        (80, 200, 0.6, 1.0),
        (200, 500, 0.35, 0.6),
        (500, 1_200, 0.18, 0.16),
        (1_200, 4_000, 0.08, 0.025),
    ):
        strength = np.zeros(samples)
        for arrival, height in zip(arrivals, strengths, strict=True):
            after = np.maximum(0, t - arrival)
            strength += height * (1 - np.exp(-after / 0.03)) * np.exp(-after / fall)
        flutter = np.maximum(0.08, 1 + 0.7 * wander(rng, samples, rate, 5))
        track += level * strength * flutter * noise(rng, samples, rate, band(low, high))
    wind = noise(rng, samples, rate, band(30, 300, 1.0, 0.5)) * (1 + 0.3 * wander(rng, samples, rate, 2))
    return finish(track + 0.02 * wind, rate)
