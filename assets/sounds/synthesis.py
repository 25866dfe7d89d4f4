"""What the sounds are made from: noise of a given spectrum, struck bodies, echoes, and a common finish."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

SECONDS = 5.0
PEAK = 0.8  # of full scale

Mode = tuple[float, float, float]  # hertz, seconds to fall by 60 dB, level


def silence(rate: int) -> np.ndarray:
    return np.zeros(round(SECONDS * rate))


def time_axis(samples: int, rate: int) -> np.ndarray:
    """The second of every sample."""
    return np.arange(samples) / rate


def band(low: float, high: float, slope: float = 2.0, tilt: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    """Gain over frequency: falls by ``slope`` x 6 dB an octave outside two corners, by ``tilt`` x 6 dB between them."""

    def gain(hertz: np.ndarray) -> np.ndarray:
        hertz = np.maximum(hertz, 1.0)
        edges = np.sqrt((1 + (low / hertz) ** (2 * slope)) * (1 + (hertz / high) ** (2 * slope)))
        return (hertz / low) ** -tilt / edges

    return gain


def noise(rng: np.random.Generator, samples: int, rate: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gaussian noise with the given spectrum and a mean square of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples)) * gain(np.fft.rfftfreq(samples, 1 / rate))
    coloured = np.fft.irfft(spectrum, samples)
    return coloured / np.sqrt(np.mean(coloured**2))


def wander(rng: np.random.Generator, samples: int, rate: int, hertz: float) -> np.ndarray:
    """A slow random curve of mean 0 and mean square 1, with nothing faster than about ``hertz``."""
    return noise(rng, samples, rate, lambda f: (f > 0) * np.exp(-((f / hertz) ** 2)))


def ring(modes: Sequence[Mode], seconds: float, rate: int) -> np.ndarray:
    """What a struck body gives: a sum of damped sinusoids."""
    t = time_axis(round(seconds * rate), rate)
    sound = np.zeros(len(t))
    for hertz, fall_seconds, level in modes:
        if hertz < 0.48 * rate:
            sound += level * np.exp(-6.91 * t / fall_seconds) * np.sin(2 * np.pi * hertz * t)
    return sound


def burst(
    rng: np.random.Generator, fall_seconds: float, rate: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Noise that starts at once and falls by 60 dB in ``fall_seconds``."""
    samples = max(16, round(1.2 * fall_seconds * rate))
    return noise(rng, samples, rate, gain) * np.exp(-6.91 * time_axis(samples, rate) / fall_seconds)


def add(track: np.ndarray, sound: np.ndarray, second: float, rate: int, level: float = 1.0) -> None:
    """Mix ``sound`` into ``track`` from ``second`` on; what goes beyond the end is lost."""
    start = round(second * rate)
    end = min(len(track), start + len(sound))
    track[start:end] += level * sound[: end - start]


def convolve(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + len(response) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]


def room(
    sound: np.ndarray, rng: np.random.Generator, rate: int, fall_seconds: float, share: float, high: float = 4_000.0
) -> np.ndarray:
    """Add the echoes of a room: a decaying noise response, after a first gap of 12 ms, darker than the sound."""
    response = burst(rng, fall_seconds, rate, band(120, high, 1.0))
    response *= share / np.sqrt(np.sum(response**2))
    return sound + convolve(sound, np.concatenate([np.zeros(round(0.012 * rate)), response]))


def finish(sound: np.ndarray, rate: int) -> np.ndarray:
    """Nothing below 20 Hz, short fades at both ends, and the loudest sample at PEAK."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    sound = np.fft.irfft(spectrum * hertz**4 / (hertz**4 + 20.0**4), len(sound))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(round(0.01 * rate)) / round(0.01 * rate))
    sound[: len(fade)] *= fade
    sound[-len(fade) :] *= fade[::-1]
    return PEAK * sound / np.max(np.abs(sound))
