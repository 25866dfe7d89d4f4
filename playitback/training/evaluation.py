"""What a model gets right after every pass, and whether what it replays is where the sound is.

- accuracy after every pass, on clips it was not trained on;
- silence: on clips with a second or more of digital zeros, the share of replayed time that lies in the zeros, beside
  the share of all time that does (what choosing at random would give);
- splices: two clips of different classes, the loudest half of each, one after the other; the share of replayed time
  that lies in the half whose class the model then names (at random: one half).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Generator, Tensor

from playitback.errors import DataSetError
from playitback.models.playitback import Pass, ReplayModel, audible_columns
from playitback.training.datasets import ClipSet

#: called with (clips done, clips in all)
Report = Callable[[int, int], None]
_BATCH = 25


@dataclass(frozen=True)
class Accuracy:
    """Top-1 accuracy, 0 to 1."""

    per_pass: tuple[float, ...]
    fused: float | None  # of the fused prediction, where the model has one
    true_class_probability: tuple[float, ...]  # mean, after every pass
    replayed_seconds: float  # chosen per clip and pass, mean
    clips: int


@dataclass(frozen=True)
class Silence:
    """Replayed time and digital zeros, over the clips that hold a second or more of zeros."""

    clips: int
    silent_share: float  # of all time
    replayed_silent_share: float  # of replayed time


@dataclass(frozen=True)
class Splices:
    """Replayed time and the named class, over spliced clips of which the model names one of the two classes."""

    clips: int
    named: int  # of these clips, the last pass names one of the two classes
    agreeing_share: float  # of replayed time that lies in the half of the named class
    majority_share: float  # of named clips: more than half of the replayed time lies there


@torch.inference_mode()
def measure_accuracy(model: ReplayModel, clips: ClipSet, playbacks: int, report: Report) -> Accuracy:
    """Accuracy after each of ``playbacks`` + 1 passes; the fused one if all passes are heard."""
    passes = playbacks + 1
    correct, belief = torch.zeros(passes, dtype=torch.float64), torch.zeros(passes, dtype=torch.float64)
    fused_correct, chosen_seconds = 0.0, 0.0
    fuses = model.config.decoder.fusion and playbacks == model.config.playbacks
    for indices, heard in _listen(model, clips, playbacks, report):
        targets = clips.targets[indices].to(heard[0].summary.device)
        for each in heard:
            probabilities = each.logits[0].float().softmax(dim=1)
            correct[each.index] += (probabilities.argmax(dim=1) == targets).sum().cpu()
            belief[each.index] += probabilities.gather(1, targets[:, None]).sum().cpu()
            chosen_seconds += float(each.segments.diff(dim=2).sum())
        if fuses:
            (logits,) = model.decoder.logits(model.decoder.fuse([each.summary for each in heard]))
            fused_correct += float((logits.argmax(dim=1) == targets).sum())
    count = len(clips)
    return Accuracy(
        per_pass=tuple((correct / count).tolist()),
        fused=fused_correct / count if fuses else None,
        true_class_probability=tuple((belief / count).tolist()),
        replayed_seconds=chosen_seconds / (count * passes),
        clips=count,
    )


@torch.inference_mode()
def measure_silence(model: ReplayModel, clips: ClipSet, report: Report) -> Silence:
    """See the module. Looked at in stretches of 10 ms; a pass's own choice is what its playback replays."""
    sample_rate, clip_seconds = model.config.front_end.sample_rate, model.config.front_end.clip_seconds
    edges = torch.linspace(0, clip_seconds, round(clip_seconds * 100) + 1, dtype=torch.float64)[None]
    silent = torch.cat(
        [
            ~audible_columns(clips.waveforms(block), edges.expand(len(block), -1), sample_rate)
            for block in torch.arange(len(clips)).split(_BATCH)
        ]
    )
    padded = torch.nonzero(silent.sum(dim=1) >= 100).squeeze(1)
    if not len(padded):
        return Silence(0, 0.0, 0.0)
    replayed_time, replayed_silence = 0.0, 0.0
    for indices, heard in _listen(model, clips, model.config.playbacks, report, padded):
        for each in heard[:-1]:  # what the last pass chose is not replayed
            inside = inside_segments(each.segments.cpu(), edges)
            replayed_time += float(inside.sum())
            replayed_silence += float((inside * silent[indices]).sum())
    share = float(silent[padded].double().mean())
    return Silence(len(padded), share, replayed_silence / max(replayed_time, 1e-9))


