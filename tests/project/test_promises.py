"""What the README promises is held by tests: each that it names is there, and none of them is ever skipped."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEADING = "## What it promises\n"
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


def promises() -> list[str]:
    """The rows of the table, without its head."""
    _, heading, behind = (ROOT / "README.md").read_text(encoding="utf-8").partition(HEADING)
    assert heading
    section = behind.partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("|")][2:]


@cache
def functions_in(name: str) -> dict[str, ast.FunctionDef]:
    path = ROOT / "tests" / name
    assert path.is_file(), f"the README names tests/{name}, which is not there"
    body = ast.parse(path.read_text(encoding="utf-8")).body
    return {each.name: each for each in body if isinstance(each, ast.FunctionDef)}


def test_every_promise_names_tests_that_hold_it() -> None:
    rows = promises()
    assert len(rows) > 10
    for row in rows:
        named = TEST.findall(row)
        assert named, f"no test holds: {row}"
        for name, test in named:
            found = functions_in(name)
            assert test in found, f"the README names tests/{name}::{test}, which is not there"
            assert not any("skip" in ast.dump(each) for each in found[test].decorator_list)


def test_no_promise_is_made_twice() -> None:
    texts = [row.split("|")[1].strip() for row in promises()]
    assert len(set(texts)) == len(texts)
