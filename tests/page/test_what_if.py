"""What-if questions through the service: what is asked of what, what the list keeps, how it is drawn and said."""

from __future__ import annotations

import math
import pickle
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.service import ExplainService, ExplanationView, Models, Settings
from app.service.what_if import MOST_VARIANTS, Variants, WhatIfService, begin_variants
from app.tabs.what_if import answer_html, variants_html
from playitback.errors import SettingsError
from playitback.explain.what_if import KEEP, REMOVE
from playitback.report import words
from playitback.segments import Segment

PLAYBACKS = 2
LABELS = ("church_bells", "rain", "siren", "engine", "clock_tick", "wind", "crow", "knock")
EARLY, LATE = (0.2, 0.5), (1.2, 1.6)
FADE = 0.006  # half a cross-fade, and a sample


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("variants") / "tiny", tiny_model(labels=LABELS, playbacks=PLAYBACKS))


@pytest.fixture(scope="module")
def service(checkpoint: Path) -> WhatIfService:
    return WhatIfService(Models([str(checkpoint)], "cpu"))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "noise.wav"
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


@pytest.fixture(scope="module")
def run(service: WhatIfService, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """A finished run, whose files are gone by the time that anything is asked."""
    folder = tmp_path_factory.mktemp("run")
    *_, view = ExplainService(service.models).explain(clip, Settings("tiny"), folder)
    for path in folder.iterdir():
        path.unlink()
    return view


@pytest.fixture
def original(run: ExplanationView) -> Variants:
    return begin_variants(run)


def segments(*pairs: tuple[float, float]) -> tuple[Segment, ...]:
    return tuple(Segment(start, end) for start, end in pairs)


def inside(samples: np.ndarray, pair: tuple[float, float]) -> np.ndarray:
    """What lies in a stretch, without the fades at its ends."""
    return samples[round((pair[0] + FADE) * RATE) : round((pair[1] - FADE) * RATE)]


def plain(sentence: str) -> str:
    return sentence.replace(words.NBSP, " ")


def test_at_first_the_run_itself_is_shown_alone(original: Variants, run: ExplanationView) -> None:
    assert (len(original.all), original.shown, original.asked) == (1, 0, 0)
    assert original.current.explanation is run.explanation
    assert original.current.difference.first_hearing is None
    assert original.current.difference.label == run.decisions[-1]
    assert original.player_id == run.run_id  # so the rows that the page has already are its rows


def test_held_segments_are_replayed_and_the_answer_joins_the_list(service: WhatIfService, original: Variants) -> None:
    asked = service.replay(original, {0: [LATE, EARLY]})
    first, variant = asked.all
    assert first is original.all[0]
    assert (asked.shown, asked.asked, variant.parent) == (1, 1, 0)
    heard = variant.explanation.hearings
    assert heard[1].replayed == segments(EARLY, LATE)
    assert heard[2].replayed == heard[1].segments  # free again
    np.testing.assert_array_equal(variant.samples, original.current.samples)


def test_what_a_variant_holds_is_shown_as_held(service: WhatIfService, original: Variants, tmp_path: Path) -> None:
    assert service.draw(original, tmp_path).held == {}
    held = service.replay(original, {0: [LATE, EARLY], 1: []})
    assert service.draw(held, tmp_path).held == {0: (EARLY, LATE), 1: ()}
    assert service.draw(held.show(0), tmp_path).held == {}


def test_what_changed_is_told_against_the_run_itself(service: WhatIfService, original: Variants) -> None:
    asked = service.edit(service.replay(original, {0: [EARLY]}), REMOVE, [LATE], "silence")
    label = asked.all[0].difference.label
    before, after = (variant.explanation.probability(-1, label) for variant in (asked.all[0], asked.current))
    last = asked.current.difference.hearings[-1]
    assert (last.original_probability, last.variant_probability) == (before, after)
    assert last.log_odds_change == pytest.approx(math.log(after / (1 - after)) - math.log(before / (1 - before)))
    assert [variant.difference.first_hearing for variant in asked.all] == [None, 1, 0]


def test_edits_add_up_and_go_on_from_the_sound_that_is_shown(service: WhatIfService, original: Variants) -> None:
    sound = original.current.samples
    once = service.edit(original, REMOVE, [EARLY], "silence")
    twice = service.edit(once, KEEP, [(0.0, 1.0), LATE], "silence")
    for variants, gone, kept in (
        (once, (EARLY,), (LATE,)),
        (twice, (EARLY, (1.0, 1.2), (1.6, 2.0)), (LATE, (0.5, 1.0))),
    ):
        for pair in gone:
            assert not inside(variants.current.samples, pair).any()
        for pair in kept:
            np.testing.assert_array_equal(inside(variants.current.samples, pair), inside(sound, pair))
    assert [len(variant.edits) for variant in twice.all] == [0, 1, 2]
    assert [variant.parent for variant in twice.all] == [0, 0, 1]
    aside = service.edit(twice.show(0), REMOVE, [LATE], "noise")
    assert [edit.segments for edit in aside.current.edits] == [segments(LATE)]
    assert aside.current.parent == 0


def test_holding_keeps_the_sound_and_an_edit_keeps_what_is_held(service: WhatIfService, original: Variants) -> None:
    cut = service.edit(original, REMOVE, [EARLY], "silence")
    held = service.replay(cut, {1: [LATE]})
    assert held.current.edits == cut.current.edits
    assert held.current.explanation.hearings[0].probabilities.tolist() == (
        cut.current.explanation.hearings[0].probabilities.tolist()
    )
    assert held.current.explanation.hearings[2].replayed == segments(LATE)
    more = service.edit(held, REMOVE, [(0.6, 0.8)], "silence")
    assert more.current.explanation.hearings[2].replayed == segments(LATE)
    other = service.replay(more, {0: []})
    assert other.current.held == {0: ()}
    assert other.current.explanation.hearings[1].replayed == ()
    assert other.current.edits == more.current.edits


def test_undo_drops_the_last_and_goes_back_to_what_it_was_asked_of(service: WhatIfService, original: Variants) -> None:
    first = service.replay(original, {0: [EARLY]})
    second = service.replay(first, {0: [LATE]})
    third = service.edit(second.show(1), REMOVE, [LATE], "silence")
    assert third.current.parent == 1
    back = third.undo()
    assert (back.asked, back.shown) == (2, 1)
    assert back.all == second.all
    elsewhere = third.show(2).undo()
    assert (elsewhere.asked, elsewhere.shown) == (2, 2)
    assert back.undo().undo().undo().all == original.all
    assert (third.reset().all, third.reset().shown) == (original.all, 0)


def test_only_so_many_variants_are_kept_and_that_is_said(service: WhatIfService, original: Variants) -> None:
    variants = original
    for _ in range(MOST_VARIANTS):
        variants = service.replay(variants.show(0), {0: [EARLY]})
    assert f"at most {MOST_VARIANTS} variants" in variants_html(variants)
    with pytest.raises(SettingsError, match=f"{MOST_VARIANTS} variants are kept .* undo the last one or reset"):
        service.replay(variants, {0: [EARLY]})
    assert service.replay(variants.undo(), {0: [EARLY]}).asked == MOST_VARIANTS


def test_what_cannot_be_asked_is_refused_with_a_sentence(service: WhatIfService, original: Variants) -> None:
    with pytest.raises(SettingsError, match="the clip is 2 s long"):
        service.replay(original, {0: [(1.5, 2.5)]})
    with pytest.raises(SettingsError, match="too short"):
        service.replay(original, {0: [(1.5, 1.51)]})
    with pytest.raises(SettingsError, match="held for playback 3, but there are 2"):
        service.replay(original, {2: [EARLY]})
    with pytest.raises(SettingsError, match="there is no fill 'jelly'"):
        service.edit(original, REMOVE, [EARLY], "jelly")
    with pytest.raises(SettingsError, match="no segment was given"):
        service.edit(original, KEEP, [], "silence")
    with pytest.raises(SettingsError, match="there is no variant 3; there are 0"):
        original.show(3)


def test_fewer_playbacks_are_asked_with_as_many(
    service: WhatIfService, clip: Path, tmp_path: Path, run: ExplanationView
) -> None:
    *_, view = ExplainService(service.models).explain(clip, Settings("tiny", playbacks=1), tmp_path)
    asked = service.replay(begin_variants(view), {0: [EARLY]})
    assert len(asked.current.explanation.hearings) == 2


def test_what_is_shown_is_drawn_with_its_own_sound_and_segments(
    service: WhatIfService, original: Variants, tmp_path: Path
) -> None:
    asked = service.replay(service.edit(original, REMOVE, [LATE], "silence"), {0: [EARLY]})
    player = service.draw(asked, tmp_path)
    assert player.finished
    assert [row.index for row in player.rows] == list(range(PLAYBACKS + 1))
    assert player.rows[1].replayed == (EARLY,)
    sound, _ = soundfile.read(player.clip_audio, dtype="float32")
    np.testing.assert_allclose(sound, asked.current.samples, atol=1 / 32768)
    for row in player.rows:
        assert Path(row.spectrogram).exists()
        assert Path(row.tape_audio).exists()


def test_the_class_that_the_run_decided_for_is_followed_where_a_variant_no_longer_believes_it(
    service: WhatIfService, original: Variants, tmp_path: Path
) -> None:
    asked = service.replay(original, {0: [EARLY]})
    doubted = [
        replace(each, probabilities=each.probabilities.max() - each.probabilities)
        for each in asked.current.explanation.hearings
    ]
    otherwise = replace(asked.current, explanation=replace(asked.current.explanation, hearings=tuple(doubted)))
    player = service.draw(replace(asked, all=(asked.all[0], otherwise)), tmp_path)
    name = words.class_name(original.current.difference.label)
    assert [row.classes[-1][0] for row in player.rows] == [name] * (PLAYBACKS + 1)


def test_what_was_drawn_stays_on_the_rows_only_where_they_are_asked_again(
    service: WhatIfService, original: Variants
) -> None:
    asked = service.replay(original, {0: [EARLY]})
    cut = service.edit(asked, REMOVE, [LATE], "silence")
    ids = [each.player_id for each in (original, asked, cut, cut.show(1), cut.undo(), cut.reset())]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 5


def test_every_variant_can_be_heard_and_the_same_sound_is_written_once(
    service: WhatIfService, original: Variants, tmp_path: Path
) -> None:
    cut = service.edit(service.replay(original, {0: [EARLY]}), REMOVE, [LATE], "silence")
    asked = service.replay(cut, {0: [EARLY]})
    first, second, third, fourth = service.write_sounds(asked, tmp_path)
    assert first == second != third == fourth
    assert len(list(tmp_path.iterdir())) == 2
    sound, _ = soundfile.read(third, dtype="float32")
    assert not inside(sound, LATE).any()
    assert inside(sound, EARLY).any()


def test_a_variant_is_named_by_what_was_done(service: WhatIfService, original: Variants) -> None:
    asked = service.replay(service.edit(original, REMOVE, [LATE], "mean spectrum"), {0: [EARLY], 1: []})
    page = plain(variants_html(asked))
    name = (
        "Without 1.20–1.60 s (noise with the clip’s spectrum), then replays 0.20–0.50 s instead after the first "
        "hearing, then replays nothing after playback 1"
    )
    assert f"{name}</th>" in page
    assert f'aria-label="Hear the sound: {name}"' in page
    assert text.ORIGINAL in page
    assert f"Variant 2: {name}. The model hears" in plain(answer_html(asked))
    many = [(k / 10, k / 10 + 0.05) for k in range(7)]
    assert plain(text.stretches(many)) == "0.00–0.05, 0.10–0.15, 0.20–0.25 s and 4 more, 0.35 s together"


def test_the_list_has_a_row_for_each_and_marks_what_is_shown(service: WhatIfService, original: Variants) -> None:
    asked = service.replay(original, {0: [EARLY]})
    for variants, place in ((asked, 1), (asked.show(0), 0)):
        _, *rows = variants_html(variants).split("<tbody>")[1].split("<tr ")
        assert len(rows) == 2
        assert ['class="shown"' in row for row in rows] == [place == 0, place == 1]
        assert ['aria-pressed="true"' in row for row in rows] == [place == 0, place == 1]
        for row, variant in zip(rows, variants.all, strict=True):
            assert row.count("<td data-title") == PLAYBACKS + 1
            for index in range(PLAYBACKS + 1):
                assert words.class_name(variant.explanation.decision(index)) in row


def test_a_change_is_told_in_words() -> None:
    told = text.variant_change("church_bells", 0.6, 0.2, -1.7918, 1, 2)
    assert plain(told) == (
        "Church bells 60 % → 20 %, log-odds −1.79 nats. First difference after playback 1, first other decision after "
        "playback 2."
    )
    assert "the same decisions" in text.variant_change("rain", 0.6, 0.7, 0.4, 0, None)
    assert text.variant_change("rain", 0.6, 0.6, 0.0, None, None).startswith("Nothing changed")


def test_names_of_classes_stay_text(tmp_path: Path, clip: Path) -> None:
    hostile = tuple(f"<b>{label}</b>${{x}}" for label in LABELS)
    folder = tiny_checkpoint(tmp_path / "hostile", tiny_model(labels=hostile, playbacks=1))
    service = WhatIfService(Models([str(folder)], "cpu"))
    (tmp_path / "out").mkdir()
    *_, view = ExplainService(service.models).explain(clip, Settings("hostile"), tmp_path / "out")
    page = variants_html(service.replay(begin_variants(view), {0: [EARLY]}))
    assert "<b>" not in page
    assert "${" not in page


def test_a_question_travels_as_plain_data(checkpoint: Path, clip: Path, tmp_path: Path) -> None:
    """Hosts that lend a GPU run it in another process."""
    travelled = []

    def lent_gpu(hear: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def wrapped(*arguments: object) -> Iterator[object]:
            travelled.append(arguments)
            for result in hear(*pickle.loads(pickle.dumps(arguments))):
                yield pickle.loads(pickle.dumps(result))

        return wrapped

    service = WhatIfService(Models([str(checkpoint)], "cpu", lent_gpu))
    *_, view = ExplainService(service.models).explain(clip, Settings("tiny"), tmp_path)
    asked = service.edit(begin_variants(view), REMOVE, [LATE], "noise")
    assert len(travelled) == 2
    assert len(asked.current.explanation.hearings) == PLAYBACKS + 1
