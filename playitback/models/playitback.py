"""The loop: hear, attend, choose, hear the chosen moments again at a finer hop, decide; several times.

    waveforms (B, samples) -> pass 0: frames at hop h0 -> local features -> slots -> segments -> pass 1: ...
                                                       -> grid -> decoder -> logits after this pass

"Play It Back", section 2. The passes are computed lazily: what pass i says is there before pass i + 1 is computed.
Clips never see one another: all that is done here is done row by row.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from playitback.config import ModelConfig
from playitback.errors import SettingsError
from playitback.models.mvit import Encoder
from playitback.models.perceiver import Decoder
from playitback.models.slots import ColumnFeatures, SlotAttention, SlotOutput
from playitback.replay import TimeMaps, attended_seconds, column_edges, find_segments, read_frames
from playitback.spectrogram import LogMel

#: peaks below one step of 16-bit audio are digital silence
_DIGITAL_SILENCE = 1 / 32768


@dataclass(frozen=True)
class Pass:
    """One hearing of a batch. B clips, S slots, T time columns, N segments; times in seconds of the clip."""

    index: int  # 0 is the first hearing
    hop_samples: int  # of the replayed segments
    maps: TimeMaps  # frame <-> second
    replayed: Tensor  # (B, N, 2), padded with empty segments
    log_mel: Tensor  # (B, frames, mels) what the model was given
    fine_log_mel: Tensor  # (B, samples // hop_samples + 1, mels) the whole clip at this pass's hop
    local: Tensor  # (B, T, F, C) what the slots read
    slots: SlotOutput
    column_seconds: Tensor  # (B, T) centres
    column_edges: Tensor  # (B, T + 1)
    audible: Tensor  # (B, T) False where a column holds digital silence
    threshold: Tensor  # (B,)
    segments: Tensor  # (B, N, 2) chosen in this pass
    summary: Tensor  # (B, W) of the decoder
    logits: tuple[Tensor, ...]  # (B, classes) of every head, after this pass


#: which segments (B, N, 2) to replay after a pass, in place of those that the slots chose
Choice = Callable[[Pass], Tensor]


class ReplayModel(nn.Module):
    """Encoder, slots, replay and decoder, built from their description."""

    mel_mean: Tensor
    mel_deviation: Tensor

    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.config = config
        self.log_mel = LogMel(config.front_end)
        self.encoder = Encoder(config.encoder, config.classes)
        _, rows, channels = self.local_shape
        self.columns = ColumnFeatures(rows, channels, config.slots.width)
        self.slots = SlotAttention(config.slots)
        self.decoder = Decoder(config.decoder, config.encoder.output_width, config.passes, config.classes)
        # of the training data, per mel bin: stored with the weights, so that nobody can forget them
        self.register_buffer("mel_mean", torch.zeros(config.front_end.mels))
        self.register_buffer("mel_deviation", torch.ones(config.front_end.mels))

    @property
    def local_shape(self) -> tuple[int, int, int]:
        """(T, F, C) of the local features."""
        return self.encoder.stem.output_shape(self.config.front_end.frames, self.config.front_end.mels)

    def normalise(self, log_mel: Tensor) -> Tensor:
        """(..., mels), natural log -> zero mean and unit deviation over the training data."""
        return (log_mel - self.mel_mean) / self.mel_deviation

    def frames_of(
        self,
        waveforms: Tensor,
        segments: Tensor,
        pass_index: int,
        coarse: Tensor,
        *,
        finer: bool = True,
        gradient_seconds: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, TimeMaps]:
        """What a pass hears: frames (B, frames, mels), the whole clip at the pass's hop, and the time maps.

        finer, gradient_seconds: see ``listen`` and ``read_frames``.
        """
        front_end = self.config.front_end
        hop_samples = front_end.hop_samples(pass_index)
        ratio = front_end.hop_samples(0) / hop_samples
        maps = TimeMaps.of(segments, ratio, front_end.clip_seconds, front_end.frames)
        fine = coarse if pass_index == 0 else self.log_mel(waveforms, hop_samples)
        read, read_hop = (fine, hop_samples) if finer else (coarse, front_end.hop_samples(0))
        return read_frames(coarse, read, maps, front_end, read_hop, gradient_seconds), fine, maps

    def _attended_seconds(self, heard: Pass) -> Tensor:
        """(B, frames): where the next pass would read if it followed this one's attention itself."""
        front_end = self.config.front_end
        ratio = front_end.hop_samples(0) / front_end.hop_samples(heard.index + 1)
        return attended_seconds(heard.slots.attention[:, 0], heard.column_edges, ratio, front_end.frames)

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        *,
        finer: bool = True,
        soft: float = 0.0,
    ) -> Iterator[Pass]:
        """Yields the first hearing and then ``playbacks`` playbacks (default: all), each as soon as it is computed.

        waveforms: (B, clip_samples) in -1..1. choose: replaces the slots' choice. finer: whether replayed segments are
        read at the finer hop; without it they get their share of the frames, but nothing new to show in them. soft:
        share of the gradient of the frames' seconds that is passed on to the attention that chose them; it changes no
        value. Raises SettingsError for another length or for too many playbacks.
        """
        front_end = self.config.front_end
        if playbacks is None:
            playbacks = self.config.playbacks
        if not 0 <= playbacks <= self.config.playbacks:
            raise SettingsError(
                f"this model plays back 0 to {self.config.playbacks} times, not {playbacks}; choose one of those"
            )
        if waveforms.ndim != 2 or waveforms.shape[1] != front_end.clip_samples:
            raise SettingsError(
                f"clips must be (batch, {front_end.clip_samples}), got {tuple(waveforms.shape)}; crop or pad them"
            )
        return self._listen(waveforms, playbacks, choose, finer, soft)

    def _listen(
        self, waveforms: Tensor, playbacks: int, choose: Choice | None, finer: bool, soft: float
    ) -> Iterator[Pass]:
        coarse = self.log_mel(waveforms, self.config.front_end.hop_samples(0))
        segments = waveforms.new_zeros(waveforms.shape[0], 0, 2)
        latents = self.decoder.initial(waveforms.shape[0])
        soft_seconds = None
        votes: list[tuple[Tensor, ...]] = []
        for index in range(playbacks + 1):
            frames = self.frames_of(waveforms, segments, index, coarse, finer=finer, gradient_seconds=soft_seconds)
            heard, latents = self._hear(waveforms, frames, segments, index, latents, votes)
            yield heard
            segments = heard.segments if choose is None else choose(heard)
            if soft and index < playbacks:
                soft_seconds = soft * self._attended_seconds(heard)

    def _hear(
        self,
        waveforms: Tensor,
        read: tuple[Tensor, Tensor, TimeMaps],
        replayed: Tensor,
        index: int,
        latents: Tensor,
        votes: list[tuple[Tensor, ...]],
    ) -> tuple[Pass, Tensor]:
        """One pass, and the latents after it. votes: the encoder's own logits of the passes before; this one's join."""
        frames, fine, maps = read
        local = self.encoder.local_features(self.normalise(frames))
        slots = self.slots(self.columns(local))
        stem = self.encoder.stem
        centres, edges = column_edges(maps, local.shape[1], stem.time_stride, stem.first_centre)
        audible = audible_columns(waveforms, edges, self.config.front_end.sample_rate)
        segments, threshold = find_segments(slots.attention[:, 0], edges, self.config.segments, audible)
        grid = self.encoder.grid(local)
        latents = self.decoder.listen(index, latents, grid)
        summary = self.decoder.summary(latents)
        logits = self.decoder.logits(summary)
        if self.config.decoder.encoder_votes:
            votes.append(self.encoder.head(grid))
            mean = (torch.stack(of_head).mean(dim=0) for of_head in zip(*votes, strict=True))
            logits = tuple(own + vote for own, vote in zip(logits, mean, strict=True))
        heard = Pass(
            index=index,
            hop_samples=self.config.front_end.hop_samples(index),
            maps=maps,
            replayed=replayed,
            log_mel=frames,
            fine_log_mel=fine,
            local=local,
            slots=slots,
            column_seconds=centres,
            column_edges=edges,
            audible=audible,
            threshold=threshold,
            segments=segments,
            summary=summary,
            logits=logits,
        )
        return heard, latents

    def forward(self, waveforms: Tensor) -> tuple[Tensor, ...]:
        """(B, clip_samples) -> logits (B, classes) of every head: fused where the model can, else the last."""
        passes = list(self.listen(waveforms))
        if self.config.decoder.fusion:
            return self.decoder.logits(self.decoder.fuse([each.summary for each in passes]))
        return passes[-1].logits


