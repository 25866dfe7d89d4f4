"""Whatever has become of a table or a list of labels, it is read, or refused in one sentence."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from mutants import MUTATIONS, mutant, refusal
from tiny import noise

from playitback.audio import write_wav
from playitback.errors import DataSetError
from playitback.explain import folder
from playitback.training import entries, own_data

CLASSES = ("bell", "rain", "siren")
#: what is read, and how
TABLES: dict[str, tuple[bytes, Callable[[Path], object]]] = {
    "labels of clips": (
        b'path,label\na.wav,bell\nsub/b.wav,rain\n"c, d.wav",siren\n',
        lambda path: folder.read_labels(path, CLASSES),
    ),
    "recordings to learn from": (
        b"path,label,start,stop,split\na.wav,bell,0,0.5,train\na.wav,rain,0.5,1.0,train\na.wav,siren,0:00,0:01,test\n",
        lambda path: own_data.read_csv(path, ["train"], None),
    ),
    "classes": (b'bell\nrain,12\n"wind, light"\n', entries.read_labels),
}
#: what stands in files that came from elsewhere, in place of a word
STRANGE = (b"\0", b"\xff\xfe", b"x" * 200, b'"', b"\r", b"../", "\u2028\u202e\x1b[2J".encode(), b"=1+1", b"")
ENDLESS = (b"x" * 200_000, b"../" * 2_000)  # beyond what csv and the system take


def assert_read_or_refused(path: Path, read: Callable[[Path], object]) -> None:
    refused = refusal(lambda: read(path), DataSetError)
    assert refused is None or path.name in refused


@pytest.fixture
def table(tmp_path: Path) -> Path:
    write_wav(tmp_path / "a.wav", noise(1.0), 16_000)
    return tmp_path / "table.csv"


@pytest.mark.parametrize("name", TABLES)
def test_a_mutant_of_a_table_is_read_or_refused_in_one_sentence(table: Path, name: str) -> None:
    content, read = TABLES[name]
    others = [each for each, _ in TABLES.values()]
    for mutation in MUTATIONS:
        for turn in range(4):
            table.write_bytes(mutant(content, mutation, f"{name} {mutation.__name__} {turn}", others))
            assert_read_or_refused(table, read)


@pytest.mark.parametrize("strange", STRANGE, ids=range(len(STRANGE)))
@pytest.mark.parametrize("name", TABLES)
def test_a_strange_word_in_a_table_is_read_or_refused_in_one_sentence(table: Path, name: str, strange: bytes) -> None:
    content, read = TABLES[name]
    for word in (b"bell", b"a.wav", b"rain", b"path", b"0.5"):
        table.write_bytes(content.replace(word, strange))
        assert_read_or_refused(table, read)


@pytest.mark.parametrize("endless", ENDLESS, ids=["word", "path"])
@pytest.mark.parametrize("name", TABLES)
def test_an_endless_word_in_a_table_is_read_or_refused_in_one_sentence(table: Path, name: str, endless: bytes) -> None:
    content, read = TABLES[name]
    for word in (b"a.wav", b"bell"):
        table.write_bytes(content.replace(word, endless))
        assert_read_or_refused(table, read)
