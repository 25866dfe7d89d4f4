"""The loop: hear, attend, choose, hear the chosen moments again at a finer hop, decide; several times.

    waveforms (B, samples) -> hearing 0: frames at hop h0 -> local features -> slots -> segments -> hearing 1: ...
                                                          -> grid -> decoder -> logits after this hearing

"Play It Back", section 2. The hearings are computed lazily: what hearing i says is known before the next is computed.
Clips never influence one another: everything here is done row by row.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from playitback.models.listener import (
    Choice,
    Hearing,
    Lane,
    Listener,
    LogMelListener,
    Replay,
    class_probabilities,
    named_class,
)
from playitback.models.replay.activity import Activity
from playitback.models.replay.config import ReplayConfig
from playitback.models.replay.decoder import Decoder
from playitback.models.replay.encoder import Block, Encoder
from playitback.models.replay.slots import Aim, ColumnFeatures, SlotAttention, SlotOutput
from playitback.models.taught import Taught
from playitback.replay import TimeMaps, column_edges, read_frames
from playitback.segments import audible_columns, find_segments


@dataclass(frozen=True, kw_only=True)
class ReplayHearing(Hearing):
    """A hearing of replay attention, with what training needs of it. S slots; slot 0 is the informative one.

    ``details``: {"slot_attention": (B, iterations, S, T) in 0..1, summing to 1 over the slots}.
    """

    local: Tensor  # (B, T, F, C) what the slots read
    slots: SlotOutput
    pooled: Tensor  # (B, W) of the decoder


class ReplayModel(LogMelListener):
    """Encoder, slots, replay and decoder, built from their description."""

    config_class = ReplayConfig
    head_name = "encoder.heads.{}.weight"
    config: ReplayConfig

    def __init__(self, config: ReplayConfig) -> None:
        super().__init__(config)
        self.encoder = Encoder(config.encoder, config.classes)
        _, rows, channels = self.local_shape
        grid_width = config.encoder.output_width
        self.columns = ColumnFeatures(rows, channels, config.slots.width)
        self.slots = SlotAttention(config.slots)
        self.decoder = Decoder(config.decoder, grid_width, config.hearings, config.classes)
        self.activity = self.aim = None
        if config.activity is not None:
            self.activity = Activity(config.activity, rows, channels, grid_width, config.classes)
        if config.slots.aimed:
            self.aim = Aim(grid_width, config.slots.width, config.classes[0], config.slots.graded)
        self.taught = None if config.taught is None else Taught(config.taught, grid_width)

    @property
    def local_shape(self) -> tuple[int, int, int]:
        """(T, F, C) of the local features."""
        return self.encoder.stem.output_shape(self.config.front_end.frames, self.config.front_end.mels)

    def parts(self) -> Mapping[str, nn.Module]:
        activity = {} if self.activity is None else {"activity": self.activity}
        slots: list[nn.Module] = [self.columns, self.slots, *([] if self.aim is None else [self.aim])]
        taught = {} if self.taught is None else {"taught": self.taught}
        return {"encoder": self.encoder, **activity, "slots": nn.ModuleList(slots), "decoder": self.decoder, **taught}

    @property
    def can_aim(self) -> bool:
        return self.config.slots.aimed

    @property
    def has_activity(self) -> bool:
        return self.activity is not None

    @property
    def choosing_parts(self) -> tuple[str, ...]:
        return ("slots", *(("activity",) if self.can_aim else ()), "encoder")

    def begin_as(self, other: Listener) -> None:
        assert isinstance(other, ReplayModel)
        for block in self.encoder.blocks[len(other.encoder.blocks) :]:
            assert isinstance(block, Block)
            block.add_nothing()
        taught, names = other.taught, self.config.labels[0]
        if self.config.multi_label and other.config.taught is not None and taught is not None:
            row_of = {name: row for row, name in enumerate(other.config.taught.classes)}
            if row_of.keys() >= set(names):  # what a teacher taught the other to hear, this one can name
                rows = [row_of[name] for name in names]
                head = {"weight": taught.classes.weight[rows], "bias": taught.classes.bias[rows]}
                self.encoder.heads[0].load_state_dict(head)

    def cast_weights(self, dtype: torch.dtype) -> None:
        # The slots stay as they are: they cost little, and their choice of moments needs the precision.
        self.encoder.to(dtype)
        self.decoder.to(dtype)

    def frames_of(
        self,
        waveforms: Tensor,
        segments: Tensor,
        index: int,
        coarse: Tensor,
        *,
        finer: bool = True,
    ) -> tuple[Tensor, Tensor, TimeMaps]:
        """What hearing ``index`` is given: frames (B, frames, mels), the whole clip at its hop, and the time maps.

        finer: see ``Replay``.
        """
        front_end = self.config.front_end
        hop_samples = front_end.hop_samples(index)
        ratio = front_end.hop_samples(0) / hop_samples
        maps = TimeMaps.of(segments, ratio, front_end.clip_seconds, front_end.frames)
        fine = coarse if index == 0 else self.log_mel(waveforms, hop_samples)
        read, read_hop = (fine, hop_samples) if finer else (coarse, front_end.hop_samples(0))
        return read_frames(coarse, read, maps, front_end, read_hop), fine, maps

    def listen(
        self,
        waveforms: Tensor,
        playbacks: int | None = None,
        choose: Choice | None = None,
        asked: Tensor | None = None,
    ) -> Iterator[ReplayHearing]:
        """See ``Listener.listen``. Without an ``Aim`` the relevance is the same for every class asked about.

        What is asked about decides what is replayed, from the first hearing on.
        """
        return self._listen(waveforms, self.check(waveforms, playbacks), choose, asked)

    def _listen(
        self, waveforms: Tensor, playbacks: int, choose: Choice | None, asked: Tensor | None
    ) -> Iterator[ReplayHearing]:
        coarse = self.log_mel(waveforms, self.config.front_end.hop_samples(0))
        replay = Replay(waveforms.new_zeros(waveforms.shape[0], 0, 2))
        latents = self.decoder.initial(waveforms.shape[0])
        votes: list[tuple[Tensor, ...]] = []
        for index in range(playbacks + 1):
            frames = self.frames_of(waveforms, replay.segments, index, coarse, finer=replay.finer)
            heard, latents = self._hear(waveforms, frames, replay.segments, index, latents, votes, asked)
            yield heard
            chosen = heard.segments if choose is None else choose(heard)
            replay = chosen if isinstance(chosen, Replay) else Replay(chosen)

    def attend(self, local: Tensor, grid: Tensor, activity: Tensor | None, asked: Tensor) -> SlotOutput:
        """What the slots hold of local features (B, T, F, C) when slot 0 is asked for the classes (B,).

        activity: logits (B, T, classes) of the first head, which an ``Aim`` reads together with the grid.
        """
        aimed = None
        if self.aim is not None:
            assert activity is not None, "aimed slots read the activity"
            aimed = self.aim(grid, activity, asked, self.config.multi_label)
        return self.slots(self.columns(local), aimed=aimed)

    def _hear(
        self,
        waveforms: Tensor,
        read: tuple[Tensor, Tensor, TimeMaps],
        replayed: Tensor,
        index: int,
        latents: Tensor,
        votes: list[tuple[Tensor, ...]],
        asked: Tensor | None,
    ) -> tuple[ReplayHearing, Tensor]:
        """One hearing, and the latents after it. votes: the encoder's own logits of those before; adds this one's."""
        frames, fine, maps = read
        local = self.encoder.local_features(self.normalise(frames))
        grid = self.encoder.grid(local)
        latents = self.decoder.listen(index, latents, grid)
        summary = self.decoder.summary(latents)
        logits = self.decoder.logits(summary)
        if self.config.decoder.encoder_votes:
            votes.append(self.encoder.head(grid))
            mean = (torch.stack(of_head).mean(dim=0) for of_head in zip(*votes, strict=True))
            logits = tuple(own + vote for own, vote in zip(logits, mean, strict=True))
        taught, known = (None, None) if self.taught is None else self.taught(grid.mean(dim=(1, 2)))
        if self.config.multi_label:
            known = None  # a model of several labels has learned no such thing
        activity = None if self.activity is None else self.activity(local, grid)[0]
        believed = named_class(class_probabilities(logits[0], self.config.multi_label), self.config)
        asked = believed if asked is None else torch.where(asked < 0, believed, asked)
        slots = self.attend(local, grid, activity, asked)
        stem = self.encoder.stem
        seconds, edges = column_edges(maps, local.shape[1], stem.time_stride, stem.first_centre)
        audible = audible_columns(waveforms, edges, self.config.front_end.sample_rate)
        segments, threshold = find_segments(slots.attention[:, 0], edges, self.config.segments, audible)
        heard = ReplayHearing(
            index=index,
            hop_samples=self.config.front_end.hop_samples(index),
            logits=logits,
            relevance=slots.attention[:, 0],
            edges=edges,
            seconds=seconds,
            audible=audible,
            threshold=threshold,
            segments=segments,
            replayed=replayed,
            maps=maps,
            log_mel=frames,
            fine_log_mel=fine,
            activity=None if activity is None else class_probabilities(activity, self.config.multi_label),
            lanes=_lanes(slots.attention),
            details={"slot_attention": torch.stack(slots.attention_per_iteration, dim=1)},
            local=local,
            slots=slots,
            pooled=summary,
            taught=taught,
            known=known,
        )
        return heard, latents

    def fuse(self, hearings: Sequence[Hearing]) -> tuple[Tensor, ...] | None:
        if not self.config.decoder.fusion or len(hearings) != self.config.hearings:
            return None
        summaries = [each.pooled for each in hearings if isinstance(each, ReplayHearing)]
        return self.decoder.logits(self.decoder.fuse(summaries))


def _lanes(attention: Tensor) -> tuple[Lane, ...]:
    """Attention (B, S, T) of the slots as lanes; of more than two slots, the others are numbered."""
    others = attention.shape[1] - 1
    names = [f"uninformative {number}" for number in range(1, others + 1)] if others > 1 else ["uninformative"]
    return tuple(Lane(name, attention[:, slot]) for slot, name in enumerate(["informative", *names]))
