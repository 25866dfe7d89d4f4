"""``evidence``: whether what was replayed is why, each claim beside what it must beat."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import torch
from torch import Generator

from playitback.commands.evaluate import load_unheard
from playitback.commands.outputs import MAKE_ROOM, own_result_folder
from playitback.commands.recordings import path_given
from playitback.commands.shared import (
    MOST,
    add_channel,
    add_checkpoints,
    add_data,
    add_draws,
    add_json,
    add_seed,
    bar,
    names,
    print_json,
    remark,
    whole_number,
)
from playitback.errors import SettingsError
from playitback.evidence.gather import EXPLAINING, PARTS, TOGETHER, Evidence, gather
from playitback.evidence.rivals import RIVALS, missing_rivals
from playitback.progress import finish
from playitback.report.evidence_figures import write_figures
from playitback.report.evidence_text import text
from playitback.report.families_text import families_table
from playitback.writing import told_in_a_sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_checkpoints(parser, "several that differ only in their seed are measured together, others with --compare")
    parser.add_argument(
        "--compare", action="store_true",
        help="examine each checkpoint by itself, of whatever family, and set them side by side in one table",
    )  # fmt: skip
    add_data(parser)
    add_channel(parser)
    parser.add_argument(
        "--parts", type=names, metavar="NAME,NAME",
        help=f"some of {','.join(PARTS)}, of several models {','.join(TOGETHER)}; default: all of these",
    )  # fmt: skip
    add_draws(parser, "of random segments; default: %(default)s")
    parser.add_argument(
        "--beds", type=names, default=(), metavar="CLASS,CLASS",
        help="classes whose clips serve as background for planted events, besides synthesised noise",
    )  # fmt: skip
    parser.add_argument(
        "--rivals", type=names, metavar="NAME,NAME",
        help=f"other ways to explain, in {','.join(EXPLAINING)}: some of {', '.join(known.name for known in RIVALS)}; "
        "default: all that the model and the installed packages have",
    )  # fmt: skip
    parser.add_argument(
        "--clips", type=whole_number("--clips", 1, MOST), metavar="N", help="drawn at random; default: all of the data"
    )
    add_seed(parser)
    parser.add_argument(
        "--out", type=path_given, metavar="DIR", help="write evidence.json, evidence.txt and the figures there"
    )
    add_json(parser)


def main(arguments: argparse.Namespace) -> int:
    if arguments.compare and len(set(arguments.checkpoint)) < 2:
        raise SettingsError("there is nothing to compare; give two checkpoints at least")
    with nullcontext() if arguments.out is None else own_result_folder(arguments.out):
        return _compare(arguments) if arguments.compare else _together(arguments)


def _together(arguments: argparse.Namespace) -> int:
    evidence = _examine(arguments, arguments.checkpoint)
    _write(evidence.to_dict(), text(evidence), arguments.out)
    if arguments.out is not None:
        with told_in_a_sentence(arguments.out, MAKE_ROOM):
            for path in write_figures(evidence, arguments.out):
                remark(str(path))
    _tell(arguments, evidence.to_dict(), text(evidence))
    return 0


def _compare(arguments: argparse.Namespace) -> int:
    found = {name: _examine(arguments, [name]) for name in arguments.checkpoint}
    described = {"models": {name: evidence.to_dict() for name, evidence in found.items()}}
    _write(described, families_table(found), arguments.out)
    _tell(arguments, described, families_table(found))
    return 0


def _tell(arguments: argparse.Namespace, described: dict[str, Any], told: str) -> None:
    if arguments.json:
        print_json(described)
    else:
        print(told)


def _write(described: dict[str, Any], told: str, folder: Path | None) -> None:
    if folder is None:
        return
    written = json.dumps(described, indent=1, ensure_ascii=False) + "\n"
    with told_in_a_sentence(folder, MAKE_ROOM):
        (folder / "evidence.json").write_text(written, encoding="utf-8")
        (folder / "evidence.txt").write_text(told + "\n", encoding="utf-8")


def _examine(arguments: argparse.Namespace, checkpoints: Sequence[str]) -> Evidence:
    recognizers, clips = load_unheard(arguments, checkpoints)
    waveforms = clips.waveforms(torch.arange(len(clips)))
    targets = clips.targets(torch.arange(len(clips)))[0]
    labels = clips.labels[0]
    unknown = sorted(set(arguments.beds) - set(labels))
    if unknown:
        raise SettingsError(f"there is no class {unknown[0]!r} for --beds; choose from {', '.join(labels)}")
    beds = {f"recorded {name}": waveforms[targets[:, labels.index(name)] > 0] for name in arguments.beds}
    empty = sorted(name.removeprefix("recorded ") for name, found in beds.items() if not len(found))
    if empty:
        raise SettingsError(f"there are no clips of {empty[0]!r} here; choose other --beds or another part of the data")
    if arguments.clips is not None:
        rows = torch.randperm(len(clips), generator=Generator().manual_seed(arguments.seed))[: arguments.clips]
        waveforms, targets = waveforms[rows], targets[rows]
    if arguments.rivals is None and set(arguments.parts or EXPLAINING) & set(EXPLAINING):
        for name, reason in missing_rivals(recognizers[0]).items():
            remark(f"{name} is left out: {reason}")
    with bar("listening") as report:
        steps = gather(
            recognizers,
            waveforms,
            targets,
            labels,
            draws=arguments.draws,
            seed=arguments.seed,
            parts=arguments.parts,
            beds=beds,
            rival_names=arguments.rivals,
        )
        return finish(steps, report)
