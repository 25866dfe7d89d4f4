"""The list of variants as a Gradio component: HTML whose buttons play sound files or ask for a variant to be shown."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import FileData, GradioModel

_FOLDER = Path(__file__).parent
_TEMPLATE = '<div class="variant-list"></div>'


@dataclass(frozen=True)
class ListedVariants:
    """``html``: with ``data-file="K"`` on buttons that play sound K, and ``data-show="K"`` on those that ask for K."""

    html: str
    sounds: Sequence[Path]


class ListData(GradioModel):
    """The list as JSON; Gradio gives every sound an address."""

    html: str
    sounds: list[FileData]


class VariantList(gr.HTML):
    """Shows ListedVariants; an output only.

    ``variant_list.show(fn, ...)`` carries ``place``, a number, as an attribute of ``gr.EventData``. Buttons keep the
    focus over a change if they have the same ``data-key`` before and after it.
    """

    data_model = ListData

    def __init__(self, *, label: str, elem_id: str | None = None):
        script = "".join((_FOLDER / name).read_text(encoding="utf-8") for name in ("stretches.js", "variants.js"))
        super().__init__(label=label, html_template=_TEMPLATE, js_on_load=script, elem_id=elem_id)

    def preprocess(self, payload: Any) -> Any:
        return payload

    def postprocess(self, value: ListedVariants | None) -> ListData | None:  # type: ignore[override]
        if value is None:
            return None
        return ListData(html=value.html, sounds=[FileData(path=str(path)) for path in value.sounds])

    def api_info(self) -> dict[str, Any]:
        return {"type": "object", "description": "the list, with the addresses of its sounds"}


# Gradio writes a stub beside the file of every component. A type checker would read that instead of this file, and it
# would soon be wrong: so it is deleted.
with contextlib.suppress(OSError):
    Path(__file__).with_suffix(".pyi").unlink()
