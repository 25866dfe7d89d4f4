"""What tests of the player share: finished runs, for pages without Gradio."""

from __future__ import annotations

from typing import Any

import pytest
from player_pages import files_of, make_views, plain_views


@pytest.fixture(scope="module")
def offline(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], dict[str, str]]:
    """Two finished runs as JSON, and their files as data: addresses."""
    folder = tmp_path_factory.mktemp("offline")
    return plain_views({run_id: make_views(folder, run_id)[2] for run_id in ("first", "second")}), files_of(folder)
