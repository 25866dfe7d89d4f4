"""What can be taken away of a run: that all of it is there, says the same, and is the same every time."""

from __future__ import annotations

import base64
import csv
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import jsonschema
import matplotlib
import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny import CLIP_SECONDS, LABELS, RATE, recognizer_of, sounding_clips, tiny_checkpoint, tiny_model

from playitback.audio import Recording, RecordingInfo
from playitback.explain import explanation as explanation_module
from playitback.explain.explanation import SCHEMA, Explanation
from playitback.explain.what_if import forced
from playitback.recognizer import ClipHearing, Recognizer
from playitback.report.figure import COLOUR_MAP, figures_of
from playitback.report.files import ExplanationFiles, draw_player, write_archive, write_files
from playitback.segments import Segment
from playitback.spectrogram import mel_hertz

HEARINGS = 4
#: what explanations of version 1 do not tell when they are read
UNKNOWN_TO_VERSION_1 = {
    "": {"passages", "alone", "further_lanes"},
    ".clip": {"channel"},
    ".model": {"family", "sample_rate", "can_aim"},
}
SCHEMA_FILE = Path(explanation_module.__file__).with_name("explanation.schema.json")

Explain = Callable[..., Explanation]
Write = Callable[[Explanation, Path], ExplanationFiles]


@pytest.fixture(scope="module")
def recognizer(tmp_path_factory: pytest.TempPathFactory) -> Recognizer:
    return Recognizer.from_checkpoint(tiny_checkpoint(tmp_path_factory.mktemp("models") / "tiny"), "cpu")


@pytest.fixture(scope="module")
def samples() -> np.ndarray:
    return sounding_clips(1)[0].numpy()


@pytest.fixture(scope="module")
def explain(recognizer: Recognizer, samples: np.ndarray) -> Explain:
    def run(**settings: Any) -> Explanation:
        info = RecordingInfo("swells & <fades>.wav", 9.5, 44_100, 2, "WAV")
        recording = Recording(samples, info, 1.25, RATE, ("It is long.",))
        return Explanation.of(recording, recognizer, recognizer.explain(samples, **settings))

    return run


@pytest.fixture(scope="module")
def write(recognizer: Recognizer, samples: np.ndarray, tmp_path_factory: pytest.TempPathFactory) -> Write:
    def run(explanation: Explanation, directory: Path) -> ExplanationFiles:
        player = draw_player(explanation, samples, recognizer, tmp_path_factory.mktemp("drawn"))
        return write_files(explanation, player, samples, recognizer, directory)

    return run


@pytest.fixture(scope="module")
def explanation(explain: Explain) -> Explanation:
    return explain()


@pytest.fixture(scope="module")
def files(explanation: Explanation, write: Write, tmp_path_factory: pytest.TempPathFactory) -> ExplanationFiles:
    return write(explanation, tmp_path_factory.mktemp("files") / "taken")


def rows_of(table: Path) -> list[dict[str, str]]:
    with table.open(newline="", encoding="utf-8-sig") as lines:
        return list(csv.DictReader(lines))


def schema() -> dict[str, Any]:
    described: dict[str, Any] = json.loads(SCHEMA_FILE.read_text(encoding="utf-8"))
    return described


def read_json(files: ExplanationFiles) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(files.explanation.read_text(encoding="utf-8"))
    return told


# all of it


def test_everything_that_is_written_is_listed_once(files: ExplanationFiles) -> None:
    there = [path for path in files.folder.rglob("*") if path.is_file()]
    assert sorted(files.all) == sorted(there)
    assert all(path.stat().st_size > 0 for path in there)


def test_the_same_run_leaves_the_same_files_byte_for_byte(explain: Explain, write: Write, tmp_path: Path) -> None:
    one, two = (write(explain(playbacks=1), tmp_path / name / "taken") for name in ("one", "two"))
    for first, second in zip(one.all, two.all, strict=True):
        assert first.read_bytes() == second.read_bytes(), first.name
    for name, files in (("one.zip", one), ("two.zip", two)):
        (tmp_path / name).mkdir()
        write_archive(files, tmp_path / name / "bell.zip")
    assert (tmp_path / "one.zip" / "bell.zip").read_bytes() == (tmp_path / "two.zip" / "bell.zip").read_bytes()


