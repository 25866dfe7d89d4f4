"""The report: a run in one HTML file that needs nothing else, neither a network nor this program.

    Explanation, PlayerView, figure.svg -> report_html -> str

The same synchronised player as on the page stands in it, with every sound and picture as a data: address, and the
explanation's JSON. A Content-Security-Policy forbids everything else: no address but data:, and of scripts only the one
that is written here. On paper the figure takes the player's place.

Sounds are FLAC: it is lossless, so a segment starts and ends at the very samples that the model heard, which MP3 and
Ogg do not promise; it takes a quarter to three quarters of a WAV; and the WebAudio of Chromium (56), Firefox (51) and
Safari (11) decodes it. What is the same (the clip and the first hearing's tape) is embedded once. A report of 5 s and
four hearings weighs 0.8 MB where the sound is sparse and 1.2 MB where it is noise, two thirds of it sound; with WAV it
would be 0.2 to 0.6 MB more.
"""

from __future__ import annotations

import base64
import hashlib
import html
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import soundfile

from playitback.config import ModelConfig
from playitback.explain.explanation import Explanation
from playitback.recognizer import Recognizer
from playitback.report import lanes, passages, words
from playitback.report import player as synchronised_player
from playitback.report.rows import PlayerView, player_data

_FOLDER = Path(__file__).parent


