"""The example that a visitor finds explained: it is a real run, made once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import welcome
from app.page import EXAMPLE_FORMATS, EXAMPLES
from app.service import ExplainService, Models, Settings
from playitback.errors import AudioError

PLAYBACKS = 2
#: how often a model was asked to hear something
Counted = list[str]


@pytest.fixture
def counted() -> Counted:
    return []


@pytest.fixture
def models(tmp_path: Path, counted: Counted) -> Models:
    def counting(run: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def wrapped(checkpoint: str, work: Any, arguments: tuple[Any, ...]) -> Iterator[Any]:
            counted.append(checkpoint)
            yield from run(checkpoint, work, arguments)

        return wrapped

    checkpoint = tiny_checkpoint(tmp_path / "tiny", tiny_model(playbacks=PLAYBACKS))
    return Models([str(checkpoint)], "cpu", counting)


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    path = tmp_path / "sea_waves.wav"
    soundfile.write(path, sounding_clips(1)[0].numpy(), RATE)
    return path


def test_the_example_is_what_playing_it_back_gives(models: Models, sound: Path, tmp_path: Path) -> None:
    example = welcome.Example(models, sound)  # its files are there as long as it is
    found = example.explained()
    *_, run = ExplainService(models).explain(sound, Settings("tiny"), tmp_path)
    assert found.finished
    assert found.explanation.to_dict() == run.explanation.to_dict()
    np.testing.assert_array_equal(found.samples, run.samples)
    for mine, theirs in zip(found.player.rows, run.player.rows, strict=True):
        assert Path(mine.spectrogram).read_bytes() == Path(theirs.spectrogram).read_bytes()
        assert Path(mine.tape_audio).read_bytes() == Path(theirs.tape_audio).read_bytes()


def test_it_is_explained_once_however_many_come_at_once(models: Models, counted: Counted, sound: Path) -> None:
    example = welcome.Example(models, sound)
    assert counted == []  # nobody has come yet
    with ThreadPoolExecutor(4) as visitors:
        found = list(visitors.map(lambda _: example.explained(), range(4)))
    assert counted == ["tiny"]
    assert len({view.run_id for view in found}) == 1


def test_an_example_that_could_not_be_explained_is_tried_again(models: Models, sound: Path) -> None:
    content = sound.read_bytes()
    sound.write_bytes(b"nothing that sounds")
    example = welcome.Example(models, sound)
    with pytest.raises(AudioError, match="not a sound file"):
        example.explained()
    sound.write_bytes(content)
    assert example.explained().finished


def test_the_note_says_that_it_is_an_example_and_which_one(models: Models, sound: Path) -> None:
    note = welcome.note_html(welcome.Example(models, sound).explained())
    assert "An example" in note
    assert "Sea waves, as the model tiny hears it" in note


def test_there_is_an_example_to_show() -> None:
    assert [path for path in EXAMPLES.iterdir() if path.suffix in EXAMPLE_FORMATS]
