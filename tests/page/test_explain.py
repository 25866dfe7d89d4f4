"""The page's service without the page: what it says of recordings and runs, what it writes, and what it refuses."""

from __future__ import annotations

import gc
import pickle
import shutil
from collections.abc import Callable, Generator, Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image
from tiny import CLIP_SECONDS, RATE, chirp, tiny_checkpoint, tiny_model

from app.service import ExplainService, ExplanationView, Models, Settings, offered_checkpoints
from app.service import models as models_module
from app.tabs.confidence import table_html
from playitback.errors import AudioError, CheckpointError, SettingsError
from playitback.recognizer import Recognizer
from playitback.report import words
from playitback.report.rows import PICTURE_COLUMNS

PLAYBACKS = 2
LABELS = ("church_bells", "rain", "siren", "engine", "clock_tick", "wind")


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("checkpoints") / "tiny"
    return tiny_checkpoint(folder, tiny_model(labels=LABELS, playbacks=PLAYBACKS))


@pytest.fixture(scope="module")
def service(checkpoint: Path) -> ExplainService:
    return ExplainService(Models([str(checkpoint)], "cpu"))


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    """A recording as long as the model's clip."""
    path = tmp_path / "chirp.wav"
    soundfile.write(path, chirp(CLIP_SECONDS), RATE)
    return path


@pytest.fixture
def run(service: ExplainService, clip: Path, tmp_path: Path) -> tuple[ExplanationView, ...]:
    """All views of a whole run on ``clip``."""
    return tuple(service.explain(clip, Settings("tiny"), made(tmp_path / "out")))


