"""Two classes against each other through the service, and how that is drawn and said."""

from __future__ import annotations

import io
from dataclasses import replace
from itertools import cycle
from typing import Any

import numpy as np
import pytest
import soundfile
from tiny import RATE, sounding_clips, tiny_checkpoint, tiny_model

from app import text
from app.charts.contrast import CLASS_COLOURS, NEITHER_COLOUR, activity_chart, attention_chart, trajectories_chart
from app.service import ExplainService, ExplanationView, Models, Settings
from app.service.contrast import ContrastService, ContrastView
from app.tabs.contrast import conclusion, question, table_html
from playitback.edits import NOISE, SILENCE
from playitback.errors import SettingsError
from playitback.explain.contrast import ActivityContrast, contrast
from playitback.progress import Progress, finish
from playitback.report import words

LABELS = ("church_bells", "rain", "siren", "engine")
FIRST, SECOND = "rain", "siren"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> ContrastService:
    folder = tiny_checkpoint(tmp_path_factory.mktemp("contrasts") / "tiny", tiny_model(labels=LABELS, playbacks=2))
    return ContrastService(Models([str(folder)], "cpu"))


@pytest.fixture(scope="module")
def run(service: ContrastService, tmp_path_factory: pytest.TempPathFactory) -> ExplanationView:
    folder = tmp_path_factory.mktemp("run")
    soundfile.write(folder / "noise.wav", sounding_clips(1)[0].numpy(), RATE)
    *_, view = ExplainService(service.models).explain(folder / "noise.wav", Settings("tiny"), folder)
    return view


def ask(service: ContrastService, run: ExplanationView, first: str, second: str, fill: str) -> ContrastView:
    *_, answer = service.contrast(run, first, second, fill)
    assert isinstance(answer, ContrastView)
    return answer


@pytest.fixture(scope="module")
def answer(service: ContrastService, run: ExplanationView) -> ContrastView:
    return ask(service, run, FIRST, SECOND, SILENCE)


@pytest.fixture(scope="module")
def outspoken(answer: ContrastView) -> ContrastView:
    """The same, had its segments spoken for nobody, the first class and the second in turn."""
    turns = cycle((None, FIRST, SECOND))
    segments = tuple(
        replace(each, said=replace(each.said, spoke_for=turn))
        for each, turn in zip(answer.segments, turns, strict=False)
    )
    said = tuple(each.said for each in segments)
    return replace(answer, segments=segments, contrast=replace(answer.contrast, segments=said))


def plain(sentence: str) -> str:
    return sentence.replace(words.NBSP, " ")


def test_the_service_gives_what_the_model_says(
    service: ContrastService, run: ExplanationView, answer: ContrastView
) -> None:
    steps = contrast(service.models.recognizer("tiny"), run.explanation, run.samples, FIRST, SECOND, SILENCE)
    expected = finish(steps)
    assert answer.contrast == expected
    assert len(answer.segments) == len(expected.segments) > 1
    assert ask(service, run, FIRST, SECOND, NOISE).contrast != expected


def test_the_service_says_how_far_it_is_and_stops_when_nobody_listens(
    service: ContrastService, run: ExplanationView
) -> None:
    *heard, _ = service.contrast(run, FIRST, SECOND, SILENCE)
    assert all(isinstance(each, Progress) for each in heard)
    assert heard[-1].done == heard[-1].total > heard[0].done
    steps = service.contrast(run, FIRST, SECOND, SILENCE)
    next(steps)
    steps.close()
    assert len(list(service.contrast(run, FIRST, SECOND, SILENCE))) == len(heard) + 1  # the model is free again


