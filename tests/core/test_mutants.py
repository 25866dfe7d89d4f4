"""Whatever a file of sound has become, it is read with every change told, or refused in one sentence.

The mutants are the same in every run. A mutant that hangs is shown by ``faulthandler_timeout``; one that would take the
memory, by what is asked of the samples: never more than a window.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from mutants import CUT_SHORT, MUTATIONS, Mutation, assert_one_line, mutant, refusal
from sound_files import RATE, chirp, load, stream, without_ffmpeg, write

from playitback import audio
from playitback.audio.containers import END_UNKNOWN
from playitback.errors import AudioError, SettingsError

SECONDS, WINDOW_SECONDS = 2.0, 0.75
ROUNDS = 1  # of every kind of file with every mutation
#: suffix, container, encoding, channels: every container that libsndfile writes, and every way of decoding
KINDS = [
    ("wav", "WAV", "PCM_16", 1),
    ("wav", "WAV", "FLOAT", 2),
    ("wav", "WAV", "GSM610", 1),
    ("wav", "WAV", "MS_ADPCM", 1),
    ("wav", "WAVEX", "PCM_24", 2),
    ("rf64", "RF64", "PCM_16", 1),
    ("aiff", "AIFF", "PCM_16", 2),
    ("aiff", "AIFF", "IMA_ADPCM", 1),
    ("flac", "FLAC", "PCM_16", 1),
    ("flac", "FLAC", "PCM_24", 2),
    ("ogg", "OGG", "VORBIS", 2),
    ("opus", "OGG", "OPUS", 1),
    ("mp3", "MP3", "MPEG_LAYER_III", 1),
    ("au", "AU", "FLOAT", 1),
    ("au", "AU", "G721_32", 1),
    ("caf", "CAF", "FLOAT", 1),
    ("caf", "CAF", "ALAC_16", 1),
    ("w64", "W64", "PCM_16", 2),
    ("nist", "NIST", "ULAW", 1),
    ("voc", "VOC", "PCM_16", 1),
    ("svx", "SVX", "PCM_16", 1),
    ("sf", "IRCAM", "PCM_16", 1),
    ("paf", "PAF", "PCM_16", 1),
    ("pvf", "PVF", "PCM_16", 1),
    ("avr", "AVR", "PCM_16", 1),
    ("mat", "MAT4", "FLOAT", 1),
    ("mat", "MAT5", "FLOAT", 1),
    ("snd", "MPC2K", "PCM_16", 1),
    ("sds", "SDS", "PCM_16", 1),
    ("wve", "WVE", "ALAW", 1),
    ("xi", "XI", "DPCM_16", 1),
    ("htk", "HTK", "PCM_16", 1),
]
#: encodings without a checksum, in which a damaged stretch sounds otherwise after a seek than after what came before
HANGS_ON_WHAT_CAME_BEFORE = {"ALAC_16"}
NAMES = [f"{container}-{encoding}" for _, container, encoding, _ in KINDS]


@pytest.fixture(scope="module")
def contents(tmp_path_factory: pytest.TempPathFactory) -> Sequence[bytes]:
    """Of a whole file of every kind."""
    folder = tmp_path_factory.mktemp("whole")
    return [
        write(
            folder / f"{number}.{suffix}",
            chirp(SECONDS, 8_000 if container == "WVE" else RATE, channels),
            8_000 if container == "WVE" else RATE,
            format=container,
            subtype=encoding,
        ).read_bytes()
        for number, (suffix, container, encoding, channels) in enumerate(KINDS)
    ]


def assert_read_or_refused(path: Path, encoding: str, mutation: Mutation) -> None:
    refused = refusal(lambda: list(stream(path, window_seconds=WINDOW_SECONDS)), AudioError, SettingsError)
    if refused is not None:
        assert path.name in refused
        return
    recording = load(path, window_seconds=WINDOW_SECONDS)
    windows = list(stream(path, window_seconds=WINDOW_SECONDS))
    drawn = audio.overview(path, 20)
    for each in (recording, *windows):
        assert each.samples.dtype == np.float32
        assert each.samples.ndim == 1
        assert audio.MINIMUM_SECONDS * RATE <= len(each.samples) <= WINDOW_SECONDS * RATE
        assert np.isfinite(each.samples).all()
        for note in each.notes:
            assert_one_line(note)
            assert note.startswith(path.name)
            assert note.endswith(".")
    np.testing.assert_array_equal(recording.samples, windows[0].samples)
    last = load(path, start_seconds=windows[-1].start_seconds, window_seconds=WINDOW_SECONDS)
    if encoding not in HANGS_ON_WHAT_CAME_BEFORE:
        np.testing.assert_array_equal(last.samples, windows[-1].samples)
    assert drawn is not None
    assert np.isfinite(drawn).all()
    if mutation is CUT_SHORT:
        assert any(told in note for note in recording.info.notes for told in ("cut short", END_UNKNOWN))


@pytest.mark.parametrize("kind", range(len(KINDS)), ids=NAMES)
def test_a_mutant_is_read_with_a_note_or_refused_in_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, contents: Sequence[bytes], kind: int
) -> None:
    without_ffmpeg(monkeypatch, tmp_path)
    suffix, _, encoding, _ = KINDS[kind]
    for mutation in MUTATIONS:
        for turn in range(ROUNDS):
            path = tmp_path / f"{mutation.__name__.strip('_')}_{turn}.{suffix}"
            path.write_bytes(mutant(contents[kind], mutation, f"{NAMES[kind]} {mutation.__name__} {turn}", contents))
            assert_read_or_refused(path, encoding, mutation)