def made(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def test_a_run_is_shown_empty_first_and_then_with_one_more_hearing_each_time(run: tuple[ExplanationView, ...]) -> None:
    assert [view.hearings for view in run] == [len(view.player.rows) for view in run] == [0, 1, 2, 3]
    assert [view.finished for view in run] == [False, False, False, True]
    assert {view.expected_hearings for view in run} == {PLAYBACKS + 1}
    assert len({view.run_id for view in run}) == 1
    for earlier, later in pairwise(run):
        assert later.player.rows[: earlier.hearings] == earlier.player.rows


def test_every_run_has_an_id_of_its_own(service: ExplainService, clip: Path, tmp_path: Path) -> None:
    first, second = (next(service.explain(clip, Settings("tiny"), made(tmp_path / name))) for name in "ab")
    assert first.run_id != second.run_id


def test_what_a_hearing_chose_is_what_the_next_one_replays(run: tuple[ExplanationView, ...]) -> None:
    hearings = run[-1].player.rows
    assert hearings[0].replayed == ()
    assert hearings[0].replayed_seconds == 0
    for earlier, later in pairwise(hearings):
        assert earlier.segments
        assert later.replayed == earlier.segments
        assert later.replayed_seconds == pytest.approx(sum(end - start for start, end in later.replayed))
        assert later.hop_ms < earlier.hop_ms


def test_rows_carry_the_numbers_of_the_explanation(run: tuple[ExplanationView, ...]) -> None:
    view = run[-1]
    for row in view.player.rows:
        hearing = view.explanation.hearings[row.index]
        names, probabilities, changes = zip(*row.classes, strict=True)
        assert list(names) == [words.class_name(label) for label in view.explanation.ranking(row.index)[:5]]
        assert list(probabilities) == pytest.approx(sorted(hearing.probabilities)[:0:-1])
        assert changes[0] == view.explanation.change(row.index, view.explanation.decision(row.index))
        informative, uninformative = (lane.values for lane in row.lanes)
        np.testing.assert_allclose(informative, hearing.relevance)
        np.testing.assert_allclose(np.add(informative, uninformative), 1.0, atol=1e-6)
        assert len(row.lane_seconds) == len(informative)
    assert [change for _, _, change in view.player.rows[0].classes] == [None] * 5


def test_in_the_table_of_confidence_the_decision_after_each_hearing_is_bold(run: tuple[ExplanationView, ...]) -> None:
    view = run[-1]
    rows = table_html(view).split("<tr>")[2:]  # after the titles
    assert len(rows) == len(view.leading)
    for label, row in zip(view.leading, rows, strict=True):
        cells = row.split("<td>")[1:]
        assert [cell.startswith("<strong>") for cell in cells] == [label == each for each in view.decisions]


def test_pictures_are_pixels_on_the_clips_seconds_and_on_the_models_frames(run: tuple[ExplanationView, ...]) -> None:
    for row in run[-1].player.rows:
        with Image.open(row.spectrogram) as picture:
            assert picture.size == (PICTURE_COLUMNS, 32)
        with Image.open(row.frames_spectrogram) as picture:
            assert picture.size == (160, 32)
    with Image.open(run[-1].player.rows[0].spectrogram) as picture:
        # the tone rises, so its brightest pixel climbs from the bottom (the last row) up
        brightest = np.argmax(np.array(picture), axis=0)
    assert brightest[100] > brightest[1400]


def test_tapes_last_as_long_as_the_clip_and_their_map_is_the_models(run: tuple[ExplanationView, ...]) -> None:
    for row in run[-1].player.rows:
        info = soundfile.info(row.tape_audio)
        assert (info.frames, info.samplerate, info.subtype) == (CLIP_SECONDS * RATE, RATE, "PCM_16")
        tape_seconds, clip_seconds = np.array(row.tape_map).T
        assert (tape_seconds[0], tape_seconds[-1]) == pytest.approx((0, CLIP_SECONDS))
        assert (clip_seconds[0], clip_seconds[-1]) == pytest.approx((0, CLIP_SECONDS))
        assert (np.diff(tape_seconds) > 0).all()
        assert (np.diff(clip_seconds) > 0).all()
        for start, end in row.replayed:  # a replayed stretch takes more of the tape than of the clip
            on_tape = np.diff(np.interp([start, end], clip_seconds, tape_seconds))
            assert on_tape > end - start


def test_a_run_tells_whether_it_replays_and_has_slots(
    service: ExplainService, run: tuple[ExplanationView, ...], clip: Path, tmp_path: Path
) -> None:
    assert [view.replays for view in run] == [True] * 4
    assert [view.has_slots for view in run] == [False, True, True, True]
    *_, view = service.explain(clip, Settings("tiny", playbacks=0), made(tmp_path / "once"))
    assert not view.replays
    assert view.has_slots


def test_fewer_playbacks_can_be_asked_for(service: ExplainService, clip: Path, tmp_path: Path) -> None:
    *_, view = service.explain(clip, Settings("tiny", playbacks=0), made(tmp_path / "out"))
    assert view.hearings == view.expected_hearings == 1


def test_the_class_asked_for_is_shown_although_the_model_does_not_believe_it(
    service: ExplainService, run: tuple[ExplanationView, ...], clip: Path, tmp_path: Path
) -> None:
    unlikely = run[-1].explanation.ranking(-1)[-1]
    assert unlikely not in [name for name, _, _ in run[-1].player.rows[-1].classes]
    settings = Settings("tiny", asked=unlikely)
    *_, view = service.explain(clip, settings, made(tmp_path / "asked"))
    assert view.player.rows[-1].classes[-1][0] == words.class_name(unlikely)
    assert view.asked_class == unlikely
    assert unlikely in view.leading
    assert [view.explanation.asked(index) for index in range(view.hearings)] == [unlikely] * 3
    assert run[-1].asked_class == run[-1].decisions[-1]
    assert [run[-1].explanation.asked(index) for index in range(3)] == list(run[-1].decisions)


def test_another_class_is_explained_without_the_file_and_in_the_same_run(
    service: ExplainService, run: tuple[ExplanationView, ...], clip: Path, tmp_path: Path
) -> None:
    label = run[-1].explanation.ranking(-1)[-1]
    *_, expected = service.explain(clip, Settings("tiny", asked=label), made(tmp_path / "expected"))
    clip.unlink()
    for number, begun in enumerate((run[-1], run[1])):  # finished, and broken off after a hearing
        views = tuple(service.ask(begun, label, made(tmp_path / str(number))))
        assert [view.hearings for view in views] == [0, 1, 2, 3]
        assert {view.run_id for view in views} == {run[-1].run_id}
        assert views[-1].settings == expected.settings
        assert views[-1].explanation.to_dict() == expected.explanation.to_dict()
        np.testing.assert_array_equal(views[-1].samples, expected.samples)
    *_, back = service.ask(views[-1], None, made(tmp_path / "back"))
    assert back.explanation.to_dict() == run[-1].explanation.to_dict()
    with pytest.raises(SettingsError, match="knows no class 'dragon'"):
        next(service.ask(run[-1], "dragon", tmp_path))


def test_a_short_clip_keeps_its_length_when_another_class_is_explained(service: ExplainService, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, chirp(0.5), RATE)
    *_, view = service.explain(path, Settings("tiny"), made(tmp_path / "out"))
    assert view.clip.seconds == 0.5
    *_, again = service.ask(view, "rain", made(tmp_path / "again"))
    assert again.explanation.seconds == 0.5


def test_the_rows_say_for_which_class_they_are_and_what_is_lacking(
    run: tuple[ExplanationView, ...],
) -> None:
    note = run[0].player.note
    assert note == words.player_note(None, can_replay=True, can_aim=False, has_activity=False)
    assert run[0].player.activity_lanes == 0
    assert {row.asked for row in run[-1].player.rows} == {None}


def test_leading_classes_have_a_probability_for_every_hearing_and_the_best_stands_first(
    run: tuple[ExplanationView, ...],
) -> None:
    leading = run[-1].leading
    assert next(iter(leading)) == run[-1].decisions[-1]
    assert {len(values) for values in leading.values()} == {PLAYBACKS + 1}
    assert run[0].leading == {}


def test_a_short_recording_is_heard_with_silence_after_it(service: ExplainService, tmp_path: Path) -> None:
    path = tmp_path / "short.wav"
    soundfile.write(path, chirp(0.5), RATE)
    *_, view = service.explain(path, Settings("tiny"), made(tmp_path / "out"))
    samples, _ = soundfile.read(view.player.clip_audio)
    assert len(samples) == CLIP_SECONDS * RATE
    assert np.abs(samples[: RATE // 2]).max() > 0.3
    assert not samples[RATE // 2 :].any()
    assert view.explanation.seconds == 0.5
    assert all(end <= 0.6 for row in view.player.rows for _, end in row.segments)  # silence is never replayed


def test_digital_silence_is_explained_and_said(service: ExplainService, tmp_path: Path) -> None:
    path = tmp_path / "nothing.wav"
    soundfile.write(path, np.zeros(int(CLIP_SECONDS * RATE)), RATE)
    *_, view = service.explain(path, Settings("tiny"), made(tmp_path / "out"))
    assert view.finished
    assert [row.segments for row in view.player.rows] == [()] * 3
    assert any("silen" in note for note in view.explanation.notes)


@pytest.mark.parametrize("sample_rate", [8_000, 22_050, 44_100])
def test_other_rates_give_clips_of_the_models_length(service: ExplainService, tmp_path: Path, sample_rate: int) -> None:
    path = tmp_path / "other.wav"
    soundfile.write(path, chirp(3 * CLIP_SECONDS, sample_rate), sample_rate)
    view = next(service.explain(path, Settings("tiny", start_seconds=1.7), made(tmp_path / "out")))
    assert view.explanation.seconds == CLIP_SECONDS
    assert view.explanation.start_seconds == pytest.approx(1.7)


def test_a_recording_is_described_without_explaining_it(service: ExplainService, clip: Path, tmp_path: Path) -> None:
    short = service.describe(clip, "tiny")
    assert (short.name, short.seconds, short.sample_rate, short.channels, short.format) == (
        "chirp.wav",
        CLIP_SECONDS,
        RATE,
        1,
        "WAV",
    )
    assert (short.clip_seconds, short.peaks, short.latest_start_seconds) == (CLIP_SECONDS, None, 0.0)
    path = tmp_path / "long.flac"
    soundfile.write(path, np.stack([chirp(9), chirp(9)], axis=1), RATE)
    long = service.describe(path, "tiny")
    assert (long.channels, long.format, long.latest_start_seconds) == (2, "FLAC", 9 - CLIP_SECONDS)
    assert long.peaks is not None
    assert 0.35 < long.peaks.max() <= 0.4


def test_bad_input_raises_its_sentence_and_the_service_goes_on(
    service: ExplainService, clip: Path, tmp_path: Path
) -> None:
    path = tmp_path / "words.wav"
    path.write_text("no sound at all")
    with pytest.raises(AudioError, match=r"words\.wav is not a sound file"):
        service.describe(path, "tiny")
    with pytest.raises(AudioError, match=r"words\.wav is not a sound file"):
        next(service.explain(path, Settings("tiny"), tmp_path))
    assert next(service.explain(clip, Settings("tiny"), tmp_path)).hearings == 0


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (Settings("tiny", playbacks=3), "tiny plays back 0 to 2 times, not 3; choose one of those"),
        (Settings("tiny", playbacks=-1), "plays back 0 to 2 times, not -1"),
        (Settings("tiny", asked="dragon"), "tiny knows no class 'dragon'; choose one of its 6 classes"),
        (Settings("tiny", start_seconds=60.0), "starts at 60"),
    ],
)
def test_settings_out_of_range_are_refused_before_anything_is_shown(
    service: ExplainService, clip: Path, tmp_path: Path, settings: Settings, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        next(service.explain(clip, settings, tmp_path))


def test_an_unknown_model_is_refused_with_those_there_are(service: ExplainService, clip: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no model 'huge'; there are: tiny"):
        service.models.model("huge")


def test_a_wrong_checkpoint_is_found_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no checkpoint 'nowhere'"):
        Models(["nowhere"])


def test_visitors_see_a_models_name_and_not_its_folder(service: ExplainService) -> None:
    assert service.models.checkpoints == ("tiny",)
    model = service.models.model("tiny")
    assert (model.name, model.labels, model.playbacks, model.clip_seconds) == ("tiny", LABELS, PLAYBACKS, CLIP_SECONDS)
    assert "A tiny model" in model.card


def test_the_given_checkpoint_is_offered_before_the_bundled_ones(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(models_module, "available_checkpoints", lambda: ("one", "two"))
    monkeypatch.setattr(models_module, "published_checkpoints", lambda: {})
    assert offered_checkpoints() == ("one", "two")
    assert offered_checkpoints("two") == ("two", "one")
    assert offered_checkpoints("/elsewhere/three") == ("/elsewhere/three", "one", "two")
    monkeypatch.setattr(models_module, "available_checkpoints", lambda: ("one", "sounds", "two"))
    assert offered_checkpoints() == ("sounds", "one", "two")
    monkeypatch.setattr(models_module, "available_checkpoints", lambda: ())
    with pytest.raises(CheckpointError, match="--checkpoint"):
        offered_checkpoints()


def test_only_the_models_used_last_are_kept(checkpoint: Path, clip: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(checkpoint, tmp_path / name) for name in ("one", "two", "three")]
    service = ExplainService(Models([str(folder) for folder in folders], "cpu"))
    started = service.explain(clip, Settings("one"), made(tmp_path / "out"))
    next(started)
    for name in ("two", "three"):
        service.models.model(name)
    for folder in folders:
        shutil.rmtree(folder)
    *_, view = started  # a run keeps its model until it ends
    assert view.finished
    del started, view
    assert [service.models.model(name).name for name in ("two", "three")] == ["two", "three"]
    with pytest.raises(CheckpointError):
        service.models.model("one")


def test_a_computation_keeps_its_model_from_the_moment_it_is_asked_for(checkpoint: Path, tmp_path: Path) -> None:
    folders = [shutil.copytree(checkpoint, tmp_path / name) for name in ("one", "two", "three")]
    models = Models([str(folder) for folder in folders], "cpu")
    waiting = models.compute("one", Recognizer.explain, chirp(CLIP_SECONDS))
    assert models_module.RECOGNIZERS_KEPT == 2
    for name in ("two", "three"):
        models.recognizer(name)
    gc.collect()
    assert len(list(waiting)) == PLAYBACKS + 1


def test_what_a_computation_returns_comes_last(service: ExplainService) -> None:
    assert list(service.models.compute("tiny", counted, 3)) == [0, 1, 2, "tiny counted to 3"]


def counted(recognizer: Recognizer, most: int) -> Generator[int, None, str]:
    yield from range(most)
    return f"{recognizer.name} counted to {most}"


def test_a_run_that_waits_between_hearings_does_not_hold_up_another(
    service: ExplainService, clip: Path, tmp_path: Path
) -> None:
    waiting = service.explain(clip, Settings("tiny"), made(tmp_path / "waiting"))
    next(waiting)
    next(waiting)
    *_, other = service.explain(clip, Settings("tiny"), made(tmp_path / "other"))
    *_, first = waiting
    assert other.finished
    assert first.explanation.to_dict() == other.explanation.to_dict()


def test_a_hosts_wrapper_gets_only_plain_arguments_and_gives_the_hearings(
    checkpoint: Path, clip: Path, tmp_path: Path
) -> None:
    calls = []

    def lent_gpu(hear: Callable[..., Iterator[object]]) -> Callable[..., Iterator[object]]:
        def wrapped(*arguments: object) -> Iterator[object]:
            calls.append(arguments)
            yield from hear(*arguments)

        return wrapped

    service = ExplainService(Models([str(checkpoint)], "cpu", lent_gpu))
    *_, view = service.explain(clip, Settings("tiny", playbacks=1), tmp_path)
    assert view.finished
    ((name, work, (samples, playbacks, choose, asked)),) = calls
    assert pickle.loads(pickle.dumps(work)) is work
    assert (name, playbacks, choose, asked) == ("tiny", 1, None, None)
    np.testing.assert_allclose(samples, chirp(CLIP_SECONDS), atol=1 / 32768)
