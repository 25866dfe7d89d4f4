"""The playbacks: the synchronised player, one row a pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import gradio as gr

from app import text
from app.player import Player, PlayerView, RowView
from app.service import ExplanationView, PassView

#: what hint and player show without a run
NOTHING: tuple[Any, Any] = (gr.update(visible=True), None)


@dataclass(frozen=True)
class Playbacks:
    """The components of this part."""

    hint: gr.HTML
    player: Player


def build() -> Playbacks:
    """Lays the part out."""
    hint = gr.HTML(f'<p class="hint">{text.PLAYBACKS_HINT}</p>')
    return Playbacks(hint, Player(elem_id="player", label=text.PLAYER_LABEL))


def updates(view: ExplanationView) -> tuple[Any, Any]:
    """What hint and player show of a run so far."""
    return gr.update(visible=False), player_view(view)


def player_view(view: ExplanationView) -> PlayerView:
    """A run so far as the player shows it."""
    explanation = view.explanation
    return PlayerView(
        run_id=view.run_id,
        clip_name=explanation.info.name,
        clip_seconds=explanation.clip_seconds,
        clip_audio=str(view.clip_audio),
        rows=tuple(_row(view, row) for row in view.passes),
        finished=view.finished,
        expected_rows=view.expected_passes,
        start_seconds_in_file=explanation.start_seconds,
    )


def _row(view: ExplanationView, row: PassView) -> RowView:
    return RowView(
        index=row.index,
        title=text.pass_title(row.index),
        hop_ms=1000 * row.hop_seconds,
        replayed_seconds=row.replayed_seconds,
        spectrogram=str(row.spectrogram),
        frames_spectrogram=str(row.frames_spectrogram),
        frame_ticks=tuple((fraction, text.clock(second)) for fraction, second in row.second_marks_in_frames),
        frequency_ticks=tuple((fraction, text.hertz(hertz)) for fraction, hertz in view.frequency_marks),
        attention_seconds=row.attention_seconds,
        informative=row.informative,
        uninformative=row.uninformative,
        threshold=row.threshold,
        segments=row.segments,
        replayed=row.replayed,
        tape_audio=str(row.tape),
        tape_map=row.tape_map,
        classes=tuple((text.class_name(each.label), each.probability, each.change) for each in row.classes),
        sentence=text.pass_sentence(
            row.index,
            row.decision,
            row.probability,
            row.change,
            row.previous_decision,
            row.replayed_seconds,
            row.hop_seconds,
        ),
        decision_changed=row.decision_changed,
    )
