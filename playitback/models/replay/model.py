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

from playitback.models.blocks import Block
from playitback.models.columns import ColumnFeatures
from playitback.models.encoded import EncodedListener
from playitback.models.listener import Choice, Hearing, Lane, Listener, Replay
from playitback.models.replay.config import ReplayConfig
from playitback.models.replay.decoder import Decoder
from playitback.models.replay.encoder import Encoder
from playitback.models.replay.slots import Aim, SlotAttention, SlotOutput
from playitback.replay import TimeMaps, column_edges
from playitback.segments import audible_columns, find_segments


@dataclass(frozen=True, kw_only=True)
class ReplayHearing(Hearing):
    """A hearing of replay attention, with what training needs of it. S slots; slot 0 is the informative one.

    ``details``: {"slot_attention": (B, iterations, S, T) in 0..1, summing to 1 over the slots}.
    """

    local: Tensor  # (B, T, F, C) what the slots read
    slots: SlotOutput
    pooled: Tensor  # (B, W) of the decoder


class ReplayModel(EncodedListener):
    """Encoder, slots, replay and decoder, built from their description."""

    config_class = ReplayConfig
    config: ReplayConfig
    encoder: Encoder

    def __init__(self, config: ReplayConfig) -> None:
        grid_width = config.encoder.output_width
        super().__init__(config, Encoder(config.encoder, config.classes), grid_width)
        _, rows, channels = self.local_shape
        self.columns = ColumnFeatures(rows, channels, config.slots.width)
        self.slots = SlotAttention(config.slots)
        self.decoder = Decoder(config.decoder, grid_width, config.hearings, config.classes)
        self.aim = None
        if config.slots.aimed:
            self.aim = Aim(grid_width, config.slots.width, config.classes[0], config.slots.graded)

    def parts(self) -> Mapping[str, nn.Module]:
        slots: list[nn.Module] = [self.columns, self.slots, *([] if self.aim is None else [self.aim])]
        return {**super().parts(), "slots": nn.ModuleList(slots), "decoder": self.decoder}

    @property
    def can_aim(self) -> bool:
        return self.config.slots.aimed

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
        local, grid = self.encode(frames, index)
        latents = self.decoder.listen(index, latents, grid)
        summary = self.decoder.summary(latents)
        logits = self._decide(summary, grid, votes)
        taught, known = self.lessons(self.encoder.pooled(grid))
        activity = None if self.activity is None else self.activity(local, grid)[0]
        slots = self.attend(local, grid, activity, self.asked_or_named(logits[0], asked))
        seconds, edges = column_edges(maps, local.shape[1], self.encoder.time_stride, self.encoder.first_centre)
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
            activity=None if activity is None else self.calibrated(activity),
            lanes=_lanes(slots.attention),
            details={"slot_attention": torch.stack(slots.attention_per_iteration, dim=1)},
            local=local,
            slots=slots,
            pooled=summary,
            taught=taught,
            known=known,
        )
        return heard, latents

    def _decide(self, summary: Tensor, grid: Tensor, votes: list[tuple[Tensor, ...]]) -> tuple[Tensor, ...]:
        """Logits (B, classes) of every head after a hearing. votes: see ``_hear``."""
        logits = self.decoder.logits(summary)
        if not self.config.decoder.encoder_votes:
            return logits
        votes.append(self.encoder.head(grid))
        mean = (torch.stack(of_head).mean(dim=0) for of_head in zip(*votes, strict=True))
        return tuple(own + vote for own, vote in zip(logits, mean, strict=True))

    def read_grid(self, grid: Tensor) -> tuple[Tensor, ...]:
        latents = self.decoder.listen(0, self.decoder.initial(len(grid)), grid)
        return self._decide(self.decoder.summary(latents), grid, [])

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
