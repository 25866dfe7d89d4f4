"""What browser tests share: a Chromium, a page that tolerates no console error and no way out, a server for a page."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported; as many processes run as there are cores
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import shutil
import socket
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlparse

import gradio as gr
import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
    "--use-fake-device-for-media-stream",  # a microphone that beeps
    "--use-fake-ui-for-media-stream",  # and may be used
]
PATIENCE_MILLISECONDS = 60_000  # for whatever a test waits for: a busy machine is no failure
INSIDE = ("data", "blob", "about", "file")  # schemes that reach nobody


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """The Chromium or Chrome that PLAYITBACK_BROWSER names, as ``make test`` does, else one on PATH."""
    names = [os.environ["PLAYITBACK_BROWSER"]] if "PLAYITBACK_BROWSER" in os.environ else CHROMIUM_NAMES
    paths = [path for name in names if (path := shutil.which(name))]
    assert paths, f"browser tests need one of {', '.join(CHROMIUM_NAMES)} on PATH"
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=paths[0], args=CHROMIUM_FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def browser_page(browser: Browser) -> Iterator[Page]:
    """A fresh page; the test fails for any console error, uncaught exception or request to another host."""
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    context.set_default_timeout(PATIENCE_MILLISECONDS)
    page = context.new_page()
    faults: list[str] = []

    def note_request(address: str) -> None:
        parts = urlparse(address)
        if parts.scheme not in INSIDE and parts.hostname != "127.0.0.1":
            faults.append(f"request to the outside: {address}")

    page.on("console", lambda message: faults.append(f"console: {message.text}") if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("request", lambda request: note_request(request.url))
    page.on("websocket", lambda websocket: note_request(websocket.url))
    yield page
    context.close()
    assert faults == []


@pytest.fixture(scope="module")
def serve() -> Iterator[Callable[..., str]]:
    """serve(demo, **launch arguments) launches a page on a free port of 127.0.0.1 and returns its address."""
    running: list[gr.Blocks] = []

    def launch(demo: gr.Blocks, **arguments: Any) -> str:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        demo.launch(server_name="127.0.0.1", server_port=port, prevent_thread_lock=True, quiet=True, **arguments)
        running.append(demo)
        return f"http://127.0.0.1:{port}/"

    yield launch
    for demo in running:
        demo.close()
