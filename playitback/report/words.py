"""What is said of an explanation, and how numbers are written: the same on the page, in a report and in a figure.

Texts are plain: where one goes into HTML, it is escaped there.
"""

from __future__ import annotations

from collections.abc import Sequence

from playitback.counts import counted

#: between a number and its unit, so that no line ends between them
NBSP = "\N{NO-BREAK SPACE}"
FIRST_HEARING = "First hearing"


def class_name(label: str) -> str:
    """ "door_wood_knock" -> "door wood knock"."""
    return label.replace("_", " ")


def class_within(label: str, broader: Sequence[str]) -> str:
    """ "Dog · Animal; Domestic animals, pets": with the broader classes that it is among."""
    return " · ".join(filter(None, (class_name(label), "; ".join(map(class_name, broader)))))


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
    return f"{signed_points(change)}{NBSP}point{'' if abs(rounded) == 1 else 's'}"


def signed_points(change: float) -> str:
    """Where there is no room for the unit: 0.21 -> "+21", -0.01 -> "−1", 0.001 -> "±0"."""
    rounded = round(100 * change)
    return "±0" if rounded == 0 else f"{rounded:+d}".replace("-", "\N{MINUS SIGN}")


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


def marked(replays: bool) -> str:
    """What happened to the segments that count as the reason; where nothing is replayed, they were only chosen."""
    return "replayed" if replays else "chosen"


def lane(replays: bool) -> str:
    """What the segments come from: attention in models that replay, in others relevance of whatever origin."""
    return "attention" if replays else "relevance"


def hearing_title(index: int) -> str:
    return FIRST_HEARING if index == 0 else f"Playback {index}"


def hearing_sentence(
    index: int,
    decision: str,
    probability: float,
    change: float | None,
    previous_decision: str | None,
    replayed_seconds: float,
    hop_seconds: float | None,
    previous_probability: float | None = None,
) -> str:
    """What happened in one hearing, in one or two sentences.

    hop_seconds: None of a model that takes no frames, and so replays nothing; previous_probability: what the previous
    decision has now, where every class has a probability of its own: that another is named does not mean then that it
    is gone.
    """
    if hop_seconds is None:
        return f"The model says {class_name(decision)} ({percent(probability)})."
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
    if previous_probability is not None:
        named = f"{heard} The model now says {class_name(decision)} ({moved})"
        return f"{named}; {before}, named before, has {percent(previous_probability)}."
    return f"{heard} The model now says {class_name(decision)} ({moved}), no longer {before}."


def conclusion(decisions: Sequence[str], probability: float, multi_label: bool = False) -> str:
    """What the whole run says.

    decisions: after every hearing; probability: of the last decision; multi_label: whether every class has one of its
    own, so that to name another is no change of mind.
    """
    last = f"{class_name(decisions[-1])}, {percent(probability)}"
    changes = [index for index in range(1, len(decisions)) if decisions[index] != decisions[index - 1]]
    if len(decisions) == 1:
        return f"The model hears {last}."
    if not changes:
        return f"The model hears {last}; it did from the first hearing on."
    if multi_label:
        before = [class_name(label) for label in dict.fromkeys(decisions[:-1]) if label != decisions[-1]]
        return f"The model hears {last}. In earlier hearings it named {_listed(before)}, too."
    at = " and ".join(filter(None, (", ".join(str(index) for index in changes[:-1]), str(changes[-1]))))
    playbacks = "playback" if len(changes) == 1 else "playbacks"
    return (
        f"The model hears {last}. It changed its mind at {playbacks} {at}; first it heard {class_name(decisions[0])}."
    )


def decision_change(before: str, after: str) -> str:
    """Mark on the chart where the decision changed."""
    return f"{class_name(before)} → {class_name(after)}"


#: of a model
NO_ACTIVITY = "It does not tell what each moment would be by itself, so there is no map of classes over time."


