"""What may come in: requests of the page's own visitors, of a bearable size, with recordings that were sent along.

A page on a loopback address is for whoever sits at the machine. A foreign page in the same browser must not speak to
it, neither across origins nor under a name that leads here (DNS rebinding): Host and Origin must be the machine's own.
"""

from __future__ import annotations

import ipaddress
import json
import logging
import re
import socket
from collections.abc import Iterator
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import gradio as gr
from gradio.block_function import BlockFunction
from gradio.exceptions import InvalidPathError
from gradio.state_holder import SessionState
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import text
from app.events import LARGEST_NUMBER, is_no_room, refusal

log = logging.getLogger(__name__)

LARGEST_REQUEST_BYTES = 32 * 1024**2  # of anything but an upload, which gradio limits file by file
LONGEST_TEXT = 1000  # characters, of a name
MOST_VALUES = 10_000  # in JSON that is a question
_LOOPBACK = "127.0.0.1"
_UPLOADS = re.compile(r"/(upload|component_server|process_recording)/?$")
#: gradio would fetch these for whoever asks
_RELAYED = re.compile(r"/(proxy=|file[=/]\s*https?:)", re.IGNORECASE)


class Page(gr.Blocks):
    """Blocks that take no file by its address: gradio would fetch it for any event, whatever its size, into memory.

    Whatever goes wrong is told in one sentence. What a question of a program leaves behind goes with its answer: gradio
    would keep a state of the page for each.
    """

    async def process_api(self, *given: Any, **options: Any) -> dict[str, Any]:
        goes_on, session = False, options.get("session_hash")
        try:
            answer = await super().process_api(*given, **options)
            goes_on = answer["is_generating"]
            return answer
        except gr.Error:
            raise
        except Exception as error:
            raise refusal(error) from error
        finally:
            if not goes_on and session and session == options.get("event_id"):  # so gradio names that of a program
                self.state_holder.session_data.pop(session, None)

    async def preprocess_data(
        self, block_fn: BlockFunction, inputs: list[Any], state: SessionState | None, explicit_call: bool = False
    ) -> Any:
        if names_a_link(inputs):
            raise gr.Error(text.NO_LINKS, print_exception=False)
        if len(inputs) > len(block_fn.inputs):
            raise gr.Error(text.too_many_values(len(block_fn.inputs)), print_exception=False)
        # what a program leaves out at the end, as one does that was written before there was so much to say
        inputs = [*inputs, *[None] * (len(block_fn.inputs) - len(inputs))]
        given = [_given(block, value) for block, value in zip(block_fn.inputs, inputs, strict=True)]
        for block, value in zip(block_fn.inputs, given, strict=True):
            if value is not None and (wanted := _wanted(block, value)) is not None:
                raise gr.Error(text.must_be(getattr(block, "label", None), wanted), print_exception=False)
        try:
            return await super().preprocess_data(block_fn, given, state, explicit_call)
        except gr.Error as error:  # a value that is not offered, which gradio repeats at any length
            raise gr.Error(str(error.message)[:LONGEST_TEXT], print_exception=False) from error
        except InvalidPathError as error:
            raise gr.Error(text.NOT_UPLOADED, print_exception=False) from error
        except (ValueError, TypeError, LookupError, OSError) as error:
            told = text.NO_ROOM if is_no_room(error) else text.must_be(None, text.OF_ITS_KIND)
            raise gr.Error(told, print_exception=False) from error


def _given(block: Any, value: Any) -> Any:
    """A value as it was sent; in place of null what is meant where nothing is sent."""
    usual = gr.Number | gr.Slider | gr.Textbox | gr.Checkbox | gr.JSON | gr.Dropdown | gr.Radio
    return getattr(block, "value", None) if value is None and isinstance(block, usual) else value


def _wanted(block: Any, value: Any) -> str | None:
    """What a component takes, where a value is nothing of the kind; gradio would break on it, and say so at length."""
    if isinstance(block, gr.Number | gr.Slider):
        if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= LARGEST_NUMBER:
            return text.A_NUMBER  # so is NaN refused
        return text.A_WHOLE_NUMBER if getattr(block, "precision", None) == 0 and value != round(value) else None
    if isinstance(block, gr.Textbox):
        return None if isinstance(value, str) and len(value) <= LONGEST_TEXT else text.A_TEXT
    if isinstance(block, gr.Checkbox):
        return None if isinstance(value, bool) else text.TRUE_OR_FALSE
    if isinstance(block, gr.Audio):
        return None if isinstance(value, dict) and isinstance(value.get("path"), str) else text.A_FILE
    if isinstance(block, gr.Dropdown | gr.Radio):
        typed = isinstance(block, gr.Dropdown) and block.allow_custom_value
        is_choice = isinstance(value, str if typed else str | int | float) and not isinstance(value, bool)
        return None if is_choice and len(str(value)) <= LONGEST_TEXT else text.A_TEXT
    if isinstance(block, gr.JSON):
        return None if _is_short(value) else text.SHORT_JSON
    return None


