"""The page's only door to the model: paths and settings in, plain data and files out. It knows no gradio."""

from app.service.compare import ComparisonService, ComparisonView, Other
from app.service.examine import ExaminationService
from app.service.explain import ExplanationService, ExplanationView, RecordingView, Settings
from app.service.folder import FolderFile, FolderService, FolderView
from app.service.models import Models, ModelView, offered_checkpoints
from app.service.slots import InspectionView, inspect
from app.service.take_away import TakeAway, TakeAwayService
from app.service.what_if import VariantService, begin_variants
from app.service.windows import RecordingService, WindowsView
from playitback.errors import PlayItBackError

__all__ = [
    "ComparisonService",
    "ComparisonView",
    "ExaminationService",
    "ExplanationService",
    "ExplanationView",
    "FolderFile",
    "FolderService",
    "FolderView",
    "InspectionView",
    "ModelView",
    "Models",
    "Other",
    "PlayItBackError",
    "RecordingService",
    "RecordingView",
    "Settings",
    "TakeAway",
    "TakeAwayService",
    "VariantService",
    "WindowsView",
    "begin_variants",
    "inspect",
    "offered_checkpoints",
]
