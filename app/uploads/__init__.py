"""What visitors send, as Gradio components: a recording as it is, and a folder with the places of its files."""

from app.uploads.component import FolderUpload, UploadedFile
from app.uploads.recording import RecordingUpload

__all__ = ["FolderUpload", "RecordingUpload", "UploadedFile"]
