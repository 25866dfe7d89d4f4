"""What was computed of clips before, kept for whoever comes with the same ones again.

rows (B, ...) -> keys_of -> a key each;  key -> Memory -> the tensors that were computed from that row
"""

from __future__ import annotations

import hashlib
import random
import threading
from typing import Any

import torch
from torch import Tensor

Key = tuple[object, ...]


class Memory:
    """Tensors by their keys, up to a number of bytes. Threads may share it.

    Which of them goes when it is full is drawn: whoever goes through the same clips time after time would find none of
    them if always the oldest went.
    """

    def __init__(self, most_bytes: int) -> None:
        self._most = most_bytes
        self._kept: dict[Key, tuple[Tensor, ...]] = {}
        self._keys: list[Key] = []
        self._bytes = 0
        self._drawn = random.Random(0)
        self._lock = threading.Lock()

    def get(self, key: Key) -> tuple[Tensor, ...] | None:
        return self._kept.get(key)

    def put(self, key: Key, *computed: Tensor) -> None:
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = computed
            self._keys.append(key)
            self._bytes += _bytes(computed)
            while self._bytes > self._most:
                index = self._drawn.randrange(len(self._keys))
                self._keys[index], self._keys[-1] = self._keys[-1], self._keys[index]
                self._bytes -= _bytes(self._kept.pop(self._keys.pop()))

    def __deepcopy__(self, memo: dict[int, Any]) -> Memory:
        return Memory(self._most)  # a copy of a model is made to change its weights


def keys_of(rows: Tensor) -> list[Key]:
    """Of every row of (B, ...), on its device, in the precision that is asked for now."""
    kind = rows.device.type
    precision = torch.get_autocast_dtype(kind) if torch.is_autocast_enabled(kind) else None
    return [
        (hashlib.blake2b(row.tobytes()).digest(), str(rows.device), precision)
        for row in rows.detach().cpu().contiguous().numpy()
    ]


def _bytes(tensors: tuple[Tensor, ...]) -> int:
    return sum(each.nbytes for each in tensors)
