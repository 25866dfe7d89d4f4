"""How ffmpeg is called, and what happens where it is absent, fails, hangs or never ends: with a stand-in for it."""

from __future__ import annotations

import os
import stat
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from sound_files import Read, chirp, load, stream, without_ffmpeg, write

from playitback import audio
from playitback.audio import ffmpeg
from playitback.errors import AudioError
from playitback.progress import Progress

#: of a script that stands for ffmpeg: ``given`` is its input, ``give(wav)`` writes a WAV as ffmpeg would
GIVE = """
import array, os, struct, sys, time, wave
given = sys.argv[sys.argv.index("-i") + 1].removeprefix("file:")

def give(path, frames=-1):
    with wave.open(path) as file:
        samples = array.array("h", file.readframes(file.getnframes() if frames < 0 else frames))
        head = struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 3, file.getframerate(), file.getnchannels())
    samples.byteswap()
    print("[info]   Duration: 00:00:00.10, start: 0", file=sys.stderr, flush=True)
    sys.stdout.buffer.write(head + samples.tobytes())
    sys.stdout.flush()
"""


def fake_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """An executable called ffmpeg: a Python script, GIVE and then ``body``."""
    without_ffmpeg(monkeypatch, tmp_path)
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text(f"#!{sys.executable}\n{GIVE}\n{body}")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("name", "content", "kind"),
    [
        ("clip.m4a", b"\0\0\0\x20ftypM4A \0\0\0\0" + bytes(100), "MPEG-4"),
        ("voice.wav", b"\x1aE\xdf\xa3" + bytes(100), "WebM or Matroska"),
        ("clip.wma", bytes(100), "WMA"),
    ],
)
def test_without_ffmpeg_its_formats_are_refused(
    tmp_path: Path, name: str, content: bytes, kind: str, read: Read
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioError, match=rf"{name} is in the {kind} format, which only ffmpeg .* install ffmpeg, or"):
        read(tmp_path / name)


@pytest.mark.parametrize("name", ["clip.m4a", "-y.webm", "concat:clip.m4a"])
def test_what_libsndfile_cannot_read_goes_through_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    samples = chirp(3.0, 44_100, 2)
    write(tmp_path / "decoded.wav", samples, 44_100)
    (tmp_path / name).write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    source, seen = tmp_path / "decoded.wav", tmp_path / "seen"
    fake_ffmpeg(monkeypatch, tmp_path, f"give({str(source)!r})\nopen({str(seen)!r}, 'w').write(given)\n")
    monkeypatch.chdir(tmp_path)
    recording = load(name, start_seconds=1.0, window_seconds=1.0)
    assert recording.info == audio.RecordingInfo(name, 3.0, 44_100, 2, Path(name).suffix[1:].upper())
    np.testing.assert_array_equal(recording.samples, load(source, start_seconds=1.0, window_seconds=1.0).samples)
    assert seen.read_text() == str(tmp_path / name)


@pytest.mark.parametrize("body", ["sys.exit('moov atom not found')", "pass", "print('no sound' * 9)", "give(__file__)"])
def test_where_ffmpeg_fails_its_words_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], body: str
) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, body)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a is not a sound file, or it is damaged or cut short.*; give WAV"):
        load(tmp_path / "clip.m4a")
    assert "moov" not in "".join(capfd.readouterr())


@pytest.mark.parametrize("body", ["", "give('decoded.wav')\n"])
def test_an_ffmpeg_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str) -> None:
    write(tmp_path / "decoded.wav", chirp(1.0, 16_000))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ffmpeg, "_SILENT_SECONDS", 1.0)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    fake_ffmpeg(monkeypatch, tmp_path, f"{body}time.sleep(60)")
    with pytest.raises(AudioError, match=r"clip\.m4a: ffmpeg has decoded nothing for 1\.0 s; convert it"):
        load(tmp_path / "clip.m4a")


def test_one_that_cannot_be_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "")
    (tmp_path / "bin" / "ffmpeg").write_text("#!/nowhere/at/all\n")
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a needs ffmpeg, but .* cannot be run; install ffmpeg anew"):
        load(tmp_path / "clip.m4a")


def test_hours_of_sound_leave_no_file_and_little_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ten hours, of which a second is written again and again."""
    hours = 10
    fake_ffmpeg(
        monkeypatch,
        tmp_path,
        f"""
sys.stdout.buffer.write(struct.pack(">4s5I", b".snd", 24, 0xFFFFFFFF, 3, 1000, 1))
print("[info]   Duration: {hours}:00:00.00, start: 0", file=sys.stderr, flush=True)
for second in range({hours} * 3600):
    sys.stdout.buffer.write(struct.pack(">h", second % 30_000) * 1000)
""",
    )
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    told: list[Progress] = []
    tracemalloc.start()
    try:
        info = audio.probe(tmp_path / "clip.m4a", told.append)
        windows = audio.stream(tmp_path / "clip.m4a", window_seconds=600, sample_rate=1000, hop_seconds=600)
        heard = [float(window.samples[0]) for window in windows]
        late = audio.load(tmp_path / "clip.m4a", start_seconds=35_000, window_seconds=1, sample_rate=1000)
        assert tracemalloc.get_traced_memory()[1] < 40 * 2**20
    finally:
        tracemalloc.stop()
    assert (info.seconds, info.notes) == (hours * 3600, ())
    assert len(heard) == hours * 6
    assert late.samples[0] != heard[0]
    assert {each.total for each in told} == {hours * 3600}
    assert [each.done for each in told] == sorted(each.done for each in told)
    assert told[-1].done == hours * 3600
    assert list((tmp_path / "temporary").iterdir()) == []


def test_who_is_told_how_far_it_is_can_end_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = write(tmp_path / "decoded.wav", chirp(1.0, 16_000))
    fake_ffmpeg(monkeypatch, tmp_path, f"while True:\n    give({str(source)!r})\n")
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")

    def enough(_: Progress) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        audio.probe(tmp_path / "clip.m4a", enough)


def test_what_is_missing_when_it_is_read_is_silent_and_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As where ffmpeg is killed: the second time, it gives half."""
    source, again = write(tmp_path / "decoded.wav", chirp(1.0, 16_000)), tmp_path / "again"
    body = f"give({str(source)!r}, 8000 if os.path.exists({str(again)!r}) else -1)\nopen({str(again)!r}, 'w')\n"
    fake_ffmpeg(monkeypatch, tmp_path, body)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    recording = load(tmp_path / "clip.m4a")
    assert recording.seconds == 1.0
    assert not recording.samples[8000:].any()
    assert "0.50 s cannot be decoded and are silent instead" in recording.notes[0]


def test_a_stream_through_ffmpeg_decodes_once_and_closing_it_ends_ffmpeg(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, calls = write(tmp_path / "decoded.wav", chirp(5.0, 44_100, 2), 44_100), tmp_path / "calls"
    body = f"open({str(calls)!r}, 'a').write(f'{{os.getpid()}} ')\ngive({str(source)!r})\n"
    fake_ffmpeg(monkeypatch, tmp_path, body)
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    assert audio.probe(tmp_path / "clip.webm").seconds == 5.0
    windows = stream(tmp_path / "clip.webm", window_seconds=1.0)
    heard = [next(windows).samples for _ in range(3)]
    _, last = calls.read_text().split()  # once to learn how long it is, once to hear it
    np.testing.assert_allclose(heard[2], load(source, start_seconds=2.0, window_seconds=1.0).samples, atol=2e-6)
    os.kill(int(last), 0)
    windows.close()
    with pytest.raises(ProcessLookupError):
        os.kill(int(last), 0)
