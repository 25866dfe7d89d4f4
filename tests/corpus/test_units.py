"""Claims about units and parts: every window of every recording is planned exactly once, whatever their lengths."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st
from tiny import CLIP_SECONDS, RATE, noise

from playitback import audio
from playitback.audio import RecordingInfo
from playitback.corpus import units
from playitback.corpus.units import PLANNED_RECORDINGS, Failure, Lengths, Missing, Part, Unit, batches, plan, shard_of
from playitback.errors import AudioError, SettingsError

UNIT = 16


def planned(seconds: dict[str, float], heard: dict[str, frozenset[int]], container: str = "WAV") -> list[Part]:
    """The parts of recordings of such lengths; those of no length cannot be opened."""

    def probe(name: str) -> RecordingInfo:
        if not seconds[name]:
            raise AudioError(f"{name} is empty")
        return RecordingInfo(name, seconds[name], RATE, 1, container)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(audio, "probe", probe)
        missing = [Missing(name, heard.get(name, frozenset())) for name in seconds]
        return list(plan(missing, Lengths(CLIP_SECONDS, RATE, None, UNIT)))


def window_numbers(parts: list[Part], name: str) -> list[int]:
    mine = [unit for part in parts for unit in part.units if unit.recording == name]
    return [index for unit in mine for index in range(unit.first_window, unit.first_window + unit.windows)]


@given(st.lists(st.integers(0, 100), max_size=12))
def test_every_window_is_planned_once_in_parts_of_no_more_than_a_unit(counts: list[int]) -> None:
    seconds = {f"{number}.wav": count * CLIP_SECONDS for number, count in enumerate(counts)}
    parts = planned(seconds, {})
    for name, length in seconds.items():
        assert window_numbers(parts, name) == [*range(round(length / CLIP_SECONDS))]
    assert all(0 < sum(unit.windows for unit in part.units) <= UNIT for part in parts if part.units)
    assert [each.recording for part in parts for each in part.failures] == [
        name for name in seconds if not seconds[name]
    ]


@given(st.integers(1, 100), st.sets(st.integers(0, 7)))
def test_what_was_heard_is_left_out_and_the_rest_stays_as_it_was(count: int, numbers: set[int]) -> None:
    seconds = {"a.wav": count * CLIP_SECONDS}
    whole = {unit.number: unit for part in planned(seconds, {}) for unit in part.units}
    rest = [unit for part in planned(seconds, {"a.wav": frozenset(numbers)}) for unit in part.units]
    assert rest == [unit for number, unit in whole.items() if number not in numbers]


def test_what_cannot_be_read_from_anywhere_is_one_unit() -> None:
    (part,) = planned({"a.mp3": 100 * CLIP_SECONDS}, {}, "MP3")
    assert [(unit.first_window, unit.windows, unit.units) for unit in part.units] == [(0, 100, 1)]


def test_a_part_is_known_by_its_windows_and_their_recordings(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    soundfile.write(path, noise(4.0), RATE)
    lengths = Lengths(CLIP_SECONDS, RATE, None)
    (before,) = plan([Missing(str(path))], lengths)
    assert [*plan([Missing(str(path))], lengths)] == [before]
    soundfile.write(path, noise(6.0), RATE)
    (after,) = plan([Missing(str(path))], lengths)
    assert before.name != after.name
    assert before.shard == after.shard == shard_of(str(path))


def test_a_part_travels_as_json_whatever_names_hold() -> None:
    unit = Unit("/a/M\udce4rz.wav", (1, 2), 0, 3, 0, 16)
    part = Part((unit,), (Failure("/b/\u2028", 0.5, "it is empty", False),))
    assert Part.from_json(part.to_json()) == part


def test_recordings_come_shard_by_shard_a_few_at_a_time() -> None:
    names = [f"/r/{number}.wav" for number in range(5000)]
    found = batches(map(Missing, names))
    assert sorted(each.recording for batch in found for each in batch) == sorted(names)
    shards = [{shard_of(each.recording) for each in batch} for batch in found]
    assert all(len(each) == 1 for each in shards)
    assert len(set.union(*shards)) == 16
    assert max(map(len, found)) == PLANNED_RECORDINGS


@pytest.mark.parametrize("windows", [0, 12])
def test_a_unit_is_whole_batches(windows: int) -> None:
    with pytest.raises(SettingsError, match=f"a unit has {windows} windows; give a multiple of 8"):
        Lengths(CLIP_SECONDS, RATE, None, windows)
    assert units.UNIT_WINDOWS % 8 == 0
