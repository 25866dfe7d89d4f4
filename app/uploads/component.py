"""A folder, or some files, as a Gradio component: a list of files out, each with its place in the folder.

gr.File sends a folder's files too, but names alone: the folders between, which here are the classes of the clips, are
lost. This one sends the same files through the same door, checked and deleted like any upload, and keeps their places.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import gradio as gr
from gradio.data_classes import ListFiles

_FOLDER = Path(__file__).parent
_TEMPLATE = '<div class="folder-upload" data-state="empty"></div>'
_ADAPTER = """
mountUploads(element.querySelector(".folder-upload"), {
  words: WORDS,
  suffixes: SUFFIXES,
  send: upload,
  done: (files) => (props.value = files),
});
"""


@dataclass(frozen=True)
class UploadedFile:
    """A file that a visitor sent."""

    path: Path  # where it lies now
    place: PurePosixPath  # in the folder it was sent from, whose name comes first; of a file alone, its name


class FolderUpload(gr.HTML):
    """Takes a folder or some files; an input only: a list of ``UploadedFile``, or None."""

    data_model = ListFiles

    def __init__(self, suffixes: Sequence[str], words: dict[str, str], *, label: str, elem_id: str | None = None):
        """suffixes: of the files that are taken, with their dots; others in the folder are not sent."""
        script = (_FOLDER / "uploads.js").read_text(encoding="utf-8")
        adapter = _ADAPTER.replace("WORDS", json.dumps({**words, "label": label}, ensure_ascii=False))
        super().__init__(
            None,
            label=label,
            html_template=_TEMPLATE,
            css_template=(_FOLDER / "uploads.css").read_text(encoding="utf-8"),
            js_on_load=script + adapter.replace("SUFFIXES", json.dumps(list(suffixes))),
            apply_default_css=False,
            elem_id=elem_id,
        )

    def preprocess(self, payload: ListFiles | None) -> list[UploadedFile] | None:  # type: ignore[override]
        if payload is None:
            return None
        return [
            UploadedFile(Path(file.path), PurePosixPath(file.orig_name or Path(file.path).name))
            for file in payload.root
        ]

    def postprocess(self, value: Any) -> Any:
        return value

    def api_info(self) -> dict[str, Any]:
        return {"type": "array", "items": {"type": "object"}, "description": "files, orig_name being their places"}

    def example_payload(self) -> Any:
        return None

    def example_value(self) -> Any:
        return None


# Gradio writes a stub beside the file of every component. A type checker would read that instead of this file, and it
# would soon be wrong: so it is deleted.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()
