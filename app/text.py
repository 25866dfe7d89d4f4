"""Every caption and help sentence of the page; what is said of an explanation stands in playitback.report.words.

Nothing here knows gradio or the model. Texts are plain; whoever puts one into HTML escapes it there.
"""

from __future__ import annotations

from playitback.report import words

TITLE = "Play It Back"
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


def channels(count: int) -> str:
    return {1: "mono", 2: "stereo"}.get(count, f"{count} channels")


def recording_facts(duration: float, sample_rate: int, channel_count: int, file_format: str) -> str:
    """ "5 s · 44.1 kHz · stereo · WAV"."""
    return " · ".join((words.seconds(duration), words.hertz(sample_rate), channels(channel_count), file_format))


def longer_than_clip(duration: float, clip_seconds: float) -> str:
    return (
        f"The recording lasts {words.seconds(duration)}; the model hears {words.seconds(clip_seconds)} at once. "
        "Choose where the clip starts."
    )


def overview_description(duration: float, start: float, end: float) -> str:
    whole = words.seconds(duration)
    return f"Loudness of the whole recording, {whole}; the clip from {start:.1f} to {end:.1f} s is marked."


def pass_tick(index: int) -> str:
    """Mark of a pass on the axis of the chart, whose title is PASS_AXIS."""
    return words.FIRST_HEARING.lower() if index == 0 else str(index)


def progress(passes_ready: int, passes: int) -> str:
    """What is being computed while ``passes_ready`` of ``passes`` are shown."""
    if passes_ready == 0:
        return f"First hearing … (pass 1 of {passes})"
    return f"Playback {passes_ready} … (pass {passes_ready + 1} of {passes})"


def example_name(stem: str) -> str:
    """ "church_bells" -> "Church bells"."""
    return words.class_name(stem).capitalize()