def class_probabilities(logits: Tensor, multi_label: bool) -> Tensor:
    """Logits (..., classes) of a head -> probabilities: of every class by itself, or of one among all.

    In float32 at least, whatever the autocast.
    """
    logits = logits if logits.dtype == torch.float64 else logits.float()
    return logits.sigmoid() if multi_label else logits.softmax(dim=-1)


def audible_columns(waveforms: Tensor, edges: Tensor, sample_rate: int) -> Tensor:
    """(B, T): whether at least half of a column, between its edges (B, T + 1) in seconds, is not digital silence.

    Looked at in stretches of 10 ms, each silent if all its samples are.
    """
    stretch = sample_rate // 100
    peaks = waveforms.abs().unfold(1, stretch, stretch).amax(dim=2)
    heard = torch.cat(
        [peaks.new_zeros(peaks.shape[0], 1), (peaks >= _DIGITAL_SILENCE).to(peaks.dtype).cumsum(dim=1)], dim=1
    )
    position = (edges * (sample_rate / stretch)).clamp(0, peaks.shape[1])
    left = position.floor().long().clamp(max=peaks.shape[1] - 1)
    share = (position - left).to(heard.dtype)
    at_edges = torch.lerp(heard.gather(1, left), heard.gather(1, left + 1), share)
    return at_edges.diff(dim=1) >= 0.5 * position.diff(dim=1)
