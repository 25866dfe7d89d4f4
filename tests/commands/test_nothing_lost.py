"""Claims about ``explain`` and ``what-if``: nothing of the user's is lost or mixed up, whatever is given and named."""

from __future__ import annotations

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from shell import Run, assert_explained, assert_one_sentence, entries
from tiny import RATE, tone

from playitback import audio, cores
from playitback.commands import explain as command
from playitback.recognizer import Recognizer

ROOT = Path(__file__).resolve().parents[2]
TABLES = ["folder.csv", "folder.json"]


def rows(out: Path) -> list[str]:
    with (out / "folder.csv").open(newline="", encoding="utf-8-sig") as file:
        return [Path(row["path"]).name for row in csv.DictReader(file)]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# outputs that are inputs


@pytest.mark.parametrize("spelling", ["a.wav", "../rec/a.wav", "link.wav", "hard.wav"])
def test_a_recording_is_not_overwritten_by_what_is_made_of_it(
    run: Run, model_folder: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, spelling: str
) -> None:
    (folder / "link.wav").symlink_to("a.wav")
    (folder / "hard.wav").hardlink_to(folder / "a.wav")
    before = (folder / "a.wav").read_bytes()
    monkeypatch.chdir(folder)
    given = ("--checkpoint", model_folder, "--remove", "0.1-0.2", "--sound", spelling)
    status, output, error = run("what-if", "a.wav", *given)
    assert (status, output) == (2, "")
    assert_one_sentence(error, f"{spelling} is the recording itself", "choose another --sound")
    assert (folder / "a.wav").read_bytes() == before


def test_a_sound_is_not_written_over_a_file_of_the_model(
    run: Run, model_folder: Path, folder: Path, tmp_path: Path
) -> None:
    model = shutil.copytree(model_folder, tmp_path / "model")
    weights = model / "model.safetensors"
    before = weights.read_bytes()
    status, _, error = run("what-if", folder / "a.wav", "--checkpoint", model, "--keep", "0-0.2", "--sound", weights)
    assert status == 2
    assert_one_sentence(error, "is a file of the model")
    assert weights.read_bytes() == before


def test_a_table_of_labels_is_not_overwritten_by_the_table_of_clips(explain: Run, folder: Path) -> None:
    labels = folder / "folder.csv"
    labels.write_text("path,label\na.wav,bell\n", encoding="utf-8")
    status, _, error = explain(folder, "--labels", labels, "--out", folder)
    assert status == 2
    assert "folder.csv is the table of --labels" in error.splitlines()[-1]
    assert labels.read_text(encoding="utf-8") == "path,label\na.wav,bell\n"


@pytest.mark.parametrize("out", ["rec/out", "rec", "out"])
def test_what_was_written_is_never_explained(
    run: Run, model_folder: Path, folder: Path, tmp_path: Path, out: str
) -> None:
    for wanted in ("all", "json", "all"):
        given = ("--checkpoint", model_folder, "--playbacks", 1, "--files", wanted, "--out", tmp_path / out)
        status, *_ = run("explain", folder, *given)
        assert status == 0
        assert rows(tmp_path / out) == ["a.wav", "b.wav", "c.wav"]
    assert {path.name for path in (tmp_path / out).iterdir() if path.suffix != ".wav"} == {"a", "b", "c", *TABLES}


@pytest.mark.parametrize(
    "arguments", [("explain", ""), ("windows", ""), ("examine", ""), ("explain", "a.wav", "--out", "")]
)
def test_an_empty_name_is_not_the_folder_that_one_is_in(run: Run, arguments: tuple[str, ...]) -> None:
    status, output, error = run(*arguments)
    assert (status, output) == (2, "")
    assert_one_sentence(error, "a name is empty")


# folders


