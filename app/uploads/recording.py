"""A recording, as a Gradio component: gr.Audio that passes files on as they are.

gr.Audio asks ffprobe whether a browser could play a file that it is to show, and has it converted by ffmpeg where not:
an ffmpeg that comes without ffprobe breaks it, and what is converted is no longer what is explained.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData


class RecordingUpload(gr.Audio):
    """Takes an upload or what the microphone heard, and gives its path."""

    is_template = True  # drawn as gr.Audio

    def postprocess(self, value: Any) -> FileData | None:
        return None if value is None else FileData(path=str(value), orig_name=Path(value).name)


# As beside FolderUpload: a type checker would read gradio's stub instead of this file.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()
