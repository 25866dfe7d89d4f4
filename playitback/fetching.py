"""Fetching files of Hugging Face with the bytes that are there told: huggingface_hub's own download, listened to.

    repo id, patterns -> fetch -> Progress after Progress, in bytes; then they are in Hugging Face's cache

What is cached is not fetched again, and a fetch that was broken off goes on where it was.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Sequence
from queue import Empty, Queue
from typing import Any

from huggingface_hub import snapshot_download
from huggingface_hub.errors import DryRunError, HfHubHTTPError, HFValidationError
from tqdm import tqdm

from playitback.progress import Progress, Steps

#: what a fetch may fail with: what huggingface_hub raises, the client that its version asks with, which is the first
#: base of its own error, and its reader of large files, which has no error of its own
FAILURES: tuple[type[Exception], ...] = (HfHubHTTPError.__bases__[0], HFValidationError, OSError, RuntimeError)

_STEP_SECONDS = 0.25  # between two steps


def fetch(repo_id: str, patterns: Sequence[str]) -> Steps[None]:
    """Has the files of a repo that match one of the patterns in the cache, and tells bytes done and in all.

    Nothing is told where all of them are there, or where the Hub cannot be asked. Whoever stops listening ends it.
    Raises what ``snapshot_download`` does, one of ``FAILURES``.
    """
    files = list(patterns)
    try:
        listed = snapshot_download(repo_id, allow_patterns=files, dry_run=True, tqdm_class=_Silent)
    except DryRunError:
        listed = []  # no way to the Hub: what follows finds the files in the cache, or says that they are not there
    total = sum(each.file_size or 0 for each in listed if each.will_download)
    count = _Count()
    ended: Queue[Exception | None] = Queue()

    def work() -> None:
        try:
            snapshot_download(repo_id, allow_patterns=files, tqdm_class=count.bars())
            ended.put(None)
        except Exception as error:  # whatever it is, it is for whoever waits
            ended.put(error)

    threading.Thread(target=work, name=f"fetch {repo_id}", daemon=True).start()
    try:
        while True:
            try:
                failed = ended.get(timeout=_STEP_SECONDS)
                break
            except Empty:
                if total:
                    yield Progress(min(count.bytes, total), total)
    finally:
        count.unwanted = True
    if failed is not None:
        raise failed
    if total:
        yield Progress(total, total)


class _Silent(tqdm):
    """A bar that is not drawn."""

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        settings = {name: value for name, value in settings.items() if name != "name"}
        super().__init__(*arguments, **{**settings, "file": io.StringIO(), "mininterval": 1e9})


class _Count:
    """Bytes that huggingface_hub has told its bars of."""

    def __init__(self) -> None:
        self.bytes = 0
        self.unwanted = False  # nobody waits any more

    def bars(self) -> type[_Silent]:
        """A class of bars that count here. Several count the same bytes, as they come and as they are written."""
        count = self

        class Counting(_Silent):
            def update(self, n: float | None = 1) -> bool | None:
                if count.unwanted:
                    raise _Unwanted
                moved = super().update(n)
                if self.unit == "B":
                    count.bytes = max(count.bytes, int(self.n))
                return moved

        return Counting


class _Unwanted(Exception):
    """Ends a download."""
