"""What is told of a recording before it is explained: at once, whatever it holds."""

from __future__ import annotations

import asyncio
import threading
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint

from app import page, text
from app.events import while_here
from app.service import ExplainService, Models, Settings, WindowsService, drawing, reading
from app.tabs import recorder
from app.tabs.recorder import Recorder
from playitback.errors import AudioError


@pytest.fixture
def service(tmp_path: Path) -> ExplainService:
    return ExplainService(Models([str(tiny_checkpoint(tmp_path / "tiny"))], "cpu"))


@pytest.fixture
def place() -> Recorder:
    with gr.Blocks():
        return recorder.build("recording", "start")


@pytest.mark.parametrize(
    ("suffix", "channels", "seconds"), [("wav", 1, 9), ("flac", 2, 9), ("wav", 3, 60.1), ("ogg", 1, 5)]
)
def test_a_drawing_is_how_loud_every_stretch_is(tmp_path: Path, suffix: str, channels: int, seconds: float) -> None:
    path = tmp_path / f"swelling.{suffix}"
    sound = (
        np.random.default_rng(0).uniform(-1, 1, (round(seconds * RATE), channels))
        * np.linspace(0, 0.5, channels + 1)[1:]
    )
    soundfile.write(path, sound * np.linspace(0, 1, len(sound))[:, None], RATE)
    frames = np.abs(soundfile.read(path, always_2d=True)[0]).max(axis=1)
    edges = [column * len(frames) // drawing.COLUMNS for column in range(drawing.COLUMNS + 1)]
    wanted = [frames[begin:end].max() for begin, end in pairwise(edges)]
    np.testing.assert_allclose(drawing.peaks(path, lambda: True), wanted, atol=1e-6)


def test_what_cannot_be_drawn_in_good_time_can_still_be_explained(
    service: ExplainService, place: Recorder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, chirp(3 * CLIP_SECONDS), RATE)
    status = gr.HTML(render=False)
    drawn = recorder.describe(service, place, status, str(path), "tiny")
    assert text.NOT_DRAWN not in drawn[place.facts]
    for limit in ("MOST_SAMPLES", "MOST_SECONDS"):
        with monkeypatch.context() as patch:
            patch.setattr(drawing, limit, -1)
            told = recorder.describe(service, place, status, str(path), "tiny")
        assert text.NOT_DRAWN in told[place.facts]
        assert not told[place.overview]["visible"]
        assert told[place.start] == drawn[place.start]
        assert told[status] == drawn[status]
    settings = Settings("tiny", playbacks=0, start_seconds=CLIP_SECONDS)
    *_, view = service.explain(path, settings, tmp_path)
    assert view.explanation.start_seconds == CLIP_SECONDS


def test_a_file_that_holds_days_is_not_even_begun(
    service: ExplainService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "days.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE, subtype="PCM_U8")
    samples = drawing.MOST_SAMPLES + 2 * RATE
    with path.open("r+b") as file:  # a header that promises it, and a file of holes
        file.truncate(44 + samples)
        for at, size in ((4, 36 + samples), (40, samples)):
            file.seek(at)
            file.write(size.to_bytes(4, "little"))

    def read(*asked: Any, **options: Any) -> Any:
        raise AssertionError("it is read")

    monkeypatch.setattr("playitback.audio.opening.Sound.read", read)
    described = service.describe(path, "tiny")
    assert described.seconds == pytest.approx(samples / RATE)
    assert described.has_choice
    assert described.peaks is None


def test_reading_ends_when_its_visitor_has_left(tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    soundfile.write(path, np.zeros(4 * 2**20), RATE)
    asked: list[bool] = []

    def wanted() -> bool:
        asked.append(len(asked) < 2)
        return asked[-1]

    assert drawing.peaks(path, wanted) is None
    assert asked == [True, True, False]


def test_learning_how_long_a_recording_is_has_bounds(
    service: ExplainService, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of an MP3 without a length: nothing tells it but decoding."""
    path = tmp_path / "long.mp3"
    with soundfile.SoundFile(path, "w", RATE, 1, format="MP3", bitrate_mode="CONSTANT") as file:
        file.write(chirp(3.0))
    monkeypatch.setattr("playitback.audio.decoding.has_length_tag", lambda _: False)
    with monkeypatch.context() as patch:
        patch.setattr(reading, "MOST_SECONDS", -1.0)
        for ask in (
            lambda: service.describe(path, "tiny"),
            lambda: next(service.hear(path, Settings("tiny"))),
            lambda: next(WindowsService(service.models).listen(path, "tiny")),
        ):
            with pytest.raises(AudioError, match=r"long\.mp3 holds more than 0\.0 h of sound, .* too long here; cut"):
                ask()
    with pytest.raises(AudioError):
        service.describe(path, "tiny", lambda: False)
    assert service.describe(path, "tiny").seconds == pytest.approx(3.0, abs=0.2)
    monkeypatch.setattr(reading, "MOST_SECONDS", -1.0)  # what is known is not decoded again
    assert next(service.hear(path, Settings("tiny"))).hearings == 0
    monkeypatch.setattr(reading, "MOST_HOURS", 2 / 3600)
    with pytest.raises(AudioError, match="h at most are heard here"):
        next(WindowsService(service.models).listen(path, "tiny"))


@pytest.mark.parametrize("leaves", [False, True])
def test_work_learns_that_its_visitor_has_left(leaves: bool) -> None:
    async def is_disconnected() -> bool:
        return leaves

    learnt = threading.Event()

    def work(wanted: Any) -> bool:
        while leaves and wanted():
            learnt.wait(0.01)
        return bool(wanted())

    request: Any = SimpleNamespace(request=SimpleNamespace(is_disconnected=is_disconnected))
    assert asyncio.run(while_here(request, work)) is not leaves


def test_over_plain_http_a_page_says_that_microphones_need_https(service: ExplainService) -> None:
    events = page.build_page(service.models, []).get_config_file()["dependencies"]
    (script,) = (each["js"] for each in events if text.MICROPHONE_NEEDS_HTTPS in str(each["js"]))
    assert "isSecureContext" in script
    assert "SENTENCE" not in script
    assert "needs https" in text.MICROPHONE_NEEDS_HTTPS
