"""The report: one file that says what the run says, and harms nobody."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from hostile_report import HEARINGS, LABELS, NAME, HostileReport, make_hostile_report
from tiny import CLIP_SECONDS, RATE, recognizer_of, tiny_model
from toy import toy_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report import words
from playitback.report.figure import figures_of
from playitback.report.files import draw_player
from playitback.report.html import report_html
from playitback.report.rows import PlayerView
from playitback.spectrogram import mel_hertz


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> HostileReport:
    return make_hostile_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def recognizer(made: HostileReport) -> Recognizer:
    return made.recognizer


@pytest.fixture(scope="module")
def samples(made: HostileReport) -> np.ndarray:
    return made.samples


@pytest.fixture(scope="module")
def explanation(made: HostileReport) -> Explanation:
    return made.explanation


@pytest.fixture(scope="module")
def player(made: HostileReport) -> PlayerView:
    return made.player


@pytest.fixture(scope="module")
def figure(made: HostileReport) -> str:
    return made.figure


@pytest.fixture(scope="module")
def report(made: HostileReport) -> str:
    return made.html


class Parts(HTMLParser):
    """Elements, addresses and texts as a browser would find them."""

    def __init__(self, report: str) -> None:
        super().__init__()
        self.elements: Counter[str] = Counter()
        self.addresses: list[str] = []
        self.texts: dict[str, list[str]] = {}
        self.cells: list[list[tuple[str, bool]]] = []  # text and whether it is the decision's, row by row
        self._within: list[str] = []
        self.feed(report)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements[tag] += 1
        self._within.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), (tag, name)
            if name in ("src", "href", "action", "data", "srcset", "poster"):
                self.addresses.append(value or "")
        if tag == "tr":
            self.cells.append([])
        if tag in ("td", "th"):
            self.cells[-1].append(("", ("class", "decision") in attrs))

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, text: str) -> None:
        if not self._within:
            return
        self.texts.setdefault(self._within[-1], []).append(text)
        if "tr" in self._within and self.cells[-1]:
            before, decided = self.cells[-1][-1]
            self.cells[-1][-1] = before + text, decided


def hearings_of(report: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(Parts(report).texts["script"][0])
    return found


def test_it_needs_nothing_but_itself(report: str) -> None:
    parts = Parts(report)
    assert len(parts.addresses) == 2  # the figure and the explanation
    assert all(address.startswith("data:") for address in parts.addresses)
    files = hearings_of(report)["files"].values()
    assert all(re.match(r"data:(image/png|audio/flac);base64,[A-Za-z0-9+/]+=*$", address) for address in files)
    assert re.findall(r"url\((?!%23)[^)]*", report) == []  # except parts of the figure itself
    assert "@import" not in report
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', report)
    allowed = dict(each.split(" ", 1) for each in policy.split("; "))
    assert allowed.pop("script-src").startswith("'sha256-")
    assert allowed == {
        "default-src": "'none'",
        "style-src": "'unsafe-inline'",
        "img-src": "data:",
        "connect-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
    }


def test_it_tells_the_whole_run(report: str, explanation: Explanation) -> None:
    texts = [text for found in Parts(report).texts.values() for text in found]
    decisions = [explanation.decision(index) for index in range(HEARINGS)]
    for told in (
        NAME,
        words.conclusion(decisions, explanation.probability(-1, decisions[-1])),
        "It is <long>.",
        f"9.5{words.NBSP}s · 44.1{words.NBSP}kHz · stereo · WAV",
        f"1.25 to 3.25{words.NBSP}s of it",
        f"tiny: 6 classes, hears 2{words.NBSP}s at once, at 16{words.NBSP}kHz",
        *words.how_to_read(has_slots=True, can_replay=True, has_activity=False).values(),
        "Two slots compete for every moment. Where the informative one stays above the threshold, the segment is "
        "chosen for the next hearing (dashed edges).",
        "The playbacks",
        words.limits(can_replay=True),
        words.RECORDING_INSIDE,
    ):
        assert told in texts
    assert any(text.startswith("the first hearing and 2 playbacks, at hops of 12.5") for text in texts)


def test_the_explanation_can_be_taken_out_of_it_whole(report: str, explanation: Explanation) -> None:
    (address,) = [each for each in Parts(report).addresses if each.startswith("data:application/json;base64,")]
    assert json.loads(base64.b64decode(address.partition(",")[2])) == explanation.to_dict()


def test_confidences_are_those_of_every_hearing_with_the_decision_marked(report: str, explanation: Explanation) -> None:
    heading, *rows = Parts(report).cells
    assert [text for text, _ in heading] == ["", "First hearing", "Playback 1", "Playback 2"]
    classes = explanation.leading()
    assert classes == tuple(label for label in explanation.ranking(-1) if label in classes)
    assert {label for index in range(HEARINGS) for label in explanation.ranking(index)[:3]} == set(classes)
    for label, ((name, _), *cells) in zip(classes, rows, strict=True):
        assert name == words.class_name(label)
        for index, (text, decided) in enumerate(cells):
            assert text.startswith(words.percent(explanation.probability(index, label)))
            assert decided == (label == explanation.decision(index))
            change = explanation.change(index, label)
            assert text.endswith(
                words.percent(explanation.probability(0, label)) if index == 0 else words.points(change)
            )


def test_a_class_that_is_asked_about_is_shown_although_it_does_not_lead(
    report: str, explanation: Explanation, player: PlayerView, figure: str, recognizer: Recognizer
) -> None:
    unlikely = explanation.ranking(-1)[-1]
    assert unlikely not in explanation.leading()
    name = words.class_name(unlikely)
    assert name not in [row[0][0] for row in Parts(report).cells]
    told = Parts(report_html(explanation, player, figure, recognizer, unlikely))
    assert name in [row[0][0] for row in told.cells]
    assert name in told.texts["dd"]


@pytest.mark.parametrize(
    ("data_set", "licence", "told"),
    [
        ("esc50", "CC-BY-NC-3.0", "The model m was trained on esc50 and is licensed CC-BY-NC-3.0."),
        (None, "CC0-1.0", "The model m is licensed CC0-1.0."),
        ("folder", "other", "The model m was trained on folder and the terms of its training data apply to it."),
        (None, None, ""),
    ],
)
def test_terms_say_what_the_checkpoint_says(data_set: str | None, licence: str | None, told: str) -> None:
    assert words.model_terms("m", data_set, licence) == told


def test_a_model_without_slots_and_replay_is_told_without_a_word_of_them(samples: np.ndarray, tmp_path: Path) -> None:
    toy = recognizer_of(toy_model())
    recording = Recording(samples, RecordingInfo("bell.wav", CLIP_SECONDS, RATE, 1, "WAV"), 0.0, RATE)
    explanation = Explanation.of(recording, toy, toy.explain(samples, asked="siren"))
    player = draw_player(explanation, samples, toy, tmp_path)
    drawn = figures_of(explanation, mel_hertz(toy.config.front_end)).svg
    report = Parts(report_html(explanation, player, drawn, toy))
    texts = [text for kind, found in report.texts.items() if kind not in ("script", "style") for text in found]
    for told in (
        "The hearing",
        "Relevance",
        "How much every moment matters",
        "of the relevance",
        "the first hearing alone",
    ):
        assert any(told in text for text in texts), told
    unsuited = re.compile("slot|informative|attention|playback|replayed|next hearing", re.IGNORECASE)
    assert [text for text in texts if unsuited.search(text)] == []
    figure = re.findall(r"<text[^>]*>([^<]*)</text>", drawn)
    assert {"relevance", "threshold", "chosen"} <= set(figure)
    assert [text for text in figure if unsuited.search(text)] == []


@pytest.mark.parametrize("activity", [True, False])
def test_the_map_of_classes_is_in_it_and_told_where_the_model_knows_of_moments(
    samples: np.ndarray, tmp_path: Path, activity: bool
) -> None:
    recognizer = recognizer_of(tiny_model(activity=activity))
    recording = Recording(samples, RecordingInfo("bell.wav", CLIP_SECONDS, RATE, 1, "WAV"), 0.0, RATE)
    explanation = Explanation.of(recording, recognizer, recognizer.explain(samples))
    player = draw_player(explanation, samples, recognizer, tmp_path)
    drawn = figures_of(explanation, mel_hertz(recognizer.config.front_end)).svg
    report = report_html(explanation, player, drawn, recognizer)
    mapped = [bool(row["activity"]) for row in hearings_of(report)["player"]["rows"]]
    assert mapped == [activity, False, False, False]
    assert ("Activity" in Parts(report).texts["dt"]) is activity


def test_hops_are_told_in_order() -> None:
    ms = f"{words.NBSP}ms"
    assert words.hearing_facts([0.025]) == f"the first hearing alone, at a hop of 25{ms}"
    assert words.hearing_facts([0.025, 0.0125]) == f"the first hearing and 1 playback, at hops of 25{ms} and 12.5{ms}"
    assert words.hearing_facts([0.03, 0.02, 0.01]).endswith(f"2 playbacks, at hops of 30{ms}, 20{ms} and 10{ms}")


def test_a_threshold_is_told_once_or_hearing_by_hearing() -> None:
    assert words.threshold_fact([0.5, 0.5], has_slots=True) == "0.5 of the informative slot's attention"
    told = words.threshold_fact([0.7974, 0.6, 0.5], has_slots=True)
    assert told == "hearing by hearing, 0.8, 0.6 and 0.5 of the informative slot's attention"
    assert words.threshold_fact([0.5], has_slots=False) == "0.5 of the relevance"


def test_names_from_outside_are_text_wherever_they_stand(report: str) -> None:
    parts = Parts(report)
    assert parts.elements["script"] == 2  # the hearings as data and the player
    assert parts.elements["img"] == 1  # the figure
    assert "<!--" not in report.partition("<body>")[2].partition('<script type="application/json"')[0]
    hearings = hearings_of(report)["player"]
    assert hearings["clip_name"] == NAME
    assert words.class_name(LABELS[2]) in [name for row in hearings["rows"] for name, *_ in row["classes"]]


def test_sounds_are_the_pages_own_sample_by_sample_and_each_stands_once(report: str, player: PlayerView) -> None:
    embedded = hearings_of(report)
    files, shown = embedded["files"], embedded["player"]
    assert shown["clip_audio"] == shown["rows"][0]["tape_audio"]  # the first hearing hears the clip as it is
    assert len(files) == HEARINGS + 2 * HEARINGS  # a tape and two pictures a hearing; frames of all hearings differ
    assert len(set(files.values())) == len(files)
    for row, drawn in zip(shown["rows"], player.rows, strict=True):
        flac = base64.b64decode(files[row["tape_audio"]].partition(",")[2])
        found, rate = soundfile.read(BytesIO(flac), dtype="int16")
        wanted, _ = soundfile.read(drawn.tape_audio, dtype="int16")
        assert rate == RATE
        np.testing.assert_array_equal(found, wanted)
        png = base64.b64decode(files[row["spectrogram"]].partition(",")[2])
        assert png == Path(drawn.spectrogram).read_bytes()


def test_a_run_gives_the_same_report_whoever_drew_its_rows(
    report: str, explanation: Explanation, player: PlayerView, figure: str, recognizer: Recognizer
) -> None:
    of_page = replace(player, run_id="another", link="beside", finished=False, expected_rows=9)
    assert report_html(explanation, of_page, figure, recognizer) == report
