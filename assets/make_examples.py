"""Makes the example sounds of the page: synthesised with numpy, seeded, without any recording.

    python assets/make_examples.py [FOLDER]

writes every sound into FOLDER (assets/examples if none is named), the same bytes every time. Each function takes a
sample rate in hertz and returns (samples,) float64 of five seconds; its docstring says how the sound is made. The
names are those of ESC-50 classes, except for the last two, which are mixtures.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

SECONDS = 5.0
PEAK = 0.8  # of full scale

Mode = tuple[float, float, float]  # hertz, seconds to fall by 60 dB, level


@dataclass(frozen=True)
class Example:
    make: Callable[[int], np.ndarray]
    sample_rate: int  # hertz
    suffix: str


# Parts that several sounds share


def _silence(rate: int) -> np.ndarray:
    return np.zeros(round(SECONDS * rate))


def _time(samples: int, rate: int) -> np.ndarray:
    return np.arange(samples) / rate


def _band(low: float, high: float, slope: float = 2.0, tilt: float = 0.0) -> Callable[[np.ndarray], np.ndarray]:
    """Gain over frequency: falls by ``slope`` x 6 dB an octave outside two corners, by ``tilt`` x 6 dB between them."""

    def gain(hertz: np.ndarray) -> np.ndarray:
        hertz = np.maximum(hertz, 1.0)
        edges = np.sqrt((1 + (low / hertz) ** (2 * slope)) * (1 + (hertz / high) ** (2 * slope)))
        return (hertz / low) ** -tilt / edges

    return gain


def _noise(rng: np.random.Generator, samples: int, rate: int, gain: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Gaussian noise with the given spectrum and a mean square of 1."""
    spectrum = np.fft.rfft(rng.standard_normal(samples)) * gain(np.fft.rfftfreq(samples, 1 / rate))
    noise = np.fft.irfft(spectrum, samples)
    return noise / np.sqrt(np.mean(noise**2))


def _wander(rng: np.random.Generator, samples: int, rate: int, hertz: float) -> np.ndarray:
    """A slow random curve of mean 0 and mean square 1, with nothing faster than about ``hertz``."""
    return _noise(rng, samples, rate, lambda f: (f > 0) * np.exp(-((f / hertz) ** 2)))


def _ring(modes: Sequence[Mode], seconds: float, rate: int) -> np.ndarray:
    """What a struck body gives: a sum of damped sinusoids."""
    t = _time(round(seconds * rate), rate)
    sound = np.zeros(len(t))
    for hertz, fall_seconds, level in modes:
        if hertz < 0.48 * rate:
            sound += level * np.exp(-6.91 * t / fall_seconds) * np.sin(2 * np.pi * hertz * t)
    return sound


