"""What the inside of a network says of a class: gradients of its logit, and the last grid that it is read from.

    clips (N, samples), asked (N, Q) -> (N, Q, TIME_BINS), higher matters more

- gradient x input (Shrikumar et al. 2016): what it adds to the logit of the class if a moment becomes louder; and
  integrated gradients (Sundararajan et al. 2017): what a moment adds on the way from silence to the clip. Both are
  taken with respect to the samples and keep their signs: without them they hardly follow the question.
- Grad-CAM (Selvaraju et al. 2017): the features of the last grid, each weighed by the mean gradient of the logit with
  respect to it, and what speaks for the class of that; the mean over frequency.
- class activation map (Zhou et al. 2016): where a linear head reads the mean of the grid, what every cell of it adds
  to the logit, exactly; the mean over frequency. It keeps its sign.

After attention a cell of the grid may hold anything from anywhere: what these two say of a moment, they say of a place
in the grid. Integrated gradients and Grad-CAM come from Captum, which is installed separately.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from playitback.evidence.runs import BATCH, Ears
from playitback.models.listener import Listener
from playitback.progress import Steps
from playitback.segments import TIME_BINS, resample

INTEGRATION_STEPS = 20
#: forward passes that a gradient costs: there and, twice as dear, back
GRADIENT_PASSES = 3
#: one that goes back to the last grid alone: what lies behind it costs next to nothing
GRID_PASSES = 1


def gradient(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """Of the class's logit with respect to each sample, times the sample; the sum of every bin."""

    def attribute(clips: Tensor, wanted: Tensor) -> Tensor:
        clips = clips.clone().requires_grad_()
        logits = ears.recognizer.first_logits(clips).gather(1, wanted.unsqueeze(1))
        (slope,) = torch.autograd.grad(logits.sum(), clips)
        return _summed(slope * clips)

    return (yield from _attributed(ears, waveforms, asked, attribute, GRADIENT_PASSES))


def integrated_gradients(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """From silence to the clip. What the samples of a bin add to the class's logit; it may be negative."""
    from captum.attr import IntegratedGradients

    integrated = IntegratedGradients(ears.recognizer.first_logits)

    def attribute(clips: Tensor, wanted: Tensor) -> Tensor:
        found: Tensor = integrated.attribute(
            clips, target=wanted, n_steps=INTEGRATION_STEPS, internal_batch_size=max(BATCH, len(clips))
        )
        return _summed(found)

    return (yield from _attributed(ears, waveforms, asked, attribute, GRADIENT_PASSES * INTEGRATION_STEPS))


def grad_cam(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """How strongly the last grid speaks for the class, at least 0. For models with a grid."""
    from captum.attr import LayerGradCam

    model = ears.recognizer.model
    by_grid = _ByGrid(model)
    layer = LayerGradCam(by_grid, by_grid.grid)

    def attribute(clips: Tensor, wanted: Tensor) -> Tensor:
        with torch.enable_grad():
            found: Tensor = layer.attribute(clips, target=wanted, relu_attributions=True)
        return _over_time(model, found.squeeze(1))

    return (yield from _attributed(ears, waveforms, asked, attribute, GRID_PASSES))


def class_map(ears: Ears, waveforms: Tensor, asked: Tensor, generator: Generator) -> Steps[Tensor]:
    """What the grid adds to the class's logit: its mean over all columns and the head's bias are all of it.

    For models with a ``mean_head``; before the logit is divided by a temperature.
    """
    model = ears.recognizer.model
    head = model.mean_head
    assert head is not None, "whoever asks has looked"
    found = []
    for clips, wanted in _batches(ears, waveforms, asked):
        with torch.no_grad():
            weighed = torch.einsum("btfw,bqw->bqtf", model.grid(clips), head.weight[wanted])
        of_classes = [_over_time(model, each) for each in weighed.unbind(dim=1)]
        found.append(torch.stack(of_classes, dim=1).double().cpu())
        yield ears.tally.count(len(clips))
    return torch.cat(found)


class _ByGrid(nn.Module):
    """A model as Captum asks it: clips -> a layer that puts out the grid, channels first -> the first logits."""

    def __init__(self, model: Listener) -> None:
        super().__init__()
        self.model = model
        self.grid = nn.Identity()

    def forward(self, waveforms: Tensor) -> Tensor:
        grid = self.grid(self.model.grid(waveforms).permute(0, 3, 1, 2))
        return self.model.read_grid(grid.permute(0, 2, 3, 1))[0]


def _over_time(model: Listener, cells: Tensor) -> Tensor:
    """What is said of the cells of a grid (B, T, F) -> (B, TIME_BINS) of the clip."""
    edges = model.grid_edges(cells.shape[1]).to(cells.device).expand(len(cells), -1)
    return resample(cells.detach().mean(dim=2), edges, TIME_BINS)


def _summed(of_samples: Tensor) -> Tensor:
    """(B, samples) -> (B, TIME_BINS)."""
    return F.adaptive_avg_pool1d(of_samples.detach(), TIME_BINS) * (of_samples.shape[1] / TIME_BINS)


def _attributed(
    ears: Ears, waveforms: Tensor, asked: Tensor, attribute: Callable[[Tensor, Tensor], Tensor], passes: int
) -> Steps[Tensor]:
    """attribute: clips (B, samples), classes (B,) -> (B, TIME_BINS), for ``passes`` passes a clip."""
    found = []
    for clips, wanted in _batches(ears, waveforms, asked):
        found.append(torch.stack([attribute(clips, each) for each in wanted.T], dim=1).double().cpu())
        yield ears.tally.count(len(clips) * passes * asked.shape[1])
    return torch.cat(found)


def _batches(ears: Ears, waveforms: Tensor, asked: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    device = ears.recognizer.device
    for clips, wanted in zip(waveforms.split(BATCH), asked.split(BATCH), strict=True):
        yield clips.to(device), wanted.to(device)
