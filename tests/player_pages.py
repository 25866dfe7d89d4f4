"""What tests of the player share: made-up hearings of a four-second clip, and pages that show them without Gradio."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from PIL import Image
from playwright.sync_api import Page

from playitback.report import player
from playitback.report.rows import LaneView, PlayerView, RowView

CLIP_SECONDS = 4.0
SAMPLE_RATE = 16_000
SEGMENTS = ((1.0, 2.0), (3.0, 3.25))
# Replayed at twice the share of time that the rest gets: knots (second of the tape, second of the clip).
TAPE_MAP = ((0.0, 0.0), (0.8, 1.0), (2.4, 2.0), (4.0, 4.0))
HOSTILE = '<img src=x onerror="window.hacked=1">{{value}}${window.hacked=2}</th><script>window.hacked=3</script>'

WATCH = """
window.starts = [];
window.heard = [];
const start = AudioBufferSourceNode.prototype.start;
AudioBufferSourceNode.prototype.start = function (when, offset, duration) {
  window.starts.push({ when, offset, duration, now: this.context.currentTime, soundSeconds: this.buffer.duration });
  return start.call(this, when, offset, duration);
};
for (const name of ["started", "stopped"]) {
  document.addEventListener(`playitback:${name}`, (event) => {
    const now = window[Symbol.for("playitback.audio")].currentTime;
    window.heard.push({ name, now, ...event.detail });
  });
}
// Does `first`, then, the moment a sound is started, `second`; resolves when that sound has stopped.
window.whilePlaying = (first, second) => new Promise((resolve) => {
  document.addEventListener("playitback:started", () => second(), { once: true });
  document.addEventListener("playitback:stopped", () => resolve(), { once: true });
  first();
});
"""
#: in JavaScript: contrast(colour, ground) of two colours as CSS writes them, as WCAG defines it
CONTRAST = """
    const brush = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    const luminance = (colour) => {
        brush.fillStyle = colour;
        brush.fillRect(0, 0, 1, 1);
        const light = [...brush.getImageData(0, 0, 1, 1).data].slice(0, 3).map((each) => {
            const share = each / 255;
            return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
        });
        return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2];
    };
    const contrast = (...colours) => {
        const [light, dark] = colours.map(luminance).sort((a, b) => b - a);
        return (light + 0.05) / (dark + 0.05);
    };
