"""The timeline of a long recording: a Gradio component of its own, drawn on a canvas without a library."""

from app.timeline.component import Timeline

__all__ = ["Timeline"]