ACTIVITY_TITLE = "what each moment would be by itself"


def up_to(peak: float) -> str:
    """ "up to 73 %": of a class over time."""
    return f"up to {percent(peak)}"


def player_note(asked: str | None, *, can_replay: bool, can_aim: bool, has_activity: bool) -> str:
    """For which class the rows' relevance and segments are, and what the model does not tell.

    asked: the class that all hearings explain; None where each explains its own decision.
    """
    curves = f"{lane(can_replay).capitalize()} and segments"
    if can_aim:
        target = "the class that each hearing decides for" if asked is None else class_name(asked)
        said = f"{curves} are for {target}."
    else:
        said = f"{curves} of this model do not follow the class to explain: it chooses the same for each."
    return said if has_activity else f"{said} {NO_ACTIVITY}"


# The report. It says nothing of playbacks where the model cannot replay, and nothing of slots where it has none.

REPORT_CONFIDENCE = "Confidence"
REPORT_HOW_TO_READ = "How to read this"
REPORT_TAKE_AWAY = "Take away"
REPORT_TERMS = "Terms and limits"
ASKED_ABOUT = "asked about"  # beside the name of a class that is not the one decided for
PROBABILITY_CAPTION = "Probability after every hearing; the class decided for is bold"
NO_SCRIPT = "The hearings are drawn and played by a script inside this file, and this program runs no scripts."
FACT_RECORDING, FACT_EXPLAINED, FACT_MODEL = "Recording", "Explained", "Model"
FACT_HEARINGS, FACT_THRESHOLD, FACT_ASKED = "Hearings", "Threshold", "Class asked about"
TAKE_EXPLANATION = "All numbers (JSON)"
TAKE_FIGURE = "Figure for a paper (SVG)"

MULTI_LABEL = "Every class has a probability of its own, so those of a hearing need not sum to 1."
RECORDING_INSIDE = "This file holds the recording itself: everyone who gets it can listen to it."

#: on rows, spectrogram, model's frames, the sound as the model heard it, confidence
_READING_HEARINGS = (
    "One row a hearing, all on the clip's own seconds. The model hears the whole clip once; every playback hears what "
    "the hearing before it chose again, at a finer hop.",
    "Seconds to the right, frequency upwards, louder is brighter, the same colours in all rows. White frames: what was "
    "replayed in this hearing, drawn at its finer hop.",
    "The same as the model was given it: a fixed number of frames, of which replayed segments take more and the rest "
    "less.",
    "That as sound: replayed segments stretched, the rest squeezed; the pitch stays. A segment itself plays as it was "
    "recorded.",
    "The leading classes after each hearing, and by how many percentage points the hearing moved them.",
)
_READING_ONE_HEARING = (
    "One row, on the clip's own seconds: this model hears the whole clip once and cannot replay any of it.",
    "Seconds to the right, frequency upwards, louder is brighter.",
    "The same as the model was given it: a fixed number of frames.",
    "That as sound.",
    "The leading classes.",
)


_READING_ACTIVITY = (
    "Class by class, what the model would say of each moment by itself, 0 to 100 %: learned from its own answers to "
    "short stretches kept alone, so it tells of the model, not of what is true."
)
_READING_ASKED_ACTIVITY = (
    "Class by class, what the model says of each moment by itself, 0 to 100 %: the mean of its answers to the short "
    "stretches around it, each kept alone, so it tells of the model, not of what is true."
)
_READING_OTHER_FRAMES = "The same, column by column; what the model is given is made of the sound in a way of its own."