"""


def make_views(
    folder: Path, run_id: str = "first", name: str = "bell.wav", word: str = "bell"
) -> tuple[PlayerView, ...]:
    """The views of a run of three hearings as they come: one row, two rows, three rows and finished."""
    seconds = np.arange(int(CLIP_SECONDS * SAMPLE_RATE)) / SAMPLE_RATE
    sound, tape, picture = (str(folder / f"{run_id}{end}") for end in (".wav", "-tape.wav", ".png"))
    for path, hertz in ((sound, 440), (tape, 220)):
        soundfile.write(path, 0.2 * np.sin(2 * np.pi * hertz * seconds), SAMPLE_RATE, subtype="PCM_16")
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (64, 100, 3), dtype=np.uint8)).save(picture)
    columns = np.arange(0.1, CLIP_SECONDS, 0.2)
    informative = np.where((columns > 1.0) & (columns < 2.0), 0.9, 0.2)
    lanes = {"informative attention": informative, "uninformative attention": 1 - informative}
    rows = tuple(
        RowView(
            index=index,
            title="First hearing" if index == 0 else f"Playback {index}",
            hop_ms=12.5 / (index + 1),
            replayed_seconds=1.0 if index else 0.0,
            spectrogram=picture,
            frames_spectrogram=picture,
            frame_ticks=((0.0, 0.0), (0.2, 1.0), (0.6, 2.0), (1.0, 4.0)),
            frequency_ticks=((0.1212, 250.0), (0.3521, 1000.0), (0.7557, 4000.0)),
            lane_seconds=tuple(columns),
            lanes=tuple(LaneView(name, tuple(values)) for name, values in lanes.items()),
            activity=None,
            threshold=0.5,
            segments=SEGMENTS,
            replayed=SEGMENTS[:1] if index else (),
            tape_audio=tape,
            tape_map=TAPE_MAP if index else ((0.0, 0.0), (CLIP_SECONDS, CLIP_SECONDS)),
            classes=(
                (word, 0.6, 0.21 if index else None),
                ("rain", 0.3, -0.04 if index else None),
                ("cat", 0.001, None),
            ),
            decided=0,
            sentence=f"After hearing {index} the model hears a {word}.",
            decision_changed=index == 2,
        )
        for index in range(3)
    )
    whole = PlayerView(run_id, name, CLIP_SECONDS, sound, rows, True, 3)
    return tuple(dataclasses.replace(whole, rows=rows[:count], finished=count == 3) for count in (1, 2, 3))


def plain_views(views: Mapping[str, PlayerView]) -> dict[str, Any]:
    """The views as JSON; files are their paths."""
    return json.loads(json.dumps({name: dataclasses.asdict(view) for name, view in views.items()}))


def files_of(folder: Path) -> dict[str, str]:
    """What make_views wrote, path to data: address."""
    kinds = {".wav": "audio/wav", ".png": "image/png"}
    return {
        str(path): f"data:{kinds[path.suffix]};base64,{base64.b64encode(path.read_bytes()).decode()}"
        for path in folder.iterdir()
    }


def open_players(
    page: Page,
    views: dict[str, Any],
    files: dict[str, str],
    shown: Mapping[str, str],
    editable: bool = False,
    explains: bool = False,
) -> None:
    """Players without Gradio or network, as in a report: id of the place -> name of the view it shows.

    In the page, ``views`` and ``players`` (by place) can be reached, ``player`` is the first one, and ``questions``
    are what players asked that can ask.
    """
    places = "".join(f"<div id='{place}'><div class='playitback-player'></div></div>" for place in shown)
    page.set_content(f"<meta name='viewport' content='width=device-width'>{places}")
    page.add_style_tag(content=player.style())
    page.add_script_tag(content=WATCH)
    page.add_script_tag(content=player.script())
    page.evaluate(
        """([views, files, shown, editable, explains]) => {
            Object.assign(window, { views, players: {}, questions: [] });
            const onReplay = (question) => questions.push({ name: "replay", ...question });
            const onEdit = (question) => questions.push({ name: "edit", ...question });
            const onExplain = explains ? (question) => questions.push({ name: "explain", ...question }) : null;
            for (const [place, name] of Object.entries(shown)) {
                const element = document.querySelector(`#${place} .playitback-player`);
                const resolve = (key) => files[key];
                players[place] = mountPlayer(element, { resolve, editable, onReplay, onEdit, onExplain });
                players[place].update(views[name]);
            }
            window.player = Object.values(players)[0];
        }""",
        [views, files, dict(shown), editable, explains],
    )


def heard(page: Page, count: int) -> list[dict[str, Any]]:
    """The first `count` events of the players, waited for."""
    page.wait_for_function("count => window.heard.length >= count", arg=count)
    return page.evaluate("window.heard")


def position(page: Page, place: str = "left") -> float:
    return float(page.locator(f"#{place} .playitback-player").get_attribute("data-position") or "nan")


def row(page: Page, index: int, place: str = "left") -> Any:
    return page.locator(f"#{place} [data-row='{index}']")


def click_surface(page: Page, index: int, fraction: float, place: str = "left") -> None:
    """Clicks a row's spectrogram at a fraction of its width, at a height where no button is in the way."""
    box = row(page, index, place).locator(".surface").bounding_box()
    row(page, index, place).locator(".surface").click(position={"x": box["width"] * fraction, "y": 10})


def line_fraction(page: Page, index: int) -> float:
    """Where a row's playhead line is drawn, as a fraction of the row's width."""
    return page.evaluate(
        """(selector) => {
            const surface = document.querySelector(selector).getBoundingClientRect();
            const line = document.querySelector(selector + " .playhead").getBoundingClientRect();
            return (line.left - surface.left) / surface.width;
        }""",
        f"#left [data-row='{index}'] .surface",
    )
