"""Every caption and help sentence of the page; what is said of an explanation stands in playitback.report.words.

Nothing here knows gradio or the model. Texts are plain; whoever puts one into HTML escapes it there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.service import ModelChoice
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
MODEL_BY_HAND = "Or type a folder of this machine, or a model of Hugging Face (owner/name)."
PLAYBACKS = "Playbacks"
PLAYBACKS_INFO = "How often the model may hear its chosen moments again; 0 is the first hearing alone."
CLASS = "Class to explain"
CLASS_INFO = (
    "Explained through all hearings, whether or not the model believes it. Once a clip is explained, another choice "
    "explains it anew at once."
)
CLASS_OF_PREDICTION = "the model's decision"
START = "Start of the clip (seconds)"
CHANNEL, MIXED = "Channel", "Mixed down (recommended)"
RUN = "Play it back"
BEGIN = "Upload or record a sound, or pick one of the examples."
READY = f"Ready: press “{RUN}”."
STOP = "Stop"

# Results
PLAYBACKS_TAB = "The playbacks"
CONFIDENCE_TAB = "Confidence"
ABOUT_TAB = "About"
PLAYER_LABEL = "The hearings of the model on one time axis"
CHART_LABEL = "Probability of the leading classes after every hearing"
PLAYBACKS_HINT = "The playbacks appear here, a row for every hearing, as soon as a sound has been played back."
CONFIDENCE_HINT = (
    "How the leading classes rise and fall from hearing to hearing appears here once a sound has been played back."
)
PLAYBACKS_READING = (
    "Each row is one hearing on the clip's own seconds: what the model was given, below it what it attended to and "
    "which moments it chose to hear again, beside it what it then believed."
)
CONFIDENCE_READING = (
    "Follow a line from left to right: how probable the model holds a class after each hearing; a dotted rule marks "
    "where its decision changed."
)

HEARING_AXIS = "playback"

NO_RECORDING = "Upload or record a sound first, or pick one of the examples."
STOPPED = "Stopped. The hearings that were ready stay; play it back again for all of them."
UNEXPECTED = (
    "Something went wrong in this program, not in your recording; the details are in the server's log. "
    "Please try again, or try another recording."
)

# What is not let in
NO_LINKS = "Recordings are not fetched from links; download it to your own machine, and upload the file."
NOT_FROM_HERE = (
    "This page is for the machine that it runs on: open it there under the address that it printed when it started, "
    "or start it with --host 0.0.0.0 for others."
)
NO_ROOM = "The computer that serves this page has no room left for files; please try again later."
NOT_UNDERSTOOD = (
    "This request asks nothing that is known here; the documentation of the API (/?view=api) tells what is."
)
TOO_LARGE_A_REQUEST = "A request may have up to 32 MB; send recordings as uploads, and ask shorter questions."

A_NUMBER, A_WHOLE_NUMBER, A_TEXT = (
    "a number below a thousand million",
    "a whole number",
    "a text of up to 1,000 letters",
)
TRUE_OR_FALSE, A_FILE = "true or false", "a file that was uploaded, as handle_file of gradio_client sends it"
OF_ITS_KIND = "of the kind that the documentation of the API tells"
NOT_UPLOADED = (
    "A file was named that was not uploaded; send the recording as an upload, as handle_file of gradio_client does."
)
SHORT_JSON = "JSON of up to 10,000 values, with texts of up to 1,000 letters"


def model_choice(choice: ModelChoice) -> str:
    """ "sounds · replay attention, 102 classes, hears up to 4 times"."""
    if choice.told:
        return f"{choice.name} · {choice.told}"
    times = "once" if choice.playbacks == 0 else f"up to {choice.playbacks + 1} times"
    classes = "1 class" if choice.classes == 1 else f"{choice.classes} classes"
    return f"{choice.name} · {choice.family}, {classes}, hears {times}"


def fetching(model: str) -> str:
    return f"Getting {model} ready; a model of Hugging Face is fetched the first time, and kept."


def fetched(model: str, done: int, total: int) -> str:
    """done, total: bytes."""
    return f"Fetching {model}: {done / 1e6:.1f} of {total / 1e6:.1f} MB …"


def must_be(name: str | None, wanted: str) -> str:
    return f"{name or 'A value'} must be {wanted}; correct it and ask again."


def too_many_values(most: int) -> str:
    return (
        f"{'One value is' if most == 1 else f'Up to {most} values are'} taken here, and more were sent; leave them out."
    )


def too_many_changes(most: int) -> str:
    return f"One question may hold up to {most} edits, held segments counting as one more; ask for fewer at once."


ABOUT_PAGE = """
## How to read the page

The model hears the whole clip once. Two slots then compete for every moment of it: the **informative** slot takes what
speaks for a class, the **uninformative** slot the rest. Where the informative slot stays above the threshold, the clip
is heard again with a finer hop, so that these moments fill more of what the model is given; and so on, playback by
playback. Every row shows what the model was given in that hearing, what it attended to, and what it then believed.
Models of other families hear the clip once, in one row; in place of the slots, it shows the relevance of every moment.
A probability says how sure this model is, not how likely it is to be right.

## What becomes of a recording

It is processed on the machine that runs this page and sent nowhere else. Uploads and results are deleted after {hours}
hours; no history of runs is kept.