def test_a_clip_of_the_same_name_takes_nothing_of_another(explain: Run, folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other" / "a.wav"
    other.parent.mkdir()
    audio.write_wav(other, tone(0.7), RATE)
    out = tmp_path / "out"
    for clip in (folder / "a.wav", other, other, folder / "a.wav"):
        assert explain(clip, "--out", out)[0] == 0
    assert names(out) == ["a", "a-2"]
    assert assert_explained(out / "a", "a.wav")["path"] == str(folder / "a.wav")
    assert assert_explained(out / "a-2", "a.wav")["path"] == str(other)


def test_a_second_run_leaves_nothing_of_the_first_and_all_of_the_users(
    run: Run, model_folder: Path, explain: Run, folder: Path, tmp_path: Path
) -> None:
    run("explain", folder / "a.wav", "--checkpoint", model_folder, "--playbacks", 2, "--out", tmp_path / "out")
    kept = tmp_path / "out" / "a" / "sounds" / "mine.wav"
    kept.write_text("mine", encoding="utf-8")
    explain(folder / "a.wav", "--out", tmp_path / "out")
    assert names(tmp_path / "out" / "a") == ["explanation.json", "sounds"]
    assert names(kept.parent) == ["mine.wav"]


def test_a_folder_or_a_table_of_the_users_is_not_written_into(explain: Run, folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a" / "hearings.csv").write_text("mine", encoding="utf-8")
    assert explain(folder / "a.wav", "--out", folder)[0] == 0
    assert names(folder / "a") == ["hearings.csv"]
    assert_explained(folder / "a-2", "a.wav")
    (folder / "events.csv").write_text("mine", encoding="utf-8")
    status, _, error = explain(folder, "--out", folder)
    assert status == 2
    assert "events.csv is not a table of explain" in error.splitlines()[-1]
    assert (folder / "events.csv").read_text(encoding="utf-8") == "mine"


def test_a_table_of_other_recordings_grows_or_is_refused(explain: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    explain(folder / "a.wav", folder / "b.wav", "--out", out)
    assert explain(folder / "b.wav", folder / "c.wav", "--out", out)[0] == 0
    assert rows(out) == ["a.wav", "b.wav", "c.wav"]
    before = (out / "folder.json").read_bytes()
    status, output, error = explain(folder / "b.wav", folder / "c.wav", "--playbacks", 1, "--out", out)
    assert (status, output) == (2, "")
    assert_one_sentence(error, "1 of other recordings", "choose another --out")
    assert (out / "folder.json").read_bytes() == before
    assert explain(folder, "--playbacks", 1, "--out", out)[0] == 0
    assert {len(clip["decisions"]) for clip in table(out)["clips"]} == {2}


def table(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "folder.json").read_text(encoding="utf-8"))
    return found


# names


@pytest.mark.parametrize(
    "name", ["...wav", "folder.csv.wav", "Folder.JSON.wav", "events.csv.wav", ".wav.wav", "a\x1b[2J\n.wav", "=1+2.wav"]
)
def test_no_name_breaks_anything(explain: Run, folder: Path, tmp_path: Path, name: str) -> None:
    os.rename(folder / "a.wav", folder / name)
    status, output, error = explain(folder / name, folder / "b.wav", "--out", tmp_path / "deep" / "out")
    assert (status, error) == (0, "")
    assert "\x1b" not in output
    assert names(tmp_path / "deep") == ["out"]
    assert sorted(rows(tmp_path / "deep" / "out")) == sorted(["b.wav", name])
    assert len([path for path in (tmp_path / "deep" / "out").iterdir() if path.is_dir()]) == 2


def test_names_that_are_no_text_and_consoles_that_lack_letters_are_survived(
    model_folder: Path, folder: Path, tmp_path: Path
) -> None:
    shutil.copy(folder / "a.wav", os.fsencode(folder) + b"/M\xe4rz.wav")
    (folder / "b.wav").rename(folder / "птица.wav")
    finished = subprocess.run(
        [sys.executable, "-m", "playitback", "explain", folder, "--checkpoint", model_folder, "--device", "cpu",
         "--playbacks", "0", "--out", tmp_path / "out", "--json"],
        cwd=ROOT, env={**os.environ, "PYTHONIOENCODING": "ascii"}, capture_output=True, check=False,
    )  # fmt: skip
    assert (finished.returncode, finished.stderr) == (0, b"")
    paths = [entry["path"] for entry in entries(finished.stdout.decode("ascii"))]
    assert paths == [str(folder / name) for name in ("M\udce4rz.wav", "a.wav", "c.wav", "птица.wav")]
    assert names(tmp_path / "out") == ["M_rz", "a", "c", *TABLES, "птица"]
    assert r"M\udce4rz.wav" in (tmp_path / "out" / "M_rz" / "report.html").read_text(encoding="utf-8")


# labels, --out, what is left out


@pytest.mark.parametrize("path", ["sub\\a.wav", "elsewhere/a.wav", "Cafe\u0301.wav"])
def test_labels_that_match_nothing_are_refused(explain: Run, folder: Path, tmp_path: Path, path: str) -> None:
    audio.write_wav(folder / "Caf\u00e9.wav", tone(0.5), RATE)
    (folder / "labels.csv").write_text(f"path,label\n{path},bell\nx.wav,rain\n", encoding="utf-8")
    status, output, error = explain(folder, "--labels", folder / "labels.csv", "--out", tmp_path / "out")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "labels.csv lists none of these 4 recordings", "its 2 paths", "such as Caf\u00e9.wav")
    assert not (tmp_path / "out").exists()


def test_labels_that_match_in_part_are_counted(explain: Run, folder: Path, tmp_path: Path) -> None:
    (folder / "labels.csv").write_text("path,label\na.wav,bell\nx.wav,rain\n", encoding="utf-8")
    status, _, error = explain(folder, "--labels", folder / "labels.csv", "--out", tmp_path / "out")
    assert status == 0
    assert "1 of the 2 paths" in error
    assert "2 of 3 have no label" in error


def test_an_out_that_is_a_file_is_refused_before_anything_is_heard(
    explain: Run, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(command, "read_clip", lambda *_: pytest.fail("it was heard"))
    for out in (folder / "a.wav", folder / "a.wav" / "deep"):
        status, _, error = explain(folder / "b.wav", "--out", out)
        assert status == 2
        assert_one_sentence(error, "cannot be made a folder", "choose another --out")


def test_a_full_disk_is_told_in_one_sentence_and_leaves_no_half_explanation(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, *_: object, **__: object) -> int:
        path.touch()
        raise OSError(28, "No space left on device")

    explain(folder / "a.wav", "--out", tmp_path / "out")
    monkeypatch.setattr(Path, "write_text", full)
    status, output, error = explain(folder / "b.wav", "--out", tmp_path / "out")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "b cannot be written (No space left on device); make room there")
    assert names(tmp_path / "out") == ["a"]


def test_what_is_left_out_of_a_folder_is_counted_and_named(explain: Run, folder: Path, tmp_path: Path) -> None:
    for name in ("notes.txt", "photo.jpg", ".hidden"):
        (folder / name).write_text("no sound", encoding="utf-8")
    _, _, error = explain(folder, "--out", tmp_path / "out")
    assert_one_sentence(error, "2 files are left out", "notes.txt, photo.jpg")


def test_an_empty_folder_beside_others_is_told_and_keeps_nobody_waiting(
    explain: Run, folder: Path, tmp_path: Path
) -> None:
    nothing, out = tmp_path / "nothing", tmp_path / "out"
    nothing.mkdir()
    status, _, error = explain(nothing, folder, "--out", out)
    assert status == 0
    assert_one_sentence(error, f"{nothing} holds no recordings")
    assert list(out.rglob("explanation.json"))
    status, _, error = explain(nothing, "--out", tmp_path / "other")
    assert status == 2
    assert_one_sentence(error, f"{nothing} holds no recordings; give a folder with WAV")


def test_every_kind_of_sound_is_found_in_a_folder(tmp_path: Path) -> None:
    kinds = ["amr", "3gp", "wv", "mka", "ac3", "tta", "voc", "sph", "mp2", "mov", "m4b", "WAV", "Flac"]
    for kind in kinds:
        (tmp_path / f"a.{kind}").touch()
    assert len(list(audio.sound_files(tmp_path))) == len(kinds)


# stopping and going on


def stop_at(monkeypatch: pytest.MonkeyPatch, count: int, error: BaseException) -> list[str]:
    """Raises at the clip of that number, clips being heard one by one; returns the names of those that are heard."""
    monkeypatch.setattr(Recognizer, "batch", 1)
    heard: list[str] = []
    read_clip = command.read_clip

    def counted(recognizer: Any, clip: Path, *given: Any) -> Any:
        if len(heard) == count:
            raise error
        heard.append(clip.name)
        return read_clip(recognizer, clip, *given)

    monkeypatch.setattr(command, "read_clip", counted)
    return heard


@pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit(143), RuntimeError("a defect")])
def test_a_run_that_is_stopped_goes_on_with_what_is_missing(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: BaseException
) -> None:
    out = tmp_path / "out"
    with monkeypatch.context() as patch:
        stop_at(patch, 2, error)
        if isinstance(error, SystemExit):
            assert explain(folder, "--out", out)[0] == 143
        else:
            with pytest.raises(type(error)):
                explain(folder, "--out", out)
    assert rows(out) == ["a.wav", "b.wav"]
    assert names(out) == ["a", "b", *TABLES]
    heard = stop_at(monkeypatch, 9, error)
    status, output, told = explain(folder, "--out", out)
    assert status == 0
    assert heard == ["c.wav"]
    assert [line.split()[0] for line in output.splitlines()[1:4]] == ["a.wav", "b.wav", "c.wav"]
    assert "2 of 3 clips were explained before" in told
    assert rows(out) == ["a.wav", "b.wav", "c.wav"]


