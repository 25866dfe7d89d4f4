"""The page's only door to the model: paths and settings in, plain data and files out. It knows no gradio."""

from app.service.comparisons import ComparisonService, ComparisonView, Other
from app.service.examinations import ExaminationService
from app.service.explanations import ExplanationService, ExplanationView, RecordingView, Settings
from app.service.folders import FolderFile, FolderService, FolderView
from app.service.inspections import InspectionView, inspect
from app.service.models import Models, ModelView, offered_checkpoints
from app.service.recordings import RecordingService, WindowsView
from app.service.takeaways import TakeAway, TakeAwayService
from app.service.variants import VariantService, begin_variants
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
