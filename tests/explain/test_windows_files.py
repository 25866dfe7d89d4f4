"""Claims about what is written of windows: tables, and labels for Audacity and Raven."""

from __future__ import annotations

import csv
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path

from stretches import window_of

from playitback.explain.events import Event
from playitback.explain.windows import (
    Stretch,
)
from playitback.report.labels import write_audacity, write_raven, write_recording

ROWS = [window_of(0, 2.5, "rain", 0.98765), Stretch(2.5, 3661.0625, "door_wood, knock", 0.5, 7)]
#: two of which sound at once
EVENTS = [Event("rain", 0.5, 3.25, 0.75, 1.0), Event("bell", 1.1, 1.4, 0.5, 1.2), Event("rain", 4.0, 4.2, 1.0, 4.1)]


#: when the recording began
BEGAN = datetime(2024, 1, 31, 23, 59, 59, tzinfo=timezone.utc)


def test_the_table_of_windows_tells_class_clock_notes_and_what_is_none_of_the_classes(tmp_path: Path) -> None:
    noted = ("It is silent.", "It is damaged.")
    told = [
        replace(window_of(0, 2.5, "rain", 0.98765), known=0.25),
        replace(window_of(2.5, 5, "door, knock", 0.8), notes=noted),
    ]
    assert [each.to_dict()["known"] for each in told] == [0.25, None]
    write_recording(told, None, 8000.0, tmp_path, "a.wav", began=BEGAN)
    assert (tmp_path / "windows.csv").read_text(encoding="utf-8-sig") == (
        "path,start,stop,class,confidence,known,clock,notes\n"
        "a.wav,0,2.5,rain,0.9877,0.2500,2024-01-31T23:59:59.000+00:00,\n"
        'a.wav,2.5,5,"door, knock",0.8000,,2024-02-01T00:00:01.500+00:00,It is silent. It is damaged.\n'
    )
    write_recording(told[:1], None, 8000.0, tmp_path, "a.wav")
    assert (tmp_path / "windows.csv").read_text(encoding="utf-8-sig").splitlines()[
        1
    ] == "a.wav,0,2.5,rain,0.9877,0.2500,,"


def test_the_label_track_is_what_audacity_imports(tmp_path: Path) -> None:
    write_audacity(ROWS, tmp_path / "labels.txt")
    assert (tmp_path / "labels.txt").read_text(encoding="utf-8") == (
        "0.000000\t2.500000\train\n2.500000\t3661.062500\tdoor_wood, knock\n"
    )


def test_the_selection_table_is_what_raven_opens(tmp_path: Path) -> None:
    write_raven(ROWS, tmp_path / "selections.txt", 8000.0)
    header, *rows = (line.split("\t") for line in (tmp_path / "selections.txt").read_text("utf-8").splitlines())
    assert dict(zip(header, rows[1], strict=True)) == {
        "Selection": "2",
        "View": "Spectrogram 1",
        "Channel": "1",
        "Begin Time (s)": "2.500000",
        "End Time (s)": "3661.062500",
        "Low Freq (Hz)": "0",
        "High Freq (Hz)": "8000",
        "Class": "door_wood, knock",
        "Confidence": "0.5000",
    }
    assert len(rows) == 2


def test_each_event_has_a_label_of_its_own_also_where_they_overlap(tmp_path: Path) -> None:
    wanted = [(event.start_seconds, event.end_seconds, event.label) for event in EVENTS]
    write_recording([window_of(0, 5, "rain")], EVENTS, 8000.0, tmp_path, "a.wav", began=BEGAN)
    with (tmp_path / "events.csv").open(newline="", encoding="utf-8-sig") as file:
        table = list(csv.DictReader(file))
    assert [(float(row["start"]), float(row["stop"]), row["class"]) for row in table] == wanted
    assert table[0]["clock"] == "2024-01-31T23:59:59.500+00:00"
    write_audacity(EVENTS, tmp_path / "labels.txt")
    labels = [line.split("\t") for line in (tmp_path / "labels.txt").read_text("utf-8").splitlines()]
    assert [(float(start), float(end), name) for start, end, name in labels] == wanted
    write_raven(EVENTS, tmp_path / "selections.txt", 8000.0)
    with (tmp_path / "selections.txt").open(newline="", encoding="utf-8-sig") as file:
        selections = list(csv.DictReader(file, delimiter="\t"))
    found = [(float(row["Begin Time (s)"]), float(row["End Time (s)"]), row["Class"]) for row in selections]
    assert found == wanted
    assert [row["Selection"] for row in selections] == ["1", "2", "3"]
    assert [float(row["Confidence"]) for row in selections] == [0.75, 0.5, 1.0]


def test_a_tab_in_a_class_name_parts_no_cells(tmp_path: Path) -> None:
    for write in (write_audacity, lambda rows, path: write_raven(rows, path, 8000.0)):
        write([window_of(0, 1, "big\tbell\n\nand rain")], tmp_path / "labels.txt")
        line = (tmp_path / "labels.txt").read_text(encoding="utf-8").splitlines()[-1]
        assert "big bell and rain" in line.split("\t")
