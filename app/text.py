"""Every sentence that a visitor reads, and how numbers are written.

Nothing here knows gradio or the model. Texts are plain; whoever puts one into HTML escapes it there.
"""

from __future__ import annotations

from collections.abc import Sequence

TITLE = "Play It Back"
#: between a number and its unit, so that no line ends between them
NBSP = "\N{NO-BREAK SPACE}"
TAGLINE = (
    "Give it a sound. See and hear which moments a classifier chose to hear again, more finely, "
    "and how each hearing changed its mind."
)

# Listen
RECORDING = "Recording"
EXAMPLES = "Or try one of these sounds"
MODEL = "Model"
PLAYBACKS = "Playbacks"
PLAYBACKS_INFO = "How often the model may hear its chosen moments again; 0 is the first hearing alone."
CLASS = "Class to explain"
CLASS_INFO = "Followed through all passes, whether or not the model believes it."
CLASS_OF_PREDICTION = "the model's decision"
START = "Start of the clip (seconds)"
RUN = "Play it back"
STOP = "Stop"

# Results
PLAYBACKS_TAB = "The playbacks"
CONFIDENCE_TAB = "Confidence"
ABOUT_TAB = "About"
PLAYER_LABEL = "The passes of the model on one time axis"
CHART_LABEL = "Probability of the leading classes after every pass"
TABLE_CAPTION = "Probability after every pass"
PLAYBACKS_HINT = "The playbacks appear here, one row a pass, as soon as a sound has been played back."
CONFIDENCE_HINT = (
    "How the leading classes rise and fall from pass to pass appears here once a sound has been played back."
)

FIRST_HEARING = "First hearing"
PASS_AXIS = "playback"

NO_RECORDING = "Upload or record a sound first, or pick one of the examples."
STOPPED = "Stopped. The passes that were ready stay; play it back again for all of them."
UNEXPECTED = (
    "Something went wrong in this program, not in your recording; the details are in the server's log. "
    "Please try again, or try another recording."
)

ABOUT_PAGE = """
## How to read the page

The model hears the whole clip once. Two slots then compete for every moment of it: the **informative** slot takes what
speaks for a class, the **uninformative** slot the rest. Where the informative slot stays above the threshold, the clip
is heard again with a finer hop, so that these moments fill more of what the model is given; and so on, playback by
playback. Every row shows what the model was given in that pass, what it attended to, and what it then believed.
A probability says how sure this model is, not how likely it is to be right.

## What becomes of a recording

It is processed on the machine that runs this page and sent nowhere else. Uploads and results are deleted after {hours}
hours; no history of runs is kept.

The idea is from A. Stergiou and D. Damen, [Play It Back: Iterative Attention for Audio
Recognition](https://arxiv.org/abs/2210.11328), ICASSP 2023; this is an implementation of its own.
"""
MODEL_CARD = "Model card"

# The API
API_EXPLAIN = (
    "Explain a recording: which class the model decides for after every pass, and which moments it chose to hear "
    "again. Returns the explanation (JSON: playbacks with hop_seconds, probabilities, segments, slot_attention, "
    "seconds), the same as a file, a WAV of every segment (pass-0-segment-1.wav is the first one that the first "
    "hearing chose), and a WAV of every pass as the model heard it. playbacks: how often the model may hear its "
    "chosen moments again; 0 is the first hearing alone. start_seconds: where the clip starts in a "
    "recording that is longer than what the model hears at once. A recording that cannot be explained raises an "
    "error that says why."
)
API_MODELS = "The models that can be asked for: their names, classes, playbacks and seconds of a clip."
API_EXPLANATION = "explanation"
API_EXPLANATION_FILE = "explanation_file"
API_SEGMENTS = "segments"
API_TAPES = "tapes"
API_MODEL_LIST = "models"


def class_name(label: str) -> str:
    """ "door_wood_knock" -> "door wood knock"."""
    return label.replace("_", " ")


def percent(share: float) -> str:
    """0.624 -> "62 %"; a share that is neither 0 nor 1 is never shown as 0 % or 100 %."""
    if 0 < share < 0.005:
        return f"<1{NBSP}%"
    if 0.995 <= share < 1:
        return f">99{NBSP}%"
    return f"{100 * share:.0f}{NBSP}%"


def points(change: float) -> str:
    """0.21 -> "+21 points", -0.01 -> "−1 point"; no movement is "no change"."""
    rounded = round(100 * change)
    if rounded == 0:
        return "no change"
    sign = "+" if rounded > 0 else "\N{MINUS SIGN}"
    return f"{sign}{abs(rounded)}{NBSP}point{'' if abs(rounded) == 1 else 's'}"


