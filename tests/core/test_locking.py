"""Claims about locks where the system has none; what they keep apart is tested with the commands that take them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from playitback.errors import SettingsError
from playitback.locking import locked

ON_WINDOWS = """
import os, sys
from pathlib import Path
import playitback.errors, playitback.writing
sys.platform = "win32"
sys.modules["fcntl"] = None
from playitback.locking import locked
folder, taken = Path(sys.argv[1]), playitback.errors.SettingsError("taken")
with locked(folder, "lock", taken):
    assert (folder / "lock").is_file()
    with locked(folder, "lock", taken):
        pass
assert not (folder / "lock").exists()
"""


def test_without_locks_nothing_is_kept_apart_and_nothing_breaks(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", ON_WINDOWS, tmp_path / "out"], check=True, timeout=60)


def test_a_folder_that_cannot_be_made_is_named_and_not_the_lock_in_it(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder, why in ((tmp_path / "file", "File exists"), (tmp_path / "file" / "below", "Not a directory")):
        with pytest.raises(SettingsError) as refused, locked(folder, "lock", SettingsError("taken")):
            pass
        assert str(refused.value) == f"{folder} cannot be written ({why}); choose another folder"