def test_the_archive_holds_every_file_in_one_folder(files: ExplanationFiles, tmp_path: Path) -> None:
    write_archive(files, tmp_path / "my bell.zip")
    with zipfile.ZipFile(tmp_path / "my bell.zip") as archive:
        archive.extractall(tmp_path)
    for path in files.all:
        assert (tmp_path / "my bell" / path.relative_to(files.folder)).read_bytes() == path.read_bytes()


def test_a_run_with_fewer_segments_leaves_no_sound_of_the_run_before(
    explain: Explain, write: Write, tmp_path: Path
) -> None:
    before = write(explain(playbacks=1), tmp_path)
    (tmp_path / "sounds" / "of my own.wav").write_bytes(b"kept")
    after = write(explain(playbacks=0), tmp_path)
    assert len(after.sounds.tapes) == 1 < len(before.sounds.tapes)
    sounds = {path for path in (tmp_path / "sounds").iterdir() if path.name != "of my own.wav"}
    assert sounds == {*after.sounds.segments, *after.sounds.tapes}
    assert (tmp_path / "sounds" / "of my own.wav").exists()


# activity


def test_activity_is_a_table_of_the_first_hearings_moments_for_all_classes(samples: np.ndarray, tmp_path: Path) -> None:
    recognizer = recognizer_of(tiny_model(activity=True))
    taken = take(recognizer, samples, tmp_path)
    first = recognizer_first(recognizer, samples)
    assert taken.activity == tmp_path / "taken" / "activity.csv"
    with taken.activity.open(newline="", encoding="utf-8-sig") as lines:
        head, *rows = csv.reader(lines)
    assert head == ["seconds", *LABELS]
    table = np.array(rows, dtype=float)
    np.testing.assert_allclose(table[:, 0], first.seconds, atol=1e-6)
    np.testing.assert_allclose(table[:, 1:], first.activity, rtol=1e-5)
    assert taken.activity in taken.all


def test_a_model_that_does_not_know_of_moments_leaves_no_such_table_nor_that_of_another(
    samples: np.ndarray, tmp_path: Path
) -> None:
    take(recognizer_of(tiny_model(activity=True)), samples, tmp_path)
    taken = take(recognizer_of(tiny_model()), samples, tmp_path)
    assert taken.activity is None
    assert not (tmp_path / "taken" / "activity.csv").exists()


def take(recognizer: Recognizer, samples: np.ndarray, folder: Path) -> ExplanationFiles:
    recording = Recording(samples, RecordingInfo("bell.wav", CLIP_SECONDS, RATE, 1, "WAV"), 0.0, RATE)
    explanation = Explanation.of(recording, recognizer, recognizer.explain(samples, 0))
    (folder / "drawn").mkdir(exist_ok=True)
    player = draw_player(explanation, samples, recognizer, folder / "drawn")
    return write_files(explanation, player, samples, recognizer, folder / "taken")


def recognizer_first(recognizer: Recognizer, samples: np.ndarray) -> ClipHearing:
    return next(recognizer.explain(samples, 0))


# numbers


def test_the_json_is_the_explanation_and_fits_its_schema(files: ExplanationFiles, explanation: Explanation) -> None:
    told = read_json(files)
    assert told == explanation.to_dict()
    jsonschema.Draft202012Validator.check_schema(schema())
    jsonschema.Draft202012Validator(schema()).validate(told)


def test_the_schema_names_its_version_and_describes_every_key(files: ExplanationFiles) -> None:
    described = schema()
    assert described["$id"] == described["properties"]["schema"]["const"] == SCHEMA

    def undescribed(value: Any, shape: dict[str, Any], path: str) -> Iterator[str]:
        if "$ref" in shape:
            shape = described["$defs"][shape["$ref"].rpartition("/")[2]]
        if isinstance(value, list):
            for each in value:
                yield from undescribed(each, shape["items"], f"{path}[]")
        if isinstance(value, dict) and "additionalProperties" not in shape:
            assert set(shape["properties"]) - set(shape["required"]) == UNKNOWN_TO_VERSION_1.get(path, set()), path
            assert set(shape["required"]) <= set(shape["properties"]), path
            for key, each in value.items():
                if key in shape["properties"]:
                    yield from undescribed(each, shape["properties"][key], f"{path}.{key}")
                else:
                    yield f"{path}.{key}"

    assert list(undescribed(read_json(files), described, "")) == []


