"""Claims about the commands that ask something of one clip: what-if, examine, contrast, compare."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from shell import Run
from tiny import CLIP_SECONDS, LABELS, RATE, sounding_clips, tiny_checkpoint, tiny_model

from playitback import audio
from playitback.explain.examine import examine
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.report import examine_text

HEARINGS = 4


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two models and two clips."""
    folder = tmp_path_factory.mktemp("questions")
    tiny_checkpoint(folder / "tiny")
    tiny_checkpoint(folder / "other", tiny_model(seed=1))
    for name, samples in zip(("clip.wav", "second.wav"), sounding_clips(2).numpy(), strict=True):
        audio.write_wav(folder / name, samples, RATE)
    return folder


@pytest.fixture
def run(run: Run, monkeypatch: pytest.MonkeyPatch, folder: Path) -> Run:
    """In the folder of the clips, by the first of the models."""
    monkeypatch.chdir(folder)
    return lambda *arguments: run(*arguments, "--checkpoint", "tiny", "--device", "cpu")


def told(run: Run, command: str, *arguments: object) -> dict[str, Any]:
    status, output, _ = run(command, *arguments, "--json")
    assert status == 0
    found: dict[str, Any] = json.loads(output)
    return found


def pairs(segments: list[dict[str, float]]) -> list[tuple[float, float]]:
    return [(each["start_seconds"], each["end_seconds"]) for each in segments]


def test_held_segments_are_replayed_and_hearings_that_are_not_named_are_free(run: Run) -> None:
    found = told(run, "what-if", "clip.wav", "--hold", "0:0.2-0.5,1-1.25", "--hold", "2:")
    hearings = found["variant"]["hearings"]
    assert pairs(hearings[1]["replayed"]) == [(0.2, 0.5), (1.0, 1.25)]
    assert hearings[2]["replayed"] == hearings[1]["segments"]
    assert hearings[3]["replayed"] == []
    assert hearings[0]["probabilities"] == found["original"]["hearings"][0]["probabilities"]
    assert found["difference"]["first_hearing"] == 1


