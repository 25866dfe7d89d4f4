"""Who leaves in the middle, asks without having looked, or only sends what nobody understands: nothing of it stays."""

from __future__ import annotations

import asyncio
import json
import logging
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import gradio as gr
import pytest
import soundfile
from gradio.events import EventData
from gradio.state_holder import SessionState
from gradio_client import Client, handle_file
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint

from app import page, text
from app.service import Models


class Endless:
    """Makes the first question that is asked one whose answer never comes to its end."""

    def __init__(self) -> None:
        self.begun = threading.Event()

    def __call__(self, hear: Callable[..., Iterator[Any]]) -> Callable[..., Iterator[Any]]:
        def steps(*asked: Any) -> Iterator[Any]:
            first = not self.begun.is_set()
            self.begun.set()
            for each in hear(*asked):
                yield each
                while first:
                    time.sleep(0.01)
                    yield each

        return steps


@pytest.fixture(scope="module")
def endless() -> Endless:
    return Endless()


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, endless: Endless) -> gr.Blocks:
    models = Models([str(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny"))], "cpu", endless)
    return page.build_page(models, [])


@pytest.fixture(scope="module")
def address(demo: gr.Blocks, serve: Callable[..., str]) -> str:
    return serve(demo, **page.launch_settings())


def test_what_a_program_asked_for_ends_when_it_leaves(
    demo: gr.Blocks, address: str, endless: Endless, tmp_path: Path
) -> None:
    clip = tmp_path / "chirp.wav"
    soundfile.write(clip, chirp(CLIP_SECONDS), RATE)
    client = Client(address, verbose=False, download_files=tmp_path)
    left = client.submit(handle_file(clip), api_name="/windows")
    assert endless.begun.wait(60)
    for events in demo._queue.active_jobs:
        for event in events or ():
            event.alive = False  # as soon as gradio sees that nobody listens
    assert client.predict(handle_file(clip), api_name="/windows")["windows"]  # one at a time
    left.cancel()


def test_a_question_of_a_program_leaves_no_session(demo: gr.Blocks, address: str) -> None:
    before = set(demo.state_holder.session_data)
    for _ in range(3):
        asked = urllib.request.Request(  # an address of ours
            f"{address}gradio_api/call/explain", b'{"data": []}', {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(asked, timeout=60) as answer:
            event = json.load(answer)["event_id"]
        with urllib.request.urlopen(f"{address}gradio_api/call/explain/{event}", timeout=60) as answer:
            assert text.NO_RECORDING in answer.read().decode()
    assert set(demo.state_holder.session_data) == before


@pytest.mark.parametrize("sent", [None, "x", [[1]]])
def test_no_event_of_the_page_fails_that_a_program_sends_without_a_visit(
    demo: gr.Blocks, sent: Any, caplog: pytest.LogCaptureFixture
) -> None:
    async def answers() -> list[str]:
        state, told = SessionState(demo), []
        for function in demo.fns.values():
            if function.fn is None or "describe" in str(function.name):  # those answer a request, which is not here
                continue
            try:
                given = [sent] * len(function.inputs)
                await demo.process_api(function, given, state=state, event_data=EventData(None, sent))
            except gr.Error as error:
                told.append(str(error.message))
        return told

    with caplog.at_level(logging.WARNING):
        told = asyncio.run(answers())
    assert len(told) > 5
    assert text.UNEXPECTED not in told
    assert [record for record in caplog.records if record.name.startswith("app")] == []


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("call/nothing", {"data": []}),
        ("call/v2/explain", {"data": []}),
        ("run/predict", {"data": [], "fn_index": 10**6}),
        ("cancel", {"data": [float("inf")]}),
    ],
)
def test_what_nobody_understands_is_told_in_one_sentence(address: str, path: str, body: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(f"{address}gradio_api/{path}", json.dumps(body).encode(), headers)
    with pytest.raises(urllib.error.HTTPError) as told:
        urllib.request.urlopen(asked, timeout=60)
    assert (told.value.code, json.load(told.value)["error"]) == (400, text.NOT_UNDERSTOOD)
