"""The page's only door to the model: paths and settings in, plain data and files out. It knows no gradio."""

from app.service.compare import CompareService, ComparisonView, Other
from app.service.contrast import ContrastService, ContrastView
from app.service.examine import ExaminationView, ExamineService
from app.service.explain import ClipRun, ExplainService, ExplanationView, RecordingView, Settings
from app.service.findings import FindingsService, PassagesView
from app.service.folder import FolderFile, FolderService, FolderView
from app.service.models import AT_ONCE, ModelChoice, Models, ModelView, offered_checkpoints
from app.service.slots import InspectionView, PoolingView, inspect, pooling_of
from app.service.take_away import TakeAway, TakeAwayService
from app.service.what_if import Variants, WhatIfService, begin_variants
from app.service.windows import WindowsService, WindowsView
from playitback.errors import PlayItBackError
from playitback.explain.folder import ClipSummary

__all__ = [
    "AT_ONCE",
    "ClipRun",
    "ClipSummary",
    "CompareService",
    "ComparisonView",
    "ContrastService",
    "ContrastView",
    "ExaminationView",
    "ExamineService",
    "ExplainService",
    "ExplanationView",
    "FindingsService",
    "FolderFile",
    "FolderService",
    "FolderView",
    "InspectionView",
    "ModelChoice",
    "ModelView",
    "Models",
    "Other",
    "PassagesView",
    "PlayItBackError",
    "PoolingView",
    "RecordingView",
    "Settings",
    "TakeAway",
    "TakeAwayService",
    "Variants",
    "WhatIfService",
    "WindowsService",
    "WindowsView",
    "begin_variants",
    "inspect",
    "offered_checkpoints",
    "pooling_of",
    "rival",
]
