"""Backgrounds to train with: noise of any colour, hum, drops, and a voice that says nothing.

They say nothing about a class, and their moments are not worth hearing again. What a model is judged in
(``evidence/beds.py``) is made otherwise, or recorded.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.edits import root_mean_square

_DARKEST_HERTZ = 60.0  # below this the spectrum of coloured noise no longer rises
_SWELL_SECONDS = (1.0, 10.0)  # period
_HUM_HERTZ, _HUM_HARMONICS = (40.0, 130.0), 24
_DROPS_HERTZ, _DROP_SECONDS = (20.0, 400.0), (0.001, 0.01)
_VOICE_HERTZ, _SYLLABLES_HERTZ = (90.0, 300.0), (2.0, 6.0)
_FORMANTS_HERTZ, _FORMANT_WIDTH, _HIGHEST_HERTZ = ((300.0, 900.0), (900.0, 2500.0)), 250.0, 3000.0


def backgrounds(count: int, samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """(count, samples) of root mean square 1: coloured noise, hum, drops and voices by turns."""
    kinds = (_coloured, _hum, _drops, _voice)
    first = int(torch.randint(len(kinds), (), generator=generator))
    sounds = torch.zeros(count, samples)
    for row in range(count):
        sounds[row] = kinds[(first + row) % len(kinds)](samples, sample_rate, generator)
    return sounds / root_mean_square(sounds).clamp_min(1e-9)


def _coloured(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """From white to brown, steady or slowly swelling."""
    hertz = torch.fft.rfftfreq(samples, 1 / sample_rate).clamp_min(_DARKEST_HERTZ)
    spectrum = torch.fft.rfft(torch.randn(samples, generator=generator)) * hertz ** -_number(0, 1, generator)
    turn = torch.arange(samples) / sample_rate / _number(*_SWELL_SECONDS, generator) + _number(0, 1, generator)
    swell = 1 - _number(0, 1, generator) * torch.sin(math.pi * turn).square()
    return torch.fft.irfft(spectrum, n=samples) * swell


def _hum(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    turns = torch.arange(samples) / sample_rate * _number(*_HUM_HERTZ, generator)
    sizes = torch.rand(_HUM_HARMONICS, generator=generator) / torch.arange(1, _HUM_HARMONICS + 1)
    return _harmonics(turns, list(sizes))


def _drops(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    falls = torch.rand(samples, generator=generator) < _number(*_DROPS_HERTZ, generator) / sample_rate
    time = torch.arange(samples) / sample_rate
    ring = torch.exp(-time / _number(*_DROP_SECONDS, generator)) * torch.randn(samples, generator=generator)
    impulses = falls * torch.randn(samples, generator=generator)
    rain = torch.fft.irfft(torch.fft.rfft(impulses) * torch.fft.rfft(ring), n=samples)
    hiss = torch.randn(samples, generator=generator) * rain.square().mean().sqrt()
    return rain + _number(0, 1, generator) * hiss


def _voice(samples: int, sample_rate: int, generator: Generator) -> Tensor:
    """A pitch that glides, syllables, and vowels that change with them."""
    time = torch.arange(samples) / sample_rate
    syllables = _number(*_SYLLABLES_HERTZ, generator)
    knots = max(2, math.ceil(float(time[-1]) * syllables) + 1)

    def glide(low: float, high: float) -> Tensor:
        drawn = low + (high - low) * torch.rand((1, 1, knots), generator=generator)
        return F.interpolate(drawn, size=samples, mode="linear", align_corners=True)[0, 0]

    base = _number(*_VOICE_HERTZ, generator)
    pitch = base * glide(0.8, 1.2)
    formants = [glide(*hertz) for hertz in _FORMANTS_HERTZ]
    sizes = [
        sum(
            (torch.exp(-(((harmonic * pitch - formant) / _FORMANT_WIDTH) ** 2)) for formant in formants),
            start=torch.zeros(samples),
        )
        for harmonic in range(1, max(2, round(_HIGHEST_HERTZ / base)))
    ]
    voice = _harmonics((pitch / sample_rate).cumsum(dim=0), sizes)
    return voice * torch.sin(math.pi * time * syllables).square()


def _harmonics(turns: Tensor, sizes: Sequence[Tensor]) -> Tensor:
    """Sum of the harmonics of a tone that has made so many turns (samples,), each with its size."""
    tone = torch.polar(torch.ones_like(turns), 2 * math.pi * turns)
    harmonic, sound = torch.ones_like(tone), torch.zeros_like(turns)
    for size in sizes:
        harmonic = harmonic * tone
        sound = sound + size * harmonic.imag
    return sound


def _number(low: float, high: float, generator: Generator) -> float:
    return low + (high - low) * float(torch.rand((), generator=generator))