@torch.inference_mode()
def measure_splices(model: ReplayModel, clips: ClipSet, count: int, seed: int, report: Report) -> Splices:
    """``count`` random splices, drawn with ``seed``."""
    clip_seconds = model.config.front_end.clip_seconds
    spliced, first, second = splice(clips, count, seed)
    named, agreeing, majority = 0, 0.0, 0
    for indices, heard in _listen(model, spliced, model.config.playbacks, report):
        named_class = heard[-1].logits[0].argmax(dim=1).cpu()
        is_first, is_second = named_class == first[indices], named_class == second[indices]
        halves = torch.tensor([[0.0, clip_seconds / 2, clip_seconds]], dtype=torch.float64)
        time = torch.stack([inside_segments(each.segments.cpu(), halves) for each in heard[:-1]]).sum(dim=0)
        share = torch.where(is_first, time[:, 0], time[:, 1]) / time.sum(dim=1)
        counted = (is_first | is_second) & (time.sum(dim=1) > 0)
        named += int(counted.sum())
        agreeing += float(share[counted].sum())
        majority += int((share[counted] > 0.5).sum())
    return Splices(count, named, agreeing / max(named, 1), majority / max(named, 1))


def splice(clips: ClipSet, count: int, seed: int) -> tuple[ClipSet, Tensor, Tensor]:
    """Loudest half of one clip, then the loudest half of one of another class; and the classes (N,) of both halves."""
    if len(clips.targets.unique()) < 2:
        raise DataSetError("all clips are of one class, and a splice needs two; choose other folds")
    generator = Generator().manual_seed(seed)
    half = clips.samples.shape[1] // 2
    # before every sample, so that the difference at index i is the energy of samples i to i + half
    energy = F.pad(clips.samples.float().square().cumsum(dim=1, dtype=torch.float64), (1, 0))
    loudest = (energy[:, half:] - energy[:, :-half]).argmax(dim=1)
    samples: list[Tensor] = []
    pairs: list[tuple[int, int]] = []
    while len(pairs) < count:
        one, other = torch.randint(len(clips), (2,), generator=generator).tolist()
        if clips.targets[one] == clips.targets[other]:
            continue
        halves = [clips.samples[each, loudest[each] : loudest[each] + half] for each in (one, other)]
        samples.append(torch.cat(halves))
        pairs.append((one, other))
    first, second = (clips.targets[torch.tensor(each)] for each in zip(*pairs, strict=True))
    names = tuple(f"{clips.names[one]} | {clips.names[other]}" for one, other in pairs)
    return ClipSet(names, torch.stack(samples), first, clips.labels), first, second


def inside_segments(segments: Tensor, edges: Tensor) -> Tensor:
    """Seconds of every bin between ``edges`` (1, N + 1) that lie inside the segments (B, S, 2): (B, N)."""
    start, end = segments[:, :, :1], segments[:, :, 1:]
    overlap = torch.minimum(end, edges[:, None, 1:]) - torch.maximum(start, edges[:, None, :-1])
    return overlap.clamp_min(0).sum(dim=1)


def results(accuracy: Accuracy, silence: Silence | None = None, splices: Splices | None = None) -> dict[str, Any]:
    """The measurements as JSON: ``accuracy`` has one number a pass."""
    found: dict[str, Any] = {
        "clips": accuracy.clips,
        "accuracy": list(accuracy.per_pass),
        "true_class_probability": list(accuracy.true_class_probability),
        "replayed_seconds": accuracy.replayed_seconds,
    }
    if accuracy.fused is not None:
        found["accuracy_fused"] = accuracy.fused
    if silence is not None:
        found["silence"] = vars(silence)
    if splices is not None:
        found["splices"] = vars(splices)
    return found


def _listen(
    model: ReplayModel, clips: ClipSet, playbacks: int, report: Report, chosen: Tensor | None = None
) -> Iterator[tuple[Tensor, list[Pass]]]:
    chosen = torch.arange(len(clips)) if chosen is None else chosen
    done = 0
    for indices in chosen.split(_BATCH):
        waveforms = clips.waveforms(indices).to(model.mel_mean.device)
        yield indices, list(model.listen(waveforms, playbacks))
        done += len(indices)
        report(done, len(chosen))
