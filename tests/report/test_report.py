"""The report: one file that says what the run says, harms nobody, and plays in a browser without a network."""

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
from conftest import PATIENCE_MILLISECONDS
from playwright.sync_api import Browser, Page, expect
from tiny import CLIP_SECONDS, RATE, recognizer_of, sounding_clips, tiny_checkpoint, tiny_model
from toy import toy_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report import words
from playitback.report.figure import write_figure
from playitback.report.files import draw_player
from playitback.report.html import report_html
from playitback.report.rows import PlayerView
from playitback.spectrogram import mel_hertz

PLAYBACKS = 2
HEARINGS = PLAYBACKS + 1
HOSTILE = '</script><script>window.hacked=1</script><img src=x onerror="window.hacked=2"><!-- ${1}'
LABELS = ("church_bells", "rain", f"siren {HOSTILE}", "engine", "clock_tick", "wind")
NAME = f"bell {HOSTILE}.wav"

#: what WebAudio is asked to play, what the player says of it, and what the policy holds back
WATCH = """
window.starts = [];
window.heard = [];
window.held = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when, offset, duration) {
  const samples = this.buffer.getChannelData(0);
  const loudness = Array.from({ length: 50 }, (_, k) => {
    const part = samples.subarray((k * samples.length) / 50, ((k + 1) * samples.length) / 50);
    return Math.sqrt(part.reduce((sum, value) => sum + value * value, 0) / part.length);
  });
  window.starts.push({ offset, duration, soundSeconds: this.buffer.duration, loudness });
  return start.call(this, when, offset, duration);
};
for (const name of ["started", "stopped"]) {
  document.addEventListener(`playitback:${name}`, (event) => window.heard.push({ name, ...event.detail }));
}
document.addEventListener("securitypolicyviolation", (event) => window.held.push(event.effectiveDirective));
"""


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    model = tiny_model(labels=LABELS, playbacks=PLAYBACKS)
    return Recognizer.from_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny", model), "cpu")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return sounding_clips(1)[0].numpy()


@pytest.fixture(scope="module")
def explanation(recognizer: Recognizer, samples: np.ndarray) -> Explanation:
    recording = Recording(samples, RecordingInfo(NAME, 9.5, 44_100, 2, "WAV"), 1.25, RATE, ("It is <long>.",))
    return Explanation.of(recording, recognizer, recognizer.explain(samples))


@pytest.fixture(scope="module")
def player(
    explanation: Explanation, samples: np.ndarray, recognizer: Recognizer, tmp_path_factory: pytest.TempPathFactory
) -> PlayerView:
    return draw_player(explanation, samples, recognizer, tmp_path_factory.mktemp("drawn"))


