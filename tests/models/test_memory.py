"""Claims about what is remembered: it is bounded, found again, never mistaken, and what is heard stays the same."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hears_once import model_of
from tiny import recognizer_of, sounding_clips, tiny_model
from torch import Generator, Tensor

from playitback.evidence.controls import nothing
from playitback.models.encoded import EncodedListener
from playitback.models.listener import Hearing
from playitback.models.memory import Memory, keys_of

PLAYBACKS = 2
FAMILIES: dict[str, Callable[[], EncodedListener]] = {
    "replay": lambda: tiny_model(playbacks=PLAYBACKS),
    "pooling": lambda: model_of("pooling"),
    "mast": lambda: model_of("mast"),
}


@pytest.fixture(params=FAMILIES.values(), ids=FAMILIES)
def model(request: pytest.FixtureRequest) -> EncodedListener:
    built: EncodedListener = request.param()
    return built


def floats(count: int, seed: int = 0) -> Tensor:
    return torch.rand(count, generator=Generator().manual_seed(seed))


def test_a_memory_holds_no_more_bytes_than_it_may_and_what_it_gives_is_what_it_was_given() -> None:
    memory, rows = Memory(most_bytes=10 * 4 * 8), floats(8 * 100).view(100, 8)
    for key, row in zip(keys_of(rows), rows, strict=True):
        memory.put(key, row[:5], row[5:])
        memory.put(key, row[:5], row[5:])
    kept = [(row, found) for key, row in zip(keys_of(rows), rows, strict=True) if (found := memory.get(key))]
    assert len(kept) == 10
    assert all(torch.equal(row, torch.cat(found)) for row, found in kept)


def test_whoever_goes_through_more_clips_than_are_kept_finds_some_again() -> None:
    memory, rows = Memory(most_bytes=30 * 4), floats(40)
    found = 0
    for _ in range(10):
        for key, row in zip(keys_of(rows), rows, strict=True):
            found += memory.get(key) is not None
            memory.put(key, row)
    assert found > 9 * 40 / 3


def test_what_is_larger_than_a_memory_is_not_kept() -> None:
    memory = Memory(most_bytes=8)
    memory.put(("small",), floats(2))
    memory.put(("large",), floats(3))
    assert memory.get(("large",)) is None


def test_keys_tell_sounds_and_precisions_apart() -> None:
    clips = sounding_clips(2)
    keys = keys_of(clips)
    with torch.autocast("cpu", torch.bfloat16):
        rounded = keys_of(clips)
    quieter = keys_of(clips * (1 - 1e-6))
    assert len({*keys, *rounded, *quieter}) == 6
    assert keys_of(clips[1:]) == keys[1:]


@torch.inference_mode()
def test_a_first_hearing_is_encoded_once_whatever_its_company(model: EncodedListener, encoded: list[int]) -> None:
    clips, remembering = sounding_clips(4), model.remembering()
    before = [next(remembering.listen(clips[rows])) for rows in ([0, 1, 0], [1, 0], [2, 1, 3, 0])]
    assert encoded == [2, 2]
    for rows, heard in zip(([0, 1, 0], [1, 0], [2, 1, 3, 0]), before, strict=True):
        assert_alike(heard, next(model.listen(clips[rows])))


def assert_alike(one: Hearing, other: Hearing) -> None:
    for a, b in zip((one.logits[0], one.relevance), (other.logits[0], other.relevance), strict=True):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


@torch.inference_mode()
def test_hearings_in_which_nothing_is_replayed_are_the_first_one(encoded: list[int]) -> None:
    model, clips = FAMILIES["replay"](), sounding_clips(2)
    remembering = model.remembering()
    heard = list(remembering.listen(clips, choose=nothing))
    assert encoded == [2]
    for one, other in zip(heard, model.listen(clips, choose=nothing), strict=True):
        assert_alike(one, other)


@torch.inference_mode()
def test_replayed_moments_are_encoded_anew_and_do_not_take_the_place_of_first_hearings(encoded: list[int]) -> None:
    model, clips = FAMILIES["replay"](), sounding_clips(2)
    remembering = model.remembering()
    for _ in range(2):
        heard = list(remembering.listen(clips))
    assert all((each.replayed.diff(dim=2) > 0).any() for each in heard[1:])
    assert encoded == [2] * (1 + PLAYBACKS) + [2] * PLAYBACKS


@torch.inference_mode()
def test_a_model_itself_and_one_with_other_weights_remember_nothing(model: EncodedListener, encoded: list[int]) -> None:
    clips = sounding_clips(1)
    recognizer = recognizer_of(model)
    remembering = recognizer.remembering()
    shuffled = remembering.shuffled("encoder", Generator().manual_seed(0)).remembering()
    told = [next(each.listen(clips)).logits[0] for each in (remembering, shuffled, recognizer, remembering)]
    assert len(encoded) == 3
    assert not torch.allclose(told[0], told[1])
    assert torch.equal(told[0], told[3])


def test_a_gradient_still_reaches_the_clips_of_a_recognizer_that_remembers(model: EncodedListener) -> None:
    remembering = recognizer_of(model).remembering()
    clips = sounding_clips(1).requires_grad_()
    next(remembering.listen(clips.detach()))
    remembering.first_logits(clips)[:, 0].sum().backward()
    assert clips.grad is not None
    assert (clips.grad != 0).any()
