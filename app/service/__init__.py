"""The page's only door to the model: paths and settings in, plain data and files out. It knows no gradio."""

from app.service.explanations import ExplanationService, ExplanationView, RecordingView, Settings
from app.service.models import Models, ModelView, offered_checkpoints
from playitback.errors import PlayItBackError

__all__ = [
    "ExplanationService",
    "ExplanationView",
    "ModelView",
    "Models",
    "PlayItBackError",
    "RecordingView",
    "Settings",
    "offered_checkpoints",
]
