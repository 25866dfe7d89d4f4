"""Claims about runs: units give the rows of the whole, and whatever ends a run, every window is there exactly once."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Generator, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np
import pytest
import soundfile
from corpora import UNFINISHED, failures, hear, heard, order_of, parts, rows, windows
from sound_files import write
from tiny import LABELS, RATE, lively_model, noise, sounding_clips, tiny_checkpoint

from playitback.corpus.dataset import Heard
from playitback.corpus.hearing import Order, PartHearer
from playitback.corpus.units import Missing, plan
from playitback.errors import SettingsError
from playitback.explain.windows import classify_windows
from playitback.recognizer import Recognizer

ROOT = Path(__file__).resolve().parents[2]
LONG_WINDOWS = 27


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_checkpoint(tmp_path_factory.mktemp("models") / "lively", lively_model())


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """26 windows of 2 s and one of 1 s; at 44.1 kHz, so that windows are resampled."""
    samples = np.repeat(sounding_clips(LONG_WINDOWS).numpy().ravel(), 3)[: 53 * 44_100]
    path = tmp_path_factory.mktemp("sounds") / "20240131_235958.wav"
    soundfile.write(path, samples, 44_100)
    return path


@pytest.fixture
def recordings(tmp_path: Path) -> list[Path]:
    """Six of 1 to 6 windows."""
    paths = [tmp_path / "recordings" / f"{number}.wav" for number in range(1, 7)]
    paths[0].parent.mkdir()
    for number, path in enumerate(paths, 1):
        soundfile.write(path, noise(2.0 * number, seed=number), RATE)
    return paths


def all_windows(recordings: Sequence[Path]) -> list[tuple[str, int]]:
    return [(path.name, window) for number, path in enumerate(recordings, 1) for window in range(number)]


def test_a_row_is_what_the_window_is_to_windows(checkpoint: Path, recording: Path, tmp_path: Path) -> None:
    order = order_of(checkpoint, tmp_path / "out", playbacks=2)
    summary = hear(order, [recording])
    recognizer = Recognizer.from_checkpoint(checkpoint, "cpu")
    found = rows(tmp_path / "out")
    assert (summary.recordings, summary.kept, summary.windows, summary.failures) == (1, 0, LONG_WINDOWS, ())
    for row, window in zip(found, classify_windows(recognizer, recording, playbacks=2), strict=True):
        told = window.to_dict()
        assert row["recording"] == str(recording)
        assert row["window"] == window.index
        assert (row["start_seconds"], row["end_seconds"]) == (told["start_seconds"], told["end_seconds"])
        assert row["decision"] == told["decision"]
        assert row["confidence"] == np.float32(told["probability"])
        assert {each["class"]: each["confidence"] for each in row["classes"]} == {
            label: np.float32(each) for label, each in told["ranking"].items()
        }
        assert row["replayed"]
        for span in (*row["replayed"], *row["events"]):
            assert row["start_seconds"] <= span["start_seconds"] < span["end_seconds"] <= row["end_seconds"] + 1
        assert (row["notes"], row["known"], row["zone_minutes"]) == ([], None, None)
        assert (row["model"], row["model_digest"]) == ("lively", order.settings["digest"])
    assert [row["clock"] for row in found[:2]] == [datetime(2024, 1, 31, 23, 59, 58), datetime(2024, 2, 1)]
    assert {event["class"] for row in found for event in row["events"]} <= {*LABELS}
    assert any(row["events"] for row in found)


@pytest.mark.parametrize("hop", [None, 0.7])
def test_units_give_the_rows_of_the_whole(checkpoint: Path, recording: Path, tmp_path: Path, hop: float | None) -> None:
    for unit_windows in (8, 240):
        order = order_of(checkpoint, tmp_path / str(unit_windows), hop_seconds=hop, unit_windows=unit_windows)
        hear(order, [recording])
    assert len(parts(tmp_path / "8")) > 3
    assert len(parts(tmp_path / "240")) == 1
    assert heard(tmp_path / "8") == heard(tmp_path / "240")


def test_short_recordings_share_a_part(checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    many = [*recordings, *(path.with_suffix(".flac") for path in recordings)]
    for path in recordings:
        write(path.with_suffix(".flac"), noise(2.0), RATE)
    order = order_of(checkpoint, tmp_path / "out")
    assert hear(order, many).windows == 21 + 6
    assert len(parts(tmp_path / "out")) < len(many)


def test_an_mp3_is_heard_whole(checkpoint: Path, tmp_path: Path) -> None:
    write(tmp_path / "a.mp3", noise(40.0), RATE, format="MP3")
    order = order_of(checkpoint, tmp_path / "out", unit_windows=8)
    assert hear(order, [tmp_path / "a.mp3"]).windows == 20
    assert len(parts(tmp_path / "out")) == 1


# exactly once


def failing_after(count: int, *, before_taking: bool) -> object:
    """An engine whose run ends in an exception after so many parts: one of which was heard and not taken in, or not."""

    def engine(order: Order, batches: Sequence[Sequence[Missing]]) -> Generator[Heard, None, None]:
        hearer = PartHearer(order, Recognizer.from_checkpoint(order.checkpoint, "cpu"))
        for number, part in enumerate(part for batch in batches for part in plan(batch, order.lengths)):
            if number == count and not before_taking:
                raise KeyboardInterrupt
            written = hearer.hear(part)
            if number == count:
                raise KeyboardInterrupt
            yield written

    return engine


@pytest.mark.parametrize("before_taking", [False, True])
def test_a_run_that_ends_early_is_gone_on_with(
    checkpoint: Path, recording: Path, recordings: list[Path], tmp_path: Path, before_taking: bool
) -> None:
    order = order_of(checkpoint, tmp_path / "out", unit_windows=8)
    given = [recording, *recordings]
    counts = []
    for _ in range(3):
        with pytest.raises(KeyboardInterrupt):
            hear(order, given, failing_after(1, before_taking=before_taking))  # type: ignore[arg-type]
        counts.append(len(rows(tmp_path / "out")))
    assert 0 < counts[0] < counts[1] < counts[2] < LONG_WINDOWS + 21
    hear(order, given)
    of_the_long_one = [(recording.name, index) for index in range(LONG_WINDOWS)]
    assert windows(tmp_path / "out") == sorted(of_the_long_one + all_windows(recordings))
    assert not (tmp_path / "out" / UNFINISHED).exists()
    hear(order_of(checkpoint, tmp_path / "at once", unit_windows=8), given)
    assert heard(tmp_path / "out") == heard(tmp_path / "at once")


def test_a_part_that_is_heard_twice_is_there_once(checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    """As where a worker is given up, and its part heard by another one, but both of them tell."""

    def twice(order: Order, batches: Sequence[Sequence[Missing]]) -> Generator[Heard, None, None]:
        hearer = PartHearer(order, Recognizer.from_checkpoint(order.checkpoint, "cpu"))
        for batch in batches:
            for part in plan(batch, order.lengths):
                first, second = hearer.hear(part), hearer.hear(part)
                yield first
                yield second

    order = order_of(checkpoint, tmp_path / "out")
    hear(order, recordings, twice)
    assert windows(tmp_path / "out") == all_windows(recordings)


def test_what_is_there_is_not_heard_again(checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    order = order_of(checkpoint, tmp_path / "out")
    hear(order, recordings[:4])
    before = {path: path.stat().st_mtime_ns for path in parts(tmp_path / "out")}
    summary = hear(order, recordings[2:])
    assert (summary.recordings, summary.kept, summary.windows) == (4, 2, 3 + 4 + 5 + 6)
    assert before.items() <= {path: path.stat().st_mtime_ns for path in parts(tmp_path / "out")}.items()
    assert windows(tmp_path / "out") == all_windows(recordings)


def test_a_recording_that_changed_is_heard_anew_and_takes_nothing_of_others(
    checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    order = order_of(checkpoint, tmp_path / "out")
    hear(order, recordings)
    before = rows(tmp_path / "out")
    changed = recordings[3]
    soundfile.write(changed, noise(4.0, seed=40), RATE)
    hear(order, recordings)
    after = rows(tmp_path / "out")
    assert [row["window"] for row in after if row["recording"] == str(changed)] == [0, 1]
    assert [row for row in after if row["recording"] != str(changed)] == [
        row for row in before if row["recording"] != str(changed)
    ]


def test_another_run_into_the_same_folder_is_refused_while_one_lasts(
    checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    order = order_of(checkpoint, tmp_path / "out")
    program = (
        "import sys; from pathlib import Path; from playitback.corpus.dataset import Dataset\n"
        "with Dataset.owned(Path(sys.argv[1]), {}): print('mine', flush=True); sys.stdin.read()"
    )
    holder = [sys.executable, "-c", program, str(tmp_path / "out")]
    with subprocess.Popen(holder, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"mine\n"
        with pytest.raises(SettingsError, match=r"another run writes to .* at this moment; wait until it has ended"):
            hear(order, recordings)
        other.kill()
    (tmp_path / "out" / "corpus.json").unlink()
    assert hear(order, recordings).windows == 21
    assert not (tmp_path / "out" / "lock").exists()


# what cannot be heard


def test_what_cannot_be_read_is_told_and_ends_no_run(checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    broken, nowhere, damaged = (tmp_path / name for name in ("broken.wav", "nowhere.wav", "damaged.wav"))
    broken.write_bytes(b"this is no sound at all" * 10)
    samples = noise(60.0)
    samples[50 * RATE] = np.nan
    soundfile.write(damaged, samples, RATE, subtype="FLOAT")
    given = [broken, *recordings, nowhere, damaged]
    order = order_of(checkpoint, tmp_path / "out")
    summary = hear(order, given)
    assert [each.recording for each in summary.failures] == [str(each) for each in (broken, nowhere, damaged)]
    assert {each["recording"]: each["start_seconds"] for each in failures(tmp_path / "out")} == {
        str(broken): 0,
        str(nowhere): 0,
        str(damaged): 48,  # what comes before, in batches, is heard
    }
    reasons = {Path(each["recording"]).name: each["reason"] for each in failures(tmp_path / "out")}
    assert "is not a sound file" in reasons["broken.wav"]
    assert "does not exist" in reasons["nowhere.wav"]
    assert "NaN, at 50.0000 s" in reasons["damaged.wav"]
    before_damage = [("damaged.wav", index) for index in range(24)]
    assert windows(tmp_path / "out") == all_windows(recordings) + before_damage

    soundfile.write(nowhere, noise(2.0), RATE)  # a disk that was not mounted is there again
    again = hear(order, given)
    assert [each.recording for each in again.failures] == [str(broken), str(damaged)]
    assert [each["recording"] for each in failures(tmp_path / "out")] == [str(broken), str(damaged)]
    assert ("nowhere.wav", 0) in windows(tmp_path / "out")
    assert len(windows(tmp_path / "out")) == 21 + 24 + 1

    for path in (broken, damaged):
        soundfile.write(path, noise(4.0), RATE)
    assert hear(order, given).failures == ()
    assert failures(tmp_path / "out") == []
    assert len(windows(tmp_path / "out")) == 21 + 1 + 2 + 2


def test_a_recording_that_vanishes_while_it_is_heard_is_tried_again(
    checkpoint: Path, recordings: list[Path], tmp_path: Path
) -> None:
    def without_the_third(order: Order, batches: Sequence[Sequence[Missing]]) -> Generator[Heard, None, None]:
        hearer = PartHearer(order, Recognizer.from_checkpoint(order.checkpoint, "cpu"))
        planned = [part for batch in batches for part in plan(batch, order.lengths)]
        recordings[2].rename(tmp_path / "away.wav")
        yield from map(hearer.hear, planned)
        (tmp_path / "away.wav").rename(recordings[2])

    order = order_of(checkpoint, tmp_path / "out")
    summary = hear(order, recordings, without_the_third)
    assert [each.recording for each in summary.failures] == [str(recordings[2])]
    assert hear(order, recordings).failures == ()
    assert windows(tmp_path / "out") == all_windows(recordings)


def test_a_part_that_is_damaged_is_named(checkpoint: Path, recordings: list[Path], tmp_path: Path) -> None:
    order = order_of(checkpoint, tmp_path / "out")
    hear(order, recordings)
    path = parts(tmp_path / "out")[0]
    path.write_bytes(path.read_bytes()[:100])
    with pytest.raises(SettingsError, match=rf"{path.name} is not a whole part .* take it away"):
        hear(order, recordings)
    path.unlink()
    hear(order, recordings)
    assert windows(tmp_path / "out") == all_windows(recordings)
