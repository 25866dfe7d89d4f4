"""That the page shows what was found of a run as it is, says how far an examination has come, and stops it."""

from __future__ import annotations

import dataclasses
import math
import pickle
import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import soundfile
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.charts import examine as charts
from app.service import ExplainService, ExplanationView, Models, Settings
from app.service.examine import Examination, ExaminationView, ExamineService
from app.tabs import examine as tab
from playitback.edits import FILLS
from playitback.evidence.controls import CHOSEN, CONTROLS, RANDOM
from playitback.explain.examine import examine
from playitback.progress import finish
from playitback.report import words
from playitback.report.examine_text import DEFINITIONS, reservations, sentence

PLAYBACKS, DRAWS = 2, 12
LABELS = ("church_bells", "rain", "<b>siren</b>")


class Watch:
    """Counts what the models have yielded so far."""

    def __init__(self) -> None:
        self.yielded = 0
        self.closed = threading.Event()

    def __call__(self, run: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def watched(*arguments: Any) -> Iterator[Any]:
            try:
                # as where it is computed by another process
                for each in run(*pickle.loads(pickle.dumps(arguments))):
                    self.yielded += 1
                    yield pickle.loads(pickle.dumps(each))
            finally:
                self.closed.set()

        return watched


@pytest.fixture(scope="module")
def watch() -> Watch:
    return Watch()


@pytest.fixture(scope="module")
def models(watch: Watch, tmp_path_factory: pytest.TempPathFactory) -> Models:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    return Models([str(tiny_checkpoint(folder, tiny_model(labels=LABELS, playbacks=PLAYBACKS)))], "cpu", watch)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip") / "swelling.wav"
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


@pytest.fixture(scope="module")
def view(models: Models, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """A finished run."""
    *_, finished = ExplainService(models).explain(clip, Settings("tiny"), tmp_path_factory.mktemp("run"))
    return finished


@pytest.fixture(scope="module")
def examined(models: Models, view: ExplanationView) -> tuple[ExaminationView, ...]:
    return tuple(ExamineService(models).examine(view, draws=DRAWS))


@pytest.fixture(scope="module")
def found(examined: tuple[ExaminationView, ...]) -> Examination:
    last = examined[-1].found
    assert last is not None
    return last


def test_what_is_found_is_of_the_class_and_the_hearings_of_the_run(
    models: Models, view: ExplanationView, found: Examination
) -> None:
    label = view.explanation.decision(-1)
    assert found == finish(examine(models.recognizer("tiny"), view.samples, label, draws=DRAWS))
    assert found.label == label
    assert found.probability == pytest.approx(view.explanation.probability(-1, label), abs=1e-5)
    assert {len(each.probabilities) for each in found.controls} == {view.hearings}


def test_the_class_that_the_visitor_asked_about_is_examined(models: Models, clip: Path, tmp_path: Path) -> None:
    settings = Settings("tiny", playbacks=1, asked="rain")
    *_, view = ExplainService(models).explain(clip, settings, tmp_path)
    *_, last = ExamineService(models).examine(view, draws=1)
    assert last.found is not None
    assert last.found.label == "rain"
    assert {len(each.probabilities) for each in last.found.controls} == {2}


def test_progress_rises_from_nothing_to_all_there_is_to_hear(examined: tuple[ExaminationView, ...]) -> None:
    first, *between, last = examined
    assert (first.done, first.total, first.found) == (0, None, None)
    done = [each.done for each in between]
    assert done == sorted(done)
    assert done[-1] == between[-1].total
    assert len(between) > 10
    assert all(each.found is None for each in between)
    assert last.found is not None


def test_whoever_stops_listening_stops_the_computation(models: Models, view: ExplanationView, watch: Watch) -> None:
    examination = ExamineService(models).examine(view)
    for _ in range(3):
        next(examination)
    before = watch.yielded
    watch.closed.clear()
    examination.close()
    assert watch.closed.is_set()
    assert watch.yielded == before


def test_where_nothing_was_replayed_the_marked_moments_are_examined(models: Models, clip: Path, tmp_path: Path) -> None:
    *_, view = ExplainService(models).explain(clip, Settings("tiny", playbacks=0), tmp_path)
    *_, last = ExamineService(models).examine(view)
    assert last.found is not None
    assert not last.found.replays
    assert last.found.marked == view.explanation.hearings[0].segments
    assert last.found.controls == ()
    assert tab.unsuited(view) == text.NOTHING_REPLAYED
    html = tab.verdict_html(view, last.found)
    assert words_of(sentence(last.found)) in html


def test_every_random_draw_is_a_dot_and_every_control_a_mark(found: Examination) -> None:
    marks = {line.name: line for line in charts.draws_chart(found).data}
    assert len(marks) == len(CONTROLS)
    dots = marks[text.control_name(RANDOM, DRAWS)]
    assert [value / 100 for value in dots.customdata] == pytest.approx(found.drawn)
    assert list(dots.x) == pytest.approx([math.log(p / (1 - p)) for p in found.drawn], abs=1e-6)
    for control in found.controls:
        if control.name != RANDOM:
            (at,) = marks[control.name].customdata
            assert at == pytest.approx(100 * control.probability)
    heights = [line.y[0] for line in marks.values() if line.name != dots.name]
    assert max(heights) == marks[CHOSEN].y[0]
    assert len(set(heights)) == len(heights)  # a row each


@pytest.mark.parametrize("shift", [-9.0, 0.0, 3.0, 9.0])
def test_the_axis_of_the_draws_names_some_percentages_wherever_they_lie(found: Examination, shift: float) -> None:
    def shifted(probability: float) -> float:
        return 1 / (1 + math.exp(-math.log(probability / (1 - probability)) - shift))

    controls = tuple(
        dataclasses.replace(each, probabilities=tuple(map(shifted, each.probabilities))) for each in found.controls
    )
    moved = dataclasses.replace(
        found, drawn=tuple(map(shifted, found.drawn)), probability=shifted(found.probability), controls=controls
    )
    figure = charts.draws_chart(moved)
    low, high = figure.layout.xaxis.range
    at = [position for position in figure.layout.xaxis.tickvals if low <= position <= high]
    assert 2 <= len(at) <= 7
    assert all(low <= position <= high for line in figure.data for position in line.x)


def test_certainty_is_drawn_where_the_axis_ends(found: Examination) -> None:
    certain = dataclasses.replace(found, drawn=(0.0, 1.0), probability=1.0)
    for line in charts.draws_chart(certain).data:
        assert all(math.isfinite(position) for position in line.x)


def test_bars_stand_for_every_fill_and_source(found: Examination) -> None:
    for figure, field in ((charts.kept_chart(found), "kept"), (charts.removed_chart(found), "removed")):
        for bar in figure.data:
            own = {each.fill: getattr(each, field) for each in found.edits if each.source == bar.name}
            assert tuple(fill.replace("<br>", " ") for fill in bar.x) == FILLS
            assert list(bar.y) == pytest.approx([100 * own[fill] for fill in FILLS])
        assert {bar.name for bar in figure.data} == {each.source for each in found.edits}
        assert figure.layout.shapes[0].y0 == pytest.approx(100 * found.probability)


def test_curves_name_their_areas(found: Examination) -> None:
    for figure, field in ((charts.deletion_chart(found), "deletion"), (charts.insertion_chart(found), "insertion")):
        for line, order in zip(figure.data, found.orders, strict=True):
            assert list(line.y) == pytest.approx([100 * value for value in getattr(order, field)])
            assert line.name == text.order_with_area(order.order, getattr(order, f"{field}_area"))


def test_tables_carry_the_figures_of_the_charts(found: Examination) -> None:
    draws = rows(tab.draws_html(found))
    assert [row[0] for row in draws] == [text.control_name(each.name, DRAWS) for each in found.controls]
    assert [row[1] for row in draws] == [words.percent(each.probability) for each in found.controls]
    assert draws[0][2] == ""
    last = dataclasses.replace(found.controls[-1], lead=0.3)
    ahead = dataclasses.replace(found, controls=(*found.controls[:-1], last))
    assert rows(tab.draws_html(ahead))[-1][2] == words.points(0.3)
    edits = rows(tab.edits_html(found))
    assert [row[0] for row in edits] == [fill for fill in FILLS for _ in range(3)]
    own = {(each.fill, each.source): each for each in found.edits}
    for fill, source, kept, fidelity, removed, faithfulness, *_ in edits:
        each = own[fill, source]
        assert (kept, removed) == (words.percent(each.kept), words.percent(each.removed))
        assert (fidelity, faithfulness) == (text.score(each.input_fidelity), text.score(each.faithfulness))
    assert [row[1] for row in rows(tab.curves_html(found))] == [text.score(each.deletion_area) for each in found.orders]


def test_the_sentence_stands_on_top_with_what_to_keep_in_mind(view: ExplanationView, found: Examination) -> None:
    html = tab.verdict_html(view, dataclasses.replace(found, label="<b>siren</b>"))
    assert "<b>" not in html
    assert "&lt;b&gt;siren" in html
    html = tab.verdict_html(view, found)
    assert html.index(words_of(sentence(found))) < html.index("swelling.wav")
    assert html.count("<li>") == len(reservations(found))


def test_the_percentile_is_said_in_words(found: Examination) -> None:
    assert f"Among {DRAWS} random draws the chosen segments stand at percentile {found.percentile:.0f}" in (
        tab.draws_html(found)
    )


def test_every_figure_of_the_tables_has_a_definition() -> None:
    assert {"percentile", "random draws", "keep-only", "removal", "fills", "deletion area"} <= set(DEFINITIONS)
    for column in text.EDITS_COLUMNS[5:]:
        assert column in DEFINITIONS


def rows(html: str) -> list[list[str]]:
    """Cells of a table's body."""
    body = html[html.index("<tbody>") :]
    return [re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row) for row in re.findall(r"<tr>(.*?)</tr>", body)]


def words_of(sentence: str) -> str:
    """Its beginning, up to the first sign that HTML writes otherwise."""
    return re.split(r"[<>&'\"`$({]", sentence)[0]