def test_what_is_removed_or_kept_changes_the_sound_which_can_be_written(run: Run, tmp_path: Path) -> None:
    fade = round(0.01 * RATE)
    for action, silent in (
        ("--remove", slice(RATE // 2 + fade, RATE - fade)),
        ("--keep", slice(RATE + fade, None)),
    ):
        path = tmp_path / f"{action}.wav"
        found = told(run, "what-if", "clip.wav", action, "0.5-1", "--sound", path)
        assert found["difference"]["first_hearing"] == 0
        sound = audio.load(path, sample_rate=RATE).samples
        assert not sound[silent].any()
        assert np.count_nonzero(sound) > 0.2 * len(sound)


def test_a_variant_is_told_beside_the_original(run: Run) -> None:
    status, output, error = run("what-if", "clip.wav", "--keep", "0.5-1", "--fill", "noise", "--class", LABELS[2])
    assert (status, error) == (0, "")
    heading, *rows = output.splitlines()
    assert heading.split() == ["hearing", "original", "variant", LABELS[2]]
    assert [row.split()[0] for row in rows] == ["0", "1", "2", "3"]
    assert all("log-odds" in row for row in rows)


def test_an_examination_gives_what_the_core_finds(run: Run, folder: Path) -> None:
    found = told(run, "examine", "clip.wav", "--class", LABELS[1], "--draws", 3, "--seed", 5, "--playbacks", 2)
    recognizer = Recognizer.from_checkpoint(folder / "tiny", "cpu")
    samples = audio.load(folder / "clip.wav", window_seconds=CLIP_SECONDS, sample_rate=RATE).samples
    expected = finish(examine(recognizer, samples, LABELS[1], playbacks=2, draws=3, seed=5))
    assert found == json.loads(json.dumps(examine_text.to_dict(expected)))


def test_an_examination_is_told_in_tables_and_one_sentence(run: Run) -> None:
    status, output, _ = run("examine", "clip.wav", "--draws", 2)
    assert status == 0
    assert "least attended" in output
    assert "deletion area" in output
    assert "On this one clip the figures" in output.replace("\n", " ")


def test_two_classes_are_contrasted_the_strongest_segment_first(run: Run) -> None:
    found = told(run, "contrast", "clip.wav", "--class", LABELS[0], "--against", LABELS[3])
    assert (found["first_label"], found["second_label"]) == (LABELS[0], LABELS[3])
    assert len(found["log_odds"]) == HEARINGS
    strongest = max(found["segments"], key=lambda each: abs(each["change"]))
    status, output, _ = run("contrast", "clip.wav", "--class", LABELS[0], "--against", LABELS[3])
    assert status == 0
    lines = output.splitlines()
    assert f"{LABELS[0]}) / p({LABELS[3]}" in lines[0]
    first = lines[HEARINGS + 2].split()
    assert first[0] == "{start_seconds:.2f}-{end_seconds:.2f}".format(**strongest["segment"])
    assert float(first[1]) == pytest.approx(strongest["change"], abs=0.006)


def test_a_contrast_says_where_the_model_does_not_tell_of_moments(run: Run) -> None:
    _, output, _ = run("contrast", "clip.wav", "--class", LABELS[0], "--against", LABELS[3])
    assert output.splitlines()[-1] == "the model does not tell what each moment would be by itself"


def test_the_decision_is_contrasted_with_what_came_closest_to_it(run: Run) -> None:
    found = told(run, "contrast", "clip.wav")
    last = told(run, "compare", "clip.wav", "second.wav")["first"]["hearings"][-1]["probabilities"]
    best, next_best, *_ = sorted(last, key=lambda label: -last[label])
    assert (found["first_label"], found["second_label"]) == (best, next_best)


@pytest.mark.parametrize("other", [("second.wav",), ("--second-checkpoint", "other")])
def test_two_clips_or_two_models_are_compared(run: Run, other: tuple[str, ...]) -> None:
    found = told(run, "compare", "clip.wav", *other)
    names = [found[which]["clip"]["name"] for which in ("first", "second")]
    models = [found[which]["model"]["name"] for which in ("first", "second")]
    assert (names, models) == (
        (["clip.wav", "second.wav"], ["tiny", "tiny"])
        if other[0] == "second.wav"
        else (["clip.wav", "clip.wav"], ["tiny", "other"])
    )
    for each in found["comparison"]["hearings"]:
        first = found["first"]["hearings"][each["index"]]
        assert each["first_probability"] == pytest.approx(max(first["probabilities"].values()), abs=1e-6)
    status, output, _ = run("compare", "clip.wav", *other)
    assert status == 0
    assert [row.split()[0] for row in output.splitlines()[: HEARINGS + 1]] == ["hearing", "0", "1", "2", "3"]


def test_another_stretch_of_the_same_recording_can_be_compared(run: Run, folder: Path) -> None:
    audio.write_wav(folder / "long.wav", sounding_clips(2).numpy().ravel(), RATE)
    found = told(run, "compare", "long.wav", "--second-start", CLIP_SECONDS)
    assert [found[which]["clip"]["start_seconds"] for which in ("first", "second")] == [0.0, CLIP_SECONDS]


@pytest.fixture
def two_channels(folder: Path) -> str:
    """A recording whose channels are clip.wav and second.wav."""
    channels = [soundfile.read(folder / name, dtype="int16")[0] for name in ("clip.wav", "second.wav")]
    soundfile.write(folder / "both.wav", np.stack(channels, axis=1), RATE)
    return "both.wav"


@pytest.mark.parametrize(
    ("command", "options", "path"),
    [
        ("what-if", ("--remove", "0.5-1"), ("original", "hearings")),
        ("examine", ("--draws", 1), ()),
        ("contrast", (), ("first",)),
        ("compare", ("second.wav",), ("first", "hearings")),
    ],
)
def test_one_channel_of_a_recording_answers_as_it_does_alone(
    run: Run, two_channels: str, command: str, options: tuple[object, ...], path: tuple[str, ...]
) -> None:
    chosen, alone = (
        told(run, command, two_channels, *options, "--channel", 2),
        told(run, command, "second.wav", *options),
    )
    for name in path:
        chosen, alone = chosen[name], alone[name]
    assert chosen == alone


def test_two_channels_of_a_recording_can_be_compared(run: Run, two_channels: str) -> None:
    found = told(run, "compare", two_channels, "--channel", 1, "--second-channel", 2)
    assert [found[which]["clip"]["channel"] for which in ("first", "second")] == [1, 2]
    alone = told(run, "compare", "clip.wav", "second.wav")
    assert [found[which]["hearings"] for which in ("first", "second")] == [
        alone[which]["hearings"] for which in ("first", "second")
    ]
    again = told(run, "compare", two_channels, "--channel", 2, "--second-checkpoint", "other")
    assert again["second"]["clip"]["channel"] == 2


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (("what-if", "clip.wav"), "nothing was changed; give --hold, --remove or --keep"),
        (("what-if", "clip.wav", "--hold", "1-2"), "names no hearing"),
        (("what-if", "clip.wav", "--remove", "soon"), "is not a list of segments"),
        (("what-if", "clip.wav", "--remove", "1-9"), "but the clip is 2 s long"),
        (("what-if", "clip.wav", "--hold", "3:0-1"), "held for playback 4, but there are 3"),
        (("what-if", "clip.wav", "--hold", "0:0-1", "--hold", "0:1-2"), "--hold was given twice for one hearing"),
        (("what-if", "clip.wav", "--keep", "0-1", "--sound", "nowhere/x.wav"), "nowhere/x.wav cannot be written"),
        (("examine", "clip.wav", "--draws", 0), "--draws is '0'; give a whole number from 1 to 10000"),
        (("contrast", "clip.wav", "--class", "flute"), "knows no class 'flute'"),
        (("examine", "clip.wav", "--channel", 2), "channel 2 is asked for, but clip.wav has one channel"),
        (("compare", "clip.wav"), "that is the same run twice"),
        (("compare", "clip.wav", "nowhere.wav"), "nowhere.wav does not exist"),
    ],
)
def test_what_cannot_be_answered_is_refused_in_one_sentence(run: Run, arguments: tuple[str, ...], reason: str) -> None:
    status, output, error = run(*arguments)
    assert (status, output) == (2, "")
    assert reason in error.splitlines()[-1]
