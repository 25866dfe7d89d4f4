"""Claims about accidents in training: whatever ends or damages a run, it goes on, and ends as if nothing had been."""

from __future__ import annotations

import errno
import io
import json
import os
import resource
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from clip_sets import SECOND, entries_of, manifest_of
from torch import Tensor
from toy import ToyListener, toy_config, toy_recipe

from playitback.errors import SettingsError
from playitback.training import loop
from playitback.training.clips import ClipSet, load_clips
from playitback.training.loop import train
from playitback.training.ownership import owned
from playitback.training.processes import Processes
from playitback.training.state import StageProgress

(_STAGE,) = toy_recipe("toy").stages
RECIPE = replace(
    toy_recipe("toy"), stages=(replace(_STAGE, name="first"), replace(_STAGE, name="second", learning_rate=0.02))
)
STEPS = 3  # of an epoch; each stage has two
ALONE = Processes(torch.device("cpu"))
NEVER = 1e9  # seconds

Watch = Callable[[StageProgress], None]
Damage = Callable[[bytes], bytes]
#: the weights and the log of a run without an accident
Whole = tuple[dict[str, Tensor], list[dict[str, float]]]


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> ClipSet:
    return load_clips(manifest_of(*entries_of(tmp_path_factory.mktemp("clips"), STEPS * RECIPE.batch_size)), SECOND)


def fresh_model() -> ToyListener:
    torch.manual_seed(0)
    return ToyListener(toy_config(labels=(("a", "b", "c"),), clip_seconds=1.0))


def trained(
    clips: ClipSet, out: Path, report: Watch = lambda _: None, **settings: Any
) -> tuple[dict[str, Tensor], list[str]]:
    """The weights that a run ends with, and what was told of it."""
    model, told = fresh_model(), []
    train(model, clips, RECIPE, out, report, tell=told.append, **settings)
    return model.state_dict(), told


def losses_in(out: Path) -> list[dict[str, float]]:
    entries = [json.loads(line) for line in (out / "log.jsonl").read_text(encoding="utf-8").splitlines()]
    return [{name: value for name, value in entry.items() if name != "seconds"} for entry in entries]