def test_a_process_that_is_killed_leaves_what_is_done(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, left = tmp_path / "out", tmp_path / "left"
    add = command.Journal.add

    def copied(journal: command.Journal, clip: Path, *given: Any) -> None:
        add(journal, clip, *given)
        if clip.name == "b.wav":  # as the disk is when the process is killed here
            shutil.copytree(out, left)

    with monkeypatch.context() as patch:
        patch.setattr(Recognizer, "batch", 1)  # so that the last clip is heard alone both times
        patch.setattr(command.Journal, "add", copied)
        explain(folder, "--out", out)
    assert rows(left) == ["a.wav", "b.wav"]
    with (left / "folder.jsonl").open("a", encoding="utf-8") as file:
        file.write('{"path": "half a li')
    heard = stop_at(monkeypatch, 9, KeyboardInterrupt())
    assert explain(folder, "--out", left)[0] == 0
    assert heard == ["c.wav"]
    assert table(left)["clips"] == table(out)["clips"]
    assert names(left) == ["a", "b", "c", *TABLES]


def test_clips_heard_beside_each_other_are_told_as_one_after_the_other(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "bad.wav").write_bytes(b"no sound")
    told = []
    for count in (1, 3):
        monkeypatch.setattr(cores, "_cores", count)
        out = tmp_path / str(count)
        status, text, error = explain(folder, "--out", out)
        told.append((status, text.replace(str(out), ""), error.count("bad.wav"), table(out)["clips"]))
        assert names(out) == ["a", "b", "c", *TABLES]
    assert told[0] == told[1]
    assert (told[0][0], told[0][2]) == (2, 1)
    assert explain(folder, "--out", tmp_path / "3")[2].count("explained before") == 1


def test_what_has_changed_since_is_explained_again(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    explain(folder, "--out", out)
    audio.write_wav(folder / "b.wav", tone(0.9), RATE)
    shutil.rmtree(out / "c")
    heard = stop_at(monkeypatch, 9, KeyboardInterrupt())
    explain(folder, "--out", out)
    assert heard == ["b.wav", "c.wav"]
    assert names(out) == ["a", "b", "c", *TABLES]
    heard.clear()
    explain(folder, "--check", "--out", out)
    assert heard == ["a.wav", "b.wav", "c.wav"]
    assert assert_explained(out / "a", "a.wav")["alone"] is not None


def test_a_clip_alone_keeps_its_row_in_the_table_true(explain: Run, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    explain(folder, "--out", out)
    status, _, error = explain(folder / "a.wav", "--playbacks", 1, "--out", out)
    assert status == 2
    assert_one_sentence(error, "2 of other recordings")
    assert len(assert_explained(out / "a", "a.wav")["hearings"]) == 1
    assert explain(folder / "a.wav", "--out", out)[0] == 0
    assert rows(out) == ["b.wav", "c.wav", "a.wav"]


def test_a_run_that_is_told_to_end_puts_what_it_did_in_order(
    explain: Run, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    add = command.Journal.add

    def told_to_end(journal: command.Journal, clip: Path, *given: Any) -> None:
        add(journal, clip, *given)
        os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(command.Journal, "add", told_to_end)
    before = signal.getsignal(signal.SIGTERM)
    status, _, error = explain(folder, "--out", tmp_path / "out")
    assert status == 143
    assert "the same command goes on" in error
    assert rows(tmp_path / "out") == ["a.wav"]
    assert signal.getsignal(signal.SIGTERM) == before