def test_segments_that_moved_the_log_odds_most_stand_first_and_can_be_heard(
    answer: ContrastView, run: ExplanationView
) -> None:
    changes = [abs(each.said.change) for each in answer.segments]
    assert changes == sorted(changes, reverse=True)
    for each in answer.segments:
        samples, rate = soundfile.read(io.BytesIO(each.wav), dtype="float32")
        first, last = (
            round(second * RATE) for second in (each.said.segment.start_seconds, each.said.segment.end_seconds)
        )
        assert rate == RATE
        np.testing.assert_allclose(samples, run.samples[first:last], atol=1 / 32768)


def test_the_rival_is_the_class_that_came_closest(run: ExplanationView) -> None:
    decided, second, *_ = run.explanation.ranking(-1)
    assert run.explanation.rival(decided) == second
    assert run.explanation.rival(second) == decided
    first_offer, second_offer = question(run)
    assert (first_offer["value"], second_offer["value"]) == (decided, second)
    assert sorted(value for _, value in first_offer["choices"]) == sorted(LABELS)


def test_swapping_the_classes_turns_the_log_odds_and_leaves_the_attention(
    service: ContrastService, run: ExplanationView, answer: ContrastView
) -> None:
    swapped = ask(service, run, SECOND, FIRST, SILENCE)
    np.testing.assert_allclose(swapped.contrast.log_odds, np.negative(answer.contrast.log_odds))
    for one, other in zip(answer.segments, swapped.segments, strict=True):
        assert one.said.spoke_for == other.said.spoke_for
        assert one.said.change == pytest.approx(-other.said.change)
    lines = [attention_lines(attention_chart(view)) for view in (answer, swapped)]
    assert lines[0] == lines[1]


def attention_lines(figure: Any) -> list[list[float]]:
    return [list(trace.y) for trace in figure.data if len(trace.x) > 2]


@pytest.mark.parametrize(
    ("first", "second", "fill", "sentence"),
    [
        (FIRST, FIRST, SILENCE, "'rain' was given twice; choose two classes"),
        ("dragon", SECOND, SILENCE, "tiny knows no class 'dragon'"),
        (FIRST, SECOND, "jelly", "there is no fill 'jelly'"),
    ],
)
def test_what_cannot_be_contrasted_is_refused_with_a_sentence(
    service: ContrastService, run: ExplanationView, first: str, second: str, fill: str, sentence: str
) -> None:
    with pytest.raises(SettingsError, match=sentence):
        ask(service, run, first, second, fill)


def test_trajectories_are_those_of_both_classes(answer: ContrastView, run: ExplanationView) -> None:
    first, second, log_odds = trajectories_chart(answer).data
    assert (first.name, second.name) == (FIRST, SECOND)
    for trace, label in ((first, FIRST), (second, SECOND)):
        assert list(trace.y) == pytest.approx([100 * run.explanation.probability(index, label) for index in range(3)])
    np.testing.assert_allclose(log_odds.y, np.log(np.divide(first.y, second.y)), atol=1e-5)
    assert list(log_odds.marker.color) == [CLASS_COLOURS[0 if value >= 0 else 1] for value in log_odds.y]


def test_moments_are_drawn_for_both_classes_on_one_axis_with_their_log_odds(answer: ContrastView) -> None:
    assert activity_chart(answer) is None
    activity = ActivityContrast((0.5, 1.0, 1.5), (0.9, 0.2, 0.1), (0.1, 0.2, 0.4), (2.2, 0.0, -1.4))
    figure = activity_chart(replace(answer, contrast=replace(answer.contrast, activity=activity)))
    assert figure is not None
    first, second, above, below, difference = figure.data
    assert [trace.name for trace in (first, second)] == ["rain", "siren"]
    for trace, values in ((first, activity.first), (second, activity.second)):
        assert list(trace.x) == list(activity.seconds)
        assert list(trace.y) == pytest.approx([100 * value for value in values])
    assert list(difference.y) == list(activity.log_odds)
    assert (list(above.y), list(below.y)) == ([2.2, 0, 0], [0, 0, -1.4])
    assert (above.fillcolor, below.fillcolor) == CLASS_COLOURS
    assert first.xaxis == second.xaxis
    low, high = figure.layout.yaxis2.range
    assert high == -low >= 2.2


