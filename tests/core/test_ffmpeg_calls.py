"""How ffmpeg is called, and what happens where it is absent, fails, hangs or fills the disk: with a stand-in for it."""

from __future__ import annotations

import errno
import os
import stat
import sys
from pathlib import Path

import numpy as np
import pytest
from sound_files import Read, chirp, load, stream, without_ffmpeg, write

from playitback import audio
from playitback.audio import ffmpeg
from playitback.errors import AudioError, SettingsError


def fake_ffmpeg(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, body: str) -> None:
    """An executable called ffmpeg: a Python script that knows ``given``, the input, and ``target``, the WAV."""
    without_ffmpeg(monkeypatch, tmp_path)
    program = tmp_path / "bin" / "ffmpeg"
    program.write_text(
        f"#!{sys.executable}\nimport shutil, sys, time\n"
        "given = sys.argv[sys.argv.index('-i') + 1].removeprefix('file:')\ntarget = sys.argv[-1]\n" + body
    )
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
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(source)!r}, target)\nopen({str(seen)!r}, 'w').write(given)\n")
    monkeypatch.chdir(tmp_path)
    recording = load(name, start_seconds=1.0, window_seconds=1.0)
    assert recording.info == audio.RecordingInfo(name, 3.0, 44_100, 2, Path(name).suffix[1:].upper())
    np.testing.assert_array_equal(recording.samples, load(source, start_seconds=1.0, window_seconds=1.0).samples)
    assert seen.read_text() == str(tmp_path / name)


@pytest.mark.parametrize("body", ["sys.exit('moov atom not found')", "pass", "open(target, 'w').write('no sound')"])
def test_where_ffmpeg_fails_its_words_are_not_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], body: str
) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, body)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a is not a sound file, or it is damaged or cut short.*; give WAV"):
        load(tmp_path / "clip.m4a")
    assert "moov" not in "".join(capfd.readouterr())


def test_an_ffmpeg_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "time.sleep(60)")
    monkeypatch.setattr(ffmpeg, "LIMIT_SECONDS", 0.2)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a took more than 0\.2 s to decode; cut it"):
        load(tmp_path / "clip.m4a")


def test_an_ffmpeg_that_fills_its_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "open(target, 'wb').write(bytes(1000))")
    monkeypatch.setattr(ffmpeg, "LIMIT_BYTES", 1000)
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a is too long to decode at once; cut it"):
        load(tmp_path / "clip.m4a")


@pytest.mark.parametrize("reason", [errno.ENOSPC, errno.EDQUOT])
def test_a_disk_that_is_full_is_not_taken_for_a_recording_that_is_cut_short(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reason: int
) -> None:
    source = write(tmp_path / "decoded.wav", chirp(1.0, 16_000))
    fake_ffmpeg(
        monkeypatch,
        tmp_path,
        f"shutil.copy({str(source)!r}, target)\nsys.exit({'[error] writing: ' + os.strerror(reason)!r})",
    )
    (tmp_path / "clip.m4a").write_bytes(b"\0\0\0\x20ftypM4A \0\0\0\0")
    with pytest.raises(AudioError, match=r"clip\.m4a cannot be decoded: there is no room left .*; make room there"):
        load(tmp_path / "clip.m4a")


def test_where_no_temporary_file_can_be_made_that_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_ffmpeg(monkeypatch, tmp_path, "")
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "nowhere"))
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    with pytest.raises(SettingsError, match=r"the folder for temporary files cannot be written .*TMPDIR"):
        load(tmp_path / "clip.webm")


def test_decoding_through_ffmpeg_leaves_nothing_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "decoded.wav", chirp(1.0, 16_000))
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(tmp_path / 'decoded.wav')!r}, target)")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    assert load(tmp_path / "clip.webm").seconds == 1.0
    assert list((tmp_path / "temporary").iterdir()) == []


def test_a_stream_through_ffmpeg_decodes_once_and_closing_it_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, calls = write(tmp_path / "decoded.wav", chirp(5.0, 44_100, 2), 44_100), tmp_path / "calls"
    fake_ffmpeg(monkeypatch, tmp_path, f"shutil.copy({str(source)!r}, target)\nopen({str(calls)!r}, 'a').write('x')\n")
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    (tmp_path / "clip.webm").write_bytes(b"\x1aE\xdf\xa3")
    windows = stream(tmp_path / "clip.webm", window_seconds=1.0)
    heard = [next(windows).samples for _ in range(3)]
    assert calls.read_text() == "x"
    np.testing.assert_allclose(heard[2], load(source, start_seconds=2.0, window_seconds=1.0).samples, atol=2e-6)
    assert len(list((tmp_path / "temporary").iterdir())) == 1
    windows.close()
    assert list((tmp_path / "temporary").iterdir()) == []