The idea is from A. Stergiou and D. Damen, [Play It Back: Iterative Attention for Audio
Recognition](https://arxiv.org/abs/2210.11328), ICASSP 2023; this is an implementation of its own.
"""
MODEL_CARD = "Model card"

# Take away
TAKE_AWAY_TAB = "Take away"
TAKE_AWAY_HINT = "Report, figures, numbers and sounds can be taken away from here once a sound has been played back."
TAKE_AWAY_READING = (
    "One archive holds everything; each file in it can be had by itself as well: **report.html** shows and plays all "
    "hearings in any browser, without a network; **explanation.json** has every number, in a versioned format; "
    "**figure.png** and **figure.svg** are fit for a paper; **hearings.csv** and **segments.csv** are tables, and so "
    "is **activity.csv**, of models that tell what each moment would be by itself; and every segment, and every "
    "hearing as the model heard it, is a WAV file."
)
NO_ACTIVITY_FILE = "This model does not tell what each moment would be by itself, so there will be no activity.csv."
PREPARE_FILES = "Prepare the files"
FILES = "Files"

# The example that is explained already
EXAMPLE_TITLE = "An example to begin with"


def example_note(name: str, model: str) -> str:
    """What a visitor is told of it."""
    return (
        f"{name}, as the model {model} hears it. Everything below and in the other parts is about this sound, until "
        "you play back one of your own."
    )


# The API

_OF_A_CLIP = (
    "model: one of those that /models lists. playbacks: how often it may hear its chosen moments again; 0 is the first "
    "hearing alone, left out all that it has. start_seconds: where the clip starts in a recording that is longer than "
    "what the model hears at once. channel: the one to hear of a recording that has several, counted from 1; 0 mixes "
    "them."
)
_CLASS = "class_name: empty for the model's decision."
#: what each says of itself
API_ENDPOINTS = {
    "windows": (
        "What sounds when in a recording of any length. Returns JSON: windows as long as what the model hears at once, "
        "each with its decision; stretches, neighbouring windows of one class joined; and events, null for a model "
        "without activity: from start_seconds to end_seconds one class sounds, several at once where they do, with its "
        "mean probability and its peak_seconds. model: one of those that /models lists. hop_seconds: from one window's "
        "start to the next, left out a window. playbacks: how often it may hear each window again, left out all that "
        "it has. channel: the one to hear of a recording that has several, counted from 1; 0 mixes them. clock is the "
        "time of day, where the file or its name tells when it was recorded."
    ),
    "explain": (
        "Explain a recording: which class the model decides for after every hearing, and which moments it chose to "
        "hear again. Returns the explanation (JSON: hearings with hop_seconds, probabilities, segments, replayed, "
        "relevance, seconds, activity, lanes) and, with files: true, the same as a file, a WAV of every segment "
        "(hearing-0-segment-1.wav is the first one that the first hearing chose), and a WAV of every hearing as the "
        f"model heard it. A recording that cannot be explained raises an error that says why. {_OF_A_CLIP} {_CLASS} "
        "For it are relevance and segments where the model's can_aim is true, and activity wherever it is told. "
        "passages: true adds what suffices for the class and what it needs, each verified by hearing (half a second). "
        "lanes: what other ways to explain say, as further_lanes: names with commas between them (grad-cam, class "
        "activation map, occlusion, integrated gradients), or all that suit the model; each tells its cost in passes. "
        "check: true hears every second alone, as alone: its true curve over the activity, with their distance (half a "
        "second)."
    ),
    "take_away": (
        "All that a run leaves to take away: a report that opens in a browser without a network, sound included, "
        "and an archive with the report, explanation.json, figures as PNG and SVG, tables as CSV and every sound as "
        f"WAV. {_OF_A_CLIP} {_CLASS}"
    ),
    "what_if": (
        "Ask what the model would say if it replayed other moments, or heard another sound. held: JSON from the "
        "index of a hearing to the segments that the next one replays in place of the model's own, in seconds, as "
        '{"0": [[1.2, 1.9]]}; hearings that are not named are free. edits: JSON list, one after the other, as '
        '[{"action": "remove", "segments": [[1.2, 1.9]], "fill": "silence"}]; actions are remove and keep, fills '
        "silence, mean spectrum, noise and neighbour. Returns both explanations and their difference (log-odds of "
        f"the class to explain; the first hearing that differs) as JSON, and the sound that was heard. {_OF_A_CLIP} "
        f"{_CLASS}"
    ),
    "examine": (
        "Put an explanation to the test: the chosen segments beside 20 random draws of the same lengths, the "
        "loudest time, the least attended, the whole clip and no replay; deletion and insertion curves; segments "
        "kept alone and removed. Returns JSON with the figures and a sentence that says what they support. "
        f"{_OF_A_CLIP} {_CLASS}"
    ),
    "contrast": (
        "Ask why one class and not another: both after every hearing, and for every segment of the run which of the "
        "two it spoke for, found by removing it; and, of models that tell it, what each moment would be by itself. "
        "Returns JSON. second_class: empty for the most probable other one. fill: what a removed segment becomes, "
        f"silence, mean spectrum, noise or neighbour. {_OF_A_CLIP} {_CLASS}"
    ),
    "compare": (
        "Compare two recordings, or one recording under two models (second_recording or second_model is left empty "
        "to take the first one's). Returns both explanations, and per hearing both decisions and how much of the "
        f"replayed time is shared, as JSON. {_OF_A_CLIP}"
    ),
    "models": (
        "The models that can be asked: name, family, classes (labels), playbacks, seconds of a clip and hertz that "
        "it hears."
    ),
}
API_BAD_QUESTION = (
    "held must be an object from the index of a hearing to [start, end] pairs in seconds, and edits a list of objects "
    "with action, segments and fill; see the API's documentation for examples."
)


def no_playbacks(model: str) -> str:
    return f"The model {model} hears a clip once and plays nothing back."


def longer_than_clip(duration: float, clip_seconds: float) -> str:
    return (
        f"The recording lasts {words.seconds(duration)}; the model hears {words.seconds(clip_seconds)} at once. "
        "Choose where the clip starts."
    )


MICROPHONE_NEEDS_HTTPS = "The microphone needs https or localhost"
NOT_DRAWN = "It is too long to be drawn here."


def overview_description(duration: float, start: float, end: float) -> str:
    whole = words.seconds(duration)
    return f"Loudness of the whole recording, {whole}; the clip from {start:.1f} to {end:.1f} s is marked."


def hearing_tick(index: int) -> str:
    """Mark of a hearing on the axis of the chart, whose title is HEARING_AXIS."""
    return words.FIRST_HEARING.lower() if index == 0 else str(index)


def progress(hearings_ready: int, hearings: int) -> str:
    """What is being computed while ``hearings_ready`` of ``hearings`` are shown."""
    if hearings_ready == 0:
        return f"First hearing … (hearing 1 of {hearings})"
    return f"Playback {hearings_ready} … (hearing {hearings_ready + 1} of {hearings})"


def example_name(stem: str) -> str:
    """ "church_bells" -> "Church bells"."""
    return words.class_name(stem).capitalize()


# The slots
SLOTS_TAB = "Attention"
SLOTS_HINT = (
    "How the model's attention shared out the clip, and where its frames went, appears here once a sound has been "
    "played back."
)
SLOTS_READING = (
    "The slots compete for every moment. Choose a hearing to see how they came to agree, what the losing slot "
    "gathered, and how the frames of that hearing were spent."
)
SLOTS_HEARING = "Hearing"
ATTENTION_TITLE = "Who held which moment"
ATTENTION_READING = (
    "Each small chart is one iteration on the clip's seconds, the last one at the bottom: the higher a slot's line, "
    "the more of that moment it held. What is shaded in the last one was chosen to be heard again."
)
ATTENTION_CHART_LABEL = "Attention of every slot over the clip, one chart an iteration"
THRESHOLD_LINE = "threshold"
SETTLING_TITLE = "How they settled"
SETTLING_READING = (
    "Read down a column: the more the slots' overlap and entropy fall from iteration to iteration, the more clearly "
    "they parted."
)
SETTLING_CAPTION = "The slots after every iteration of this hearing"
GATHERED_TITLE = "What the uninformative slot gathers"
GATHERED_READING = (
    "Press a stretch to hear exactly what the model set aside in this hearing; digital silence is left out. Listen for "
    "what it should not have set aside."
)
NOTHING_GATHERED = "In this hearing the informative slot holds the larger part of every audible moment."
ALL_STRETCHES = "all, one after the other"
PLAY_ALL_STRETCHES = "Play all stretches, one after the other"
TIME_MAP_TITLE = "How the frames were spent"
TIME_MAP_READING = (
    "A line climbs by the frames that a stretch of the clip was given: the steeper, the more closely it was heard. "
    "Replayed stretches are thick."
)
TIME_MAP_CHART_LABEL = "Model frame against clip second, a line for every hearing"
TIME_MAP_HOVER = "%{x:.2f} s: frame %{y:.0f}"
CLIP_AXIS = "second of the clip"
FRAME_AXIS = "model's frame"


POOLING_TITLE = "What counted for the decision"
POOLING_READING = (
    "The model reads its features at every moment and takes their weighted mean; the weights are attention. The line "
    "says how much each moment counts, the picture how much each feature does at each moment: 1 is an even share. The "
    "weights are the same for every class, so they say what was heard, not what speaks for one class."
)
POOLING_CHART_LABEL = "Weight of every moment, and of the features that count most at every moment"
POOLING_TIME_AXIS = "weight"
POOLING_AXIS = "feature"
POOLING_SCALE = "times the even share"
POOLING_TIME_HOVER = "%{x:.2f} s: %{y:.2f} times the even share"
POOLING_HOVER = "%{x:.2f} s, feature %{y:.0f}: %{z:.2f} times the even share"


def no_attention(model: str) -> str:
    return f"The model {model} has no attention to look into."


def iteration_name(index: int) -> str:
    """Counted from 0 -> "Iteration 1"."""
    return f"Iteration {index + 1}"


def slot_name(index: int, slots: int) -> str:
    """ "informative", "uninformative"; with more than two slots "uninformative 2"."""
    if index == 0:
        return "informative"
    return "uninformative" if slots == 2 else f"uninformative {index}"


def share_of_time(slot: str) -> str:
    return f"{slot}: share of time"


def slot_entropy(slot: str) -> str:
    return f"{slot}: entropy"


def slot_overlap(slots: int, first: str, second: str) -> str:
    return "overlap" if slots == 2 else f"overlap of {first} and {second}"


def nats(value: float) -> str:
    return f"{value:.2f}{words.NBSP}nats"


def stretch(start: float, end: float) -> str:
    return f"{start:.2f}–{end:.2f}{words.NBSP}s"


def play_stretch(start: float, end: float) -> str:
    """For a screen reader."""
    return f"Play {start:.2f} to {end:.2f} seconds"


def replayed_in(hearing_title: str) -> str:
    return f"replayed in {hearing_title}"


def frames_spent(
    index: int,
    frames: int,
    replayed_frames: float,
    replayed_seconds: float,
    per_second_inside: float | None,
    per_second_outside: float | None,
) -> str:
    """How one hearing spent its frames, in one sentence. Rates: frames a second of the clip; None: there was none."""
    title = words.hearing_title(index)
    if per_second_inside is None:
        return f"{title} spread its {frames} frames evenly: {per_second_outside or 0:.0f} for every second of the clip."
    if per_second_outside is None:
        return f"{title} replayed the whole clip: {per_second_inside:.0f} frames for every second of it."
    return (
        f"{title} spent {replayed_frames:.0f} of its {frames} frames ({words.percent(replayed_frames / frames)}) on "
        f"the {words.seconds(replayed_seconds)} that it replayed: {per_second_inside:.0f} frames a second there, "
        f"{per_second_outside:.0f} elsewhere."
    )


# Examine
EXAMINE_TAB = "Examine"
EXAMINE_HINT = (
    "Whether the chosen moments are the reason for the class can be examined here once a sound has been played back."
)
EXAMINE_TITLE = "Is it true?"
EXAMINE_READING = (
    "An explanation is a claim: these moments are why. Here it must beat chance on this very clip; what it cannot "
    "beat, it does not explain."
)
EXAMINE = "Examine this explanation"
STOP_EXAMINING = "Stop the examination"
EXAMINE_STOPPED = "Stopped. Examine it again for the figures."
VERDICT_TITLE = "What the figures say"
DRAWS_TITLE = "Would other moments have done as well?"
DRAWS_READING = (
    "Each row is something else to replay; the further right, the more the model believes in the class in the end. "
    "The chosen moments (dotted line) should lie right of the random draws and of every other row."
)
NOTHING_REPLAYED = (
    "Nothing was replayed in this run, so it cannot be asked whether replaying other moments would have done as well."
)
DRAWS_CHART_LABEL = "Probability of the class by what was replayed"
DRAWS_CAPTION = "Probability of the class after the last hearing, by what was replayed"
DRAWS_AXIS = "probability (log-odds scale)"
EDITS_TITLE = "Does the class rest on these moments?"
EDITS_READING = (
    "In the first chart only the segments are kept, in the second they are removed; the dashed line is the whole clip. "
    "Blue should stand high in the first and low in the second, with every fill: either chart alone misleads, since "
    "holes anywhere break a model."
)
KEPT_CHART_LABEL = "Probability of the class with nothing but the segments, by fill"
REMOVED_CHART_LABEL = "Probability of the class without the segments, by fill"
KEPT_TITLE = "Only the segments kept"
REMOVED_TITLE = "The segments removed"
EDITS_CAPTION = "What is left of the class, by fill and by whose segments"
CURVES_TITLE = "Removing and restoring time, the most important first"
CURVES_READING = (
    "The clip is taken away tenth by tenth, and given back. The blue line should fall first as time goes and rise "
    "first as it returns: a smaller area of deletion and a larger one of insertion than a random order and the order "
    "of loudness have."
)
DELETION_TITLE = "Deletion: the share of time removed"
INSERTION_TITLE = "Insertion: the share of time restored"
DELETION_CHART_LABEL = "Probability of the class against the share of time removed"
INSERTION_CHART_LABEL = "Probability of the class against the share of time restored"
CURVES_CAPTION = "Areas under the curves, 0 to 1"
DRAWS_COLUMNS = ("replayed", "probability", "chosen leads by")
EDITS_COLUMNS = ("fill", "segments", "kept", "Fid-In", "removed", "FF", "AI", "AD", "AG")
CURVES_COLUMNS = ("order", "deletion area (lower is better)", "insertion area (higher is better)")


def examining(label: str, done: int, total: int | None) -> str:
    """How far the examination of one class has come."""
    so_far = "" if total is None else f" ({done} of {total} runs)"
    return f"Examining {words.class_name(label)} …{so_far}"


def examined(
    label: str, clip: str, probability: float, marked_seconds: float, clip_seconds: float, replays: bool
) -> str:
    """What the figures are about. ``marked_seconds``: that were replayed or, if not ``replays``, chosen."""
    believed = f"{words.class_name(label).capitalize()} in {clip}: {words.percent(probability)}"
    marked = f"{words.seconds(marked_seconds)} of {words.seconds(clip_seconds)}"
    when = " after the last hearing" if replays else ""
    return f"{believed}{when}; {marked} were {words.marked(replays)}."


def percentile(value: float, draws: int) -> str:
    return f"Among {draws} random draws the chosen segments stand at percentile {value:.0f}; 50 is what chance gives."


def control_name(name: str, draws: int) -> str:
    """A row of the controls."""
    return f"{draws} random draws" if name == "random" else name


def order_name(order: str, replays: bool) -> str:
    """In which order time is removed and restored."""
    return words.lane(replays) if order == "attention" else order


def order_with_area(order: str, area: float) -> str:
    return f"{order}, area {area:.2f}"


def score(value: float | None) -> str:
    """None: there is none."""
    return "" if value is None else f"{value:.2f}".replace("-", "\N{MINUS SIGN}")


def curves_fill(fill: str) -> str:
    return f"What is removed is filled with {fill}."


# Help: figure -> definition, formula and source, in one to three sentences; those of an examination stand beside it
DEFINITIONS: dict[str, str] = {
    "attention": (
        "How much of a moment a slot holds, 0 to 1: the softmax over the slots of the scaled products of their queries "
        "with the moment's key, exp(q·k/√d) / Σ exp(q·k/√d), so that at every moment the slots' attention sums to 1. "
        "Computed in a few iterations, the last of which counts (slot attention; Locatello et al. 2020)."
    ),
    "activity": (
        "What the model would say of each moment by itself: the probability of a class, 0 to 1, over the clip's time. "
        "It is learned from the model's own answers to short stretches kept alone (of models of transformers it is the "
        "mean of these answers), so it is the model's and not the truth; models trained before there was activity lack "
        "it, and no map of classes is shown for them."
    ),
    "threshold": (
        "Stretches where the informative slot's attention lies above it are heard again. It is the model's own, "
        "usually 0.5, where this slot holds more of a moment than all others, and rises until no more than the model's "
        "share of the clip lies above it; short gaps are then closed and segments under a tenth of a second dropped "
        "(this project's form of the threshold of Stergiou and Damen 2023)."
    ),
    "hop": (
        "Seconds from one frame of the spectrogram to the next: h₀ / (i + 1) in hearing i, h₀ being that of the first "
        "hearing. With half the hop the same moment is read twice as often; its window stays as long (Stergiou and "
        "Damen 2023, section 2.1)."
    ),
    "replayed seconds": (
        "How much of the clip a hearing heard again, Σ (end − start) over its replayed segments, in the clip's own "
        "seconds. They were chosen in the hearing before (Stergiou and Damen 2023, section 2.3)."
    ),
    "change in points": (
        "By how much a hearing moved the probability of a class: 100 × (p after it − p after the hearing before), in "
        "percentage points. From 40 % to 50 % is +10 points."
    ),
    "confidence": (
        "The probability p that the model gives a class after a hearing: the softmax of its outputs, "
        "exp(z) / Σ exp(z), so that all classes sum to 1; where several classes may sound at once, the sigmoid of "
        "each. It says how sure this model is, not how often it is right (calibration; Guo et al. 2017)."
    ),
    "share of time": (
        "The mean of a slot's attention over the clip's time, Σ a(t) Δt / Σ Δt; the slots' shares sum to 100 %. "
        "Seconds are counted, not the model's columns, which are narrower where something was replayed."
    ),
    "entropy": (
        "How widely a slot looks: −Σ q ln q in nats, q being its attention on 100 equal stretches of the clip divided "
        "by its sum. 0 is a single stretch, ln 100 = 4.61 is everywhere alike (complexity; Bhatt et al. 2020)."
    ),
    "overlap": (
        "What two slots' distributions over time share: Σ min(q₁, q₂) over equal stretches of the clip, each q summing "
        "to 1. 1 says that they look at the same moments, 0 that they never do (histogram intersection; Swain and "
        "Ballard 1991)."
    ),
    "gathered stretches": (
        "Stretches of at least a tenth of a second of which the uninformative slots together hold more than half, "
        "Σ a > 0.5 in the last iteration, and which are not digital silence."
    ),
    "time map": (
        "Frame f of the model as a function of the clip's second t: straight lines whose slope df/dt is the number of "
        "frames a second gets, r = h₀ / h times as many inside replayed segments as outside, h being the hop of the "
        "hearing. Together they are always as many as the model takes (Stergiou and Damen 2023, section 2.3, made "
        "exact)."
    ),
}


def definitions(*figures: str) -> dict[str, str]:
    """Those of some figures."""
    return {figure: DEFINITIONS[figure] for figure in figures}


# What if
WHAT_IF_TAB = "What if"
WHAT_IF_HINT = (
    "What the model would say if it replayed other moments, or if the sound were changed, can be asked here once a "
    "sound has been played back."
)
WHAT_IF_READING = (
    "Press “Edit segments” below: draw, move or delete segments and let the model replay those instead, or select "
    "some and remove them from the sound, or keep only them. Every answer joins the list. A question is asked of what "
    "is shown: its sound is changed further, and what it holds stays held until other segments are."
)
NOTHING_TO_HOLD = (
    "This run has one hearing, so there is no playback in which other segments could be replayed; its sound can be "
    "changed all the same."
)
WHAT_IF_PLAYER_LABEL = "What is shown, to be changed"
VARIANTS_LABEL = "The original and its variants"
VARIANT_COLUMN = "Variant"
CHANGE_COLUMN = "Against the original"
ORIGINAL = "The original, as the model chose"
SHOW, SHOWN, HEAR = "Show", "Shown", "Hear"
UNDO, RESET = "Undo the last variant", "Remove all variants"
NO_RUN_KEPT = "The run that this was asked of is no longer kept. Play the sound back again, and ask again."
SEGMENTS_NAMED = 3

_FILL_NAMES = {
    "silence": "silence",
    "mean spectrum": "noise with the clip’s spectrum",
    "noise": "noise at the clip’s level",
    "neighbour": "neighbouring sound",
}
FILLS = {name: value for value, name in _FILL_NAMES.items()}
WHAT_IF_DEFINITIONS = {
    "replayed instead": (
        "After a hearing that is held, the next one replays the given segments in place of those that the model chose; "
        "weights and sound stay as they are. Hearings that are not held choose for themselves from what they then "
        "hear. The model’s own choice is still shown."
    ),
    "removed, kept": (
        "Removed: (1 − w) × sound + w × fill, w being 1 inside the segments and 0 outside, with cross-fades of 10 ms; "
        "kept: the other way round. A hole is itself a sound that the model may take for something, so what a change "
        "says of a segment holds only as far as other fills say the same (occlusion; Zeiler and Fergus 2014)."
    ),
    "log-odds": (
        "ln(p / (1 − p)) for a class of probability p, in nats: 0 at 50 %, 2.2 at 90 %, −2.2 at 10 %. Listed is the "
        "variant’s minus the original’s after the last hearing, for the class that is explained. Near 0 % and 100 % it "
        "tells what a difference of percentages hides."
    ),
}


def variants_caption(most: int) -> str:
    return f"The original and what was asked of it; at most {most} variants are kept."


def log_odds(value: float) -> str:
    """1.234 -> "+1.23 nats"."""
    rounded = round(value, 2)
    sign = "\N{MINUS SIGN}" if rounded < 0 else "+" if rounded > 0 else ""
    return f"{sign}{nats(abs(rounded))}"


def stretches(pairs: Sequence[tuple[float, float]]) -> str:
    """ "0.10–0.50, 1.20–1.85 s"; many are counted."""
    named = ", ".join(f"{start:.2f}–{end:.2f}" for start, end in pairs[:SEGMENTS_NAMED]) + f"{words.NBSP}s"
    more = len(pairs) - SEGMENTS_NAMED
    if more <= 0:
        return named
    return f"{named} and {more} more, {words.seconds(sum(end - start for start, end in pairs))} together"


def hearing_name(index: int) -> str:
    """Within a sentence."""
    return "the first hearing" if index == 0 else f"playback {index}"


def after_hearing(index: int) -> str:
    return f"after {hearing_name(index)}"


def edit_name(action: str, pairs: Sequence[tuple[float, float]], fill: str) -> str:
    """ "without 2.10–2.60 s (silence)"."""
    which = {"remove": "without", "keep": "only"}[action]
    return f"{which} {stretches(pairs)} ({_FILL_NAMES[fill]})"


def held_name(index: int, pairs: Sequence[tuple[float, float]]) -> str:
    """ "replays 1.20–1.85 s instead after the first hearing"."""
    if not pairs:
        return f"replays nothing {after_hearing(index)}"
    return f"replays {stretches(pairs)} instead {after_hearing(index)}"


def variant_name(parts: Sequence[str]) -> str:
    """What was done, one thing after the other, as one name."""
    whole = ", then ".join(parts)
    return whole[:1].upper() + whole[1:]


def variant_change(
    label: str, before: float, after: float, log_odds_change: float, first_hearing: int | None, first_other: int | None
) -> str:
    """What a variant changed.

    label: of the class explained, with its probabilities ``before`` and ``after`` the change, in the last hearing;
    first_hearing: the first one after which any probability differs; first_other: the first that decides otherwise.
    """
    if first_hearing is None:
        return "Nothing changed: after every hearing the model believes the same."
    name = words.class_name(label)
    shares = f"{words.percent(before)} → {words.percent(after)}"
    otherwise = "the same decisions" if first_other is None else f"first other decision {after_hearing(first_other)}"
    return (
        f"{name[:1].upper()}{name[1:]} {shares}, log-odds {log_odds(log_odds_change)}. "
        f"First difference {after_hearing(first_hearing)}, {otherwise}."
    )


def variant_answer(number: int, name: str, decision: str, probability: float, change: str) -> str:
    """What is said when an answer has come."""
    heard = f"The model hears {words.class_name(decision)}, {words.percent(probability)}."
    return f"Variant {number}: {name}. {heard} {change}"


def now_shown(name: str) -> str:
    """What is said when another variant is shown."""
    return f"Shown: {name}."


def show_variant(name: str) -> str:
    """For a screen reader."""
    return f"Show in the player: {name}"


def hear_variant(name: str) -> str:
    """For a screen reader."""
    return f"Hear the sound: {name}"


# Contrast
CONTRAST_TAB = "Contrast"
CONTRAST_HINT = (
    "Why the model decided for one class and not for another, and which moment spoke for which, can be asked here "
    "once a sound has been played back."
)
CONTRAST_TITLE = "Why this class and not that one?"
CONTRAST_READING = (
    "Choose two classes. Each segment of the run is removed in turn: where that costs one class its lead over the "
    "other, the segment spoke for that class."
)
FIRST_CLASS = "Why this class"
SECOND_CLASS = "and not that one?"
CONTRAST_FILL = "Removed segments become"
CONTRAST = "Contrast"
CONTRAST_STOPPED = "Stopped. Ask again for the answer."
CONTRASTING = "Removing every segment in turn, and stretches elsewhere to compare with …"
TRAJECTORIES_TITLE = "How the two fared"
TRAJECTORIES_READING = (
    "Above, how sure the model was of either class after every hearing; below, the log-odds between them: above 0 the "
    "first one leads, below 0 the second."
)
TRAJECTORIES_LABEL = "Probability of both classes, and the log-odds between them, after every hearing"
CONTRAST_ACTIVITY_TITLE = "What each moment would be by itself"
CONTRAST_ACTIVITY_READING = (
    "Above, how probable the model would hold either class if it heard that moment alone; below, the log-odds of these "
    "two: above 0 the moment is more of the first class, below 0 more of the second. Nothing is removed for this."
)
CONTRAST_ACTIVITY_LABEL = "Activity of both classes over the clip, and the log-odds between them"
NO_ACTIVITY_TO_CONTRAST = (
    "This model does not tell what each moment would be by itself, so the two classes cannot be set against each other "
    "moment by moment; the segments below can."
)
CONTRAST_RELEVANCE_TITLE = "Which moments mattered"
CONTRAST_RELEVANCE_READING = (
    "The curve of every hearing is that of the run, whichever classes are contrasted. Only the colours differ: a "
    "chosen segment has that of the class for which it spoke, grey where it spoke for neither. The dashed line is the "
    "threshold above which a moment is chosen."
)
CONTRAST_RELEVANCE_LABEL = "How much every moment mattered in every hearing, with the segments that were chosen"
CONTRAST_TABLE_TITLE = "Which segment spoke for which"
CONTRAST_TABLE_READING = (
    "The segments that moved the log-odds most stand first. One speaks for a class only if removing it does more than "
    "removing any stretch of about its length elsewhere; by chance, that happens to a stretch about once in 11 times "
    "for either class."
)
NO_SEGMENTS = "No hearing chose a segment, so there is none to remove."
CONTRAST_COLUMNS = ("Chosen in", "Seconds", "Log-odds lost by removal", "Elsewhere", "Spoke for")
NEITHER = "neither"
PROBABILITY_AXIS = "probability"
LOG_ODDS_AXIS = "log-odds, nats"
CONTRAST_DEFINITIONS = {
    "log-odds of two classes": (
        "ln(p₁ / p₂) of their probabilities after a hearing, in nats: 0 where both are equally probable, +0.69 where "
        "the first is twice as probable, +2.3 ten times. Under a softmax it is the difference of the two outputs "
        "z₁ − z₂; no third class has a part in it. Where several classes may sound at once, each has odds p / (1 − p) "
        "of its own, and z₁ − z₂ is the logarithm of the one divided by the other, which is taken."
    ),
    "lost by removal": (
        "The log-odds after the last hearing of the run minus the same without the segment; above 0 the segment speaks "
        "for the first class, below 0 for the second. Without it the model is free to replay other moments, so "
        "segments that overlap or repeat one another may each seem to matter little (occlusion; Zeiler and Fergus "
        "2014)."
    ),
    "elsewhere": (
        "The least and the greatest log-odds lost by removing 10 stretches that sound but were not chosen, as long as "
        "the longest of all segments that are less than twice as long as one another. What any hole does to this "
        "sound: only beyond it does the place matter."
    ),
}


def one_class(model: str) -> str:
    return f"The model {model} knows one class only, so there are no two to contrast."


def removal_caption(fill: str, first_label: str, second_label: str, multi_label: bool) -> str:
    first, second = words.class_name(first_label), words.class_name(second_label)
    of = "odds of" if multi_label else "p of"
    between = f"ln({of} {first} / {of} {second})"
    return f"{between} after the last hearing, with {_FILL_NAMES[fill]} where something was removed"


def leads(first_label: str, second_label: str, value: float) -> str:
    """Who leads after the last hearing, and by how many nats."""
    ahead, behind = (first_label, second_label) if value >= 0 else (second_label, first_label)
    lead = f"{words.class_name(ahead)} leads {words.class_name(behind)} by {nats(abs(value))} after the last hearing"
    return lead[:1].upper() + lead[1:]


def contrast_conclusion(
    first_label: str, second_label: str, value: float, spoke_for: Sequence[str | None], strongest: str | None
) -> str:
    """What a contrast says, in one sentence.

    spoke_for: the class that every segment spoke for; strongest: what ``strongest_segment`` says of the clearest one.
    """
    first, second = (sum(label == each for each in spoke_for) for label in (first_label, second_label))
    lead = leads(first_label, second_label, value)
    if not spoke_for:
        return f"{lead}; no segment was chosen, so nothing says where."
    if not first and not second:
        none = "the only segment did no" if len(spoke_for) == 1 else f"none of the {len(spoke_for)} segments did"
        return f"{lead}, but {none} more than stretches elsewhere: nothing here says which moment decided between them."
    if len(spoke_for) == 1:
        return f"{lead}; the only segment spoke: {strongest}."
    return (
        f"{lead}; of {len(spoke_for)} segments {first} spoke for {words.class_name(first_label)} and {second} for "
        f"{words.class_name(second_label)}; most of all spoke {strongest}."
    )


def strongest_segment(label: str, index: int, start: float, end: float, value: float) -> str:
    chosen = f"{stretch(start, end)}, chosen in {hearing_name(index)},"
    return f"{chosen} for {words.class_name(label)} ({log_odds(value)})"


def spoke_for(name: str) -> str:
    """Of segments, in the legend of the chart."""
    return f"spoke for {name}"


def segment_number(index: int, number: int, forced: bool) -> str:
    """ "Playback 1, segment 2"."""
    held = ", held" if forced else ""
    return f"{words.hearing_title(index)}, segment {number}{held}"


def log_odds_range(least: float, greatest: float) -> str:
    return f"{log_odds(least).removesuffix(words.NBSP + 'nats')} to {log_odds(greatest)}"


# Compare
COMPARE_TAB = "Compare"
COMPARE_HINT = (
    "Two clips, or two models on one clip, can be put side by side here once a sound has been played back in the "
    "first part of the page."
)
COMPARE_READING = (
    "The run shown stands above the other one, both on one time axis and with one playhead. Leave the recording empty "
    "for the same clip, and choose another model; or choose another recording, with the same model or another one."
)
COMPARE_RECORDING = "The other recording (empty: the same clip)"
COMPARE_MODEL = "The other run's model"
COMPARE_START = "Start of the other clip (seconds)"
COMPARE = "Compare"
SWAP = "Swap"
COMPARE_STOPPED = "Stopped. The hearings that were ready stay."
COMPARE_NO_RUN = "Play a sound back first; then there is a run to compare with."
FIRST_RUN, SECOND_RUN = "First", "Second"
FIRST_PLAYER_LABEL = "The hearings of the first run"
SECOND_PLAYER_LABEL = "The hearings of the second run"
COMPARE_DIFFERENCES = "Where they differ"
COMPARE_DIFFERENCES_READING = "Hearings after which the two decide for different classes are bold."
HEARINGS_COMPARED = "Hearing by hearing"
CLASSES_COMPARED = "Classes that differ most after the last hearing"
COMPARE_HEARING_COLUMNS = (
    "First decides",
    "Second decides",
    "Replayed by both",
    "Only by the first",
    "Only by the second",
)
OVERLAP_COLUMN = "Overlap (IoU)"
COMPARE_CLASS_COLUMNS = ("Class", "First", "Second", "Difference")
NOTHING_COMMON = "The two models name no class in common, so no probabilities can be compared."
NO_COMMON_TIME = "The two clips are not equally long, so the time that they replayed is not compared."
COMPARE_DEFINITIONS = {
    "replayed by both": (
        "Seconds that both runs heard again in the same hearing, |A ∩ B|, and those that only one of them did, "
        "|A \\ B| and |B \\ A|; A and B are the times inside their replayed segments, counted from the start of either "
        "clip."
    ),
    "overlap (IoU)": (
        "Intersection over union of the replayed times of one hearing, |A ∩ B| / |A ∪ B|: 1 where both replayed the "
        "same, 0 where they have nothing in common (Jaccard 1901). Given where both hear the same clip; in two "
        "different clips the same second holds different sounds."
    ),
}


def channel_name(channel: int) -> str:
    return f"Channel {channel}"


def run_name(clip: str, start_seconds: float, channel: int | None, model: str) -> str:
    """What a compared run heard, and which model."""
    at = f" from {start_seconds:.2f}{words.NBSP}s" if start_seconds else ""
    heard = "" if channel is None else f", {channel_name(channel).lower()}"
    return f"{clip}{heard}{at} · {model}"


def agreement(first_disagreement: int | None, hearings: int, first: str, second: str) -> str:
    """Where two runs part, in one sentence. ``first``, ``second``: what they decide after the last hearing of both."""
    if first_disagreement is None and first != second:
        names = f"{words.class_name(first)} and {words.class_name(second)}"
        return f"Both decide for the same class after every hearing; in the end {names}, one within the other."
    if first_disagreement is None:
        return f"Both decide for the same class after every hearing; in the end, {words.class_name(first)}."
    where = "already at the first hearing" if first_disagreement == 0 else f"at playback {first_disagreement}"
    if first == second:
        return f"They part {where}, but in the end both decide for {words.class_name(first)}."
    where = where if hearings > 1 else "at the only hearing"
    return f"They part {where}: in the end {words.class_name(first)} against {words.class_name(second)}."


# Windows of a long recording
WINDOWS_TAB = "Long recordings"
WINDOWS_READING = (
    "Listens to the whole recording at the top of the page, window after window, as long as it may be. In the strip "
    "every window is a bar: its colour is the class, its height the confidence. In the lanes below, of models with "
    "activity, every bar is an event: its class sounds from its start to its end, several at once where they do. Click "
    "a bar, or press Enter on it, to see why."
)
WINDOWS_UPLOADS = (
    "A file may have up to 700 MB: an hour of stereo WAV, about two of FLAC, twelve of MP3. No more than a few windows "
    "of it are in memory at a time."
)
WINDOWS_HOP = "Windows"
WINDOWS_HOPS = {1.0: "side by side", 0.5: "overlapping by half"}
WINDOWS_LISTEN = "Listen to all of it"
WINDOWS_STOPPED = "Stopped. What was heard so far stays, and can be taken away."
WINDOWS_NO_RECORDING = "Choose a recording at the top of the page first."
TIMELINE_LABEL = "The classes of the recording over time"
STRETCHES_LABEL = "Stretches of one class; click one, or press Enter on it, to see why"
STRETCH_COLUMNS = ("start", "stop", "class", "confidence, %", "windows")
EVENTS_LABEL = "Events; click one, or press Enter on it, to see why"
EVENT_COLUMNS = ("start", "stop", "class", "confidence, %", "peak")
TAKE_WINDOWS = "Windows (CSV)"
TAKE_EVENTS = "Events (CSV)"
TAKE_AUDACITY = "Labels for Audacity"
TAKE_RAVEN = "Selections for Raven"
#: of the timeline's script, which fills in what stands in braces
TIMELINE_WORDS = {
    "surface": "Windows of the recording. Arrow keys go from window to window, Enter opens one.",
    "window": "{start}–{stop}: {class}, {confidence}",
    "events": "Events of the recording. Arrow keys go from event to event, Enter opens one.",
    "event": "{class}: {start}–{stop}, {confidence}",
    "waiting": "{start}: not heard yet",
    "rest": "Point at a bar, or go there with the arrow keys; click it or press Enter to see why.",
    "lens": "What lies around the place above",
    "legend": "Classes; press one to see it alone",
    "other": "other classes",
}
WINDOWS_DEFINITIONS = {
    "window": (
        "A stretch as long as the clip that the model hears at once, classified as if it were a clip of its own, with "
        "as many playbacks as chosen above. The class is the most probable one after the last hearing, the confidence "
        "its probability. The last window is as long as what is left, with silence behind."
    ),
    "event": (
        "One class for as long as it sounds, by the activity of the first hearing: what the model would say of every "
        "moment by itself. Overlapping windows are averaged, and a median over 0.25 s smooths it. An event reaches "
        "30 %, and begins and ends where its class crosses 20 % (double thresholds; Dinkel and Yu 2020); gaps of up to "
        "0.2 s are closed, and what is shorter than 0.2 s is none. Its confidence is its mean activity, its peak the "
        "moment of the largest. It is the model's, not the truth."
    ),
    "stretch": (
        "Of models without activity, in place of events: neighbouring windows of one class, joined; its confidence is "
        "the mean of theirs. Where overlapping windows are of different classes, the border lies in the middle of what "
        "they share."
    ),
}


def windows_progress(done: int, total: int, seconds_left: float | None) -> str:
    left = "" if seconds_left is None else f"; {about_left(seconds_left)}"
    return f"Window {done} of {total}{left}"


def about_left(seconds_left: float) -> str:
    """ "about 2 min 10 s left"; near the end in whole seconds."""
    return f"about {words.seconds(max(1, round(seconds_left)))} left"


def windows_conclusion(name: str, duration: float, windows: int, shares: Mapping[str, float]) -> str:
    """What a whole recording holds. ``shares``: class -> its share of the windows, the largest first."""
    first = list(shares.items())[:3]
    leading = ", ".join(f"{words.class_name(label)} {words.percent(share)}" for label, share in first)
    counted = "1 window" if windows == 1 else f"{windows} windows"
    return f"{name}: {words.seconds(duration)}, {counted}. Most of all: {leading}."


def events_conclusion(events: int, classes: int, lanes: int) -> str:
    """How many events there are, and of how many classes; ``lanes``: so many classes are drawn."""
    if not events:
        return "No event: no class is sure enough of any moment."
    counted = "1 event" if events == 1 else f"{events} events"
    of_classes = "1 class" if classes == 1 else f"{classes} classes"
    drawn = f"; the {lanes} that sound longest have lanes, the table has all" if classes > lanes else ""
    return f"{counted} of {of_classes}{drawn}."


def no_events(model: str) -> str:
    """What is shown in place of events."""
    return f"{model} has no activity, so it cannot say when each class sounds: below are stretches of its windows."


def recording_clock(second: float) -> str:
    """A moment of a long recording, in a form that sorts: 3725.25 -> "01:02:05.3"."""
    minutes, tenths = divmod(round(10 * second), 600)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{tenths / 10:04.1f}"


# A folder of clips
FOLDER_TAB = "A folder of clips"
FOLDER_READING = (
    "Plays back every clip of a folder: a row of the table each, to sort, search and filter; click a row, or press "
    "Enter on it, to see why. Of longer recordings the start is played back. Where clips lie in folders named after "
    "their classes, or a table says what they are, it is also told what replay mends and what it spoils."
)
FOLDER_LABEL = "Clips"
FOLDER_CHANNEL = "Channel, of clips that have several"
FOLDER_TABLE = "Table of classes, if the folders' names do not tell (CSV: path,label)"
FOLDER_RUN = "Play all of them back"
FOLDER_STOPPED = "Stopped. The clips that were ready stay, and can be taken away."
FOLDER_NOTHING_READ = "None of these files could be explained."
FOLDER_NO_FILES = "Choose a folder or some sound files first."
FOLDER_TABLE_LABEL = "The clips; click one, or press Enter on it, to see why"
FOLDER_CLIP, FOLDER_CLASS, FOLDER_DECISION = "clip", "class", "decision"
FOLDER_REPLAYED, FOLDER_CHANGED, FOLDER_OUTCOME, FOLDER_EVENTS = "replayed, s", "changed at", "outcome", "events"
_EVENTS_IN_A_CELL = 3
RIGHT, WRONG, RESCUED, SPOILT = "right", "wrong", "rescued", "spoilt"
TAKE_FOLDER = "The table (CSV)"
LEFT_OUT = "Left out"
ACCURACY_TITLE = "What replay mends and what it spoils"
ACCURACY_OF_ONE_TITLE = "How many are right"
ACCURACY_READING = "How many are right after every hearing, of the clips whose class is known."
NARROWER_IS_RIGHT = " A class within that one is right, too."
ACCURACY_CAPTION = "Accuracy after every hearing"
CONFUSION_TITLE = "What is taken for what"
CONFUSION_READING = (
    "A row is what the clips are, a column what they were taken for; the diagonal is right. Only classes that occur."
)
CONFUSION_HEARING = "After"
CONFUSION_LABEL = "Confusion matrix: true class against decision"
TRUE_CLASS_AXIS, DECISION_AXIS = "is", "is taken for"
RIGHT_HOVER = "%{y}: %{z} right<extra></extra>"
WRONG_HOVER = "%{y} taken for %{x}: %{z}<extra></extra>"
MOMENTS_TITLE = "Where in time each class is replayed"
MOMENTS_READING = "The stronger the colour of a stretch, the more clips of that class replay it."
MOMENTS_LABEL = "Share of the clips of every class that replay each twentieth of the clip"
MOMENTS_HOVER = "%{y}, around %{x:.2f} s: %{z:.0%} of its clips<extra></extra>"
MOMENTS_OF_DECISIONS = "No clip's true class is known, so clips are put together by what the model decides."
#: of the script that takes a folder, which fills in what stands in braces
FOLDER_WORDS = {
    "folder": "Choose a folder",
    "files": "Choose files",
    "drop": "or drop a folder or files here",
    "sending": "Sending {done} of {total} …",
    "one": "1 sound file",
    "some": "{total} sound files",
    "many": "{total} sound files in {folders} folders",
    "none": "There are no sound files among these. Choose WAV, FLAC, OGG, MP3 or similar files.",
    "failed": "{name} could not be sent. Choose the files again.",
}
FOLDER_DEFINITIONS = {
    "confidence": DEFINITIONS["confidence"],
    "event": WINDOWS_DEFINITIONS["event"],
    "replayed seconds": (
        "How much of a clip was heard again in one playback or another, each moment counted once, in the clip's own "
        "seconds."
    ),
    "rescued and spoilt": (
        "Rescued: wrong after the first hearing and right after the last; spoilt: the other way round. All other clips "
        "are right or wrong after both. Accuracy after the last hearing is that after the first, plus the share "
        "rescued, less the share spoilt."
    ),
}
MOMENTS_DEFINITION = {
    "share of clips": (
        "The clip is cut into 20 equal parts; a clip replays a part if at least half of it lies inside its replayed "
        "segments, in one playback or another. The figure is the share of a class's clips that do."
    ),
}


def folder_events(events: Sequence[tuple[str, float, float]]) -> str:
    """The events of a clip, (class, start, end), in the cell of a table; of many those that last longest."""
    longest = sorted(events, key=lambda event: event[1] - event[2])[:_EVENTS_IN_A_CELL]
    told = [
        f"{words.class_name(label)} {start:.1f}–{end:.1f} s"
        for label, start, end in events
        if (label, start, end) in longest
    ]
    return ", ".join(told) + (f" and {len(events) - len(told)} more" if len(events) > len(told) else "")


def clips_progress(done: int, total: int, seconds_left: float | None) -> str:
    left = "" if seconds_left is None else f"; {about_left(seconds_left)}"
    return f"Clip {done} of {total}{left}"


def confidence_column(index: int) -> str:
    """Head of a column of the table of clips: confidence after a hearing."""
    return "at first, %" if index == 0 else f"after {index}, %"


def folder_conclusion(clips: int, labelled: int, accuracy: Sequence[float], rescued: int, spoilt: int) -> str:
    """What a folder says, in one or two sentences. ``accuracy``: after every hearing, of the labelled clips."""
    counted = "1 clip" if clips == 1 else f"{clips} clips"
    if not labelled:
        return f"{counted}; the class of none of them is known."
    known = "" if labelled == clips else f", {labelled} of known class"
    right = f"{words.percent(accuracy[-1])} are right"
    if len(accuracy) == 1:
        return f"{counted}{known}. {right}."
    before = f"{words.percent(accuracy[0])} after the first"
    return f"{counted}{known}. {right} after the last hearing, {before}: {rescued} rescued, {spoilt} spoilt."


# What suffices and what is needed, and every second alone: below the playbacks
PASSAGES_TITLE = "What the choice rests on"
PASSAGES_READING = (
    "Two things, each tried on this very clip and heard by the model: the shortest passage that, kept alone, leaves "
    "the class standing, and the least time whose removal takes it away. What is edited becomes silence."
)
PASSAGES_DEFINITIONS = {
    "suffices": (
        "Kept alone, the model still decides for the class (of several classes at once: gives it 50 % or more). "
        "Passages of 0.25 s to three quarters of what sounds are tried, where activity or relevance of the class is "
        "greatest, the shortest first. A search of every passage might find a shorter one."
    ),
    "needs": (
        "Taken out, the class is gone: the model decides otherwise, and has less than half of the probability that it "
        "gave the class in the whole clip. Up to half of what sounds is taken out, greatest activity or relevance "
        "first: with more gone, it is no wonder that the class is, too. A class that sounds again and again may need "
        "no part."
    ),
}
LOOKING_FOR_PASSAGES = "Hearing which passage suffices, and what is needed …"
HEAR_KEPT, HEAR_KEPT_NAME = "what was kept", "Play the passage that suffices"
HEAR_LEFT, HEAR_LEFT_NAME = "what is left", "Play the clip without all that it needs"

CHECK = "Check"
CHECK_READING = (
    "“Check” keeps every second of the clip alone and lets the model hear it: a line for each of the likeliest "
    "classes. Where the model has learned activity, what that says of the same second is dotted beside it."
)
CHECK_DEFINITIONS = {
    "every second alone": (
        "Stretches of 1 s, one every 0.25 s, cut at the clip’s ends: only the stretch is kept, all else is silence, "
        "and the first hearing’s answer is told at its middle. Stretches of digital silence are left out."
    ),
    "distance": (
        "The mean over the stretches of Σ p ln(p / a), p being the answer and a the activity, averaged over the same "
        "stretch: the Kullback-Leibler divergence over all classes in nats, 0 where both are equal (of several classes "
        "at once: the sum over the classes of that of yes and no). For the class explained: the mean absolute "
        "difference in percentage points, and Pearson’s correlation."
    ),
}
LANES = "Ask them"
LANES_READING = (
    "Other ways to explain the first hearing for the class explained, each a lane beside the model’s own relevance and "
    "activity: as many as suit the model, with their cost in passes through it. Where the ways agree, there is more "
    "reason to believe them; “evidence”, in the shell, measures each over a data set."
)
LANES_DEFINITIONS = {
    "grad-cam": (
        "The last features that lie over time, each weighed by how much the class’s logit rises with it (Selvaraju et "
        "al. 2017). After layers that mix all moments, a place among these features may speak of any of them."
    ),
    "class activation map": (
        "The same features as the class’s own weights read them (Zhou et al. 2016): where a model takes their mean, "
        "this is what each of them adds to the logit, exactly."
    ),
    "occlusion": (
        "A second at a time is silenced, and the model hears the rest: by how much the log-probability of the class "
        "falls (Zeiler and Fergus 2014), the mean over the stretches that hold a moment."
    ),
    "integrated gradients": (
        "What the samples of a moment add to the logit on the way from silence to the clip (Sundararajan et al. 2017)."
    ),
}
LANES_CHART_LABEL = "Lanes of other ways to explain, beside relevance and activity"
OWN_RELEVANCE, OWN_ACTIVITY = "relevance, the model’s own", "activity, the model’s own"


def finding_lanes(done: int, total: int) -> str:
    return f"Asking in other ways … ({done} of {total} passes)"


CHECK_CHART_LABEL = "Probability of classes in every second kept alone, and their activity"


def checking(done: int, total: int) -> str:
    return f"Hearing every second alone … ({done} of {total})"


def by_activity(name: str) -> str:
    """A class's curve as activity has it."""
    return f"{name}, by activity"
