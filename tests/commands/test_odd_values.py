"""Claims about names and numbers that nobody means: each is refused in one sentence, and spoils nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest
from shell import JSON_ONLY, Run, assert_one_sentence
from tiny import RATE, noise

from playitback import audio

LONG = "x" * 300


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A recording, and a link that leads to itself; it is where commands are called."""
    folder = tmp_path / "rec"
    folder.mkdir()
    audio.write_wav(folder / "a.wav", noise(0.5), RATE)
    (folder / "loop.wav").symlink_to("loop.wav")
    monkeypatch.chdir(folder)
    return folder


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("explain", "a.wav", "--out", LONG), "x... is too long for a name; give a shorter one"),
        (("windows", "a.wav", "--out", LONG), "x... is too long for a name; give a shorter one"),
        (("corpus", "a.wav", "--out", LONG), "x... is too long for a name; give a shorter one"),
        (("examine", f"{LONG}.wav"), "x... is too long for a name; give a shorter one"),
        (("explain", "a.wav", "--checkpoint", LONG), "there is no checkpoint 'xxx"),
        (("explain", "a.wav", "--checkpoint", ""), 'a name is empty ("")'),
        (("compare", "a.wav", "--second-checkpoint", ""), 'a name is empty ("")'),
        (("evaluate", "--data", ""), 'a name is empty ("")'),
        (("windows", "a.wav", "--channel", "0"), "channel 0 is asked for, but channels are counted from 1"),
        (("compare", "a.wav", "--second-channel", "-1"), "channel -1 is asked for, but channels are counted from 1"),
        (("explain", "a.wav", "--start", "inf"), "a recording starts at 0; give a number from 0 on"),
        (("windows", "a.wav", "--hop", "inf"), "hop_seconds is inf; give 1e+09 or less"),
        (("examine", "a.wav", "--seed", "9" * 30), "give a whole number from 0 to 2147483647"),
        (("bench", "--threads", "9" * 12), "give a whole number from 1 to 1024"),
        (("bench", "--presets", "small", "--batches", "9" * 30), "a batch must hold 4096 clips or fewer"),
        (("teach", "--data", ".", "--out", "out", "--mixtures", "0"), "--mixtures is '0'; give a whole number"),
        (("teach", "--data", ".", "--out", "a.wav"), "cannot be made a folder (File exists); choose another --out"),
        (("bench", "--checkpoints", "all,nowhere"), "there is no checkpoint 'nowhere'"),
        (("explain", "loop.wav"), "loop.wav is a link that leads to no file"),
        (("windows", "loop.wav"), "loop.wav is a link that leads to no file"),
        (("explain", "a.wav", "--start", "1e308"), "the window starts at 1e+308 s, but a.wav ends at 0.5 s"),
        (("windows", "a.wav", "--hop", "1e308"), "hop_seconds is 1e+308; give 1e+09 or less"),
        (("corpus", "a.wav", "--hop", "1e308", "--out", "out"), "hop_seconds is 1e+308; give 1e+09 or less"),
    ],
)
def test_it_is_refused_in_one_sentence(
    run: Run, model_folder: Path, folder: Path, arguments: tuple[str, ...], told: str
) -> None:
    model = () if "--checkpoint" in arguments or "bench" in arguments else ("--checkpoint", model_folder)
    status, output, error = run(*arguments, *model, "--device", "cpu")
    assert (status, output) == (2, "")
    assert_one_sentence(error, told)


def test_a_link_that_leads_to_itself_spoils_no_folder(
    run: Run, model_folder: Path, folder: Path, tmp_path: Path
) -> None:
    given = ("--checkpoint", model_folder, "--device", "cpu", "--playbacks", 0, "--out", tmp_path / "out")
    (folder / "labels.csv").write_text("path,label\na.wav,bell\nloop.wav,rain\n", encoding="utf-8")
    for command, more in (("explain", (*JSON_ONLY, "--labels", "labels.csv")), ("windows", ())):
        status, _, error = run(command, folder, *given, *more)
        assert status == 2
        assert "loop.wav is a link that leads to no file" in error
    for name in ("folder.csv", "all-windows.csv"):
        assert len((tmp_path / "out" / name).read_text(encoding="utf-8").splitlines()) == 2