def _burst(
    rng: np.random.Generator, fall_seconds: float, rate: int, gain: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """Noise that starts at once and falls by 60 dB in ``fall_seconds``."""
    samples = max(16, round(1.2 * fall_seconds * rate))
    return _noise(rng, samples, rate, gain) * np.exp(-6.91 * _time(samples, rate) / fall_seconds)


def _add(track: np.ndarray, sound: np.ndarray, second: float, rate: int, level: float = 1.0) -> None:
    """Mix ``sound`` into ``track`` from ``second`` on; what goes beyond the end is lost."""
    start = round(second * rate)
    end = min(len(track), start + len(sound))
    track[start:end] += level * sound[: end - start]


def _convolve(sound: np.ndarray, response: np.ndarray) -> np.ndarray:
    size = 1 << (len(sound) + len(response) - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(sound, size) * np.fft.rfft(response, size), size)[: len(sound)]


def _room(
    sound: np.ndarray, rng: np.random.Generator, rate: int, fall_seconds: float, share: float, high: float = 4_000.0
) -> np.ndarray:
    """Add the echoes of a room: a decaying noise response, after a first gap of 12 ms, darker than the sound."""
    response = _burst(rng, fall_seconds, rate, _band(120, high, 1.0))
    response *= share / np.sqrt(np.sum(response**2))
    return sound + _convolve(sound, np.concatenate([np.zeros(round(0.012 * rate)), response]))


def _finish(sound: np.ndarray, rate: int) -> np.ndarray:
    """Nothing below 20 Hz, short fades at both ends, and the loudest sample at PEAK."""
    spectrum = np.fft.rfft(sound)
    hertz = np.fft.rfftfreq(len(sound), 1 / rate)
    sound = np.fft.irfft(spectrum * hertz**4 / (hertz**4 + 20.0**4), len(sound))
    fade = 0.5 - 0.5 * np.cos(np.pi * np.arange(round(0.01 * rate)) / round(0.01 * rate))
    sound[: len(fade)] *= fade
    sound[-len(fade) :] *= fade[::-1]
    return PEAK * sound / np.max(np.abs(sound))


# The sounds


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
    stroke = _ring(modes, seconds, rate)
    _add(stroke, _burst(rng, 0.04, rate, _band(1_500, 6_000)), 0.0, rate, 0.25)
    return stroke


def _peal(rng: np.random.Generator, rate: int, seconds: Sequence[float]) -> np.ndarray:
    """Three bells in turn, one stroke at each of ``seconds``, and what tower and square answer."""
    track = _silence(rate)
    for stroke, second in enumerate(seconds):
        prime = (523.3, 440.0, 392.0)[stroke % 3]
        _add(track, _bell(rng, prime, SECONDS - second, rate), second, rate, rng.uniform(0.7, 1.0))
    return _room(track, rng, rate, 2.0, 0.35)


def church_bells(rate: int) -> np.ndarray:
    """Three bells rung in turn.

    Thirteen inharmonic partials each, the high ones short and the hum long; strokes vary in strength and a little in
    time; the tower and the square answer for two seconds; wind below.
    """
    rng = np.random.default_rng(1)
    rounds = np.add.outer((0.15, 1.47, 2.79, 4.11), (0.0, 0.42, 0.84)).ravel()[:-1]
    track = _peal(rng, rate, (rounds + rng.uniform(-0.02, 0.02, len(rounds))).tolist())
    return _finish(track + 0.008 * _noise(rng, len(track), rate, _band(40, 300)), rate)


def siren(rate: int) -> np.ndarray:
    """An emergency vehicle's wail, coming nearer.

    The pitch glides between 560 and 1,350 Hz, up faster than down; a clipped wave (odd harmonics strongest) through a
    horn; two house fronts and a street answer; traffic rumbles below.
    """
    rng = np.random.default_rng(2)
    t = _time(round(SECONDS * rate), rate)
    cycle = (t / 3.1 + 0.1) % 1.0
    rising = cycle < 0.38
    height = np.where(rising, 1 - np.exp(-4 * cycle / 0.38), np.exp(-3 * np.maximum(0, cycle - 0.38) / 0.62))
    hertz = 560 + 790 * height
    phase = 2 * np.pi * np.cumsum(hertz) / rate
    horn = _silence(rate)
    for harmonic in range(1, 12):
        pitch = harmonic * hertz
        through_horn = 1 / (1 + (700 / pitch) ** 4) / (1 + (pitch / 3_200) ** 2)
        level = (1.0 if harmonic % 2 else 0.35) / harmonic
        horn += np.where(pitch < 0.45 * rate, level * through_horn, 0.0) * np.sin(harmonic * phase)
    horn *= 0.55 + 0.45 * t / SECONDS
    track = horn.copy()
    for delay, level in ((0.094, 0.30), (0.187, 0.18)):
        _add(track, horn, delay, rate, level)
    track = _room(track, rng, rate, 1.1, 0.30)
    return _finish(track + 0.04 * _noise(rng, len(track), rate, _band(40, 400)), rate)


def _tick(rng: np.random.Generator, rate: int, modes: Sequence[Mode]) -> np.ndarray:
    """One beat of an escapement: the pallet unlocks, pushes and drops, three small impacts within 12 ms."""
    beat = np.zeros(round(0.12 * rate))
    for second, level in ((0.0, 0.35), (0.0045, 0.5), (0.0115, 1.0)):
        body = _ring(modes, 0.1, rate)
        _add(body, _burst(rng, 0.004, rate, _band(2_500, 9_000)), 0.0, rate, 0.5)
        _add(beat, body, second + rng.uniform(0, 4e-4), rate, level * rng.uniform(0.9, 1.1))
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


def _clock(rng: np.random.Generator, rate: int, first: float) -> np.ndarray:
    track = _silence(rate)
    for beat, second in enumerate(np.arange(first, SECONDS - 0.05, 0.5)):
        modes = _TOCK if beat % 2 else _TICK
        _add(track, _tick(rng, rate, modes), second + (0.012 if beat % 2 else 0.0), rate, rng.uniform(0.9, 1.0))
    return _room(track, rng, rate, 0.25, 0.25, 6_000)


def clock_tick(rate: int) -> np.ndarray:
    """A pendulum clock, two beats a second, tick and tock from two sets of resonances (works, plates and case).

    A little out of beat, as clocks are; a small room; a bed of noise 60 dB below.
    """
    rng = np.random.default_rng(3)
    track = _clock(rng, rate, 0.21)
    track /= np.max(np.abs(track))
    return _finish(track + 8e-4 * _noise(rng, len(track), rate, _band(60, 2_000)), rate)


def _rain(rng: np.random.Generator, rate: int, drops_per_second: float) -> np.ndarray:
    samples = round(SECONDS * rate)
    bed = _noise(rng, samples, rate, _band(120, 7_000, 1.0, 0.45)) * (1 + 0.08 * _wander(rng, samples, rate, 1.5))
    track = 0.1 * bed
    for _ in range(round(drops_per_second * SECONDS)):
        pitch = np.exp(rng.uniform(np.log(1_200), np.log(7_500)))
        drop = _ring([(pitch, rng.uniform(0.003, 0.010), 0.6), (1.6 * pitch, 0.004, 0.4)], 0.02, rate)
        _add(drop, _burst(rng, 0.006, rate, _band(700, 9_000, 1.0)), 0.0, rate, 0.7)
        _add(track, drop, rng.uniform(0, SECONDS - 0.03), rate, min(0.9, 0.06 * (1 + rng.pareto(2.2))))
    for _ in range(round(0.12 * drops_per_second * SECONDS)):  # bubbles: they rise in pitch as they reach the surface
        t = _time(round(0.05 * rate), rate)
        pitch = rng.uniform(900, 3_500)
        bubble = np.exp(-6.91 * t / rng.uniform(0.02, 0.045)) * np.sin(2 * np.pi * pitch * t * (1 + 2.5 * t))
        _add(track, bubble, rng.uniform(0, SECONDS - 0.06), rate, min(0.5, 0.05 * (1 + rng.pareto(2.5))))
    return track


def rain(rate: int) -> np.ndarray:
    """Steady rain on stone and puddles.

    A bed of many far drops (noise up to 7 kHz, a little darker than white), 260 near drops a second as short ticks
    whose strength follows a power law, and bubbles that rise in pitch.
    """
    rng = np.random.default_rng(4)
    return _finish(_rain(rng, rate, 260), rate)


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
    knock = _ring(modes, 0.3, rate)
    _add(knock, _burst(rng, 0.03, rate, _band(150, 1_400)), 0.0, rate, 0.45)
    return knock


def _knocks(rng: np.random.Generator, rate: int, seconds: Sequence[float]) -> np.ndarray:
    track = _silence(rate)
    for second in seconds:
        _add(track, _knock(rng, rate), second + rng.uniform(-0.008, 0.008), rate, rng.uniform(0.75, 1.0))
    return _room(track, rng, rate, 0.35, 0.25, 2_500)


def door_wood_knock(rate: int) -> np.ndarray:
    """Knuckles on a wooden door: three knocks, a pause, two more; otherwise a very quiet room.

    Nine modes of the panel, excited a little differently each time, under the click of the knuckle; a hallway answers.
    """
    rng = np.random.default_rng(5)
    track = _knocks(rng, rate, (1.10, 1.32, 1.55, 3.20, 3.43))
    track /= np.max(np.abs(track))
    return _finish(track + 4e-4 * _noise(rng, len(track), rate, _band(50, 800)), rate)


def engine(rate: int) -> np.ndarray:
    """A four-cylinder engine: idle, up to 2,600 turns a minute and back.

    One soft pulse a firing (two a turn), the cylinders unlike and a little out of time, through the resonances of
    exhaust and block; belts and gears hum in multiples of the turns; intake and road noise breathe with the firings.
    """
    rng = np.random.default_rng(6)
    t = _time(round(SECONDS * rate), rate)
    turns = np.interp(t, (0, 1.2, 2.2, 2.9, 4.1, 5), (820, 836, 2_444, 2_600, 902, 820))  # a minute
    turns *= 1 + 0.008 * _wander(rng, len(t), rate, 6)
    firings = np.searchsorted(np.cumsum(turns / 30) / rate, np.arange(1, int(np.sum(turns / 30) / rate)))
    pulses = _silence(rate)
    for index, sample in enumerate(firings):
        at = min(len(t) - 1, max(0, sample + round(rng.normal(0, 2e-4) * rate)))
        cylinder = (1.0, 0.88, 0.95, 0.82)[index % 4]
        pulses[at] += (0.65 + 0.35 * turns[sample] / 2_600) * cylinder * rng.uniform(0.92, 1.06)
    t_pulse = _time(round(0.03 * rate), rate)
    soft = _convolve(pulses, np.exp(-t_pulse / 0.003) - np.exp(-t_pulse / 0.001))
    exhaust = (
        (62, 0.10, 1.2),
        (118, 0.08, 1.2),
        (205, 0.06, 0.8),
        (345, 0.04, 0.5),
        (560, 0.03, 0.35),
        (890, 0.02, 0.25),
        (1_450, 0.015, 0.16),
    )
    track = _convolve(soft, _ring(exhaust, 0.15, rate))
    track /= np.sqrt(np.mean(track**2))
    angle = 2 * np.pi * np.cumsum(turns / 60) / rate
    for order, level in ((2, 1.0), (4, 0.6), (6, 0.4), (11, 0.3), (22, 0.5), (36, 0.4), (44, 0.2)):
        track += 0.15 * level * np.sin(order * angle)
    breath = _convolve(pulses, np.exp(-t_pulse / 0.008))
    depth = (0.85 + 0.15 * breath / np.mean(breath)) * (0.6 + 0.4 * turns / 2_600)
    track += 0.20 * depth * _noise(rng, len(t), rate, _band(100, 3_000, 1.0, 0.6))
    track += 0.05 * _noise(rng, len(t), rate, _band(50, 5_000, 1.0, 0.6))
    return _finish(_room(track, rng, rate, 0.3, 0.2), rate)


def crickets(rate: int) -> np.ndarray:
    """Three field crickets in a summer night.

    Each chirps at its own carrier (3.9 to 4.8 kHz): three or four pulses of 20 ms, 30 a second, each sinking a little
    in pitch; a far meadow trills below, with wind.
    """
    rng = np.random.default_rng(7)
    track = _silence(rate)
    for carrier, every, level in ((4_620, 0.46, 1.0), (4_180, 0.61, 0.35), (3_930, 0.53, 0.2)):
        second = rng.uniform(0.02, 0.3)
        while second < SECONDS - 0.2:
            for pulse in range(rng.integers(3, 5)):
                t = _time(round(0.021 * rate), rate)
                shape = np.sin(np.pi * t / t[-1]) ** 1.5 * (0.7 + 0.1 * pulse)
                pitch = carrier * (1 + rng.normal(0, 0.001)) * (1.006 - 0.6 * t)
                tone = np.sin(2 * np.pi * np.cumsum(pitch) / rate)
                _add(track, shape * (tone + 0.08 * np.sin(4 * np.pi * np.cumsum(pitch) / rate)), second, rate, level)
                second += 0.033
            second += every - 0.1 + rng.normal(0, 0.02)
    t = _time(len(track), rate)
    meadow = _noise(rng, len(t), rate, _band(4_000, 4_700, 12.0)) * (1 + 0.6 * np.sin(2 * np.pi * 43 * t))
    track = (
        _room(track, rng, rate, 0.5, 0.12, 6_000)
        + 0.03 * meadow
        + 0.02 * _noise(rng, len(t), rate, _band(3_000, 9_000, 1.0))
    )
    return _finish(track + 0.012 * _noise(rng, len(t), rate, _band(60, 900, 1.0)), rate)


def sea_waves(rate: int) -> np.ndarray:
    """Two waves that swell, break and run out on sand.

    Noise in four bands, each with its own rise and fall: the rumble comes first, the roar at the break, the hiss of the
    foam last and longest; far surf all the time.
    """
    rng = np.random.default_rng(8)
    samples = round(SECONDS * rate)
    t = _time(samples, rate)
    track = 0.08 * _noise(rng, samples, rate, _band(120, 3_000, 1.0, 0.3))
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
        texture = np.maximum(0.2, 1 + 0.22 * _wander(rng, samples, rate, 9))
        track += level * strength * texture * _noise(rng, samples, rate, _band(low, high, 2.0))
    return _finish(track, rate)


def thunderstorm(rate: int) -> np.ndarray:
    """A flash some hundred metres away: its thunder claps at one second and rolls on, in light rain and wind.

    Noise in five bands, the lower the louder and longer; claps from eighteen points of the channel arrive one after
    the other, and the air between makes each of them swell and flutter.
    """
    rng = np.random.default_rng(9)
    samples = round(SECONDS * rate)
    t = _time(samples, rate)
    arrivals = np.sort(1.0 + rng.exponential(0.7, 18))
    strengths = rng.uniform(0.2, 1.0, len(arrivals)) ** 1.5 * np.exp(-(arrivals - 1.0) / 2.0)
    arrivals[0], strengths[0] = 1.0, 0.7
    track = 0.12 * _rain(rng, rate, 60)
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
        flutter = np.maximum(0.08, 1 + 0.7 * _wander(rng, samples, rate, 5))
        track += level * strength * flutter * _noise(rng, samples, rate, _band(low, high))
    wind = _noise(rng, samples, rate, _band(30, 300, 1.0, 0.5)) * (1 + 0.3 * _wander(rng, samples, rate, 2))
    return _finish(track + 0.02 * wind, rate)


def glass_breaking(rate: int) -> np.ndarray:
    """A pane breaks at 1.2 s, and its pieces fall; quiet before and after.

    A blow and a rush of splinters too many to tell apart, then shards, most of them at once and the last a second
    later: each rings in five modes between 1.8 and 13 kHz for a twentieth to a quarter of a second.
    """
    rng = np.random.default_rng(10)
    track = _silence(rate)
    start = 1.2
    _add(track, _ring([(140, 0.12, 1.0), (310, 0.08, 0.6)], 0.15, rate), start, rate, 0.5)
    _add(track, _burst(rng, 0.10, rate, _band(400, 9_000, 1.0)), start, rate, 0.5)
    _add(track, _burst(rng, 1.1, rate, _band(900, 11_000, 1.0)), start + 0.01, rate, 0.16)
    falls = np.concatenate([rng.exponential(0.08, 110), 0.2 + rng.exponential(0.3, 130)])
    for fall in falls[falls < 1.7]:
        lowest = np.exp(rng.uniform(np.log(1_800), np.log(5_500)))
        modes = [
            (lowest * ratio * rng.uniform(0.96, 1.04), rng.uniform(0.05, 0.25) / np.sqrt(ratio), rng.uniform(0.2, 1.0))
            for ratio in (1.0, 1.47, 2.09, 2.56, 3.39)
        ]
        shard = _ring(modes, 0.28, rate)
        _add(shard, _burst(rng, 0.012, rate, _band(3_000, 12_000)), 0.0, rate, 0.4)
        _add(track, shard, start + fall, rate, 0.16 * np.exp(-fall / 0.7) * (0.4 + min(3.0, rng.pareto(3.0))))
    track = _room(track, rng, rate, 0.5, 0.2, 7_000)
    track /= np.max(np.abs(track))
    return _finish(track + 3e-4 * _noise(rng, len(track), rate, _band(50, 1_000)), rate)


def bells_in_rain(rate: int) -> np.ndarray:
    """A mixture: light rain all the time, and church bells that begin to ring at 1.8 s."""
    rng = np.random.default_rng(11)
    wet = _rain(rng, rate, 200)
    track = _peal(rng, rate, (1.80, 2.22, 2.64, 3.12, 3.54, 3.96, 4.44))
    return _finish(track / np.max(np.abs(track)) + 0.06 * wet, rate)


def knocks_then_clock(rate: int) -> np.ndarray:
    """A mixture: three knocks on a wooden door in the first second and a half, a ticking clock from 2.2 s on."""
    rng = np.random.default_rng(12)
    knocks = _knocks(rng, rate, (0.60, 0.84, 1.09))
    clock = _clock(rng, rate, 2.2)
    clock[: round(2.15 * rate)] = 0
    track = knocks / np.max(np.abs(knocks)) + 0.6 * clock / np.max(np.abs(clock))
    return _finish(track + 4e-4 * _noise(rng, len(track), rate, _band(50, 1_000)), rate)


EXAMPLES = {
    "church_bells": Example(church_bells, 44_100, "flac"),
    "siren": Example(siren, 22_050, "wav"),
    "clock_tick": Example(clock_tick, 22_050, "wav"),
    "rain": Example(rain, 44_100, "flac"),
    "door_wood_knock": Example(door_wood_knock, 16_000, "wav"),
    "engine": Example(engine, 16_000, "wav"),
    "crickets": Example(crickets, 22_050, "wav"),
    "sea_waves": Example(sea_waves, 22_050, "wav"),
    "thunderstorm": Example(thunderstorm, 16_000, "wav"),
    "glass_breaking": Example(glass_breaking, 44_100, "flac"),
    "bells_in_rain": Example(bells_in_rain, 22_050, "wav"),
    "knocks_then_clock": Example(knocks_then_clock, 16_000, "wav"),
}


def samples_of(name: str) -> np.ndarray:
    """The sound as it stands in its file: (samples,) int16."""
    example = EXAMPLES[name]
    return np.rint(example.make(example.sample_rate) * 32767).astype(np.int16)


def write_examples(folder: Path) -> list[Path]:
    """Write every sound into ``folder`` and return the files."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, example in EXAMPLES.items():
        path = folder / f"{name}.{example.suffix}"
        soundfile.write(path, samples_of(name), example.sample_rate, subtype="PCM_16")
        paths.append(path)
    return paths


if __name__ == "__main__":
    for written in write_examples(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).parent / "examples"):
        print(written)
