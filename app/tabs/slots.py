"""The model's attention: what slots held of every moment, what the uninformative ones gathered, and how the frames were
spent; or, of a model that pools by attention, how it weighed moments and features."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import gradio as gr

from app import text
from app.charts.pooling import pooling_chart
from app.charts.slots import attention_chart, time_map_chart
from app.events import QUIET, Updates
from app.markup import reading, safe, section, table
from app.player import stretches
from app.service import ExplanationView, InspectionView, inspect, pooling_of
from app.tabs import hints
from playitback.report import words


@dataclass(frozen=True, kw_only=True)
class Slots:
    """The components of this part."""

    hint: gr.HTML
    views: gr.Column  # everything below, hidden without a run that has slots
    index: gr.Radio  # of the hearing that is inspected
    attention: gr.Plot
    settling: gr.HTML
    gathered: gr.HTML
    frames: gr.HTML
    time_map: gr.Plot
    weighing: gr.Column  # hidden without a run of a model that pools by attention
    weights: gr.Plot


def build() -> Slots:
    """Lays the part out."""
    hint = hints.build(text.SLOTS_HINT)
    with gr.Column(visible=False, elem_id="slots") as views:
        gr.HTML(reading(text.SLOTS_READING, text.definitions("attention", "threshold")))
        index = gr.Radio([], label=text.SLOTS_HEARING, elem_id="slots-hearing")
        gr.HTML(section(text.ATTENTION_TITLE, text.ATTENTION_READING, {}))
        attention = gr.Plot(label=text.ATTENTION_CHART_LABEL, show_label=False, elem_id="slots-attention")
        gr.HTML(
            section(
                text.SETTLING_TITLE,
                text.SETTLING_READING,
                text.definitions("share of time", "entropy", "overlap"),
            )
        )
        settling = gr.HTML(elem_id="slots-settling")
        gr.HTML(section(text.GATHERED_TITLE, text.GATHERED_READING, text.definitions("gathered stretches")))
        gathered = stretches.build("slots-gathered")
        gr.HTML(section(text.TIME_MAP_TITLE, text.TIME_MAP_READING, text.definitions("time map", "hop")))
        frames = gr.HTML(elem_id="slots-frames")
        time_map = gr.Plot(label=text.TIME_MAP_CHART_LABEL, show_label=False, elem_id="slots-time-map")
    with gr.Column(visible=False, elem_id="pooling") as weighing:
        gr.HTML(section(text.POOLING_TITLE, text.POOLING_READING, {}))
        weights = gr.Plot(label=text.POOLING_CHART_LABEL, show_label=False, elem_id="pooling-weights")
    return Slots(
        hint=hint,
        views=views,
        index=index,
        attention=attention,
        settling=settling,
        gathered=gathered,
        frames=frames,
        time_map=time_map,
        weighing=weighing,
        weights=weights,
    )


def wire(parts: Slots, shown: gr.State) -> None:
    """Follows the run that is shown, and the hearing that is chosen."""
    drawn = [parts.attention, parts.settling, parts.gathered, parts.frames, parts.time_map]

    def follow(view: ExplanationView | None, index: int | None) -> Updates:
        lacking = text.SLOTS_HINT if view is None else unsuited(view)
        pooling = None if view is None else pooling_of(view)
        weighed = {
            parts.weighing: gr.update(visible=pooling is not None),
            parts.weights: None if pooling is None else pooling_chart(pooling),
        }
        if view is None or not view.has_slots:
            return {parts.hint: hints.said(lacking), parts.views: gr.update(visible=False), **weighed}
        index = min(index or 0, view.hearings - 1)
        choices = [(words.hearing_title(each), each) for each in range(view.hearings)]
        return {
            parts.hint: hints.said(None),
            parts.views: gr.update(visible=True),
            parts.index: gr.update(choices=choices, value=index),
            **updates(parts, inspect(view, index)),
            **weighed,
        }

    def choose(view: ExplanationView | None, index: int) -> Updates:
        return updates(parts, inspect(view, index)) if view is not None and view.has_slots else gr.skip()

    outputs = [parts.hint, parts.views, parts.index, *drawn, parts.weighing, parts.weights]
    shown.change(follow, [shown, parts.index], outputs, trigger_mode="always_last", **QUIET)
    parts.index.input(choose, [shown, parts.index], drawn, trigger_mode="always_last", **QUIET)


def unsuited(view: ExplanationView) -> str | None:
    """Why this part has nothing to show of a run; None: it has."""
    return None if view.has_slots or view.pools_by_attention else text.no_attention(view.explanation.model_name)


def updates(parts: Slots, view: InspectionView) -> Updates:
    """What is shown of a hearing."""
    return {
        parts.attention: attention_chart(view),
        parts.settling: settling_html(view),
        parts.gathered: gathered_html(view),
        parts.frames: frames_html(view),
        parts.time_map: time_map_chart(view),
    }


def settling_html(view: InspectionView) -> str:
    """Shares, entropies and overlaps as a table: one row an iteration."""
    share, entropy, overlap = view.slots.share, view.slots.entropy, view.slots.overlap
    iterations, slots = share.shape
    names = [text.slot_name(slot, slots) for slot in range(slots)]
    pairs = list(combinations(range(slots), 2))
    titles = [
        *map(text.share_of_time, names),
        *map(text.slot_entropy, names),
        *(text.slot_overlap(slots, names[first], names[second]) for first, second in pairs),
    ]
    rows = [
        (
            text.iteration_name(iteration),
            *(words.percent(float(value)) for value in share[iteration]),
            *(text.nats(float(value)) for value in entropy[iteration]),
            *(f"{overlap[iteration, first, second]:.2f}" for first, second in pairs),
        )
        for iteration in range(iterations)
    ]
    return table(text.SETTLING_CAPTION, ["", *titles], rows)


def gathered_html(view: InspectionView) -> str:
    """The stretches of the uninformative slots as buttons that play them."""
    if not view.gathered:
        return f'<p class="plain">{text.NOTHING_GATHERED}</p>'
    return stretches.stretches_html([(each.start_seconds, each.end_seconds, each.wav) for each in view.gathered])


def frames_html(view: InspectionView) -> str:
    """How the hearing spent its frames, in one sentence."""
    slots = view.slots
    sentence = text.frames_spent(
        slots.index,
        slots.frames,
        slots.replayed_frames,
        slots.replayed_seconds,
        slots.frames_per_second_inside,
        slots.frames_per_second_outside,
    )
    return f'<p class="plain" role="status">{safe(sentence)}</p>'
