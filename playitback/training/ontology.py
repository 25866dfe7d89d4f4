"""Which classes are broader than others, from a file like that of AudioSet's ontology.

``ontology.json`` is a list of {"id", "name", "child_ids", ...} (Gemmeke et al., "Audio Set: An ontology and
human-labeled dataset for audio events", ICASSP 2017). A class may be below several others.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from playitback.errors import DataSetError


def read_broader(path: Path, labels: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Of each class the indices of all classes above it, as far as they are among ``labels``.

    A class that the file does not know is below none. Raises DataSetError for a file that is not such a list, and for
    one that knows none of the classes.
    """
    try:
        entries: Any = json.loads(path.read_text(encoding="utf-8"))
        names = {str(entry["id"]): str(entry["name"]) for entry in entries}
        children = {str(entry["name"]): [names[child] for child in entry["child_ids"]] for entry in entries}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise DataSetError(
            f"{path} cannot be read as a list of classes with id, name and child_ids ({error}); "
            "give AudioSet's ontology.json, or a file like it"
        ) from error
    if not children.keys() & set(labels):
        raise DataSetError(f"{path} knows none of the classes; give the ontology that they are from")
    below = {label: _below(label, children) for label in labels}
    return tuple(
        tuple(index for index, other in enumerate(labels) if other != label and label in below[other])
        for label in labels
    )


def _below(name: str, children: dict[str, list[str]]) -> set[str]:
    """All classes below one, however deep."""
    found: set[str] = set()
    waiting = list(children.get(name, ()))
    while waiting:
        child = waiting.pop()
        if child not in found:
            found.add(child)
            waiting += children.get(child, ())
    return found
