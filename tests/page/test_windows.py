"""Long recordings through the service: window after window as they are heard, and tables of them."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, chirp, lively_model, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.charts.windows import CLASS_COLOURS, LANES, class_colours, laned, timeline_view
from app.service import ExplainService, Models, Settings, WindowsService, WindowsView
from app.service.windows import WINDOWS_A_VIEW, write_tables
from app.tabs import windows as windows_tab
from playitback.errors import AudioError, SettingsError
from playitback.explain.events import (
    GAP_STEPS,
    MEDIAN_STEPS,
    MINIMUM_STEPS,
    OFF_BELOW,
    ON_ABOVE,
    STEP_SECONDS,
    Event,
)
from playitback.explain.windows import Window

PLAYBACKS = 1
LABELS = ("church_bells", "rain", "siren", "engine")
WINDOWS = 2 * WINDOWS_A_VIEW + 3
SECONDS = WINDOWS * CLIP_SECONDS - 0.5  # the last window is shorter


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    return tiny_checkpoint(folder, tiny_model(labels=LABELS, playbacks=PLAYBACKS))


@pytest.fixture(scope="module")
def service(checkpoint: Path) -> WindowsService:
    return WindowsService(Models([str(checkpoint)], "cpu"))


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Windows of different sounds, so that they are not all of one class."""
    path = tmp_path_factory.mktemp("sounds") / "a day out.wav"
    clips = [
        chirp(CLIP_SECONDS, hertz=(200, 300 + 300 * index)) if index % 3 else clip.numpy()
        for index, clip in enumerate(sounding_clips(WINDOWS))
    ]
    soundfile.write(path, np.concatenate(clips)[: round(SECONDS * RATE)], RATE)
    return path


@pytest.fixture(scope="module")
def lively(tmp_path_factory: pytest.TempPathFactory, recording: Path) -> tuple[WindowsView, ...]:
    """As a model with activity hears it."""
    folder = tmp_path_factory.mktemp("checkpoints") / "lively"
    tiny_checkpoint(folder, lively_model(labels=LABELS, playbacks=PLAYBACKS))
    return tuple(WindowsService(Models([str(folder)], "cpu")).listen(recording, "lively"))


@pytest.fixture(scope="module")
def views(service: WindowsService, recording: Path) -> tuple[WindowsView, ...]:
    return tuple(service.listen(recording, "tiny"))


def test_windows_come_as_they_are_heard_with_the_time_that_is_left(views: tuple[WindowsView, ...]) -> None:
    assert [len(view.windows) for view in views] == [0, WINDOWS_A_VIEW, 2 * WINDOWS_A_VIEW, WINDOWS]
    assert {view.expected_windows for view in views} == {WINDOWS}
    assert [view.finished for view in views] == [False, False, False, True]
    for earlier, later in pairwise(views):
        assert later.windows[: len(earlier.windows)] == earlier.windows
    assert views[0].seconds_left is None
    assert all(view.seconds_left is not None and view.seconds_left > 0 for view in views[1:-1])
    assert views[-1].seconds_left == 0


def test_every_window_is_what_its_explanation_says(
    views: tuple[WindowsView, ...], service: WindowsService, recording: Path, tmp_path: Path
) -> None:
    for window in (views[-1].windows[4], views[-1].windows[-1]):
        folder = tmp_path / str(window.index)
        folder.mkdir()
        settings = Settings("tiny", start_seconds=window.start_seconds)
        *_, view = ExplainService(service.models).explain(recording, settings, folder)
        assert view.explanation.decision(-1) == window.label
        # heard among others, sums are rounded otherwise; most bands of a pure tone hold little more than that rounding
        assert view.explanation.probability(-1, window.label) == pytest.approx(window.probability, abs=1e-4)


def test_windows_may_overlap_by_half(service: WindowsService, recording: Path) -> None:
    *_, view = service.listen(recording, "tiny", hop_share=0.5)
    starts = [window.start_seconds for window in view.windows]
    assert np.diff(starts) == pytest.approx(CLIP_SECONDS / 2)
    assert view.hop_seconds == CLIP_SECONDS / 2
    assert view.windows[-1].end_seconds == pytest.approx(SECONDS)
    assert view.finished


def test_fewer_playbacks_are_another_hearing(
    service: WindowsService, recording: Path, views: tuple[WindowsView, ...]
) -> None:
    *_, view = service.listen(recording, "tiny", playbacks=0)
    assert view.windows[0].probability != views[-1].windows[0].probability


