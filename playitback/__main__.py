"""The command line: ``playitback COMMAND``, or ``python -m playitback COMMAND``; ``_COMMANDS`` has them all.

A mistake in what was given ends with one sentence on standard error and exit status 2.
"""

from __future__ import annotations

import argparse
import errno
import importlib
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from playitback import __version__
from playitback.errors import PlayItBackError, SettingsError
from playitback.names import printable

#: command -> (module with add_arguments and main, one line of help)
_COMMANDS = {
    "models": ("playitback.commands.models", "what is offered: families, classes, playbacks"),
    "explain": ("playitback.commands.explain", "classify recordings and write what was heard again, and why"),
    "what-if": ("playitback.commands.what_if", "replay other segments, or take some out of the sound, and hear again"),
    "examine": (
        "playitback.commands.examine",
        "whether a clip's explanation is true, beside chance, loudness and no replay",
    ),
    "contrast": ("playitback.commands.contrast", "why one class and not another: which segment spoke for which"),
    "compare": ("playitback.commands.compare", "two clips, or two models on one clip"),
    "windows": ("playitback.commands.windows", "classify a long recording window by window, with labels for editors"),
    "corpus": (
        "playitback.commands.corpus",
        "the windows of thousands of hours as parquet files, on one machine or on many",
    ),
    "train": (
        "playitback.commands.train",
        "train a checkpoint; a second call goes on where the first one stopped; torchrun starts several processes",
    ),
    "teach": ("playitback.commands.teach", "what a checkpoint answers to mixtures, for another one to learn from"),
    "evaluate": (
        "playitback.commands.evaluate",
        "accuracy after every hearing on clips that a model was not trained on",
    ),
    "calibrate": ("playitback.commands.calibrate", "make a model as sure as it is right, on clips that are kept aside"),
    "evidence": (
        "playitback.commands.evidence",
        "whether what was replayed is why: controls, removal, localisation, each beside chance",
    ),
    "bench": ("playitback.commands.bench", "how fast the models listen here, beside what the machine can do"),
}

#: what the system says of a file or folder that it does not let one have, or cannot fetch
_REFUSALS = (errno.EACCES, errno.EPERM, errno.EROFS, errno.EIO, errno.ESTALE, errno.ENOTCONN)
_STREAM_FAILURES = (errno.ENOSPC, errno.EFBIG, errno.EIO)  # where what is printed goes into a file


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command; returns the exit status."""
    try:
        _stand_somewhere()
        parsed = _parser(sys.argv[1:] if arguments is None else arguments).parse_args(arguments)
        status: int = parsed.run(parsed)
        return status
    except PlayItBackError as error:
        print(f"playitback: {error}", file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno not in _REFUSALS or error.filename is None:
            raise
        name = printable(os.fsdecode(error.filename))
        print(f"playitback: {name} cannot be reached ({error.strerror}); check your rights there", file=sys.stderr)
        return 2


def _stand_somewhere() -> None:
    """Raises SettingsError where the working folder was deleted, in which libraries fail for reasons of their own."""
    try:
        os.getcwd()
    except FileNotFoundError as error:
        raise SettingsError("the folder that this was started in is no longer there; change to another one") from error


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        "playitback", description="A sound classifier that hears the telling moments again."
    )
    parser.add_argument("--version", action="version", version=f"playitback {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for name, (module, summary) in _COMMANDS.items():
        command = commands.add_parser(name, help=summary)
        if name in arguments[:1]:
            # what training alone needs is not installed with the page, so only the command that runs is imported
            try:
                with _ctrl_c_ends_it():
                    found = importlib.import_module(module)
            except ModuleNotFoundError as error:
                raise SettingsError(
                    f"{name} needs {error.name}, which is not installed; run pip install -r requirements-train.txt, "
                    "or install playitback with its extra named train"
                ) from error
            found.add_arguments(command)
            command.set_defaults(run=found.main)
    return parser


@contextmanager
def _ctrl_c_ends_it() -> Iterator[None]:
    """At once, while libraries are imported: some swallow what is raised meanwhile, and nothing has begun yet."""
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler or threading.current_thread() is not threading.main_thread():
        yield
        return
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def run() -> None:
    """Runs the command that the shell gave, as a program of its own, and ends with its status."""
    _open_streams()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a console may lack letters of a name
    try:
        try:
            sys.exit(main())
        finally:
            sys.stdout.flush()  # else what cannot be written is noticed too late to be told
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:  # the program that read our output has ended
        _print_no_more()
        sys.exit(1)
    except OSError as error:
        if error.errno not in _STREAM_FAILURES or error.filename is not None:
            raise
        _print_no_more()
        with suppress(OSError):  # standard error leads to the same disk, perhaps
            print(f"playitback: what it prints cannot be written ({error.strerror}); make room there", file=sys.stderr)
        sys.exit(2)


def _print_no_more() -> None:
    """Without this Python would complain when it closes the stream."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _open_streams() -> None:
    """Standard streams that the shell closed lead nowhere; else what is opened next would be taken for them."""
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):  # in the order of their numbers
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115  # until the end


if __name__ == "__main__":
    run()
