"""``explain`` of models of transformers: what it says of activity and frames is true of them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import jsonschema
import pytest
from hub_folders import write_hub_folder
from shell import Run
from tiny import RATE, noise

from playitback import audio
from playitback.explain import explanation as explanation_module


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    audio.write_wav(tmp_path / "clip.wav", noise(2.0), RATE)
    return tmp_path / "clip.wav"


def test_nothing_is_said_of_hops_and_of_learned_activity(run: Run, clip: Path, tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "ast")
    status, output, _ = run(
        "explain", clip, "--checkpoint", folder, "--check", "--out", tmp_path / "out", "--device", "cpu"
    )
    assert status == 0
    assert re.search(r"^  hearing 0: \w+ \d+ %; chose \d", output, flags=re.MULTILINE)
    assert output.rstrip().endswith("asked for its activity in the same way, so there is nothing to set beside them.")
    written = tmp_path / "out" / "clip"
    report = (written / "report.html").read_text(encoding="utf-8")
    report = re.sub(r'<(script|style).*?</\1>|"data:[^"]*"', "", report, flags=re.S)
    for text in (output, report):
        assert not re.search(r"\bhop\b|learned|fixed number of frames", text)
    assert "each kept alone" in report
    schema = Path(explanation_module.__file__).with_name("explanation.schema.json").read_text(encoding="utf-8")
    told = json.loads((written / "explanation.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(json.loads(schema)).validate(told)
    assert (told["alone"]["activity"], told["alone"]["divergence"]) == (None, None)
    assert told["hearings"][0]["activity"] is not None
