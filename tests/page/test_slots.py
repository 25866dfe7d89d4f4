"""What the page shows of the slots of a run: in numbers, in sound, in charts and in words."""

from __future__ import annotations

import base64
import dataclasses
import io
import math
import re

import numpy as np
import pytest
import soundfile
from tiny import CLIP_SECONDS, RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.charts.slots import attention_chart, time_map_chart
from app.player.stretches import stretches_html
from app.service import ExplainService, ExplanationView, InspectionView, Models, Settings, inspect
from app.tabs import slots
from playitback.explain.slots import ATTENTION
from playitback.segments import TIME_BINS

PLAYBACKS = 2
FRAMES = round(80 * CLIP_SECONDS)


@pytest.fixture(scope="module")
def view(tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    """A finished run."""
    folder = tmp_path_factory.mktemp("run")
    clip = folder / "swelling.wav"
    soundfile.write(clip, sounding_clips(1)[0].numpy(), RATE)
    checkpoint = tiny_checkpoint(folder / "tiny", tiny_model(playbacks=PLAYBACKS))
    service = ExplainService(Models([str(checkpoint)], "cpu"))
    *_, finished = service.explain(clip, Settings("tiny"), folder)
    return finished


@pytest.fixture(scope="module")
def hearings(view: ExplanationView) -> list[InspectionView]:
    return [inspect(view, index) for index in range(PLAYBACKS + 1)]


def test_every_hearing_is_inspected_as_it_was_heard(view: ExplanationView, hearings: list[InspectionView]) -> None:
    for hearing, inspected in zip(view.explanation.hearings, hearings, strict=True):
        assert inspected.slots.index == hearing.index
        np.testing.assert_array_equal(inspected.attention, hearing.details[ATTENTION])
        np.testing.assert_array_equal(inspected.attention[-1, 0], hearing.relevance)
        assert len(inspected.edges) == inspected.attention.shape[-1] + 1
        assert (inspected.edges[0], inspected.edges[-1]) == (0, CLIP_SECONDS)
        assert inspected.chosen == tuple((each.start_seconds, each.end_seconds) for each in hearing.segments)
        assert inspected.threshold == hearing.threshold


def test_what_the_uninformative_slot_gathers_sounds_exactly_as_in_the_clip(
    view: ExplanationView, hearings: list[InspectionView]
) -> None:
    clip = np.rint(view.samples * 32768).astype(np.int16)
    assert any(inspected.gathered for inspected in hearings)
    for inspected in hearings:
        assert len(inspected.gathered) == len(inspected.slots.uninformative_segments)
        for gathered, segment in zip(inspected.gathered, inspected.slots.uninformative_segments, strict=True):
            assert (gathered.start_seconds, gathered.end_seconds) == (segment.start_seconds, segment.end_seconds)
            with soundfile.SoundFile(io.BytesIO(gathered.wav)) as sound:
                assert (sound.format, sound.subtype, sound.samplerate, sound.channels) == ("WAV", "PCM_16", RATE, 1)
                samples = sound.read(dtype="int16")
            first = round(segment.start_seconds * RATE)
            np.testing.assert_array_equal(samples, clip[first : first + len(samples)])
            assert len(samples) == pytest.approx(segment.seconds * RATE, abs=1)


def test_a_stretch_is_a_button_that_carries_its_sound() -> None:
    html = stretches_html([(0.25, 1.0, b"first"), (1.5, 2.0, b"second")])
    sounds = re.findall(r'data-sound="data:audio/wav;base64,([^"]+)"', html)
    assert [base64.b64decode(sound) for sound in sounds] == [b"first", b"second"]
    assert html.count("<button") == 3  # and one for both
    assert text.play_stretch(0.25, 1.0) in html
    assert "data-all" not in stretches_html([(0.25, 1.0, b"only")])


def test_the_attention_chart_draws_every_slot_at_every_iteration(hearings: list[InspectionView]) -> None:
    for inspected in hearings:
        iterations, count, columns = inspected.attention.shape
        *lines, threshold = attention_chart(inspected).data
        assert len(lines) == iterations * count
        for line, values in zip(lines, inspected.attention.reshape(-1, columns), strict=True):
            np.testing.assert_array_equal(line.x, inspected.edges)
            np.testing.assert_array_equal(line.y[:-1], values)  # a step from every edge to the next
        assert {line.y[0] for line in [threshold]} == {inspected.threshold}
        shaded = [shape for shape in attention_chart(inspected).layout.shapes if shape.type == "rect"]
        assert [(shape.x0, shape.x1) for shape in shaded] == list(inspected.chosen)


def test_the_slots_keep_their_colours_from_iteration_to_iteration(hearings: list[InspectionView]) -> None:
    lines = attention_chart(hearings[0]).data[:-1]
    colours = {
        name: {line.line.color for line in lines if line.name == name} for name in ("informative", "uninformative")
    }
    assert [len(each) for each in colours.values()] == [1, 1]
    assert colours["informative"] != colours["uninformative"]


def test_time_maps_of_all_hearings_lie_in_one_chart_with_the_replayed_stretches_thick(
    hearings: list[InspectionView],
) -> None:
    inspected = hearings[-1]
    figure = time_map_chart(inspected)
    thin = {line.name: line for line in figure.data if line.showlegend is None}
    assert set(thin) == {"First hearing", "Playback 1", "Playback 2"}
    for line in thin.values():
        assert (line.x[0], line.y[0], line.x[-1], line.y[-1]) == (0, 0, CLIP_SECONDS, FRAMES)
    assert figure.data[-1].legendgroup == str(PLAYBACKS)  # the inspected hearing lies in front
    (thick,) = [line for line in figure.data if line.name == text.replayed_in("Playback 2")]
    assert thick.line.width > thin["Playback 2"].line.width
    starts, ends = thick.x[0::3], thick.x[1::3]
    assert tuple(zip(starts, ends, strict=True)) == inspected.time_maps[-1].replayed
    slope = (thick.y[1] - thick.y[0]) / (thick.x[1] - thick.x[0])
    assert slope == pytest.approx(inspected.slots.frames_per_second_inside)
    assert slope > inspected.slots.frames_per_second_outside


def test_the_table_has_a_row_an_iteration_and_its_figures_are_those_of_the_inspection(
    hearings: list[InspectionView],
) -> None:
    html = slots.settling_html(hearings[0])
    rows = re.findall(r"<tr><th.*?</tr>", html)
    assert len(rows) == len(hearings[0].attention)
    last = re.findall(r"<td>(.*?)</td>", rows[-1])
    share, entropy, overlap = (
        each[-1] for each in (hearings[0].slots.share, hearings[0].slots.entropy, hearings[0].slots.overlap)
    )
    assert int(last[0].split("\N{NO-BREAK SPACE}")[0]) == round(100 * float(share[0]))
    assert last[2] == text.nats(float(entropy[0]))
    assert last[-1] == f"{overlap[0, 1]:.2f}"


def test_three_slots_have_a_line_and_figures_each(hearings: list[InspectionView]) -> None:
    first = hearings[0]
    halves = np.concatenate([first.attention[:, :1], first.attention[:, 1:] / 2, first.attention[:, 1:] / 2], axis=1)
    inspection = dataclasses.replace(
        first.slots,
        share=halves.mean(axis=2),
        entropy=np.ones(halves.shape[:2]),
        overlap=np.full((len(halves), 3, 3), 0.5),
    )
    three = dataclasses.replace(first, attention=halves, slots=inspection)
    names = {line.name for line in attention_chart(three).data}
    assert names == {"informative", "uninformative 1", "uninformative 2", text.THRESHOLD_LINE}
    assert slots.settling_html(three).count('scope="col"') == 3 + 3 + 3


def test_the_sentence_says_how_the_frames_were_spent(hearings: list[InspectionView]) -> None:
    assert slots.frames_html(hearings[0]).endswith(
        f"First hearing spread its {FRAMES} frames evenly: 80 for every second of the clip.</p>"
    )
    found = hearings[1].slots
    sentence = slots.frames_html(hearings[1])
    assert f"spent {found.replayed_frames:.0f} of its {FRAMES} frames" in sentence
    assert f"{found.frames_per_second_inside:.0f} frames a second there" in sentence
    assert f"{found.frames_per_second_outside:.0f} elsewhere" in sentence
    everything = text.frames_spent(1, FRAMES, FRAMES, CLIP_SECONDS, 80.0, None)
    assert everything == "Playback 1 replayed the whole clip: 80 frames for every second of it."


def test_nothing_gathered_is_said(hearings: list[InspectionView]) -> None:
    nothing = dataclasses.replace(hearings[0], gathered=())
    assert text.NOTHING_GATHERED in slots.gathered_html(nothing)


def test_the_definition_of_entropy_names_the_most_there_can_be() -> None:
    assert f"on {TIME_BINS} equal stretches" in text.DEFINITIONS["entropy"]
    assert f"{math.log(TIME_BINS):.2f}" in text.DEFINITIONS["entropy"]


def test_two_views_of_the_same_run_are_two_to_the_page(view: ExplanationView) -> None:
    again = dataclasses.replace(view)
    assert len({view, again}) == 2  # gradio tells by the hash that another run is shown
    assert view != again