def test_every_chosen_segment_has_the_colour_of_the_class_it_spoke_for(
    outspoken: ContrastView, run: ExplanationView
) -> None:
    colours = {FIRST: CLASS_COLOURS[0], SECOND: CLASS_COLOURS[1], None: NEITHER_COLOUR}
    said = {
        (each.segment.start_seconds, each.segment.end_seconds): colours[each.spoke_for]
        for each in outspoken.contrast.segments
    }
    figure = attention_chart(outspoken)
    drawn = [
        (shape.yref.removesuffix(" domain"), shape.x0, shape.x1, shape.fillcolor) for shape in figure.layout.shapes
    ]
    expected = [
        (f"y{index + 1 if index else ''}", start, end, said[start, end])
        for index, row in enumerate(run.player.rows)
        for start, end in row.segments
    ]
    assert drawn == expected
    assert attention_lines(figure) == [list(row.lanes[0].values) for row in run.player.rows]


def test_the_table_names_every_segment_with_its_numbers(outspoken: ContrastView) -> None:
    page = plain(table_html(outspoken))
    _, *rows = page.split("<tbody>")[1].split("<tr>")
    for row, each in zip(rows, outspoken.segments, strict=True):
        segment = each.said.segment
        assert plain(text.segment_number(each.said.hearing_index, each.said.number, False)) in row
        assert f"{segment.start_seconds:.2f}–{segment.end_seconds:.2f} s" in row
        assert plain(text.log_odds(each.said.change)) in row
        assert plain(text.log_odds_range(*each.said.elsewhere)) in row
        assert f"</span>{each.said.spoke_for or text.NEITHER}</td>" in row
        assert "data:audio/wav;base64," in row
    assert "ln(p of rain / p of siren)" in page
    assert "silence where something was removed" in page


def test_the_conclusion_says_what_the_figures_support() -> None:
    strongest = text.strongest_segment("church_bells", 0, 0.2, 0.5, 1.5)
    some = text.contrast_conclusion("church_bells", "rain", 0.9, ["church_bells", None, "rain"], strongest)
    assert plain(some) == (
        "Church bells leads rain by 0.90 nats after the last hearing; of 3 segments 1 spoke for church bells and 1 for "
        "rain; most of all spoke 0.20–0.50 s, chosen in the first hearing, for church bells (+1.50 nats)."
    )
    none = text.contrast_conclusion("church_bells", "rain", -0.9, [None, None], None)
    assert plain(none) == (
        "Rain leads church bells by 0.90 nats after the last hearing, but none of the 2 segments did more than "
        "stretches elsewhere: nothing here says which moment decided between them."
    )
    assert "nothing says where" in text.contrast_conclusion("church_bells", "rain", 0.9, [], None)
    one = text.contrast_conclusion("church_bells", "rain", 0.9, ["rain"], strongest)
    assert one.endswith(f"the only segment spoke: {strongest}.")
    assert "the only segment did no more than" in text.contrast_conclusion("church_bells", "rain", 0.9, [None], None)


def test_the_strongest_is_the_first_that_spoke_for_a_class(answer: ContrastView, outspoken: ContrastView) -> None:
    second = outspoken.segments[1].said
    assert outspoken.strongest == second
    segment = second.segment
    assert plain(conclusion(outspoken)).endswith(
        f"most of all spoke {segment.start_seconds:.2f}–{segment.end_seconds:.2f} s, chosen in "
        f"{text.hearing_name(second.hearing_index)}, for {FIRST} ({plain(text.log_odds(second.change))})."
    )
    silent = replace(
        answer, segments=tuple(replace(each, said=replace(each.said, spoke_for=None)) for each in answer.segments)
    )
    assert silent.strongest is None
    assert "nothing here says which moment" in conclusion(silent)
