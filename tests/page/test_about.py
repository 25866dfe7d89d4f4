"""The model card, which may be anybody's: what it says is shown, and it does nothing."""

from __future__ import annotations

import re

import gradio as gr
import pytest

from app.service import ModelView
from app.tabs.about import build, card

BEGINNING = "---\nlicense: mit\n---\n# title\n\n"


def shown(written: str, name: str = "tiny") -> str:
    return card(ModelView(name=name, labels=(), broader={}, playbacks=0, clip_seconds=1.0, card=BEGINNING + written))


def readable(markdown: str) -> str:
    return markdown.replace("\N{WORD JOINER}", "")


@pytest.mark.parametrize(
    "tag",
    [
        '<form action="https://attacker.example"><input name="password"></form>',
        "<script>alert(1)</script>",
        '<IMG SRC="https://attacker.example/seen.png">',
        "<svg><image href='https://attacker.example'/></svg>",
        "<!-- --><iframe src=//attacker.example>",
        "<?xml?><a-form>",
        "`\n\n<form>\n\n`",
        "```\n<style>@import 'https://attacker.example'</style>\n```",
    ],
)
def test_html_in_a_card_is_text(tag: str) -> None:
    for told in (shown(f"before\n\n{tag}\n\nafter"), shown("", name=tag.replace("\n", " "))):
        assert not re.search(r"<[a-zA-Z/!?]", told)
    assert tag in readable(shown(tag))


@pytest.mark.parametrize(
    "picture",
    ["![seen](https://attacker.example/seen.png)", "![seen][1]\n\n[1]: https://attacker.example", "!![seen](x)"],
)
def test_a_picture_in_a_card_is_a_link(picture: str) -> None:
    told = shown(picture)
    assert "![" not in told
    assert picture.lstrip("!") in told


@pytest.mark.parametrize("fence", ["```mermaid", "~~~~ Mermaid", "> ```mermaid", "- ``` MERMAID"])
def test_a_diagram_in_a_card_is_its_source(fence: str) -> None:
    told = shown(f"{fence}\ngraph TD\n```")
    assert "mermaid" not in told.lower()
    assert "graph TD" in told


def test_a_formula_in_a_card_is_its_source() -> None:
    with gr.Blocks():
        built = build(ModelView("tiny", (), {}, 0, 1.0, f"{BEGINNING}$$\\rule{{500em}}{{500em}}$$"), 4)
    assert "rule" in str(built.value)
    assert built.latex_delimiters == []


def test_what_honest_cards_hold_stays_as_it_is() -> None:
    honest = "| a < b | x<5 |\n|---|---|\n\n[d](https://example.org), `x < y`, 3 <= 4 !\n\n```python\na = [1]\n```"
    assert shown(honest) == f"## Model card: tiny\n\n{honest}"
