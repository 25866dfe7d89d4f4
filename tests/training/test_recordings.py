"""Stretches of long recordings, of files as of arrays: the right samples, without reading the rest, in any process."""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from pathlib import Path

import h5py
import numpy as np
import pytest
import soundfile
import torch
from clip_sets import ON_DISK, PLACES, SECOND, STEP, all_of, entries_of, manifest_of
from tiny import RATE, chirp, noise
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from playitback import audio
from playitback.errors import DataSetError
from playitback.training.clips import ClipSet, load_clips
from playitback.training.entries import Entry, Manifest


@PLACES
def test_segments_of_a_recording_are_those_of_the_whole(tmp_path: Path, gigabytes: float) -> None:
    """Whatever the rate: the segment's edges are no edges for the filter."""
    path = tmp_path / "video.wav"
    soundfile.write(path, chirp(6.0, 24_000), 24_000, subtype="FLOAT")
    whole = torch.from_numpy(audio.load(path, sample_rate=RATE).samples)
    entries = [Entry(str(start), path, ((0,),), start, start + 0.75) for start in (0.0, 1.3337, 5.25)]
    clips = load_clips(manifest_of(*entries), SECOND, memory_gigabytes=gigabytes)
    for waveform, entry in zip(all_of(clips), entries, strict=True):
        first = round(entry.start_seconds * RATE)
        torch.testing.assert_close(waveform[:12_000], whole[first : first + 12_000], rtol=0, atol=STEP)
        assert not waveform[12_000:].any()


def write_archive(path: Path, **videos: tuple[np.ndarray, int | None]) -> None:
    with h5py.File(path, "w") as archive:
        for name, (samples, rate) in videos.items():
            archive[name] = samples
            if rate is not None:
                archive[name].attrs["sampling_rate"] = rate


@PLACES
@pytest.mark.parametrize(("rate", "written"), [(24_000, None), (RATE, RATE), (44_100, 44_100)])
def test_segments_of_an_array_are_those_of_a_file(
    tmp_path: Path, gigabytes: float, rate: int, written: int | None
) -> None:
    """An array without a rate has 24 kHz, as those of EPIC-KITCHENS-100."""
    samples = 0.4 * (chirp(5.0, rate) + noise(5.0, rate))
    soundfile.write(tmp_path / "video.wav", samples, rate, subtype="FLOAT")
    write_archive(
        tmp_path / "EPIC_audio.hdf5", video=(samples, written), short=((samples[:rate] * 32767).astype(np.int16), rate)
    )
    segments = [(0.0, 0.6), (1.2345, 3.5), (4.5, None)]
    of_file, of_array = (
        all_of(
            load_clips(
                manifest_of(
                    *(Entry(str(start), tmp_path / name, ((0,),), start, stop, array) for start, stop in segments)
                ),
                SECOND,
                memory_gigabytes=gigabytes,
            )
        )
        for name, array in (("video.wav", None), ("EPIC_audio.hdf5", "video"))
    )
    torch.testing.assert_close(of_array, of_file, rtol=0, atol=2 * STEP)
    short = Entry("short", tmp_path / "EPIC_audio.hdf5", ((0,),), 0.0, 0.6, "short")
    (waveform,) = all_of(load_clips(manifest_of(short), SECOND, memory_gigabytes=gigabytes))
    torch.testing.assert_close(waveform, of_file[0], rtol=0, atol=3 * STEP)


