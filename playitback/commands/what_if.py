"""``what-if``: other segments replayed, or another sound heard, beside the run itself."""

from __future__ import annotations

import argparse
import dataclasses

from playitback import audio
from playitback.checkpoint import find_checkpoint
from playitback.commands.outputs import check_file, refuse_given
from playitback.commands.recordings import path_given
from playitback.commands.shared import COLUMN, add_class, add_clip, explain_given, print_json
from playitback.edits import FILLS, SILENCE
from playitback.errors import SettingsError
from playitback.explain.what_if import KEEP, REMOVE, Difference, Edit, difference, edited, what_if
from playitback.recognizer import Recognizer
from playitback.segments import Segment
from playitback.writing import told_in_a_sentence


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = "Segments are START-END in seconds of the clip, several with commas between them."
    add_clip(parser)
    add_class(parser)
    parser.add_argument(
        "--hold", type=_held, action="append", default=[], metavar="HEARING:SEGMENTS",
        help="replay these after a hearing, whatever the model chose; 0:1.2-1.9,3-3.5, or 0: for none at all; "
        "may be given for several hearings, the others are free",
    )  # fmt: skip
    sound = parser.add_mutually_exclusive_group()
    sound.add_argument("--remove", type=_segments, metavar="SEGMENTS", help="from the sound, before the first hearing")
    sound.add_argument("--keep", type=_segments, metavar="SEGMENTS", help="and remove all the rest of the sound")
    parser.add_argument("--fill", choices=FILLS, default=SILENCE, help="what is removed becomes; default: %(default)s")
    parser.add_argument("--sound", type=path_given, metavar="FILE", help="write what is heard then as WAV")


def main(arguments: argparse.Namespace) -> int:
    changes = ((REMOVE, arguments.remove), (KEEP, arguments.keep))
    edits = [Edit(action, segments, arguments.fill) for action, segments in changes if segments is not None]
    held = dict(arguments.hold)
    if len(held) < len(arguments.hold):
        raise SettingsError("--hold was given twice for one hearing; give all its segments in one")
    if not edits and not held:
        raise SettingsError("nothing was changed; give --hold, --remove or --keep")
    if arguments.sound is not None:
        refuse_given(arguments.sound, "--sound", "the recording itself", [arguments.clip])
        checkpoint = find_checkpoint(arguments.checkpoint)
        refuse_given(arguments.sound, "--sound", "a file of the model", checkpoint.iterdir())
        check_file(arguments.sound, "--sound")
    recognizer = Recognizer.from_checkpoint(arguments.checkpoint, arguments.device)
    asked = arguments.label
    original, samples = explain_given(recognizer, arguments, asked)
    hearings = tuple(what_if(recognizer, samples, held, edits, arguments.playbacks, asked))
    variant = dataclasses.replace(original, hearings=hearings)
    found = difference(original, variant, asked or original.decision(-1))
    if arguments.sound is not None:
        sample_rate = recognizer.sample_rate
        with told_in_a_sentence(arguments.sound, "make room there or choose another --sound"):
            audio.write_wav(arguments.sound, edited(recognizer.padded(samples), edits, sample_rate), sample_rate)
    if arguments.json:
        told = {"original": original, "variant": variant}
        print_json({**{name: run.to_dict() for name, run in told.items()}, "difference": dataclasses.asdict(found)})
    else:
        print(_text(found))
    return 0


def _segments(text: str) -> tuple[Segment, ...]:
    """ "1.2-1.9,3-3.5" -> two segments."""
    try:
        pairs = [part.split("-") for part in text.split(",") if part.strip()]
        return tuple(Segment(float(start), float(end)) for start, end in pairs)
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of segments; write 1.2-1.9,3-3.5") from error


def _held(text: str) -> tuple[int, tuple[Segment, ...]]:
    """ "0:1.2-1.9" -> the hearing and its segments."""
    index, colon, segments = text.partition(":")
    if not colon or not index.strip().isdecimal():
        raise argparse.ArgumentTypeError(
            f"{text!r} names no hearing; write 0:1.2-1.9 for what is replayed after hearing 0"
        )
    return int(index), _segments(segments)


def _text(found: Difference) -> str:
    lines = [f"{'hearing':<9}{'original':<{COLUMN}}{'variant':<{COLUMN}}{found.label}"]
    for each in found.hearings:
        lines.append(
            f"{each.index:<9}{each.original_decision:<{COLUMN}}{each.variant_decision:<{COLUMN}}"
            f"{100 * each.original_probability:.0f} -> {100 * each.variant_probability:.0f} %, "
            f"log-odds {each.log_odds_change:+.2f} nats"
        )
    return "\n".join(lines)
