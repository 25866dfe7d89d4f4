"""One channel of a recording with several is heard wherever it is chosen on the page, and by programs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

import gradio as gr
import numpy as np
import pytest
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError
from tiny import CLIP_SECONDS, RATE, chirp, noise, sounding_clips, tiny_checkpoint, tiny_model

from app import page, text
from app.service import (
    CompareService,
    ExplainService,
    FolderFile,
    FolderService,
    Models,
    Other,
    Settings,
    WindowsService,
)
from app.service.windows import write_tables
from app.tabs import recorder
from app.tabs import windows as windows_tab
from playitback.errors import AudioError, SettingsError

TOLD = "both.wav: of its 2 channels only channel 2 was taken, as chosen."


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models, of two sample rates; a recording of two channels, and each of them alone."""
    folder = tmp_path_factory.mktemp("channels")
    tiny_checkpoint(folder / "tiny", tiny_model(playbacks=1))
    tiny_checkpoint(folder / "other", tiny_model(seed=1, playbacks=1))
    sounds = {"first": chirp(3 * CLIP_SECONDS), "second": sounding_clips(3).numpy().ravel()}
    for name, samples in {**sounds, "both": np.stack([*sounds.values()], axis=1)}.items():
        soundfile.write(folder / f"{name}.wav", samples, RATE, subtype="FLOAT")
    return folder


@pytest.fixture(scope="module")
def models(folder: Path) -> Models:
    return Models([str(folder / "tiny"), str(folder / "other")], "cpu")


def hearings(told: dict[str, Any]) -> Any:
    return told["hearings"]


def test_a_run_hears_the_channel_that_was_chosen(models: Models, folder: Path) -> None:
    service = ExplainService(models)
    *_, chosen = service.hear(folder / "both.wav", Settings("tiny", start_seconds=1.0, channel=2))
    *_, alone = service.hear(folder / "second.wav", Settings("tiny", start_seconds=1.0))
    assert hearings(chosen.explanation.to_dict()) == hearings(alone.explanation.to_dict())
    assert chosen.explanation.to_dict()["clip"]["channel"] == 2
    assert TOLD in chosen.explanation.notes
    assert chosen.clip.channel == 2
    with pytest.raises(AudioError, match=r"channel 3 is asked for, but both\.wav has 2 channels"):
        next(service.hear(folder / "both.wav", Settings("tiny", channel=3)))


def test_a_comparison_hears_the_same_channel_of_the_same_clip_and_any_of_another(models: Models, folder: Path) -> None:
    *_, first = ExplainService(models).hear(folder / "both.wav", Settings("tiny", channel=2))
    service = CompareService(models)
    by_another, _ = service.compare(first, Other("other"))
    assert by_another.explanation.channel == by_another.settings.channel == 2
    *_, alone = ExplainService(models).hear(folder / "second.wav", Settings("other"))
    assert hearings(by_another.explanation.to_dict()) == hearings(alone.explanation.to_dict())
    of_another, _ = service.compare(first, Other("tiny", folder / "both.wav", channel=1))
    assert of_another.explanation.channel == 1
    with pytest.raises(SettingsError, match="the same clip and the same model"):
        service.compare(first, Other("tiny", folder / "both.wav", channel=2))
    names = [text.run_name("a.wav", 0.0, channel, "tiny") for channel in (None, 2)]
    assert names == ["a.wav · tiny", "a.wav, channel 2 · tiny"]


def test_a_long_recording_is_heard_by_the_channel_that_was_chosen(models: Models, folder: Path, tmp_path: Path) -> None:
    service = WindowsService(models)
    *_, chosen = service.listen(folder / "both.wav", "tiny", channel=2)
    *_, alone = service.listen(folder / "second.wav", "tiny")
    assert [each.to_dict() for each in chosen.windows] == [each.to_dict() for each in alone.windows]
    assert TOLD in windows_tab.status_html(chosen)
    assert chosen.channel == 2
    told = service.describe(folder / "both.wav", "tiny", channel=2)
    assert (told["recording"]["channel"], told["notes"]) == (2, [TOLD])
    with pytest.raises(AudioError, match="channel 3"):
        next(service.listen(folder / "both.wav", "tiny", channel=3))
    assert write_tables(chosen, tmp_path).table.name == "both-windows.csv"


