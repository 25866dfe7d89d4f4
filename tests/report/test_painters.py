"""Figures that are drawn beside other work are those that are drawn here, and nobody goes on drawing afterwards."""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from tiny import RATE, sounding_clips, tiny_checkpoint

from playitback import cores
from playitback.audio import Recording, RecordingInfo
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report.figure import figures_of
from playitback.report.painters import WORTH_IT, Painters
from playitback.spectrogram import mel_hertz

_TO_BE_KILLED = """
import multiprocessing, sys, time
from playitback import cores
from playitback.report.painters import WORTH_IT, Painters
if __name__ == "__main__":
    cores.available = lambda: 2
    with Painters(WORTH_IT) as painters:
        painters.draw(None, None)  # which nobody can, but a process is there to try
        print(*(each.pid for each in multiprocessing.active_children()), flush=True)
        time.sleep(600)
"""

#: whoever runs the tests in the background may have had Ctrl-C ignored, which is passed on
_TO_BE_INTERRUPTED = _TO_BE_KILLED.replace("sys,", "signal, sys,").replace(
    "    cores.available", "    signal.signal(signal.SIGINT, signal.default_int_handler)\n    cores.available"
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Explanation, np.ndarray]:
    recognizer = Recognizer.from_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny"), "cpu")
    samples = sounding_clips(1)[0].numpy()
    recording = Recording(samples, RecordingInfo("dog.wav", 2.0, RATE, 1, "WAV"), 0.0, RATE, ())
    explanation = Explanation.of(recording, recognizer, recognizer.explain(samples))
    return explanation, mel_hertz(recognizer.config.front_end)


@pytest.fixture
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cores, "available", lambda: 2)


def test_drawn_in_processes_they_are_the_same_to_the_byte_even_after_one_was_killed(
    made: tuple[Explanation, np.ndarray], two_cores: None
) -> None:
    before = {each.pid for each in multiprocessing.active_children()}
    with Painters(WORTH_IT) as painters:
        drawn = [painters.draw(*made) for _ in range(3)]
        others = [each for each in multiprocessing.active_children() if each.pid not in before]
        assert others
        assert [figures() for figures in drawn] == 3 * [figures_of(*made)]
        interrupted = painters.draw(*made)
        for each in others:
            each.kill()
        assert interrupted() == figures_of(*made)
        assert painters.draw(*made)() == figures_of(*made)
    assert not any(each.is_alive() for each in others)


def test_a_few_are_drawn_without_another_process(made: tuple[Explanation, np.ndarray], two_cores: None) -> None:
    before = multiprocessing.active_children()
    with Painters(WORTH_IT - 1) as painters:
        assert painters.draw(*made)() == figures_of(*made)
        assert multiprocessing.active_children() == before


def test_whoever_draws_ends_with_a_process_that_is_killed(tmp_path: Path) -> None:
    script = tmp_path / "killed.py"
    script.write_text(_TO_BE_KILLED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    asked = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True, env=environment)
    assert asked.stdout is not None, "it is a pipe"
    drawing = [int(number) for number in asked.stdout.readline().split()]
    assert drawing
    asked.send_signal(signal.SIGKILL)
    asked.wait()
    end = time.monotonic() + 60
    while any(map(_runs, drawing)):
        assert time.monotonic() < end, f"{drawing} go on"
        time.sleep(0.1)


@pytest.mark.skipif(not hasattr(signal, "pthread_sigmask"), reason="Windows has no masks of signals")
def test_ctrl_c_while_they_start_is_left_to_the_process_that_asked(tmp_path: Path) -> None:
    script = tmp_path / "interrupted.py"
    script.write_text(_TO_BE_INTERRUPTED)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, script], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment,
        start_new_session=True,
    ) as asked:  # fmt: skip
        assert asked.stdout is not None, "it is a pipe"
        assert asked.stdout.readline()
        os.killpg(asked.pid, signal.SIGINT)
        told = asked.communicate()[1]
    assert told.count("Traceback") == 1  # of the script itself, which is no command


def _runs(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{number}/stat")
    return not state.is_file() or state.read_text().rpartition(")")[2].split()[0] != "Z"
