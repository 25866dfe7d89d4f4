"""Rules of the house that ``lint-imports`` does not hold by itself: how long a file may be, circles through a package's
own ``__init__``, and that each family is among those that only ``models.families`` may name.
"""

from __future__ import annotations

from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

import grimp
from importlinter import api

from playitback.models.families import FAMILIES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("playitback", "app")
FOLDERS = (*PACKAGES, "assets", "tests")  # all that hold Python
LONGEST_LINES = 400
MAY_BE_LONGER = {"app/text.py"}  # the page's texts


def contracts() -> dict[str, dict[str, Any]]:
    """Those that ``lint-imports`` checks, by id."""
    settings = api.read_configuration(str(ROOT / "pyproject.toml"))
    return {contract["id"]: contract for contract in settings["contracts_options"]}


def python_files() -> Iterator[Path]:
    yield from ROOT.glob("*.py")
    for folder in FOLDERS:
        yield from (ROOT / folder).rglob("*.py")


def test_no_file_is_longer_than_what_a_reader_takes_in() -> None:
    lines = {
        path.relative_to(ROOT).as_posix(): len(path.read_text(encoding="utf-8").splitlines()) for path in python_files()
    }
    assert {name: count for name, count in lines.items() if count > LONGEST_LINES and name not in MAY_BE_LONGER} == {}
    assert lines.keys() >= MAY_BE_LONGER | {"app.py", "assets/make_examples.py", "tests/conftest.py"}


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = grimp.build_graph(*PACKAGES, cache_dir=None)
    imports = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
    assert imports.keys() >= {"app.page", "playitback.__main__"}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        raise AssertionError(f"imported in a circle: {' <- '.join(error.args[1])}") from error


def test_every_family_is_behind_the_door_that_models_families_keeps() -> None:
    """A family's file under models/ is named in the contract; otherwise anybody could import it."""
    kept = [each for name in ("families", "families-hub") for each in contracts()[name]["protected_modules"]]
    for name, family in FAMILIES.items():
        module = family.listener.__module__
        assert any(module == each or module.startswith(f"{each}.") for each in kept), f"{name} ({module}) is not"
