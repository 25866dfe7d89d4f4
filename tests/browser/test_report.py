"""The report in a real browser: it plays without a network, prints, and lets nothing out."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from conftest import PATIENCE_MILLISECONDS
from hostile_report import HEARINGS, NAME, HostileReport, make_hostile_report
from playwright.sync_api import Browser, Page, expect
from tiny import CLIP_SECONDS

from playitback.report import words

pytestmark = pytest.mark.browser

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
def made(tmp_path_factory: pytest.TempPathFactory) -> HostileReport:
    return make_hostile_report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def report_file(made: HostileReport, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("file") / "report.html"
    path.write_text(made.html, encoding="utf-8")
    return path


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


def test_it_opens_offline_with_every_row_and_picture(page: Page) -> None:
    expect(page.get_by_role("heading", level=1)).to_have_text(NAME)
    expect(page.locator("#player [data-row] .row-title")).to_have_text(["First hearing", "Playback 1", "Playback 2"])
    wait_until(page, "[...document.images].every((image) => image.complete && image.naturalWidth > 0)")
    assert page.evaluate("document.images.length") == 1 + 2 * HEARINGS
    assert page.evaluate("window.hacked") is None
    assert page.evaluate("window.held") == []
    assert page.locator("main b, header b, #player script").count() == 0


def test_a_segment_plays_from_its_start_to_its_end(page: Page, made: HostileReport) -> None:
    segment = made.explanation.hearings[1].segments[0]
    page.locator("#player [data-row='1'] .actions [data-key='segment-1-0']").click()
    wait_until(page, "window.heard.length === 2")
    (asked,) = page.evaluate("window.starts")
    assert asked["offset"] == pytest.approx(segment.start_seconds, abs=1e-5)
    assert asked["offset"] + asked["duration"] == pytest.approx(segment.end_seconds, abs=1e-5)
    started, stopped = page.evaluate("window.heard")
    assert (started["kind"], started["row"], stopped["name"]) == ("segment", 1, "stopped")
    assert stopped["position"] == pytest.approx(segment.end_seconds, abs=0.001)
    assert sounds_like(asked, made.samples)  # the clip itself


def test_a_hearing_plays_as_the_model_heard_it(page: Page, made: HostileReport) -> None:
    page.locator("#player [data-row='2']").get_by_role("button", name="as the model heard it").click()
    wait_until(page, "window.starts.length === 1")
    (asked,) = page.evaluate("window.starts")
    tapes = [soundfile.read(row.tape_audio)[0] for row in made.player.rows]
    assert [sounds_like(asked, tape) for tape in tapes] == [False, False, True]


def test_the_numbers_and_the_figure_can_be_saved(page: Page, made: HostileReport) -> None:
    for caption, name in ((words.TAKE_EXPLANATION, "explanation.json"), (words.TAKE_FIGURE, "figure.svg")):
        with page.expect_download() as saved:
            page.get_by_role("link", name=caption).click()
        assert saved.value.suggested_filename == name
        content = Path(saved.value.path()).read_text(encoding="utf-8")
        if name == "figure.svg":
            assert content == made.figure
        else:
            assert json.loads(content) == made.explanation.to_dict()


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


def test_on_paper_the_figure_takes_the_players_place(page: Page) -> None:
    expect(page.locator("#player")).to_be_visible()
    expect(page.locator("#figure")).to_be_hidden()
    page.emulate_media(media="print", color_scheme="dark")
    expect(page.locator("#player")).to_be_hidden()
    expect(page.locator("#figure")).to_be_visible()
    ink = page.locator("h1").evaluate("(node) => getComputedStyle(node).color")
    assert sum(int(part) for part in re.findall(r"\d+", ink)[:3]) < 300  # dark type also where the screen is dark


def test_it_fits_a_phone(page: Page) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    widest = """
    [...document.body.querySelectorAll("*")].filter((node) => node.checkVisibility() && !node.closest(".numbers, svg, "
      + ".surface, .hidden-text")).reduce((most, node) => Math.max(most, node.getBoundingClientRect().right), 0)
    """
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    assert page.evaluate(widest) <= 390


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