def _is_short(value: Any) -> bool:
    """Whether JSON has few values, and no long text among them."""
    return not any(
        seen > MOST_VALUES or (isinstance(each, str) and len(each) > LONGEST_TEXT)
        for seen, each in enumerate(_nodes(value), 1)
    )


def names_a_link(values: Any) -> bool:
    """Whether anything in JSON is a file that lies elsewhere."""
    paths = (each.get("path") for each in _nodes(values) if isinstance(each, dict))
    return any(isinstance(path, str) and re.match(r"\s*https?:", path, re.IGNORECASE) for path in paths)


def _nodes(value: Any) -> Iterator[Any]:
    """What is in JSON, itself and names included, however deep."""
    waiting = [value]
    while waiting:
        each = waiting.pop()
        yield each
        if isinstance(each, dict | list | tuple):
            waiting.extend(each)
        if isinstance(each, dict):
            waiting.extend(each.values())


class Guard:
    """ASGI middleware that answers what may not come in with one sentence."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if not comes_from_here(scope):
                return await _refuse(send, 403, text.NOT_FROM_HERE)
            if _RELAYED.search(scope["path"]):
                return await _refuse(send, 403, text.NO_LINKS)
            if not _UPLOADS.search(scope["path"]):
                body = await _whole(receive)
                if body is None:
                    return await _refuse(send, 413, text.TOO_LARGE_A_REQUEST)
                receive = _again(body, receive)
        began = False

        async def note_and_send(message: Message) -> None:
            nonlocal began
            began = True
            await send(message)

        try:
            await self._app(scope, receive, note_and_send)
        except Exception as error:
            if began or scope["type"] != "http":
                raise
            log.warning("%.200s could not be answered: %.300r", scope["path"], error)
            await _refuse(send, *((507, text.NO_ROOM) if is_no_room(error) else (400, text.NOT_UNDERSTOOD)))


def comes_from_here(scope: Scope) -> bool:
    """Whether a request names this machine alone, where the page is for this machine alone."""
    page = scope["app"].blocks
    served_as = getattr(page, "server_name", None) or _LOOPBACK  # None while it starts
    if page.share or not _is_local(served_as):
        return True
    # behind a server of one's own, gradio is told under which address
    own = {served_as.lower(), _hostname(page.root_path or "")}
    headers = Headers(scope=scope)
    hosts = [_hostname(f"//{host}") for host in headers.getlist("host")]
    origins = [_hostname(origin) for origin in headers.getlist("origin")]
    return bool(hosts) and all(_names_loopback(name) or (name and name in own) for name in (*hosts, *origins))


def _hostname(address: str) -> str:
    """In small letters; empty where there is none, as of the origin "null"."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def _names_loopback(name: str) -> bool:
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name.rstrip(".") == "localhost"


@cache
def _is_local(name: str) -> bool:
    """Whether nothing but this machine reaches what is served under a name or address."""
    try:
        found = socket.getaddrinfo(name.strip("[]"), None)
    except OSError:
        return False
    return all(_names_loopback(str(address[0])) for *_, address in found)


async def _whole(receive: Receive) -> list[Message] | None:
    """The messages of a request's body; None if they are more than is taken. The rest is read and dropped, so that
    whoever sends it gets to read the answer.
    """
    messages: list[Message] = []
    size, more = 0, True
    while more:
        message = await receive()
        size += len(message.get("body", b""))
        more = message.get("more_body", False)
        if size <= LARGEST_REQUEST_BYTES:
            messages.append(message)
        else:
            messages.clear()
    return messages if size <= LARGEST_REQUEST_BYTES else None


def _again(messages: list[Message], receive: Receive) -> Receive:
    """Gives what was received once more, and goes on receiving."""
    kept = iter(messages)

    async def next_message() -> Message:
        message = next(kept, None)
        return await receive() if message is None else message

    return next_message


async def _refuse(send: Send, status: int, sentence: str) -> None:
    body = json.dumps({"detail": sentence, "error": sentence}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