@pytest.fixture(scope="module")
def whole(clips: ClipSet, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    out = tmp_path_factory.mktemp("whole")
    weights, told = trained(clips, out)
    assert told == []
    return weights, losses_in(out)


class Killed(BaseException):
    pass


def at(stage: str, done: int, does: Callable[[], object]) -> Watch:
    """Does something after so many steps of a stage."""

    def report(progress: StageProgress) -> None:
        if (progress.stage, progress.done) == (stage, done):
            does()

    return report


def die() -> None:
    raise Killed


def killed(clips: ClipSet, out: Path, done: int = 5) -> None:
    """A run that was saved after every step but the last one, in its second epoch."""
    with pytest.raises(Killed):
        trained(clips, out, at("second", done, die), save_seconds=0)


def assert_ends_like(whole: Whole, weights: dict[str, Tensor], out: Path) -> None:
    assert all(torch.equal(weights[name], value) for name, value in whole[0].items())
    assert losses_in(out) == whole[1]


def test_second_thread_is_refused_as_a_process_would_be(tmp_path: Path, clips: ClipSet) -> None:
    refusals: list[SettingsError] = []

    def second() -> None:
        with pytest.raises(SettingsError, match="another training writes to") as refusal:
            trained(clips, tmp_path)
        refusals.append(refusal.value)

    with owned(tmp_path, ALONE):
        thread = threading.Thread(target=second)
        thread.start()
        thread.join()
        trained(clips, tmp_path)  # whoever owns the folder may train in it
    assert len(refusals) == 1


# ends that are asked for


@pytest.mark.parametrize(("number", "ends"), [(signal.SIGTERM, SystemExit), (signal.SIGINT, KeyboardInterrupt)])
@pytest.mark.parametrize(("stage", "done"), [("first", 1), ("first", 6), ("second", 4)])
def test_signal_waits_for_the_step_and_for_its_state(
    tmp_path: Path, clips: ClipSet, whole: Whole, number: int, ends: type[BaseException], stage: str, done: int
) -> None:
    told: list[str] = []
    before = signal.getsignal(number)
    signalled = at(stage, done, lambda: os.kill(os.getpid(), number))
    with pytest.raises(ends) as end:
        train(fresh_model(), clips, RECIPE, tmp_path, signalled, save_seconds=NEVER, tell=told.append)
    assert number == signal.SIGINT or end.value.code == 128 + signal.SIGTERM  # type: ignore[attr-defined]
    assert told == [
        f"training stops after step {done} of 6 of the stage {stage}, which is saved in {tmp_path}; "
        "give the same command again to go on from there"
    ]
    assert signal.getsignal(number) == before
    steps: list[tuple[str, int]] = []
    weights, told = trained(clips, tmp_path, lambda progress: steps.append((progress.stage, progress.done)))
    assert steps[0] == ((stage, done + 1) if done < 6 else ("second", 1))
    assert told == []
    assert_ends_like(whole, weights, tmp_path)


def test_second_signal_is_not_waited_for(tmp_path: Path, clips: ClipSet) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # who runs the tests may ignore Ctrl-C

    def twice() -> None:
        for _ in range(2):
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(0.1)  # until it has come
        pytest.fail("it went on")

    try:
        with pytest.raises(KeyboardInterrupt):
            trained(clips, tmp_path, at("first", 2, twice), save_seconds=NEVER)
    finally:
        signal.signal(signal.SIGINT, before)
    assert not (tmp_path / "state.pt").exists()


def test_signal_before_the_first_step_ends_at_once(
    tmp_path: Path, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare = ToyListener.prepare

    def signalled(model: ToyListener, batches: Iterator[Tensor]) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        prepare(model, batches)

    monkeypatch.setattr(ToyListener, "prepare", signalled)
    told: list[str] = []
    with pytest.raises(SystemExit):
        train(fresh_model(), clips, RECIPE, tmp_path, tell=told.append)
    assert told == ["training stops before its first step, and nothing is saved; give the same command again"]


def test_signal_that_ended_what_a_step_needs_is_told_and_not_the_failure(tmp_path: Path, clips: ClipSet) -> None:
    """As where all processes of a run are sent it at once, those that read clips, too."""
    told: list[str] = []

    def without_helpers() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        raise RuntimeError("DataLoader worker is killed by signal: Terminated.")

    with pytest.raises(SystemExit):
        train(fresh_model(), clips, RECIPE, tmp_path, at("first", 2, without_helpers), tell=told.append)
    assert told == [
        "training stops in the middle of a step; give the same command again to go on from what was saved last"
    ]


def test_trainings_in_threads_leave_signals_alone(tmp_path: Path, clips: ClipSet) -> None:
    handlers: list[object] = []
    noted = at("first", 1, lambda: handlers.append(signal.getsignal(signal.SIGTERM)))
    thread = threading.Thread(target=trained, args=(clips, tmp_path, noted))
    thread.start()
    thread.join()
    assert handlers == [signal.getsignal(signal.SIGTERM)]


# damage


def cut(share: float) -> Damage:
    return lambda content: content[: round(share * len(content))]


def changed(content: bytes) -> bytes:
    """One bit of a weight is another one."""
    weights = torch.load(io.BytesIO(content), weights_only=True)["model"]["heads.0.weight"]
    where = content.index(weights.numpy().tobytes())
    return content[:where] + bytes([content[where] ^ 64]) + content[where + 1 :]


@pytest.mark.parametrize(
    "damaged",
    [cut(0), cut(0.5), cut(0.999), changed, lambda content: bytes(len(content)), lambda _: b"no state"],
    ids=["empty", "half", "almost whole", "a bit", "zeros", "text"],
)
def test_damaged_state_is_told_and_the_one_before_it_is_gone_on_from(
    tmp_path: Path, clips: ClipSet, whole: Whole, damaged: Damage
) -> None:
    killed(clips, tmp_path)
    state = tmp_path / "state.pt"
    state.write_bytes(damaged(state.read_bytes()))
    steps: list[int] = []
    weights, told = trained(clips, tmp_path, lambda progress: steps.append(progress.done))
    assert told == [f"{state} is damaged and is now called state.pt.damaged; training goes on from the state before it"]
    assert steps[0] == 4  # the state of step 4 was damaged
    assert_ends_like(whole, weights, tmp_path)
    assert (tmp_path / "state.pt.damaged").is_file()


def test_without_a_whole_state_training_begins_anew_and_says_so(tmp_path: Path, clips: ClipSet, whole: Whole) -> None:
    killed(clips, tmp_path)
    for name in ("state.pt", "state.previous.pt"):
        (tmp_path / name).write_bytes(cut(0.7)((tmp_path / name).read_bytes()))
    weights, told = trained(clips, tmp_path)
    assert told == [f"{tmp_path / 'state.pt'} is damaged and is now called state.pt.damaged; training begins anew"]
    assert_ends_like(whole, weights, tmp_path)


def test_run_that_died_while_one_state_took_the_place_of_the_other_goes_on(
    tmp_path: Path, clips: ClipSet, whole: Whole
) -> None:
    killed(clips, tmp_path)
    (tmp_path / "state.pt").replace(tmp_path / "state.pt.partial")
    weights, _ = trained(clips, tmp_path)
    assert_ends_like(whole, weights, tmp_path)
    assert not (tmp_path / "state.pt.partial").exists()


@pytest.mark.parametrize(
    "damaged",
    [cut(0.95), lambda content: content + b'{"stage": "sec', lambda content: content + bytes(500)],
    ids=["cut off", "half a line more", "zeros at its end"],
)
def test_damaged_log_is_told_and_written_anew(tmp_path: Path, clips: ClipSet, whole: Whole, damaged: Damage) -> None:
    killed(clips, tmp_path)
    log = tmp_path / "log.jsonl"
    log.write_bytes(damaged(log.read_bytes()))
    weights, told = trained(clips, tmp_path)
    assert told == [f"{log} has damaged lines, and is written anew as it was when the state was saved"]
    assert_ends_like(whole, weights, tmp_path)


def test_state_from_before_it_held_the_log_is_gone_on_from(tmp_path: Path, clips: ClipSet, whole: Whole) -> None:
    killed(clips, tmp_path)
    state = torch.load(tmp_path / "state.pt", weights_only=True)
    del state["log"]
    torch.save(state, tmp_path / "state.pt")
    weights, told = trained(clips, tmp_path)
    assert told == []
    assert_ends_like(whole, weights, tmp_path)


def test_state_that_may_not_be_read_is_no_damaged_one(
    tmp_path: Path, clips: ClipSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed(clips, tmp_path)
    kept, opened = (tmp_path / "state.pt").read_bytes(), Path.open

    def refuse(path: Path, *arguments: Any, **settings: Any) -> Any:
        if path.name == "state.pt":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return opened(path, *arguments, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", refuse)
        with pytest.raises(SettingsError, match=r"state\.pt cannot be read \(Permission denied\); check"):
            trained(clips, tmp_path)
    assert (tmp_path / "state.pt").read_bytes() == kept


# full disks


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """What writes more is stopped by the system, as by a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("share", [0.0, 0.5, 0.99])
def test_full_disk_ends_with_a_sentence_and_leaves_the_state_before(
    tmp_path: Path, clips: ClipSet, whole: Whole, share: float
) -> None:
    killed(clips, tmp_path, done=2)
    names, kept = {path.name for path in tmp_path.iterdir()}, (tmp_path / "state.pt").read_bytes()
    room = round(share * len(kept))
    with (
        files_of_at_most(max(room, 2000)),
        pytest.raises(SettingsError, match=r"state\.pt cannot be written \(File too"),
    ):
        trained(clips, tmp_path, save_seconds=0)
    assert {path.name for path in tmp_path.iterdir()} == names
    assert (tmp_path / "state.pt").read_bytes() == kept
    weights, _ = trained(clips, tmp_path)
    assert_ends_like(whole, weights, tmp_path)


def test_full_disk_under_the_log_leaves_the_lines_before(
    tmp_path: Path,
    clips: ClipSet,
    whole: Whole,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write = Path.write_text

    def full(path: Path, text: str, **settings: Any) -> int:
        if path.name == "log.jsonl.partial" and text.count("\n") == 3:
            write(path, text[:20], **settings)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(path, text, **settings)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", full)
        with pytest.raises(SettingsError, match=r"log\.jsonl cannot be written \(No space left on device\)"):
            trained(clips, tmp_path, save_seconds=0)
    assert losses_in(tmp_path) == whole[1][:2]
    assert not list(tmp_path.glob("*.partial"))
    weights, _ = trained(clips, tmp_path)
    assert_ends_like(whole, weights, tmp_path)


def test_one_class_teaches_nothing_and_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    entries = [replace(each, targets=((0,),)) for each in entries_of(tmp_path, RECIPE.batch_size)]
    clips = load_clips(manifest_of(*entries, labels=(("a",),)), SECOND)
    with pytest.raises(SettingsError, match="'a' is the only class; a model needs two to tell them apart"):
        trained(clips, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_what_is_told_reaches_those_who_train_from_python(tmp_path: Path, clips: ClipSet) -> None:
    killed(clips, tmp_path)
    (tmp_path / "state.pt").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"state\.pt is damaged"):
        loop.train(fresh_model(), clips, RECIPE, tmp_path)