def test_segment_of_an_hour_is_read_without_the_hour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a file as of an array; counted are the samples that leave the libraries."""
    hour = 3600 * 8000
    minute = np.zeros(60 * 8000, np.int16)
    with soundfile.SoundFile(tmp_path / "hour.wav", "w", 8000, 1) as file:
        for _ in range(60):
            file.write(minute)
    with h5py.File(tmp_path / "hours.hdf5", "w") as archive:
        archive.create_dataset("hour", (hour,), np.float32, chunks=(8000,))  # nothing of it is stored
        archive["hour"].attrs["sampling_rate"] = 8000
        archive["hour"][3000 * 8000 : 3001 * 8000] = 0.5
    read: list[int] = []

    def counting(original: Callable[..., np.ndarray]) -> Callable[..., np.ndarray]:
        def wrapper(*arguments: object, **settings: object) -> np.ndarray:
            found = original(*arguments, **settings)
            read.append(np.size(found))
            return found

        return wrapper

    monkeypatch.setattr(soundfile.SoundFile, "read", counting(soundfile.SoundFile.read))
    monkeypatch.setattr(h5py.Dataset, "__getitem__", counting(h5py.Dataset.__getitem__))
    for path, array in (("hour.wav", None), ("hours.hdf5", "hour")):
        for gigabytes in (1.0, ON_DISK):
            read.clear()
            entry = Entry("late", tmp_path / path, ((0,),), 3000.0, 3001.0, array)
            (waveform,) = all_of(load_clips(manifest_of(entry), SECOND, memory_gigabytes=gigabytes))
            assert 8000 <= sum(read) < 12_000
            if array is not None:
                assert float(waveform[4000:12_000].mean()) == pytest.approx(0.5, abs=0.01)


class Reads(Dataset[Tensor]):
    def __init__(self, clips: ClipSet) -> None:
        self.clips = clips

    def __len__(self) -> int:
        return len(self.clips)

    def __getitem__(self, index: int) -> Tensor:
        return self.clips.waveforms(torch.tensor([index]))[0]


@pytest.fixture
def archived(tmp_path: Path) -> Manifest:
    write_archive(tmp_path / "EPIC_audio.hdf5", video=(noise(4.0, 24_000), None))
    return manifest_of(
        *(
            Entry(str(start), tmp_path / "EPIC_audio.hdf5", ((0,),), start, start + 0.5, "video")
            for start in (0, 1, 2, 3)
        )
    )


@PLACES
def test_workers_read_what_their_parent_reads(archived: Manifest, gigabytes: float) -> None:
    """The parent has the HDF5 file open when they start."""
    clips = load_clips(archived, SECOND, memory_gigabytes=gigabytes)
    expected = all_of(clips)
    found: Iterator[Tensor] = iter(DataLoader(Reads(clips), batch_size=None, num_workers=2))
    assert torch.equal(torch.stack(list(found)), expected)


@PLACES
def test_pickled_clips_read_the_same(archived: Manifest, gigabytes: float) -> None:
    clips = load_clips(archived, SECOND, memory_gigabytes=gigabytes)
    expected = all_of(clips)
    copy = pickle.loads(pickle.dumps(clips))
    assert torch.equal(all_of(copy), expected)
    assert copy.names == clips.names
    assert torch.equal(copy.classes(), clips.classes())


@PLACES
def test_stretch_beyond_the_end_of_its_recording_is_left_out(tmp_path: Path, gigabytes: float) -> None:
    (entry,) = entries_of(tmp_path, 1, seconds=0.5)
    late, over = (Entry(name, entry.path, ((0,),), start, 2.0) for name, start in (("late", 0.45), ("over", 0.2)))
    clips = load_clips(manifest_of(late, over), SECOND, tolerated_missing=0.5, memory_gigabytes=gigabytes)
    assert clips.skipped == ("late: it starts at 0.45 s of a recording of 0.50 s",)
    assert all_of(clips)[0, :4800].numpy() == pytest.approx(noise(0.5)[3200:], abs=STEP)
    assert not all_of(clips)[0, 4800:].any()


@PLACES
def test_stretch_too_short_to_be_heard_goes_on_a_little(tmp_path: Path, gigabytes: float) -> None:
    (entry,) = entries_of(tmp_path, 1, seconds=0.5)
    blink = Entry("blink", entry.path, ((0,),), 0.2, 0.21)
    (waveform,) = all_of(load_clips(manifest_of(blink), SECOND, memory_gigabytes=gigabytes))
    assert waveform[:1600].numpy() == pytest.approx(noise(0.5)[3200:4800], abs=STEP)
    assert not waveform[1600:].any()


@PLACES
@pytest.mark.parametrize(
    ("recording", "words"),
    [
        ("absent", "no array absent"),
        ("stereo", "no array stereo of one row"),
        ("broken", "samples that are not finite"),
    ],
)
def test_array_that_cannot_be_heard_is_told(tmp_path: Path, gigabytes: float, recording: str, words: str) -> None:
    samples = noise(1.0, 24_000)
    broken = samples.copy()
    broken[100] = np.nan
    write_archive(tmp_path / "a.hdf5", stereo=(np.stack([samples, samples]), None), broken=(broken, None))
    entry = Entry("a", tmp_path / "a.hdf5", ((0,),), 0.0, 0.5, recording)
    with pytest.raises(DataSetError, match=words):
        all_of(load_clips(manifest_of(entry), SECOND, memory_gigabytes=gigabytes))