def test_a_folder_is_heard_by_the_channel_that_was_chosen(models: Models, folder: Path) -> None:
    files = [FolderFile(folder / name, PurePosixPath(f"set/{name}")) for name in ("both.wav", "first.wav")]
    *_, chosen = FolderService(models).explain(files, None, "tiny", channel=2)
    second = FolderFile(folder / "second.wav", PurePosixPath("set/both.wav"))
    *_, alone = FolderService(models).explain([second], None, "tiny")
    (heard,), (meant,) = chosen.clips, alone.clips
    assert (heard.decisions, heard.probabilities, heard.replayed) == (
        meant.decisions, meant.probabilities, meant.replayed,
    )  # fmt: skip
    assert chosen.channel == 2
    (told,) = chosen.left_out
    assert "channel 2 is asked for, but first.wav has one channel" in told


def test_what_was_remarkable_of_windows_and_when_they_were_recorded_is_told(models: Models, tmp_path: Path) -> None:
    samples = noise(3 * CLIP_SECONDS)
    samples[round(CLIP_SECONDS * RATE) : round(2 * CLIP_SECONDS * RATE)] = 0
    soundfile.write(tmp_path / "20240131_235959.wav", samples, RATE)
    *_, view = WindowsService(models).listen(tmp_path / "20240131_235959.wav", "tiny")
    assert "1 of 3 windows have notes, the first of them: 20240131_235959.wav is silent" in windows_tab.status_html(
        view
    )
    table = write_tables(view, tmp_path).table.read_text(encoding="utf-8-sig")
    assert "2024-02-01T00:00:01.000" in table


def test_channels_can_be_chosen_of_a_recording_that_has_several(models: Models, folder: Path) -> None:
    with gr.Blocks():
        place, status = recorder.build("recording", "start"), gr.HTML()

    def shown(name: str | None, **options: Any) -> Any:
        path = None if name is None else str(folder / name)
        return recorder.describe(ExplainService(models), place, status, path, "tiny", **options)[place.channel]

    both = shown("both.wav")
    assert (both["visible"], both["value"]) == (True, 0)
    assert both["choices"] == [("Mixed down (recommended)", 0), ("Channel 1", 1), ("Channel 2", 2)]
    for name in ("first.wav", None, "nowhere.wav"):
        assert shown(name)["visible"] is False
        assert shown(name)["value"] == 0
    assert "value" not in shown("both.wav", channel=None)  # another model: what was chosen stays


# programs


@pytest.fixture(scope="module")
def client(models: Models, tmp_path_factory: pytest.TempPathFactory, serve: Callable[..., str]) -> Client:
    address = serve(page.build_page(models, []), **page.launch_settings())
    return Client(address, verbose=False, download_files=tmp_path_factory.mktemp("downloads"))


@pytest.mark.parametrize(
    ("name", "options", "answer"),
    [
        ("explain", {}, lambda answer: answer[0]["hearings"]),
        ("what_if", {"held": {"0": [[0.25, 0.75]]}}, lambda answer: answer[0]["variant"]["hearings"]),
        ("examine", {"playbacks": 1}, lambda answer: answer),
        ("contrast", {}, lambda answer: answer),
        ("compare", {"second_model": "other"}, lambda answer: answer["second"]["hearings"]),
        ("windows", {}, lambda answer: answer["windows"]),
    ],
)
def test_programs_choose_a_channel(
    client: Client, folder: Path, name: str, options: dict[str, Any], answer: Callable[[Any], Any]
) -> None:
    chosen, alone = (
        answer(client.predict(handle_file(folder / f"{file}.wav"), **options, channel=channel, api_name=f"/{name}"))
        for file, channel in (("both", 2), ("second", 0))
    )
    assert chosen == alone


def test_programs_compare_two_channels_of_one_recording(client: Client, folder: Path) -> None:
    both = handle_file(folder / "both.wav")
    found = client.predict(both, both, channel=1, second_channel=2, api_name="/compare")
    assert [found[which]["clip"]["channel"] for which in ("first", "second")] == [1, 2]
    with pytest.raises(AppError, match=r"channel 3 is asked for, but both\.wav has 2 channels; choose 1 to 2, or none"):
        client.predict(both, channel=3, api_name="/windows")