@pytest.mark.parametrize(
    ("path", "wrong"),
    [
        (("schema",), "playitback.explanation/0"),
        (("clip", "sample_rate"), "16 kHz"),
        (("model", "labels"), ["bell", "bell"]),
        (("hearings",), []),
        (("hearings", 1, "hop_seconds"), 0),
        (("hearings", 0, "probabilities", "bell"), 1.5),
        (("hearings", 0, "segments", 0), {"start_seconds": 0.5}),
        (("hearings", 2, "relevance"), [0.5, 1.5]),
        (("hearings", 2, "asked"), 3),
        (("hearings", 2, "activity"), {"bell": [0.5, -0.1]}),
        (("hearings", 2, "lanes"), [[0.5, 0.5]]),
        (("hearings", 2, "lanes", 1), {"name": "uninformative"}),
        (("hearings", 2, "lanes", 0, "values", 3), 1.01),
    ],
)
def test_what_does_not_fit_the_schema_is_found(
    files: ExplanationFiles, path: tuple[str | int, ...], wrong: object
) -> None:
    told = read_json(files)
    place: Any = told
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = wrong
    (error,) = jsonschema.Draft202012Validator(schema()).iter_errors(told)
    assert list(error.absolute_path)[: len(path)] == list(path)


def test_hearings_have_a_row_for_every_class_with_its_exact_probability(
    files: ExplanationFiles, explanation: Explanation
) -> None:
    rows = rows_of(files.hearings)
    assert list(rows[0]) == ["hearing", "hop_seconds", "class", "probability"]
    assert [(row["hearing"], row["class"]) for row in rows] == [
        (str(i), name) for i in range(HEARINGS) for name in LABELS
    ]
    for hearing in explanation.hearings:
        of_hearing = [row for row in rows if row["hearing"] == str(hearing.index)]
        assert {float(row["hop_seconds"]) for row in of_hearing} == {hearing.hop_seconds}
        np.testing.assert_array_equal(np.float32([row["probability"] for row in of_hearing]), hearing.probabilities)


def test_segments_are_told_with_the_hearing_that_replayed_them(
    files: ExplanationFiles, explanation: Explanation
) -> None:
    rows = rows_of(files.segments_table)
    assert list(rows[0]) == ["hearing", "number", "start_seconds", "end_seconds", "replayed_in_hearing"]
    wanted = [
        [hearing.index, number, segment.start_seconds, segment.end_seconds]
        for hearing in explanation.hearings
        for number, segment in enumerate(hearing.segments, start=1)
    ]
    found = [[float(row[name]) for name in list(row)[:4]] for row in rows]
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    assert all(len(row["start_seconds"]) <= 8 for row in rows)  # 1.234567, not 1.2345670000000001
    last = str(HEARINGS - 1)
    assert [row["replayed_in_hearing"] for row in rows] == [
        "" if row["hearing"] == last else str(int(row["hearing"]) + 1) for row in rows
    ]
    assert last in {row["hearing"] for row in rows}


def test_a_segment_that_was_replayed_by_hand_is_told_and_what_the_model_chose_there_was_not_replayed(
    explain: Explain, write: Write, tmp_path: Path
) -> None:
    by_hand = Segment(0.3, 0.55)
    held = explain(playbacks=2, choose=forced({0: (by_hand,)}))
    assert held.hearings[0].segments != (by_hand,)
    rows = rows_of(write(held, tmp_path).segments_table)
    of_first = [row for row in rows if row["hearing"] == "0"]
    assert len(of_first) == len(held.hearings[0].segments) > 0
    assert {row["replayed_in_hearing"] for row in of_first} == {""}
    (forced_row,) = [row for row in rows if row["hearing"] == ""]
    assert list(forced_row.values()) == ["", "", "0.3", "0.55", "1"]
    assert {row["replayed_in_hearing"] for row in rows if row["hearing"] == "1"} == {"2"}


# sounds