def seconds(duration: float) -> str:
    """1.2345 -> "1.23 s", 5.0 -> "5 s", 1800 -> "30 min", 95.5 -> "1 min 36 s"."""
    if duration < 60:
        return f"{duration:.2f}".rstrip("0").rstrip(".") + f"{NBSP}s"
    minutes, rest = divmod(round(duration), 60)
    return f"{minutes}{NBSP}min {rest}{NBSP}s" if rest else f"{minutes}{NBSP}min"


def milliseconds(duration: float) -> str:
    """0.0067 seconds -> "6.7 ms"."""
    return f"{1000 * duration:.3g}{NBSP}ms"


def hertz(frequency: float) -> str:
    """250.0 -> "250 Hz", 4000.0 -> "4 kHz"."""
    return f"{frequency:g}{NBSP}Hz" if frequency < 1000 else f"{frequency / 1000:g}{NBSP}kHz"


def clock(second: float) -> str:
    """A tick of a time axis: 1.5 -> "1.5", 2.0 -> "2"."""
    return f"{second:g}"


def channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def recording_facts(duration: float, sample_rate: int, channel_count: int, file_format: str) -> str:
    """ "5 s · 44.1 kHz · stereo · WAV"."""
    return " · ".join((seconds(duration), hertz(sample_rate), channels(channel_count), file_format))


def longer_than_clip(duration: float, clip_seconds: float) -> str:
    return (
        f"The recording lasts {seconds(duration)}; the model hears {seconds(clip_seconds)} at once. "
        "Choose where the clip starts."
    )


def overview_description(duration: float, start: float, end: float) -> str:
    return f"Loudness of the whole recording, {seconds(duration)}; the clip from {start:.1f} to {end:.1f} s is marked."


def pass_title(index: int) -> str:
    return FIRST_HEARING if index == 0 else f"Playback {index}"


def pass_tick(index: int) -> str:
    """Mark of a pass on the axis of the chart, whose title is PASS_AXIS."""
    return FIRST_HEARING.lower() if index == 0 else str(index)


def pass_sentence(
    index: int,
    decision: str,
    probability: float,
    change: float | None,
    previous_decision: str | None,
    replayed_seconds: float,
    hop_seconds: float,
) -> str:
    """What happened in one pass, in one or two sentences."""
    if index == 0:
        return (
            f"At the first hearing, at a hop of {milliseconds(hop_seconds)}, the model says "
            f"{class_name(decision)} ({percent(probability)})."
        )
    heard = (
        f"Playback {index} heard {seconds(replayed_seconds)} again at a hop of {milliseconds(hop_seconds)}."
        if replayed_seconds > 0
        else f"Nothing was chosen to be heard again before playback {index}."
    )
    moved = f"{percent(probability)}, {points(change or 0.0)}"
    if previous_decision == decision:
        return f"{heard} The model still says {class_name(decision)} ({moved})."
    before = class_name(previous_decision or "")
    return f"{heard} The model now says {class_name(decision)} ({moved}), no longer {before}."


def progress(passes_ready: int, passes: int) -> str:
    """What is being computed while ``passes_ready`` of ``passes`` are shown."""
    if passes_ready == 0:
        return f"First hearing … (pass 1 of {passes})"
    return f"Playback {passes_ready} … (pass {passes_ready + 1} of {passes})"


def conclusion(decisions: Sequence[str], probability: float) -> str:
    """What the whole run says. ``decisions``: after every pass; ``probability``: of the last decision."""
    last = f"{class_name(decisions[-1])}, {percent(probability)}"
    changes = [index for index in range(1, len(decisions)) if decisions[index] != decisions[index - 1]]
    if len(decisions) == 1:
        return f"The model hears {last}."
    if not changes:
        return f"The model hears {last}; it was of that mind from the first hearing."
    at = " and ".join(filter(None, (", ".join(str(index) for index in changes[:-1]), str(changes[-1]))))
    playback = "playback" if len(changes) == 1 else "playbacks"
    return f"The model hears {last}. It changed its mind at {playback} {at}; first it heard {class_name(decisions[0])}."


def decision_change(before: str, after: str) -> str:
    """Mark on the chart where the decision changed."""
    return f"{class_name(before)} → {class_name(after)}"


def example_name(stem: str) -> str:
    """ "church_bells" -> "Church bells"."""
    return class_name(stem).capitalize()
