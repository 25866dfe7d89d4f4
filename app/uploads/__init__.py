"""The upload of a folder: a Gradio component of its own, because gr.File forgets which folder a file lay in."""

from app.uploads.component import FolderUpload, UploadedFile

__all__ = ["FolderUpload", "UploadedFile"]
