"""Further lanes of ``explain``: with their cost, or refused in a sentence before anything is heard."""

from __future__ import annotations

import json
from pathlib import Path

from hub_folders import write_hub_folder
from shell import JSON_ONLY, Run, assert_explained, assert_one_sentence
from tiny import LABELS


def test_they_are_told_drawn_and_written(run: Run, model_folder: Path, sounds: Path, tmp_path: Path) -> None:
    asked = ("--lanes", "occlusion,grad-cam", "--class", LABELS[1], "--playbacks", 0)
    status, output, _ = run("explain", sounds / "bell.wav", "--checkpoint", model_folder, "--out", tmp_path, *asked)
    assert status == 0
    assert f"What speaks for {LABELS[1]} in the first hearing: grad-cam (1 pass), occlusion (13 passes)." in output
    further = assert_explained(tmp_path / "bell", "bell.wav")["further_lanes"]
    assert [(lane["name"], lane["passes"]) for lane in further["lanes"]] == [("grad-cam", 1), ("occlusion", 13)]
    assert (further["label"], further["missing"]) == (LABELS[1], {})
    assert f"Other ways to explain: {LABELS[1]}" in (tmp_path / "bell" / "figure.svg").read_text(encoding="utf-8")
    assert "grad-cam, 1 pass" in (tmp_path / "bell" / "report.html").read_text(encoding="utf-8")


def test_of_a_model_of_transformers_occlusion_is_left(run: Run, sounds: Path, tmp_path: Path) -> None:
    folder = write_hub_folder(tmp_path / "wave", "wav2vec2")
    arguments = ("explain", sounds / "bell.wav", "--checkpoint", folder, "--out", tmp_path / "out", *JSON_ONLY)
    status, output, _ = run(*arguments, "--lanes", "all")
    assert status == 0
    assert "Without integrated gradients: no gradient goes through wave" in output
    told = json.loads((tmp_path / "out" / "bell" / "explanation.json").read_text(encoding="utf-8"))["further_lanes"]
    assert [lane["name"] for lane in told["lanes"]] == ["occlusion"]
    assert set(told["missing"]) == {"grad-cam", "class activation map", "integrated gradients"}
    status, output, error = run(*arguments, "--lanes", "grad-cam")
    assert (status, output) == (2, "")
    assert_one_sentence(error, "grad-cam cannot be measured: wave shows no grid that its classes are read from")


def test_a_clip_is_explained_anew_where_other_lanes_are_asked_for(
    run: Run, model_folder: Path, sounds: Path, tmp_path: Path
) -> None:
    arguments = ("explain", sounds, "--checkpoint", model_folder, "--out", tmp_path, "--playbacks", 0, *JSON_ONLY)
    run(*arguments)
    _, _, error = run(*arguments)
    assert "clips were explained before" in error
    _, _, error = run(*arguments, "--lanes", "occlusion")
    assert "clips were explained before" not in error
    told = json.loads((tmp_path / "bell" / "explanation.json").read_text(encoding="utf-8"))
    assert told["further_lanes"]["lanes"][0]["name"] == "occlusion"
