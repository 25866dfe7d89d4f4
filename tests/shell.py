"""The type of the fixture ``run``."""

from __future__ import annotations

from collections.abc import Callable

#: runs a command as ``python -m playitback`` does and returns (exit status, standard output, standard error)
Run = Callable[..., tuple[int, str, str]]
