"""Log-mel spectrograms at any hop: waveforms (B, samples) -> (B, frames, mels).

Paper section 2.1 and 3.1: magnitude STFT (Hann window, centred, constant padding), HTK mel bins without normalisation
up to half the sample rate, ln(x + 1e-6). Frame k is centred on sample k * hop, so frame k speaks of second
k * hop / sample_rate; replay.py relies on it.
"""

from __future__ import annotations

import math

import numpy as np
import torch
import torch.nn.functional as F
import torchaudio
from torch import Generator, Tensor, nn

from playitback.config import FrontEndConfig

LOG_FLOOR = 1e-6
#: ln of the floor: what digital silence looks like
SILENCE = math.log(LOG_FLOOR)

_LEVEL = 0.1  # root mean square of the loudest moment of a levelled clip
_LEVEL_FLOOR = 1e-4  # what is softer is silence, and is raised no further
_LEVEL_SECONDS = 0.1  # of a moment, as between-class mixing compares the levels of clips (Tokozume et al. 2018)


class LogMel(nn.Module):
    """Log-mel spectrogram whose hop is chosen at every call."""

    window: Tensor
    mel_basis: Tensor

    def __init__(self, config: FrontEndConfig) -> None:
        super().__init__()
        self.config = config
        if torch.get_default_device().type == "meta":  # whoever builds a model there asks for shapes alone
            window, mel_basis = torch.empty(config.window_samples), torch.empty(_bins(config), config.mels)
        else:
            window, mel_basis = torch.hann_window(config.window_samples), _mel_basis(config)
        # They follow from the configuration, so they move with the module but are not stored in checkpoints.
        self.register_buffer("window", window, persistent=False)
        self.register_buffer("mel_basis", mel_basis, persistent=False)

    def forward(self, waveforms: Tensor, hop_samples: int) -> Tensor:
        """(B, samples) in -1..1 -> (B, samples // hop_samples + 1, mels), natural log. A row is a whole clip."""
        if self.config.levelled:
            waveforms = levelled(waveforms, self.config.sample_rate)
        spectrum = torch.stft(
            waveforms.float(),
            n_fft=self.config.fft_samples,
            hop_length=hop_samples,
            win_length=self.config.window_samples,
            window=self.window,
            center=True,
            pad_mode="constant",
            return_complex=True,
        )
        # (B, bins, frames) -> (B, frames, bins) @ (bins, mels); always float32, which the logarithm needs
        with torch.autocast(waveforms.device.type, enabled=False):
            mel = _magnitude(spectrum).transpose(1, 2) @ self.mel_basis
            return torch.log(mel + LOG_FLOOR)


def _magnitude(spectrum: Tensor) -> Tensor:
    """As ``spectrum.abs()`` but for rounding, and twice as fast: nothing here is so large that its square overflows."""
    power = spectrum.real.square().addcmul_(spectrum.imag, spectrum.imag)
    return power.clamp_min_(torch.finfo(power.dtype).tiny).sqrt_()  # the root of 0 has no gradient


def levelled(waveforms: Tensor, sample_rate: int) -> Tensor:
    """Clips (B, samples), each brought to the level at which its loudest moment has one root mean square.

    So a recording sounds the same however far away the microphone was; silence stays silence.
    """
    moment = min(round(_LEVEL_SECONDS * sample_rate), waveforms.shape[1])
    power = F.avg_pool1d(waveforms.float().square().unsqueeze(1), moment, max(moment // 2, 1))
    return waveforms * (_LEVEL / power.amax(dim=2).sqrt().clamp_min(_LEVEL_FLOOR))


def mel_hertz(config: FrontEndConfig) -> np.ndarray:
    """Centre frequency of every mel bin in hertz, (mels,), on the HTK scale: m = 2595 log10(1 + f / 700)."""
    highest = 2595 * math.log10(1 + config.sample_rate / 2 / 700)
    centres = np.arange(1, config.mels + 1) * highest / (config.mels + 1)
    return np.asarray(700 * (10 ** (centres / 2595) - 1))


def _bins(config: FrontEndConfig) -> int:
    """Of the spectrum, from 0 Hz to half the sample rate."""
    return config.fft_samples // 2 + 1


def _mel_basis(config: FrontEndConfig) -> Tensor:
    """(bins, mels) triangular filters."""
    return torchaudio.functional.melscale_fbanks(
        n_freqs=_bins(config),
        f_min=0.0,
        f_max=config.sample_rate / 2,
        n_mels=config.mels,
        sample_rate=config.sample_rate,
        norm=None,
        mel_scale="htk",
    )


def mask_frames(frames: Tensor, frequency_share: float, time_share: float, generator: Generator) -> Tensor:
    """SpecAugment (Park et al. 2019): bands and stretches of normalised frames (B, frames, mels) become 0.

    Two masks along either axis, each covering up to the given share of it.
    """
    for axis, largest_share in ((2, frequency_share), (1, time_share)):
        frames = _mask(frames, axis, largest_share, generator)
    return frames


def _mask(frames: Tensor, axis: int, largest_share: float, generator: Generator) -> Tensor:
    """Two masks along an axis."""
    if not largest_share:
        return frames
    batch, length = frames.shape[0], frames.shape[axis]
    position = torch.arange(length)
    for _ in range(2):
        width = largest_share * length * torch.rand((batch, 1), generator=generator)
        start = torch.rand((batch, 1), generator=generator) * (length - width)
        masked = ((position >= start) & (position < start + width)).unsqueeze(3 - axis)
        frames = frames.masked_fill(masked.to(frames.device), 0.0)
    return frames
