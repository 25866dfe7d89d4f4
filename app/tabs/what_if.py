"""What if: other segments replayed or another sound, every answer in a list beside the run itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import gradio as gr

from app import text
from app.events import ON_MODEL, PRIVATE, QUIET, Updates, run_folder, sentence
from app.markup import error_html, message_html, reading, safe
from app.player import Player
from app.player.variant_list import ListedVariants, VariantList
from app.service import ExplanationView, Models
from app.service.what_if import MOST_VARIANTS, Variant, Variants, WhatIfService, begin_variants
from app.tabs import hints
from playitback.report import words
from playitback.report.rows import pairs

_AS_IT_IS = "(view) => view"


@dataclass(frozen=True, kw_only=True)
class WhatIf:
    """The components of this part."""

    hint: gr.HTML
    bench: gr.Column  # everything below, hidden without a run
    no_replay: gr.HTML  # says why nothing can be held
    variants: VariantList
    undo: gr.Button
    reset: gr.Button
    status: gr.HTML
    player: Player
    kept: gr.State  # the Variants of the run that is shown; None without one


def build(hours_kept: int) -> WhatIf:
    """Lays the part out."""
    kept: gr.State = gr.State(None, time_to_live=hours_kept * 3600)
    hint = hints.build(text.WHAT_IF_HINT)
    with gr.Column(visible=False, elem_id="what-if") as bench:
        gr.HTML(reading(text.WHAT_IF_READING, text.WHAT_IF_DEFINITIONS))
        no_replay = gr.HTML(visible=False, elem_id="what-if-no-replay")
        variants = VariantList(label=text.VARIANTS_LABEL, elem_id="variants")
        with gr.Row(elem_id="what-if-actions"):
            undo = gr.Button(text.UNDO, size="sm", interactive=False, elem_id="undo", scale=0, min_width=150)
            reset = gr.Button(text.RESET, size="sm", interactive=False, elem_id="reset", scale=0, min_width=150)
        status = gr.HTML(elem_id="what-if-status")
        player = Player(editable=True, elem_id="what-if-player", label=text.WHAT_IF_PLAYER_LABEL)
    return WhatIf(
        hint=hint,
        bench=bench,
        no_replay=no_replay,
        variants=variants,
        undo=undo,
        reset=reset,
        status=status,
        player=player,
        kept=kept,
    )


def wire(models: Models, parts: WhatIf, shown: gr.State, playbacks: Player) -> None:
    """Follows the run that is shown, and answers what is asked of it. ``playbacks``: the player that shows the run."""
    service = WhatIfService(models)
    listed = [parts.kept, parts.variants, parts.undo, parts.reset, parts.status]

    def nothing(status: str) -> Updates:
        return {parts.kept: None, parts.variants: None, **_buttons(parts, None), parts.status: status}

    def list_of(variants: Variants, status: str, folder: Path) -> Updates:
        return {
            parts.kept: variants,
            parts.variants: ListedVariants(variants_html(variants), service.write_sounds(variants, folder)),
            **_buttons(parts, variants),
            parts.status: status,
        }

    def follow(view: ExplanationView | None) -> Iterator[Updates]:
        if view is None:
            yield {parts.hint: hints.said(text.WHAT_IF_HINT), parts.bench: gr.update(visible=False), **nothing("")}
            return
        with run_folder() as folder:
            yield {
                parts.hint: hints.said(None),
                parts.bench: gr.update(visible=True),
                parts.no_replay: hints.said(unsuited(view), "plain"),
                **list_of(begin_variants(view), "", folder),
            }

    def change(
        variants: Variants | None, step: Callable[[Variants], Variants], say: Callable[[Variants], str]
    ) -> Iterator[Updates]:
        """What all parts show after a step; where it was refused, as before, with the reason."""
        if variants is None:
            yield {**nothing(error_html(text.NO_RUN_KEPT)), parts.player: None}
            return
        try:
            variants = step(variants)
            status = say(variants)
        except Exception as error:
            status = error_html(sentence(error))
        with run_folder() as folder:
            yield {**list_of(variants, status, folder), parts.player: service.draw(variants, folder)}

    def replay(variants: Variants | None, event: gr.EventData) -> Iterator[Updates]:
        def ask(before: Variants) -> Variants:
            return service.replay(before, {int(index): pairs for index, pairs in event.held.items()})

        yield from change(variants, ask, answer_html)

    def edit(variants: Variants | None, event: gr.EventData) -> Iterator[Updates]:
        def ask(before: Variants) -> Variants:
            return service.edit(before, event.action, event.segments, event.fill)

        yield from change(variants, ask, answer_html)

    def show(variants: Variants | None, event: gr.EventData) -> Iterator[Updates]:
        yield from change(variants, lambda before: before.show(int(event.place)), shown_html)

    def undo(variants: Variants | None) -> Iterator[Updates]:
        yield from change(variants, Variants.undo, shown_html)

    def reset(variants: Variants | None) -> Iterator[Updates]:
        yield from change(variants, Variants.reset, shown_html)

    changed = [*listed, parts.player]
    # The run's rows are in the page already; nothing needs to be drawn for them again.
    shown.change(follow, shown, [parts.hint, parts.bench, parts.no_replay, *listed], **QUIET).then(
        None, playbacks, parts.player, js=_AS_IT_IS, show_progress="hidden", **PRIVATE
    )
    for asked, answer in ((parts.player.replay, replay), (parts.player.edit, edit)):
        event = asked(
            answer, parts.kept, changed, show_progress="minimal", show_progress_on=parts.status, **ON_MODEL, **PRIVATE
        )
        parts.player.wake_after(event)
    parts.variants.show(show, parts.kept, changed, **QUIET)
    parts.undo.click(undo, parts.kept, changed, **QUIET)
    parts.reset.click(reset, parts.kept, changed, **QUIET)


def unsuited(view: ExplanationView) -> str | None:
    """Why no segments can be held in a run; None: they can. Its sound can be changed whatever the model is."""
    return None if view.replays else text.NOTHING_TO_HOLD


def variants_html(variants: Variants) -> str:
    """The original and its variants as a table: one row each, one column a hearing."""
    hearings = range(variants.run.hearings)
    titles = [text.VARIANT_COLUMN, *(words.hearing_title(index) for index in hearings), text.CHANGE_COLUMN]
    head = "".join(f'<th scope="col">{safe(title)}</th>' for title in titles)
    rows = "".join(
        _row_html(variant, place, place == variants.shown, titles) for place, variant in enumerate(variants.all)
    )
    return (
        f'<table class="variants"><caption>{text.variants_caption(MOST_VARIANTS)}</caption>'
        f"<thead><tr>{head}<td></td></tr></thead><tbody>{rows}</tbody></table>"
    )


def answer_html(variants: Variants) -> str:
    """What the latest variant says."""
    variant = variants.current
    decision = variant.explanation.decision(-1)
    probability = variant.explanation.probability(-1, decision)
    return message_html(text.variant_answer(variants.shown, _name(variant), decision, probability, _change(variant)))


def shown_html(variants: Variants) -> str:
    """Which variant the player shows."""
    return message_html(text.now_shown(_name(variants.current)))


def _row_html(variant: Variant, place: int, shown: bool, titles: list[str]) -> str:
    """titles: those of all columns, told again in every cell where there is no room for a table."""
    name = _name(variant)
    number = f'<span class="variant-number">{place}</span> ' if place else ""
    beliefs = "".join(
        f'<td data-title="{safe(title)}" class="{"otherwise" if each.decided_otherwise else "the-same"}">'
        f"{safe(words.class_name(each.variant_decision))} "
        f"<span>{safe(words.percent(variant.explanation.probability(each.index, each.variant_decision)))}</span></td>"
        for title, each in zip(titles[1:-1], variant.difference.hearings, strict=True)
    )
    change = safe(_change(variant)) if place else ""
    buttons = _button_html(
        f'data-show="{place}" data-key="show-{place}" aria-pressed="{str(shown).lower()}"',
        text.show_variant(name),
        text.SHOWN if shown else text.SHOW,
    ) + _button_html(
        f'data-file="{place}" data-key="hear-{place}" aria-pressed="false"',
        text.hear_variant(name),
        f'<span class="stretch-sign" aria-hidden="true"></span>{text.HEAR}',
    )
    return (
        f'<tr class="{"shown" if shown else "kept"}"><th scope="row">{number}{safe(name)}</th>{beliefs}'
        f'<td class="variant-change" data-title="{safe(titles[-1])}">{change}</td>'
        f'<td class="variant-actions"><div>{buttons}</div></td></tr>'
    )


def _button_html(attributes: str, name: str, content: str) -> str:
    return f'<button type="button" class="stretch" aria-label="{safe(name)}" {attributes}>{content}</button>'


def _name(variant: Variant) -> str:
    """What was done, in words."""
    done = [text.edit_name(edit.action, pairs(edit.segments), edit.fill) for edit in variant.edits]
    done += [text.held_name(index, pairs(segments)) for index, segments in sorted(variant.held.items())]
    return text.variant_name(done) if done else text.ORIGINAL


def _change(variant: Variant) -> str:
    """What a variant changed against the run itself."""
    difference = variant.difference
    last = difference.hearings[-1]
    return text.variant_change(
        difference.label,
        last.original_probability,
        last.variant_probability,
        last.log_odds_change,
        difference.first_hearing,
        difference.first_other_decision,
    )


def _buttons(parts: WhatIf, variants: Variants | None) -> Updates:
    """Whether there is anything to undo or to remove."""
    some = variants is not None and variants.asked > 0
    return {button: gr.update(interactive=some) for button in (parts.undo, parts.reset)}
