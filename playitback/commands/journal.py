"""The table of clips that explain writes, row by row as they are explained, so that a run can go on where it stopped.

    folder.csv                  a row a clip, from the first one on
    folder.jsonl                the same with all that is needed to go on; only while a run lasts
    folder.json, events.csv     at the end, also where a run is interrupted; folder.json can be gone on from as well

A table is of one model and its settings. What was explained before with the same ones stays in it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from playitback import __version__, audio
from playitback.checkpoint import checkpoint_digest
from playitback.commands.outputs import MAKE_ROOM, lost_table, no_table, whole_path
from playitback.explain.folder import SCHEMA, ClipSummary, FolderSummary, summary_of, table_columns, table_row
from playitback.reading import read_result_text, result_of
from playitback.report.labels import write_folder_events
from playitback.tables import add_row, write_table
from playitback.writing import write_whole

TABLE, SUMMARY, EVENTS, GROWING = "folder.csv", "folder.json", "events.csv", "folder.jsonl"


@dataclass(frozen=True)
class Explained:
    """A clip of the table, with what tells whether it must be explained again."""

    summary: ClipSummary
    remarks: tuple[str, ...]
    files: tuple[str, ...]  # what was asked for, beside its row
    stamp: tuple[int, ...]  # of its recording, as it was explained

    def to_dict(self) -> dict[str, Any]:
        return {"remarks": self.remarks, "files": self.files, "stamp": self.stamp}


@dataclass(frozen=True)
class _Told:
    """What a file of an earlier run tells: the clips by their whole paths."""

    settings: Mapping[str, Any] | None  # None where it is from a version that did not tell them
    clips: dict[str, Explained]
    paths: frozenset[str]


class Journal:
    """The table in ``out``, beginning with what an earlier run left there.

    settings: of what is explained now, as ``settings_of`` gives them. Raises SettingsError for tables that are not
    explain's own, and for one of other settings that tells of other recordings: it would be lost.
    """

    def __init__(self, out: Path, settings: Mapping[str, Any], recordings: Sequence[Path]) -> None:
        self._out = out
        self._settings = settings
        self._recordings = [whole_path(each) for each in recordings]
        self._clips: dict[str, Explained] = {}
        self._begun = False
        earlier = _earlier(out)
        foreign = [name for name in (TABLE, SUMMARY, EVENTS, GROWING) if (out / name).exists()]
        if foreign and not earlier:
            raise no_table(out / foreign[0], "explain")
        for told in earlier:
            if told.settings == settings:
                self._clips.update(told.clips)
            elif others := told.paths - {*self._recordings}:
                raise lost_table(out / TABLE, len(others), "explained")
        for path in self._recordings:
            if path in self._clips and self._clips[path].stamp != audio.stamp_of(path):
                del self._clips[path]

    def explained(self, recording: Path, files: tuple[str, ...]) -> Explained | None:
        """What is known of a recording that has not changed since, if the same was asked for."""
        found = self._clips.get(whole_path(recording))
        return found if found is not None and found.files == files else None

    def keep(self, recording: Path, label: str | None) -> ClipSummary:
        """The row of an explained recording, under the name and the class that it has now."""
        path = whole_path(recording)
        known = self._clips[path]
        self._clips[path] = replace(known, summary=replace(known.summary, path=recording, label=label))
        return self._clips[path].summary

    def add(self, recording: Path, explained: Explained) -> None:
        """Writes one more row."""
        path = whole_path(recording)
        if self._begun:
            add_row(self._out / TABLE, table_row(explained.summary))
            with (self._out / GROWING).open("a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(_line(self._told(path, explained)))
            self._clips[path] = explained
        else:
            self._clips[path] = explained
            self._begin()

    def finish(self, labels: Sequence[str]) -> FolderSummary | None:
        """Writes all that is known of all clips; None where no clip is."""
        order = [*(path for path in self._clips if path not in {*self._recordings}), *self._recordings]
        clips = {path: self._clips[path] for path in order if path in self._clips}
        if not clips:
            return None
        found = FolderSummary.of((each.summary for each in clips.values()), labels)
        found.write_csv(self._out / TABLE)
        if found.has_events:
            write_folder_events(found.clips, self._out / EVENTS)
        else:
            (self._out / EVENTS).unlink(missing_ok=True)
        run = {
            "settings": self._settings,
            "clip_seconds": found.clips[0].clip_seconds,
            "clips": {path: each.to_dict() for path, each in clips.items()},
        }
        self._replace(SUMMARY, _line({**found.to_dict(), "run": run}))
        (self._out / GROWING).unlink(missing_ok=True)
        return found

    def _begin(self) -> None:
        clips = [each.summary for each in self._clips.values()]
        rows = (_line(self._told(path, each)) for path, each in self._clips.items())
        self._replace(GROWING, "".join((_line({"settings": self._settings}), *rows)))
        write_table(self._out / TABLE, table_columns(len(clips[0].decisions)), map(table_row, clips))
        for name in (SUMMARY, EVENTS):  # of which nothing is lost: what is still true is in the other two
            (self._out / name).unlink(missing_ok=True)
        self._begun = True

    def _told(self, path: str, explained: Explained) -> dict[str, Any]:
        summary = explained.summary
        return {"path": path, "clip": summary.to_dict(), "clip_seconds": summary.clip_seconds, **explained.to_dict()}

    def _replace(self, name: str, text: str) -> None:
        def write(path: Path) -> None:
            path.write_text(text, encoding="utf-8", errors="backslashreplace")

        write_whole(self._out / name, write, instead=MAKE_ROOM)


def tells_of(out: Path, recording: Path) -> bool:
    """Whether a recording stands in the table that an earlier run left."""
    return any(whole_path(recording) in told.paths for told in _earlier(out))


def _earlier(out: Path) -> list[_Told]:
    """What a run that finished left, and then one that did not."""
    return [told for told in (_finished(out / SUMMARY), _growing(out / GROWING)) if told is not None]


def _finished(path: Path) -> _Told | None:
    try:
        told = result_of(read_result_text(path))
        if told["schema"] != SCHEMA:
            return None
        run = told.get("run", {"settings": None, "clips": {}})
        summaries = told["clips"] if run["clips"] else ()
        clips = {
            path: _explained({"clip": clip, "clip_seconds": run["clip_seconds"], **each})
            for (path, each), clip in zip(run["clips"].items(), summaries, strict=True)
        }
        paths = run["clips"] or [whole_path(Path(clip["path"])) for clip in told["clips"]]
        return _Told(run["settings"], clips, frozenset(paths))
    except (OSError, ValueError, LookupError, TypeError, AttributeError):  # there is none, or it is something else
        return None


def _growing(path: Path) -> _Told | None:
    try:
        lines = read_result_text(path).split("\n")
        settings = result_of(lines[0])["settings"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    clips = dict(_whole_lines(lines[1:]))
    return _Told(settings, clips, frozenset(clips))


def _whole_lines(lines: Sequence[str]) -> Iterator[tuple[str, Explained]]:
    for line in lines:
        try:
            told = result_of(line)
            yield told["path"], _explained(told)
        except (
            ValueError,
            LookupError,
            TypeError,
            AttributeError,
        ):  # the last one, where the process was killed or the disk was full
            return


def _explained(told: Mapping[str, Any]) -> Explained:
    summary = summary_of(told["clip"], told["clip_seconds"])
    return Explained(summary, tuple(told["remarks"]), tuple(told["files"]), tuple(told["stamp"]))


def _line(told: Mapping[str, Any]) -> str:
    return json.dumps(told, ensure_ascii=False) + "\n"


def settings_of(checkpoint: str, **settings: Any) -> dict[str, Any]:
    """What a row of the table depends on beside its recording; a checkpoint is known by what its files hold."""
    return {"version": __version__, "model": checkpoint_digest(checkpoint), **settings}