def test_every_segment_is_cut_out_of_the_clip_exactly(
    files: ExplanationFiles, explanation: Explanation, samples: np.ndarray
) -> None:
    chosen = [
        (f"hearing-{hearing.index}-segment-{number}.wav", segment)
        for hearing in explanation.hearings
        for number, segment in enumerate(hearing.segments, start=1)
    ]
    assert [path.name for path in files.sounds.segments] == [name for name, _ in chosen]
    for path, (_, segment) in zip(files.sounds.segments, chosen, strict=True):
        found, rate = soundfile.read(path, dtype="float32")
        assert rate == RATE
        wanted = samples[round(segment.start_seconds * RATE) : round(segment.end_seconds * RATE)]
        np.testing.assert_allclose(found, wanted, atol=1 / 32768)


def test_every_hearing_has_its_tape_and_the_first_one_is_the_clip(files: ExplanationFiles, samples: np.ndarray) -> None:
    assert [path.name for path in files.sounds.tapes] == [f"hearing-{index}-as-heard.wav" for index in range(HEARINGS)]
    tapes = [soundfile.read(path, dtype="float32")[0] for path in files.sounds.tapes]
    assert {len(tape) for tape in tapes} == {round(CLIP_SECONDS * RATE)}
    np.testing.assert_allclose(tapes[0], samples, atol=1 / 32768)
    assert all(np.abs(tape - samples).max() > 0.01 for tape in tapes[1:])


# figures


def test_the_figure_is_as_wide_as_a_page_and_sharp_enough_for_print(files: ExplanationFiles) -> None:
    with Image.open(files.figure_png) as picture:
        assert picture.width == 7 * 300
        assert round(picture.info["dpi"][0]) == 300
    assert 'width="504pt"' in files.figure_svg.read_text(encoding="utf-8")  # 7 inches


def test_the_svg_figure_keeps_its_text_as_text_of_a_readable_size(
    files: ExplanationFiles, explanation: Explanation
) -> None:
    drawing = files.figure_svg.read_text(encoding="utf-8")
    texts = re.findall(r"<text[^>]*>([^<]*)</text>", drawing)
    assert "swells &amp; &lt;fades&gt;.wav, 1.25 to 3.25 s, heard by tiny" in texts
    assert sum(text.startswith("Playback ") for text in texts) == HEARINGS - 1
    assert any(text.startswith(f"{explanation.decision(-1)} ") for text in texts)
    sizes = {float(size) for size in re.findall(r"<text[^>]*font-size: ([\d.]+)px", drawing)}
    assert sizes == {7.0, 8.0}
    assert re.findall(r'(?:href|src)="(?!#|data:)[^"]*', drawing) == []  # nothing from elsewhere


def test_pictures_inside_the_svg_have_a_palette_and_the_pixels_of_the_spectrogram(
    files: ExplanationFiles, explanation: Explanation
) -> None:
    found = re.findall(r"data:image/png;base64,([^\"]+)", files.figure_svg.read_text(encoding="utf-8"))
    assert len(found) == HEARINGS
    with Image.open(BytesIO(base64.b64decode(found[0]))) as picture:
        assert picture.mode == "P"
        pixels = np.asarray(picture.convert("RGB"))
    palette = matplotlib.colormaps[COLOUR_MAP](np.arange(256), bytes=True)[:, :3]
    assert {tuple(pixel) for pixel in pixels[0].tolist()} <= {tuple(colour) for colour in palette.tolist()}
    drawn = pixels.sum(axis=2, dtype=float)
    first = explanation.hearings[0].fine_log_mel
    columns, mels = drawn.shape[1], drawn.shape[0]
    assert mels == first.shape[1]
    loudness = first[np.clip(np.rint((np.arange(columns) + 0.5) / columns * (len(first) - 1)).astype(int), 0, None)]
    # brighter is louder, and low frequencies are at one end of the picture
    likeness = [np.corrcoef(drawn.ravel(), each.T.ravel())[0, 1] for each in (loudness, loudness[:, ::-1])]
    assert max(likeness) > 0.9


def test_drawing_leaves_the_programs_own_settings_as_they_were(
    explanation: Explanation, recognizer: Recognizer
) -> None:
    before = dict(matplotlib.rcParams)
    figures_of(explanation, mel_hertz(recognizer.config.front_end))
    assert dict(matplotlib.rcParams) == before