def how_to_read(
    *,
    has_slots: bool,
    can_replay: bool,
    has_activity: bool,
    learns_activity: bool = True,
    reads_log_mel: bool = True,
) -> dict[str, str]:
    """What it is -> one line on how to read it."""
    rows, spectrogram, frames, tape, confidence = _READING_HEARINGS if can_replay else _READING_ONE_HEARING
    frames = frames if reads_log_mel else _READING_OTHER_FRAMES
    chosen = "the segment is chosen for the next hearing" if can_replay else "the segment is chosen"
    lane, meaning = "Relevance", "How much every moment matters for the class asked about, else the decision. Where it"
    if has_slots:
        lane, meaning = "Attention", "Two slots compete for every moment. Where the informative one"
    return {
        "Rows": rows,
        "Spectrogram": spectrogram,
        lane: f"{meaning} stays above the threshold, {chosen} (dashed edges).",
        **({"Activity": _READING_ACTIVITY if learns_activity else _READING_ASKED_ACTIVITY} if has_activity else {}),
        "Model's frames": frames,
        "As the model heard it": tape,
        "Confidence": confidence,
    }


def report_rows(can_replay: bool) -> str:
    """Heading of the rows."""
    return "The playbacks" if can_replay else "The hearing"


def figure_description(has_slots: bool) -> str:
    """In words, for those who cannot see the figure."""
    lanes = "attention" if has_slots else "relevance"
    return f"All hearings as a figure: spectrograms, {lanes} and the leading classes, as told above"


def limits(can_replay: bool) -> str:
    """What no explanation says."""
    return (
        "A probability says how sure this model is, not how likely it is to be right. The "
        f"{'replayed' if can_replay else 'chosen'} segments show what this model chose, not what is true of the sound."
    )


def recording_facts(duration: float, sample_rate: int, channels: int, file_format: str) -> str:
    """ "5 s · 44.1 kHz · stereo · WAV"."""
    told = {1: "mono", 2: "stereo"}.get(channels, f"{channels} channels")
    return " · ".join((seconds(duration), hertz(sample_rate), told, file_format))


def explained_facts(start_seconds: float, explained_seconds: float) -> str:
    """ "0.00 to 5.00 s of it"."""
    return f"{start_seconds:.2f} to {start_seconds + explained_seconds:.2f}{NBSP}s of it"


def model_facts(model_name: str, classes: int, clip_seconds: float, sample_rate: int) -> str:
    """ "esc50-small: 50 classes, hears 5 s at once, at 16 kHz"."""
    named = counted(classes, "class", "classes")
    return f"{model_name}: {named}, hears {seconds(clip_seconds)} at once, at {hertz(sample_rate)}"


def hearing_facts(hops_seconds: Sequence[float]) -> str:
    """ "the first hearing and 1 playback, at hops of 25 ms and 12.5 ms"; one hop a hearing, none for a sole one."""
    if not hops_seconds:
        return "the first hearing alone"
    hops = _listed(list(map(milliseconds, hops_seconds)))
    count = len(hops_seconds) - 1
    if count == 0:
        return f"the first hearing alone, at a hop of {hops}"
    return f"the first hearing and {counted(count, 'playback')}, at hops of {hops}"


def threshold_fact(thresholds: Sequence[float], *, has_slots: bool) -> str:
    """ "0.5 of the informative slot's attention"; hearing by hearing where they differ."""
    numbers = [f"{threshold:.2g}" for threshold in thresholds]
    told = numbers[0] if len(set(numbers)) == 1 else f"hearing by hearing, {_listed(numbers)}"
    lane = "informative slot's attention" if has_slots else "relevance"
    return f"{told} of the {lane}"


def _listed(parts: Sequence[str]) -> str:
    """ "a", "a and b", "a, b and c"."""
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def model_terms(model_name: str, data_set: str | None, licence: str | None) -> str:
    """What a checkpoint says of its data and licence; nothing where it says nothing.

    licence: an SPDX identifier, or "other" for terms that are on no list.
    """
    trained = f"was trained on {data_set}" if data_set else ""
    if licence == "other":
        terms = "the terms of its training data apply to it"
    else:
        terms = f"is licensed {licence}" if licence else ""
    told = " and ".join(filter(None, (trained, terms)))
    return f"The model {model_name} {told}." if told else ""
