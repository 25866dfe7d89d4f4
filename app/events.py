"""What all events of the page share: the queue of the model, the folder of a run, what a visitor is told of errors."""

from __future__ import annotations

import asyncio
import errno
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import anyio
import gradio as gr
from gradio.blocks import Block
from gradio.context import LocalContext
from gradio.events import Dependency

from app import text
from app.service import AT_ONCE, PlayItBackError

log = logging.getLogger(__name__)

#: what a handler returns: a component -> its new value, or what ``gr.update`` returns. What is not named stays as it
#: is, but one must be named: ``gr.skip()``, returned in its place, leaves all as they are.
Updates = dict[Block, Any]

FOLDER_PREFIX = "playitback-"
LARGEST_NUMBER = 1e9  # that a visitor may send
#: of events that compute: as many at a time as there are cores
ON_MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": AT_ONCE}
#: of a program's questions: a few more, so that one is read and told while another is heard; the models themselves let
#: no more compute than there are cores
ON_MODEL_FOR_PROGRAMS: dict[str, Any] = {"concurrency_id": "programs", "concurrency_limit": AT_ONCE + 2}
#: of events that compute for minutes: one at a time too, but beside the others, with whom they take turns view by view
ON_MODEL_LONG: dict[str, Any] = {"concurrency_id": "long", "concurrency_limit": 1}
#: the same for programs, which may ask for days of sound, and take no turn of the page's
FOR_PROGRAMS_LONG: dict[str, Any] = {"concurrency_id": "long for programs", "concurrency_limit": 1}
#: of events that no API user shall see
PRIVATE: dict[str, Any] = {"api_visibility": "private"}
#: of events that answer at once
QUIET: dict[str, Any] = {"show_progress": "hidden", **PRIVATE}


#: of events that answer at once also while others compute: they do not go through the queue
DIRECT: dict[str, Any] = {"queue": False, **QUIET}

Answer = TypeVar("Answer")


#: in how many parts of a long computation what is sent whole each time is sent
_UPDATES = 50


@contextmanager
def run_folder() -> Iterator[Path]:
    """A folder for the files of one event.

    Gradio copies the files at every yield, and what it copied is deleted on its schedule: so an event that returns
    files must yield them inside.
    """
    with TemporaryDirectory(prefix=FOLDER_PREFIX) as name:
        yield Path(name)


async def while_here(request: gr.Request, work: Callable[[Callable[[], bool]], Answer]) -> Answer:
    """What ``work`` returns, which it does in a thread; it is given what tells it whether the visitor is still there.

    request: of an event that does not go through the queue, which lasts as long as the visitor waits for its answer.
    """
    left, connection = threading.Event(), request.request
    assert connection is not None, "it came over HTTP"

    async def watch() -> None:
        while not await connection.is_disconnected():
            await asyncio.sleep(0.5)
        left.set()

    watching = asyncio.create_task(watch())
    try:
        return await anyio.to_thread.run_sync(work, lambda: not left.is_set())
    finally:
        watching.cancel()


def sentence(error: Exception) -> str:
    """What the visitor is told; a defect of ours goes to the log with its traceback."""
    if isinstance(error, PlayItBackError):
        return str(error)
    if is_no_room(error):
        log.error("%s", error)
        return text.NO_ROOM
    log.error("unexpected error", exc_info=error)
    return text.UNEXPECTED


def is_no_room(error: Exception) -> bool:
    """Whether it is the system's, of a disk that is full."""
    return isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}


def refusal(error: Exception) -> gr.Error:
    """The same as an error that gradio shows, or raises in the client."""
    return gr.Error(sentence(error), print_exception=False)


def kept(state: Answer | None) -> Answer:
    """What the page has set before it asks. Raises gr.Error for a program's question, which came without it."""
    if state is None:
        raise gr.Error(text.NO_RUN_KEPT, print_exception=False)
    return state


def selected_row(event: gr.EventData) -> int:
    """Of a table, by its number; -1 for what a program says of none."""
    match event._data:
        case {"index": [int(row), *_]}:
            return row
    return -1


def is_awaited() -> bool:
    """Whether the visitor is still there whose event, one that went through the queue, this thread computes."""
    page, this = LocalContext.blocks.get(), LocalContext.event_id.get()
    computed = [] if page is None else [event for events in page._queue.active_jobs for event in events or ()]
    return all(event.alive for event in computed if event._id == this)


def on_stop(
    button: gr.Button, running: Sequence[Dependency], tell: Callable[[], Updates], outputs: Sequence[Block]
) -> Dependency:
    """A press of the button ends what is running, and then shows in ``outputs`` what ``tell`` returns.

    The page answers the listeners of one event one after the other, and cancels what a listener names only after that
    listener's own answer. Told and cancelled by the same one, a view that comes between would stay for good.
    """
    button.click(None, cancels=list(running), queue=False, **QUIET)
    return button.click(tell, None, list(outputs), queue=False, **QUIET)


def ended(run: gr.Button, stop: gr.Button, status: gr.HTML, html: str = "") -> Updates:
    """Nothing computes any more; ``status`` says why, and all else that is shown stays."""
    return {**may_run(run, stop, running=False), status: html}


def may_run(run: gr.Button, stop: gr.Button, *, running: bool) -> Updates:
    """What may be pressed: while something computes, only what stops it."""
    return {run: gr.update(interactive=not running), stop: gr.update(interactive=running)}


def is_due(done: int, drawn: int, expected: int) -> bool:
    """Whether to send it at ``done`` of ``expected``, when it was last sent at ``drawn``; at the end always."""
    return done == expected or not 0 < done - drawn < expected / _UPDATES
