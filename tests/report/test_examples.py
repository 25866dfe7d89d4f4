"""The example sounds of the page: they are what the script makes, and fit to be heard."""

from __future__ import annotations

from pathlib import Path

import make_examples
import numpy as np
import pytest
import soundfile

from playitback import audio

FOLDER = Path(make_examples.__file__).parent / "examples"
FILES = {name: FOLDER / f"{name}.{example.suffix}" for name, example in make_examples.EXAMPLES.items()}
ESC_50_CLASSES = {
    *("church_bells", "siren", "clock_tick", "rain", "door_wood_knock", "engine", "crickets", "sea_waves"),
    *("thunderstorm", "glass_breaking"),
}


@pytest.fixture(params=sorted(FILES))
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def loudness(samples: np.ndarray, rate: int, start: float, end: float) -> float:
    """Root mean square of a stretch, in decibels below full scale."""
    return float(10 * np.log10(np.mean(samples[round(start * rate) : round(end * rate)] ** 2)))


def test_the_folder_holds_the_examples_and_nothing_else() -> None:
    assert {path.name for path in FOLDER.iterdir()} == {path.name for path in FILES.values()} | {"README.md"}
    assert len(FILES) >= 6
    assert set(FILES) >= ESC_50_CLASSES
    assert sum(path.stat().st_size for path in FILES.values()) < 4e6


def test_every_example_is_described(name: str) -> None:
    assert f"`{FILES[name].name}`" in (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_example_is_what_the_script_makes(name: str) -> None:
    committed, rate = soundfile.read(FILES[name], dtype="int16")
    made = make_examples.samples_of(name)
    assert rate == make_examples.EXAMPLES[name].sample_rate
    assert committed.shape == made.shape
    # Sines differ in the last bit from one processor to another, so that a sample may be rounded the other way.
    assert np.max(np.abs(committed.astype(int) - made)) <= 1
    assert np.mean(committed != made) < 1e-3


def test_the_script_writes_the_same_bytes_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    two = {name: make_examples.EXAMPLES[name] for name in ("door_wood_knock", "church_bells")}  # one WAV, one FLAC
    monkeypatch.setattr(make_examples, "EXAMPLES", two)
    first = make_examples.write_examples(tmp_path / "first")
    again = make_examples.write_examples(tmp_path / "again")
    assert [path.name for path in first] == ["door_wood_knock.wav", "church_bells.flac"]
    for one, other in zip(first, again, strict=True):
        assert one.read_bytes() == other.read_bytes()


def test_every_example_is_read_as_five_seconds(name: str) -> None:
    recording = audio.load(FILES[name], window_seconds=5.0, sample_rate=16_000)
    assert recording.samples.shape == (80_000,)
    assert recording.info.channels == 1
    assert recording.notes == ()


def test_no_example_clips_clicks_or_leans(name: str) -> None:
    samples, _ = soundfile.read(FILES[name])
    assert 0.75 < np.max(np.abs(samples)) < 0.85
    assert max(abs(samples[0]), abs(samples[-1])) < 0.01
    assert abs(np.mean(samples)) < 0.01


@pytest.mark.parametrize(
    ("name", "quiet", "event"),
    [
        ("door_wood_knock", (0.1, 1.0), (1.1, 1.7)),
        ("door_wood_knock", (2.3, 3.1), (3.2, 3.6)),
        ("glass_breaking", (0.1, 1.15), (1.2, 1.7)),
        ("glass_breaking", (4.0, 4.9), (1.2, 1.7)),
        ("thunderstorm", (0.1, 0.95), (1.1, 2.0)),
        ("bells_in_rain", (0.1, 1.75), (1.8, 4.9)),
        ("knocks_then_clock", (1.7, 2.15), (0.6, 1.3)),
    ],
)
def test_events_stand_out_of_what_is_around_them(
    name: str, quiet: tuple[float, float], event: tuple[float, float]
) -> None:
    samples, rate = soundfile.read(FILES[name])
    assert loudness(samples, rate, *event) > loudness(samples, rate, *quiet) + 12
