"""Mutants of files: the same few faults that disks, networks and careless programs make, drawn with a fixed seed."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

#: what programs write where they do not know a length, and what overflows where it is multiplied
_LENGTHS = (0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_HEADER_BYTES = 120

Mutation = Callable[[bytearray, random.Random, bytes], bytes]


def _with_flipped_bytes(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    for _ in range(draw.choice((1, 4, 40))):
        content[draw.randrange(len(content))] ^= draw.randrange(1, 256)
    return content


def _with_flipped_bytes_of_the_header(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    for _ in range(draw.choice((1, 2, 8))):
        content[draw.randrange(min(_HEADER_BYTES, len(content)))] ^= 1 << draw.randrange(8)
    return content


def _with_another_number_in_the_header(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    value = draw.choice((*_LENGTHS, draw.getrandbits(32), draw.randrange(100_000)))
    at = draw.randrange(0, min(_HEADER_BYTES, len(content) - 4), 2)
    content[at : at + 4] = value.to_bytes(4, draw.choice(("little", "big")))
    return content


def _cut_short(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    return content[: round(len(content) * draw.uniform(0.05, 0.95))]


def _with_a_stretch_twice(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    begin, end = sorted(draw.randrange(len(content)) for _ in range(2))
    return content[:end] + content[begin:]


def _without_a_stretch(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    begin, end = sorted(draw.randrange(len(content)) for _ in range(2))
    return content[:begin] + content[end:]


def _spliced(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    return content[: draw.randrange(len(content))] + other[draw.randrange(len(other)) :]


def _joined(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    return content + other


def _with_zeros(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    begin = draw.randrange(len(content))
    count = min(len(content) - begin, draw.choice((16, 600, len(content))))
    content[begin : begin + count] = bytes(count)
    return content


def _with_noise_behind(content: bytearray, draw: random.Random, other: bytes) -> bytes:
    return content + draw.randbytes(draw.choice((5, 3_000, 70_000)))


CUT_SHORT = _cut_short
MUTATIONS: tuple[Mutation, ...] = (
    _with_flipped_bytes,
    _with_flipped_bytes_of_the_header,
    _with_another_number_in_the_header,
    _cut_short,
    _with_a_stretch_twice,
    _without_a_stretch,
    _spliced,
    _joined,
    _with_zeros,
    _with_noise_behind,
)


def mutant(content: bytes, mutation: Mutation, seed: str, others: Sequence[bytes]) -> bytes:
    """The same bytes with one fault, the same for the same seed. others: other files, to be mixed in."""
    draw = random.Random(seed)
    return bytes(mutation(bytearray(content), draw, draw.choice(others)))


def refusal(read: Callable[[], object], *kinds: type[Exception]) -> str | None:
    """What was said instead of an answer, which must be one line that comes to an end; None where all went well.

    kinds: the errors that a user may be given; any other is a fault.
    """
    try:
        read()
    except kinds as error:
        said = str(error)
    else:
        return None
    assert_one_line(said)
    return said


def assert_one_line(text: str) -> None:
    assert text
    assert "\n" not in text
    assert len(text) < 1000