def test_whoever_stops_listening_stops_the_work(checkpoint: Path, recording: Path) -> None:
    heard, closed = [], []

    def counting(work: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def counted(*arguments: object) -> Iterator[object]:
            try:
                for each in work(*arguments):
                    heard.append(each)
                    yield each
            finally:
                closed.append(True)

        return counted

    listening = WindowsService(Models([str(checkpoint)], "cpu", counting)).listen(recording, "tiny")
    next(listening)
    assert len(next(listening).windows) == WINDOWS_A_VIEW
    listening.close()
    assert (len(heard), closed) == (WINDOWS_A_VIEW, [True])


def test_leading_classes_have_their_shares_of_the_windows(views: tuple[WindowsView, ...]) -> None:
    leading = views[-1].leading
    assert list(leading.values()) == sorted(leading.values(), reverse=True)
    assert sum(leading.values()) == pytest.approx(1)
    for label, share in leading.items():
        assert share == sum(window.label == label for window in views[-1].windows) / WINDOWS
    assert views[0].leading == {}


def test_a_stretch_is_opened_at_its_surest_window(views: tuple[WindowsView, ...]) -> None:
    view = views[-1]
    windows = iter(view.windows)
    assert any(stretch.windows > 1 for stretch in view.stretches)
    for number, stretch in enumerate(view.stretches):
        of_stretch = [next(windows) for _ in range(stretch.windows)]
        assert {window.label for window in of_stretch} == {stretch.label}
        assert view.surest(number) in of_stretch
        assert view.surest(number).probability == max(window.probability for window in of_stretch)


def test_tables_hold_what_was_heard_so_far_and_are_named_after_the_recording(
    views: tuple[WindowsView, ...], tmp_path: Path
) -> None:
    view = views[1]
    files = write_tables(view, tmp_path)
    assert files.table.name == "a day out-windows.csv"
    with files.table.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert [row["class"] for row in rows] == [window.label for window in view.windows]
    assert [float(row["start"]) for row in rows] == [window.start_seconds for window in view.windows]
    labels = files.audacity.read_text(encoding="utf-8").splitlines()
    assert [line.split("\t")[2] for line in labels] == [stretch.label for stretch in view.stretches]
    selections = files.raven.read_text(encoding="utf-8").splitlines()
    assert len(selections) == len(view.stretches) + 1
    assert f"\t{RATE / 2:g}\t" in selections[1]


def test_a_model_with_activity_tells_events_while_it_listens(lively: tuple[WindowsView, ...]) -> None:
    assert lively[0].events is None  # nothing is heard yet
    for view in lively[1:]:
        assert view.events
        assert all(event.end_seconds <= view.windows[-1].end_seconds for event in view.events)
        starts = [event.start_seconds for event in view.events]
        assert starts == sorted(starts)
    seconds = list(lively[-1].sounding.values())
    assert seconds == sorted(seconds, reverse=True)
    assert sum(seconds) == pytest.approx(
        sum(event.end_seconds - event.start_seconds for event in lively[-1].events or ())
    )


def test_labels_to_take_away_are_the_events(lively: tuple[WindowsView, ...], tmp_path: Path) -> None:
    view = lively[-1]
    assert view.events is not None
    files = write_tables(view, tmp_path)
    assert files.events is not None
    assert files.events.name == "a day out-events.csv"
    with files.events.open(newline="", encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    wanted = [(event.label, event.start_seconds, event.end_seconds) for event in view.events]
    assert [(row["class"], float(row["start"]), float(row["stop"])) for row in rows] == wanted
    labels = [line.split("\t") for line in files.audacity.read_text(encoding="utf-8").splitlines()]
    assert [(name, float(start), float(end)) for start, end, name in labels] == wanted
    assert len(files.raven.read_text(encoding="utf-8").splitlines()) == len(wanted) + 1


def test_without_activity_there_is_no_table_of_events(views: tuple[WindowsView, ...], tmp_path: Path) -> None:
    assert views[-1].events is None
    assert write_tables(views[-1], tmp_path).events is None
    assert "tiny has no activity" in windows_tab.status_html(views[-1])


def test_the_tab_says_how_many_events_there_are_and_lists_them(lively: tuple[WindowsView, ...]) -> None:
    view = lively[-1]
    assert view.events is not None
    assert f"{len(view.events)} events of {len(view.sounding)} classes." in windows_tab.status_html(view)
    table = windows_tab.events_update(view)["value"]
    assert table["headers"] == list(text.EVENT_COLUMNS)
    assert [row[2] for row in table["data"]] == [event.label.replace("_", " ") for event in view.events]
    assert text.events_conclusion(0, 0, 8) == "No event: no class is sure enough of any moment."
    assert text.events_conclusion(1, 1, 8) == "1 event of 1 class."
    assert "the 8 that sound longest have lanes" in text.events_conclusion(30, 9, 8)


def test_the_clip_around_a_moment_stays_within_the_recording(lively: tuple[WindowsView, ...]) -> None:
    view = lively[-1]
    assert view.clip_around(0.3) == 0
    assert view.clip_around(7.0) == 7.0 - CLIP_SECONDS / 2
    assert view.clip_around(SECONDS) == SECONDS - CLIP_SECONDS


def test_lanes_are_of_the_classes_that_sound_longest(lively: tuple[WindowsView, ...]) -> None:
    view = lively[-1]
    shown = timeline_view(view, "run", class_colours(laned(view), {}))
    assert [name for name, _ in shown.lanes] == [label.replace("_", " ") for label in view.sounding]
    assert len({colour for _, colour in shown.lanes}) == len(shown.lanes)
    assert view.events is not None
    for (lane, start, end, confidence, peak), event in zip(shown.events, view.events, strict=True):
        assert shown.lanes[lane][0] == event.label.replace("_", " ")
        assert (start, end, confidence) == (event.start_seconds, event.end_seconds, event.probability)
        assert peak == event.peak_seconds
    many = tuple(Event(f"class {number}", number, number + 1, 0.5, number + 0.5) for number in range(LANES + 3))
    window = Window(0, 0, 1, "class 0", 0.5, ("class 0",), np.zeros(1), over=many)
    crowd = WindowsView(Path("x.wav"), "tiny", "x.wav", 12.0, 8000.0, 1.0, 1.0, (window,), 1)
    assert len(timeline_view(crowd, "run", {}).lanes) == LANES
    assert len(timeline_view(crowd, "run", {}).events) == LANES


def test_what_an_event_is_is_said_in_its_own_numbers() -> None:
    said = text.WINDOWS_DEFINITIONS["event"]
    for number in (f"{ON_ABOVE:.0%}", f"{OFF_BELOW:.0%}"):
        assert number.replace("%", " %") in said
    for steps in (MEDIAN_STEPS, GAP_STEPS, MINIMUM_STEPS):
        assert f"{steps * STEP_SECONDS:g} s" in said


def test_what_is_wrong_is_said_before_anything_is_shown(service: WindowsService, recording: Path) -> None:
    with pytest.raises(AudioError, match=r"missing\.wav"):
        next(service.listen(recording.with_name("missing.wav"), "tiny"))
    with pytest.raises(SettingsError, match="tiny plays back 0 to 1 times, not 7"):
        next(service.listen(recording, "tiny", playbacks=7))


def test_the_timeline_shows_every_window_with_the_name_of_its_class(views: tuple[WindowsView, ...]) -> None:
    view = views[-1]
    shown = timeline_view(view, "run", class_colours(tuple(view.leading), {}))
    for (number, confidence), window in zip(shown.windows, view.windows, strict=True):
        assert shown.classes[number][0] == window.label.replace("_", " ")
        assert confidence == window.probability
    assert len({colour for _, colour, _ in shown.classes}) == len(shown.classes)


def test_classes_keep_their_colours_while_they_lead_and_the_rest_share_none() -> None:
    many = [f"class {number}" for number in range(len(CLASS_COLOURS) + 2)]
    before = class_colours(many, {})
    assert list(before.values()) == list(CLASS_COLOURS)
    assert many[-1] not in before
    leading = many[1 : len(CLASS_COLOURS)]
    after = class_colours([many[-1], *reversed(leading)], before)  # the last overtakes, the first falls behind
    assert {label: after[label] for label in leading} == {label: before[label] for label in leading}
    assert after[many[-1]] == before[many[0]]
    windows = tuple(
        Window(index, index, index + 1, label, 0.5, (label,), np.zeros(1)) for index, label in enumerate(many)
    )
    view = WindowsView(Path("x.wav"), "tiny", "x.wav", 12.0, 8000.0, 1.0, 1.0, windows, len(many))
    assert [colour for _, colour, _ in timeline_view(view, "run", before).classes].count(None) == 2