def report_html(
    explanation: Explanation, player: PlayerView, figure: str, recognizer: Recognizer, asked: str | None = None
) -> str:
    """The report of a run. player: its rows, whose sounds and pictures are read here; figure: its figure, SVG.

    recognizer: that explained the clip; asked: a class that is shown even where it does not lead. There must be one
    hearing at least. The same run gives the same text.
    """
    has_slots, can_replay = explanation.has_slots, recognizer.model.can_replay
    reading = words.how_to_read(
        has_slots=has_slots,
        can_replay=can_replay,
        has_activity=explanation.has_activity,
        learns_activity=explanation.learns_activity,
        reads_log_mel=explanation.reads_log_mel,
    )
    description = words.figure_description(has_slots)
    files = _Files()
    # the name of a run changes whenever its rows are drawn; in the report there is this one run
    shown = replace(player, run_id="report", finished=True, expected_rows=len(player.rows), link=None)
    hearings = _json({"player": player_data(shown, files.add), "files": files.addresses})
    script = f"{synchronised_player.script()}\n{_text('report.js')}"
    style = f"{synchronised_player.style()}\n{_text('report.css')}\n{passages.style()}"
    decisions = [explanation.decision(index) for index in range(len(explanation.hearings))]
    conclusion = words.conclusion(decisions, explanation.probability(-1, decisions[-1]), explanation.multi_label)
    explanation_address = _data_address("application/json", _utf8(explanation.to_dict()))
    figure_address = "data:image/svg+xml," + quote(figure, safe=" /:;,=+()!*'@$?&[]{}|^~`")
    name = _safe(explanation.info.name)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{_policy(script)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: {_safe(conclusion)}</title>
<style>
{style}</style>
</head>
<body>
<header>
<p class="kind">Play It Back</p>
<h1>{name}</h1>
<p class="conclusion">{_safe(conclusion)}</p>
{"".join(f'<p class="notes">{_safe(note)}</p>' for note in explanation.remarks)}
{_definitions("facts", _facts(explanation, recognizer.config, asked))}
</header>
<main>
<h2>{words.report_rows(can_replay)}</h2>
<noscript><p>{words.NO_SCRIPT}</p></noscript>
<div id="player" class="playitback-player on-screen" data-row-count="0"></div>
<img id="figure" class="for-print" src="{html.escape(figure_address)}" alt="{description}">
{_passages(explanation)}<h2>{words.REPORT_CONFIDENCE}</h2>
{_probabilities(explanation, asked)}
<h2>{words.REPORT_HOW_TO_READ}</h2>
{_definitions("reading", reading)}
<div class="on-screen take-away">
<h2>{words.REPORT_TAKE_AWAY}</h2>
<a download="explanation.json" href="{explanation_address}">{words.TAKE_EXPLANATION}</a>
<a download="figure.svg" id="take-figure">{words.TAKE_FIGURE}</a>
</div>
</main>
<footer>
<h2>{words.REPORT_TERMS}</h2>
{"".join(f'<p class="terms">{_safe(sentence)}</p>' for sentence in _terms(explanation, recognizer))}
</footer>
<script type="application/json" id="hearings">{hearings}</script>
<script>{script}</script>
</body>
</html>
"""


class _Files:
    """Files as data: addresses, by names that their content makes, so that nothing is embedded twice."""

    def __init__(self) -> None:
        self.addresses: dict[str, str] = {}

    def add(self, path: str) -> str:
        content = Path(path).read_bytes()
        name = hashlib.sha256(content).hexdigest()[:16]
        if name not in self.addresses:
            is_sound = Path(path).suffix == ".wav"
            self.addresses[name] = (
                _data_address("audio/flac", _flac(content)) if is_sound else _data_address("image/png", content)
            )
        return name


def _flac(wav: bytes) -> bytes:
    """16-bit WAV as FLAC, sample by sample the same."""
    samples, sample_rate = soundfile.read(BytesIO(wav), dtype="int16")
    written = BytesIO()
    soundfile.write(written, samples, sample_rate, format="FLAC", subtype="PCM_16")
    return written.getvalue()


def _data_address(kind: str, content: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def _utf8(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def _json(value: Any) -> str:
    """JSON that may stand inside a script element: nothing in it ends the element or opens a comment."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _policy(script: str) -> str:
    digest = base64.b64encode(hashlib.sha256(script.encode("utf-8")).digest()).decode("ascii")
    return (
        f"default-src 'none'; script-src 'sha256-{digest}'; style-src 'unsafe-inline'; "
        "img-src data:; connect-src data:; base-uri 'none'; form-action 'none'"
    )


def _facts(explanation: Explanation, config: ModelConfig, asked: str | None) -> dict[str, str]:
    info, hearings = explanation.info, explanation.hearings
    facts = {
        words.FACT_RECORDING: words.recording_facts(info.seconds, info.sample_rate, info.channels, info.format),
        words.FACT_EXPLAINED: words.explained_facts(explanation.start_seconds, explanation.seconds),
        words.FACT_MODEL: words.model_facts(
            explanation.model_name, len(explanation.labels), explanation.clip_seconds, config.front_end.sample_rate
        ),
        words.FACT_HEARINGS: words.hearing_facts(
            [hearing.hop_seconds for hearing in hearings] if explanation.reads_log_mel else []
        ),
        words.FACT_THRESHOLD: words.threshold_fact(
            [hearing.threshold for hearing in hearings], has_slots=explanation.has_slots
        ),
    }
    return facts if asked is None else {**facts, words.FACT_ASKED: words.class_name(asked)}


def _terms(explanation: Explanation, recognizer: Recognizer) -> Sequence[str]:
    about = recognizer.about
    told = words.model_terms(explanation.model_name, about.get("data", {}).get("name"), about.get("licence"))
    limits = words.limits(recognizer.model.can_replay)
    several = words.MULTI_LABEL if recognizer.config.multi_label else ""
    return [sentence for sentence in (told, limits, several, words.RECORDING_INSIDE) if sentence]


def _definitions(kind: str, told: Mapping[str, str]) -> str:
    entries = "".join(f"<dt>{_safe(term)}</dt><dd>{_safe(meaning)}</dd>" for term, meaning in told.items())
    return f'<dl class="{kind}">{entries}</dl>'


def _probabilities(explanation: Explanation, asked: str | None) -> str:
    """The leading classes over the hearings: a row a class, a column a hearing."""
    hearings = range(len(explanation.hearings))
    titles = "".join(f'<th scope="col">{_safe(words.hearing_title(index))}</th>' for index in hearings)
    rows = "".join(
        f'<tr><th scope="row">{_safe(words.class_name(label))}</th>'
        f"{''.join(_cell(explanation, index, label) for index in hearings)}</tr>"
        for label in explanation.leading(asked)
    )
    return (
        f'<div class="numbers"><table class="probabilities"><caption>{words.PROBABILITY_CAPTION}</caption>'
        f"<thead><tr><td></td>{titles}</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _passages(explanation: Explanation) -> str:
    """What suffices and what is needed, what every second says alone, and other ways, where that was asked for."""
    told = ""
    if explanation.passages is not None:
        suffices, needs = passages.both_html(explanation.passages)
        told += f"<h2>{passages.SUFFICES_TITLE}</h2>{suffices}<h2>{passages.NEEDS_TITLE}</h2>{needs}"
    if explanation.alone is not None:
        told += f"<h2>{passages.ALONE_TITLE}</h2><p>{_safe(passages.alone_sentence(explanation.alone))}</p>"
    if explanation.further_lanes is not None:
        told += f"<h2>{lanes.TITLE}</h2><p>{_safe(lanes.lanes_sentence(explanation.further_lanes))}</p>"
    return told


def _cell(explanation: Explanation, index: int, label: str) -> str:
    change = explanation.change(index, label)
    moved = "" if change is None else f' <span class="change">{_safe(words.points(change))}</span>'
    decided = ' class="decision"' if label == explanation.decision(index) else ""
    probability = _safe(words.percent(explanation.probability(index, label)))
    return f"<td{decided}>{probability}{moved}</td>"


def _safe(value: str) -> str:
    return html.escape(value)


def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
