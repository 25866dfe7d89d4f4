"""Claims about clips: the right samples come out, from memory as from disk, and bad files are told and left out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from clip_sets import ON_DISK, PLACES, SECOND, STEP, all_of, entries_of, manifest_of
from tiny import CATEGORIES, RATE, noise, tone, write_esc50
from torch import Generator, Tensor

from playitback.errors import DataSetError, SettingsError
from playitback.training.clips import ClipsInMemory, ClipsOnDisk, load_clips
from playitback.training.entries import Entry, Manifest
from playitback.training.manifest import read_manifest


@pytest.fixture(scope="module")
def esc50(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_esc50(tmp_path_factory.mktemp("data") / "esc50", clips_per_class=4, folds=(1,), seconds=1.0)


# what comes out


def test_esc50_is_read_whatever_its_sampling_rate(esc50: Path) -> None:
    clips = load_clips(read_manifest("esc50", esc50, folds=(1,)), SECOND)
    assert len(clips) == len(clips.names) == 16
    assert clips.labels == (CATEGORIES,)
    assert clips.classes().bincount().tolist() == [4, 4, 4, 4]
    assert clips.skipped == ()
    # the first clip is a tone of 400 to 500 Hz: one second long, at 16 kHz
    (waveform,) = clips.waveforms(torch.tensor([0]))
    assert waveform.dtype == torch.float32
    assert waveform.shape == (RATE,)
    assert 400 <= np.abs(np.fft.rfft(waveform.numpy())).argmax() <= 500
    assert waveform.abs().max() == pytest.approx(0.4, abs=0.06)


def test_clips_in_memory_and_on_disk_are_the_same(esc50: Path) -> None:
    manifest = read_manifest("esc50", esc50)
    held, stored = load_clips(manifest, SECOND), load_clips(manifest, SECOND, memory_gigabytes=ON_DISK)
    assert isinstance(held, ClipsInMemory)
    assert isinstance(stored, ClipsOnDisk)
    assert held.names == stored.names
    assert torch.equal(held.classes(), stored.classes())
    # in memory the samples are rounded to 16 bits
    torch.testing.assert_close(all_of(held), all_of(stored), rtol=0, atol=0.51 * STEP)
    indices = torch.tensor([7, 2, 7])
    assert torch.equal(held.waveforms(indices), all_of(held)[indices])
    assert torch.equal(held.targets(indices)[0], stored.targets(indices)[0])


def test_memory_is_the_limit_for_whole_stretches(tmp_path: Path) -> None:
    manifest = manifest_of(*entries_of(tmp_path, 2, seconds=3.0))
    gigabytes = 2 * 3.0 * RATE * 2 / 1e9
    assert isinstance(load_clips(manifest, SECOND, memory_gigabytes=1.001 * gigabytes), ClipsInMemory)
    assert isinstance(load_clips(manifest, SECOND, memory_gigabytes=0.999 * gigabytes), ClipsOnDisk)


@PLACES
def test_clips_of_a_set_may_differ_in_rate_channels_and_format(tmp_path: Path, gigabytes: float) -> None:
    settings = {
        "a.wav": (8000, 1),
        "b.flac": (44_100, 2),
        "c.ogg": (RATE, 1),
        "d.aiff": (48_000, 3),
        "e.mp3": (22_050, 1),
    }
    for name, (rate, channels) in settings.items():
        channels_of = np.stack([tone(1.0, rate, 600.0)] + [np.zeros(rate, np.float32)] * (channels - 1), axis=1)
        soundfile.write(tmp_path / name, channels_of, rate)
    clips = load_clips(
        manifest_of(*(Entry(name, tmp_path / name, ((0,),)) for name in settings)), SECOND, memory_gigabytes=gigabytes
    )
    levels = {1: 0.4, 2: 0.2, 3: 0.4}  # where fewer than half of the channels sound, the silent ones are left out
    for waveform, (_, channels) in zip(all_of(clips), settings.values(), strict=True):
        assert np.abs(np.fft.rfft(waveform.numpy())).argmax() == pytest.approx(600, abs=1)
        assert float(waveform[2000:14_000].abs().max()) == pytest.approx(levels[channels], rel=0.05)


@PLACES
def test_shorter_stretches_are_filled_up_with_silence(tmp_path: Path, gigabytes: float) -> None:
    (entry,) = entries_of(tmp_path, 1, seconds=0.5)
    (waveform,) = all_of(load_clips(manifest_of(entry), SECOND, memory_gigabytes=gigabytes))
    torch.testing.assert_close(waveform[:8000], torch.from_numpy(noise(0.5)), rtol=0, atol=STEP)
    assert not waveform[8000:].any()


@PLACES
def test_longer_stretches_are_cropped_in_their_middle_or_at_random(tmp_path: Path, gigabytes: float) -> None:
    """Sample n of the file is n / 64000 away from 0, in turn above and below, so that a crop says where it begins."""
    path = tmp_path / "ramp.wav"
    soundfile.write(path, np.arange(64_000) / 64_000 * np.resize([1, -1], 64_000), RATE, subtype="FLOAT")
    entry = Entry("ramp", path, ((0,),), start_seconds=1.0, stop_seconds=3.0)
    clips = load_clips(manifest_of(entry), SECOND, memory_gigabytes=gigabytes)

    def begins(waveforms: Tensor) -> Tensor:
        torch.testing.assert_close(
            waveforms.abs().diff(dim=1), torch.full((len(waveforms), 15_999), 1 / 64_000), rtol=0, atol=STEP
        )
        return (waveforms[:, 0].abs() * 4).double()

    indices = torch.zeros(40, dtype=torch.int64)
    torch.testing.assert_close(begins(clips.waveforms(indices[:1])), torch.tensor([1.5]).double(), rtol=0, atol=1e-3)
    drawn = begins(clips.waveforms(indices, Generator().manual_seed(0)))
    assert 1 - 1e-3 <= drawn.min() < 1.1
    assert 1.9 < drawn.max() <= 2 + 1e-3
    again, other = (begins(clips.waveforms(indices, Generator().manual_seed(seed))) for seed in (0, 1))
    assert torch.equal(again, drawn)
    assert not torch.equal(other, drawn)


def test_random_crops_are_the_same_in_memory_and_on_disk(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, 3, seconds=2.5)
    crops = [
        load_clips(manifest_of(*entries), SECOND, memory_gigabytes=gigabytes).waveforms(
            torch.arange(3), Generator().manual_seed(0)
        )
        for gigabytes in (1.0, ON_DISK)
    ]
    torch.testing.assert_close(*crops, rtol=0, atol=0.51 * STEP)


@PLACES
def test_targets_are_one_or_several_classes_of_every_head(tmp_path: Path, gigabytes: float) -> None:
    one, other = entries_of(tmp_path, 2)
    labels = (("cut", "wash"), ("knife", "plate", "tap"))
    entries = (Entry("one", one.path, ((1,), (2,))), Entry("other", other.path, ((0,), (2,))))
    clips = load_clips(manifest_of(*entries, labels=labels), SECOND, memory_gigabytes=gigabytes)
    verbs, nouns = clips.targets(torch.tensor([1, 0]))
    assert verbs.tolist() == [[1, 0], [0, 1]]
    assert nouns.tolist() == [[0, 0, 1], [0, 0, 1]]
    assert (clips.classes(0).tolist(), clips.classes(1).tolist()) == ([1, 0], [2, 2])

    entries = (Entry("one", one.path, ((2, 0),)), Entry("other", other.path, ((1,),)))
    several = load_clips(manifest_of(*entries, multi=True), SECOND, memory_gigabytes=gigabytes)
    assert several.multi_label
    (targets,) = several.targets(torch.tensor([0, 1, 0]))
    assert targets.dtype == torch.float32
    assert targets.tolist() == [[1, 0, 1], [0, 1, 0], [1, 0, 1]]
    with pytest.raises(DataSetError, match="several labels each"):
        several.classes()


# what is missing or unreadable


@PLACES
def test_bad_files_are_left_out_and_named_up_to_the_tolerated_share(tmp_path: Path, gigabytes: float) -> None:
    entries = entries_of(tmp_path, 40)
    entries[3].path.write_bytes(b"RIFF")
    manifest = Manifest("csv", (("a", "b", "c"),), False, tuple(entries), ("gone.wav",))
    clips = load_clips(manifest, SECOND, memory_gigabytes=gigabytes)
    assert clips.names == tuple(entry.name for entry in entries if entry.name != "3.wav")
    assert clips.classes().tolist() == [index % 3 for index in range(40) if index != 3]
    assert clips.waveforms(torch.tensor([3]))[0, :8000].numpy() == pytest.approx(noise(0.5, seed=4), abs=STEP)
    assert clips.skipped[0] == "gone.wav: not there"
    assert clips.skipped[1].startswith("3.wav: 3.wav ")
    assert len(clips.skipped) == 2

    entries[5].path.write_bytes(b"")
    with pytest.raises(
        DataSetError, match=r"3 of the 41 clips of csv are missing or unreadable, and 5 % .* gone\.wav: "
    ):
        load_clips(manifest, SECOND, memory_gigabytes=gigabytes)
    assert len(load_clips(manifest, SECOND, tolerated_missing=0.1, memory_gigabytes=gigabytes)) == 38


def test_too_many_bad_files_are_counted_and_the_first_few_named() -> None:
    manifest = Manifest("csv", (("a",),), False, (), tuple("abcdefg"))
    with pytest.raises(
        DataSetError, match=r"7 of the 7 clips .* complete the download: a: not there; .*; e: not there; \.\.\.$"
    ):
        load_clips(manifest, SECOND)


@pytest.mark.parametrize("share", [-0.1, 1.0])
def test_tolerated_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(SettingsError, match="tolerated_missing must be 0 or more and below 1"):
        load_clips(Manifest("csv", (("a",),), False, (), ("a",)), SECOND, tolerated_missing=share)


def test_file_that_turns_unreadable_later_is_replaced_by_the_next(tmp_path: Path) -> None:
    entries = entries_of(tmp_path, 40)
    clips = load_clips(manifest_of(*entries), SECOND, memory_gigabytes=ON_DISK)
    before = all_of(clips)
    for number in (39, 38):
        entries[number].path.unlink()
    indices = torch.tensor([38, 5, 39])
    assert torch.equal(clips.waveforms(indices), before[[0, 5, 0]])
    (targets,) = clips.targets(indices)
    assert targets.argmax(dim=1).tolist() == [0, 2, 0]  # of the clips that are heard
    assert [each.split(":")[0] for each in clips.skipped] == ["38.wav", "39.wav"]
    assert torch.equal(clips.waveforms(indices), before[[0, 5, 0]])
    assert len(clips.skipped) == 2
    entries[5].path.unlink()
    with pytest.raises(DataSetError, match=r"3 of the 40 clips .* are missing or unreadable"):
        clips.waveforms(indices)


@PLACES
def test_progress_counts_recordings_and_then_clips(tmp_path: Path, gigabytes: float) -> None:
    first, second = entries_of(tmp_path, 2)
    entries = (first, second, Entry("again", second.path, ((0,),), 0.1, 0.4))
    told: list[tuple[int, int]] = []
    load_clips(
        manifest_of(*entries),
        SECOND,
        memory_gigabytes=gigabytes,
        report=lambda progress: told.append((progress.done, progress.total)),
    )
    decoded = [] if gigabytes == ON_DISK else [(1, 3), (2, 3), (3, 3)]
    assert told == [(1, 2), (2, 2), *decoded]
