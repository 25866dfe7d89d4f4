"""The load command: many visitors at once get what each gets alone, and only this machine is ever asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import soundfile
from load import MOST_CLIENTS, Load, main, put_under_load
from tiny import RATE, sounding_clips, tiny_checkpoint

from app import page
from app.service import Models


@pytest.fixture(scope="module")
def address(page_folder: Path, serve: Callable[..., str]) -> str:
    models = Models([str(tiny_checkpoint(page_folder / "tiny"))], "cpu")
    return serve(page.build_page(models, []), **page.launch_settings())


@pytest.fixture(scope="module")
def clips(page_folder: Path) -> list[Path]:
    paths = [page_folder / f"{number}.wav" for number in range(2)]
    for path, samples in zip(paths, sounding_clips(2).numpy(), strict=True):
        soundfile.write(path, samples, RATE)
    return paths


def test_visitors_who_ask_at_once_get_what_each_gets_alone(address: str, clips: list[Path]) -> None:
    load = put_under_load(address, clips, clients=3, rounds=1)
    assert (load.different, load.failed) == ((), ())
    assert len(load.seconds) == 3
    assert load.is_good
    assert "bit for bit" in "\n".join(load.sentences())


def test_what_fails_and_what_differs_is_told(address: str, clips: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    answers = iter(["alone", *["other"] * 2])

    def ask(client: object, clip: Path, end: float) -> str:
        answer = next(answers, None)
        if answer is None:
            raise TimeoutError
        return answer

    monkeypatch.setattr("load._ask", ask)
    load = put_under_load(address, clips[:1], clients=1, rounds=3)
    assert not load.is_good
    assert (load.different, load.failed) == (("0.wav", "0.wav"), ("TimeoutError",))
    _, differ, failed = load.sentences()
    assert differ.startswith("2 of them differ")
    assert failed.startswith("1 failed")


def test_where_nothing_answers_that_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:1/", "--minutes", "1"]) == 2
    assert "http://127.0.0.1:1/ gives no answers (" in capsys.readouterr().err


def test_half_and_most_of_the_visitors_waited_no_longer_than_is_told() -> None:
    (first, _) = Load(tuple(range(1, 21)), (), ()).sentences()
    assert first == "20 answers: median 10.00 s, 95th percentile 19.00 s, longest 20.00 s"


@pytest.mark.parametrize(
    "url",
    [
        "http://192.168.0.7:7860/",
        "http://example.org/",
        "https://127.0.0.1:7860/",
        "http://127.0.0.1.example.org/",
        "http://localhost@example.org/",
        "http://0.0.0.0:7860/",
        "file:///etc/hosts",
        "127.0.0.1:7860",
        "",
    ],
)
def test_nobody_elses_server_is_put_under_load(url: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", url]) == 2
    assert "is not a page on this machine; give one such as http://127.0.0.1:7860/" in capsys.readouterr().err


@pytest.mark.parametrize(
    "given",
    [
        ("--clients", "0"),
        ("--clients", str(MOST_CLIENTS + 1)),
        ("--rounds", "1000"),
        ("--minutes", "0"),
        ("--minutes", "600"),
        ("--minutes", "nan"),
    ],
)
def test_it_is_bounded_in_count_and_in_time(given: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", "http://127.0.0.1:1/", *given]) == 2
    assert f"{given[0][2:]} is {given[1]}; give " in capsys.readouterr().err
