"""Folders of sounds and lists for tests to read, and what was found in one."""

from __future__ import annotations

from pathlib import Path

import soundfile
from tiny import noise

from playitback.training.entries import Manifest


def write_text(root: Path, name: str, text: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def write_sounds(root: Path, *names: str) -> None:
    for name in names:
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, noise(0.2, 8000), 8000)


def named_targets(manifest: Manifest, head: int = 0) -> dict[str, list[str]]:
    """Name of each entry -> its labels."""
    labels = manifest.labels[head]
    return {entry.name: [labels[target] for target in entry.targets[head]] for entry in manifest.entries}


def files(manifest: Manifest, root: Path) -> list[str]:
    return [entry.path.relative_to(root).as_posix() for entry in manifest.entries]