@pytest.fixture(scope="module")
def figure(explanation: Explanation, recognizer: Recognizer, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("figure") / "figure.svg"
    write_figure(explanation, mel_hertz(recognizer.config.front_end), path)
    return path


@pytest.fixture(scope="module")
def report(explanation: Explanation, player: PlayerView, figure: Path, recognizer: Recognizer) -> str:
    return report_html(explanation, player, figure, recognizer)


@pytest.fixture(scope="module")
def report_file(report: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(report, encoding="utf-8")
    return path


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


# what stands in it


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
        *words.how_to_read(has_slots=True, can_replay=True).values(),
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


def test_a_class_that_is_followed_is_shown_although_it_does_not_lead(
    report: str, explanation: Explanation, player: PlayerView, figure: Path, recognizer: Recognizer
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
    write_figure(explanation, mel_hertz(toy.config.front_end), tmp_path / "figure.svg")
    report = Parts(report_html(explanation, player, tmp_path / "figure.svg", toy))
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
    figure = re.findall(r"<text[^>]*>([^<]*)</text>", (tmp_path / "figure.svg").read_text(encoding="utf-8"))
    assert {"relevance", "threshold", "chosen"} <= set(figure)
    assert [text for text in figure if unsuited.search(text)] == []


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
    report: str, explanation: Explanation, player: PlayerView, figure: Path, recognizer: Recognizer
) -> None:
    of_page = replace(player, run_id="another", link="beside", finished=False, expected_rows=9)
    assert report_html(explanation, of_page, figure, recognizer) == report


# in a browser


@pytest.fixture
def page(browser_page: Page, report_file: Path) -> Page:
    """The report as someone finds it who opens the file, without a network."""
    browser_page.context.set_offline(True)
    browser_page.add_init_script(WATCH)
    opened: list[str] = []
    browser_page.on("request", lambda request: opened.append(request.url))
    browser_page.goto(report_file.as_uri())
    expect(browser_page.locator("#player")).to_have_attribute("data-row-count", str(HEARINGS))
    assert [address for address in opened if not address.startswith("data:")] == [report_file.as_uri()]
    return browser_page


def wait_until(page: Page, condition: str) -> None:
    """Asks from here, as the report's policy forbids the page to evaluate what Playwright would leave there."""
    waited = 0
    while not page.evaluate(condition):
        assert waited < PATIENCE_MILLISECONDS, condition
        page.wait_for_timeout(50)
        waited += 50


def sounds_like(asked: dict[str, Any], samples: np.ndarray) -> bool:
    """Whether what WebAudio was given is as long as the samples, and swells and fades as they do."""
    loudness = [np.sqrt(np.mean(part**2)) for part in np.split(samples, 50)]
    same_length = asked["soundSeconds"] == pytest.approx(CLIP_SECONDS, abs=1e-4)
    return bool(same_length and np.corrcoef(asked["loudness"], loudness)[0, 1] > 0.995)


@pytest.mark.browser
def test_it_opens_offline_with_every_row_and_picture(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(page.locator("#player [data-row] .row-title")).to_have_text(["First hearing", "Playback 1", "Playback 2"])
    wait_until(page, "[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("document.images.length") == 1 + 2 * HEARINGS
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.held") == []
    assert page.locator("main b, header b, #player script").count() == 0


@pytest.mark.browser
def test_a_segment_plays_from_its_start_to_its_end(page: Page, explanation: Explanation, samples: np.ndarray) -> None:
    segment = explanation.hearings[1].segments[0]
    page.locator("#player [data-row='1'] .actions [data-key='segment-1-0']").click()
    wait_until(page, "window.heard.length === 2")
    (asked,) = page.evaluate("window.starts")
    assert asked["offset"] == pytest.approx(segment.start_seconds, abs=1e-5)
    assert asked["offset"] + asked["duration"] == pytest.approx(segment.end_seconds, abs=1e-5)
    started, stopped = page.evaluate("window.heard")
    assert (started["kind"], started["row"], stopped["name"]) == ("segment", 1, "stopped")
    assert stopped["position"] == pytest.approx(segment.end_seconds, abs=0.001)
    assert sounds_like(asked, samples)  # the clip itself


@pytest.mark.browser
def test_a_hearing_plays_as_the_model_heard_it(page: Page, player: PlayerView) -> None:
    page.locator("#player [data-row='2']").get_by_role("button", name="as the model heard it").click()
    wait_until(page, "window.starts.length === 1")
    (asked,) = page.evaluate("window.starts")
    tapes = [soundfile.read(row.tape_audio)[0] for row in player.rows]
    assert [sounds_like(asked, tape) for tape in tapes] == [False, False, True]


@pytest.mark.browser
def test_the_numbers_and_the_figure_can_be_saved(page: Page, explanation: Explanation, figure: Path) -> None:
    for caption, name in ((words.TAKE_EXPLANATION, "explanation.json"), (words.TAKE_FIGURE, "figure.svg")):
        with page.expect_download() as saved:
            page.get_by_role("link", name=caption).click()
        assert saved.value.suggested_filename == name
        content = Path(saved.value.path()).read_text(encoding="utf-8")
        if name == "figure.svg":
            assert content == figure.read_text(encoding="utf-8")
        else:
            assert json.loads(content) == explanation.to_dict()


@pytest.mark.browser
def test_it_follows_light_and_dark(page: Page) -> None:
    def lightness(selector: str, what: str) -> int:
        colour = page.locator(selector).first.evaluate(f"(node) => getComputedStyle(node).{what}")
        return sum(int(part) for part in re.findall(r"\d+", colour)[:3])

    places = (("body", "backgroundColor"), ("h1", "color"), ("#player .row-title", "color"))
    page.emulate_media(color_scheme="light")
    ground, *type_colours = (lightness(*place) for place in places)
    assert all(ground - each > 400 for each in type_colours)
    page.emulate_media(color_scheme="dark")
    for _ in ("as it changes", "as it is found"):
        expect(page.locator("html")).to_have_class("dark")
        ground, *type_colours = (lightness(*place) for place in places)
        assert all(each - ground > 400 for each in type_colours)
        page.reload()


@pytest.mark.browser
def test_on_paper_the_figure_takes_the_players_place(page: Page) -> None:
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#figure")).to_be_hidden()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("#player")).to_be_hidden()
    expect(page.locator("#figure")).to_be_visible()
    ink = page.locator("h1").evaluate("(node) => getComputedStyle(node).color")
    assert sum(int(part) for part in re.findall(r"\d+", ink)[:3]) < 300  # dark type also where the screen is dark


@pytest.mark.browser
def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    widest = """
    [...document.body.querySelectorAll("*")].filter((node) => node.checkVisibility() && !node.closest(".numbers, svg, "
      + ".surface, .hidden-text")).reduce((most, node) => Math.max(most, node.getBoundingClientRect().right), 0)
    """
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(widest) <= 390


@pytest.mark.browser
def test_the_policy_lets_nothing_out_and_no_other_script_run(browser: Browser, report_file: Path) -> None:
    context = browser.new_context()
    failures: list[str | None] = []
    try:
        page = context.new_page()
        page.add_init_script(WATCH)
        page.goto(report_file.as_uri())
        page.on("requestfailed", lambda request: failures.append(request.failure))
        page.evaluate("""() => {
          const script = document.createElement("script");
          script.textContent = "window.hacked = 1";
          const image = document.createElement("img");
          image.src = "http://127.0.0.1:9/seen.png";
          const frame = document.createElement("iframe");
          frame.src = "http://127.0.0.1:9/";
          document.body.append(script, image, frame);
          fetch("http://127.0.0.1:9/told").catch(() => {});
        }""")
        wait_until(page, "window.held.length >= 4")
        assert sorted(page.evaluate("window.held")) == ["connect-src", "frame-src", "img-src", "script-src-elem"]
        assert page.evaluate("window.hacked") is None
        assert set(failures) <= {"csp"}  # and not for the want of anybody who listens there
    finally:
        context.close()
