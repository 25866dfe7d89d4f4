"""What tests share: the command line; for pages a Chromium, a tab that tolerates no console error and no way out, a
server, a gate and a folder; for encoders a count of what passes through them.
"""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # read when torch is imported; as many processes run as there are cores
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"  # read when gradio is imported

import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlparse

import pytest
from gate import Gate
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright
from shell import Run

from playitback import __main__ as command_line

if TYPE_CHECKING:
    import gradio as gr  # takes seconds: only who serves a page imports it
    from torch import Tensor

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
#: these come first, so that workers who share out files end together, with short ones
SLOW = ("tests/browser/", "tests/commands/", "tests/training/")
INSIDE = ("data", "blob", "about", "file")  # schemes that reach nobody
#: Gradio's page may ask for the end of an event whose name it has not been told yet, which its server refuses; the
#: event sees for itself that nobody wants it.
UNNAMED = ("/gradio_api/cancel", "/gradio_api/reset")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: not item.nodeid.startswith(SLOW))


@pytest.fixture(scope="session", autouse=True)
def measured_formats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Number formats are measured anew, once for this process and those that it starts: all compute the same bits."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*arguments: object) -> tuple[int, str, str]:
        capsys.readouterr()
        try:
            status = command_line.main([str(each) for each in arguments])
        except SystemExit as exit:  # argparse's own way out
            status = int(exit.code or 0)
        output = capsys.readouterr()
        return status, output.out, output.err

    return call


@pytest.fixture(scope="module")
def profile(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BrowserContext]:
    """A profile of the Chromium or Chrome that PLAYITBACK_BROWSER names, as ``make test`` does, else of one on PATH.

    Its cache stays from page to page: what a page loads and compiles is half of its work.
    """
    names = [os.environ["PLAYITBACK_BROWSER"]] if "PLAYITBACK_BROWSER" in os.environ else CHROMIUM_NAMES
    paths = [path for name in names if (path := shutil.which(name))]
    assert paths, f"browser tests need one of {', '.join(CHROMIUM_NAMES)} on PATH"
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        context = playwright.chromium.launch_persistent_context(
            tmp_path_factory.mktemp("profile"),
            executable_path=paths[0],
            args=CHROMIUM_FLAGS,
            viewport={"width": 1280, "height": 900},
        )
        context.set_default_timeout(PATIENCE_MILLISECONDS)
        yield context
        context.close()


@pytest.fixture(scope="module")
def browser(profile: BrowserContext) -> Browser:
    """For those who want a profile of their own, or several."""
    assert profile.browser is not None, "it has none on Android alone"
    return profile.browser


@pytest.fixture
def browser_page(profile: BrowserContext) -> Iterator[Page]:
    """A fresh page that knows nothing of those before; the test fails for any console error, uncaught exception or
    request to another host.
    """
    page = profile.new_page()
    faults: list[str] = []

    def note_request(address: str) -> None:
        parts = urlparse(address)
        if parts.scheme not in INSIDE and parts.hostname != "127.0.0.1":
            faults.append(f"request to the outside: {address}")

    def note_message(message: ConsoleMessage) -> None:
        unnamed = "422" in message.text and message.location["url"].endswith(UNNAMED)
        if message.type == "error" and not unnamed:
            faults.append(f"console: {message.text} ({message.location['url']})")

    page.on("console", note_message)
    page.on("pageerror", lambda error: faults.append(f"exception: {error}"))
    page.on("request", lambda request: note_request(request.url))
    page.on("websocket", lambda websocket: note_request(websocket.url))
    yield page
    _forget(page)
    page.close()
    assert faults == []


def _forget(page: Page) -> None:
    """Leaves the profile as it was, but for its cache."""
    parts, context = urlparse(page.url), page.context
    if parts.netloc:
        told = {"origin": f"{parts.scheme}://{parts.netloc}", "storageTypes": "local_storage,indexeddb,service_workers"}
        context.new_cdp_session(page).send("Storage.clearDataForOrigin", told)
    context.clear_cookies()
    context.clear_permissions()
    context.set_offline(False)


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


@pytest.fixture(scope="module")
def page_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where a page finds its files, and, under ``cache``, leaves its own."""
    folder = tmp_path_factory.mktemp("page")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GRADIO_TEMP_DIR", str(folder / "cache"))
        yield folder


@pytest.fixture(scope="module")
def module_gate() -> Gate:
    return Gate()


@pytest.fixture
def gate(module_gate: Gate) -> Iterator[Gate]:
    """Open at first; whatever a test leaves closed is opened after it."""
    yield module_gate
    module_gate.open()


@pytest.fixture
def encoded(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many clips each pass through an encoder had, of any model from now on."""
    from playitback.models.encoded import EncodedListener  # takes seconds

    passes: list[int] = []
    one_pass = EncodedListener._encode

    def counted(model: EncodedListener, frames: Tensor) -> tuple[Tensor, Tensor]:
        passes.append(len(frames))
        return one_pass(model, frames)

    monkeypatch.setattr(EncodedListener, "_encode", counted)
    return passes
