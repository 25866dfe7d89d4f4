"""That what the inside of a network says of a class is what its definition says."""

from __future__ import annotations

import pytest
import torch
from captum.attr import Occlusion
from hears_once import model_of
from tiny import CLIP_SECONDS, RATE, recognizer_of, sounding_clips, tiny_model
from torch import Tensor

from playitback.evidence import rivals
from playitback.evidence.rivals import CLASS_MAP, GRAD_CAM, OCCLUSION, RIVALS, explain_by, log_probabilities
from playitback.evidence.runs import Ears, Tally
from playitback.models.listener import Listener
from playitback.progress import finish
from playitback.recognizer import Recognizer
from playitback.segments import TIME_BINS, equal_edges

ASKED = torch.tensor([[0, 1], [2, 3]])


def model_called(name: str) -> Listener:
    return tiny_model() if name == "replay" else model_of(name)


def found(name: str, recognizer: Recognizer, clips: Tensor, asked: Tensor = ASKED) -> Tensor:
    (rival,) = (each for each in RIVALS if each.name == name)
    return finish(explain_by([rival], Ears(recognizer, Tally(0)), clips, asked, 0))[name]


@pytest.mark.parametrize("name", ["replay", "pooling", "mast"])
@torch.inference_mode()
def test_the_classes_of_the_first_hearing_are_read_from_the_grid(name: str) -> None:
    model, clips = model_called(name), sounding_clips(2)
    grid = model.grid(clips)
    assert grid.ndim == 4
    torch.testing.assert_close(model.read_grid(grid), next(iter(model.listen(clips, 0))).logits)


@pytest.mark.parametrize("name", ["replay", "pooling", "mast"])
def test_the_columns_of_the_grid_lie_where_their_strides_put_them(name: str) -> None:
    model = model_called(name)
    columns, local = model.grid(sounding_clips(1)).shape[1], model.local_shape[0]  # type: ignore[operator]
    (edges,) = model.grid_edges(columns)
    assert (len(edges), float(edges[0]), float(edges[-1])) == (columns + 1, 0.0, CLIP_SECONDS)
    frames = model.config.front_end.frames
    pooled = {"replay": 2, "pooling": 1, "mast": 4}[name]
    stride_seconds = CLIP_SECONDS / frames * model.encoder.time_stride * pooled  # type: ignore[operator,union-attr]
    assert -(-local // pooled) == columns
    torch.testing.assert_close(edges[1:-1].diff(), torch.full((columns - 2,), stride_seconds, dtype=torch.float64))


def test_a_class_activation_map_and_the_bias_are_the_logit(monkeypatch: pytest.MonkeyPatch) -> None:
    model, clips = model_of("mast"), sounding_clips(2)
    even = lambda columns: equal_edges(CLIP_SECONDS, columns)  # noqa: E731  # else the last column counts for less
    monkeypatch.setattr(model, "grid_edges", even)
    said = found(CLASS_MAP, recognizer_of(model), clips)
    assert said.shape == (2, 2, TIME_BINS)
    assert model.mean_head is not None
    bias = model.mean_head.bias.detach()[ASKED]
    with torch.inference_mode():
        logits = model(clips)[0].gather(1, ASKED)
    torch.testing.assert_close(said.mean(dim=2).float() + bias, logits, atol=1e-5, rtol=1e-5)
    assert not torch.allclose(said[:, 0], said[:, 1])  # it follows the class


def test_where_the_head_is_linear_grad_cam_is_what_speaks_for_the_class_in_the_map() -> None:
    model, clips = model_of("mast"), sounding_clips(2)
    recognizer = recognizer_of(model)
    with torch.no_grad():
        grid = model.grid(clips)
        assert model.mean_head is not None
        cells = grid @ model.mean_head.weight[ASKED[:, 0]].unsqueeze(2).unsqueeze(1)
    share = cells.squeeze(3).relu() / (grid.shape[1] * grid.shape[2])  # the gradient of a mean
    said = found(GRAD_CAM, recognizer, clips, ASKED[:, :1])[:, 0]
    centre = (model.grid_edges(grid.shape[1])[0] / CLIP_SECONDS * TIME_BINS).long()
    inside = (centre[:-1] + centre[1:]) // 2  # a bin that lies in one column alone
    torch.testing.assert_close(said[:, inside].float(), share.mean(dim=2), atol=1e-7, rtol=1e-4)


def test_grad_cam_leaves_the_model_as_it_was() -> None:
    model, clips = tiny_model(), sounding_clips(2)
    recognizer = recognizer_of(model)
    before = recognizer.classify(clips.numpy())
    first, again = (found(GRAD_CAM, recognizer, clips) for _ in range(2))
    assert torch.equal(first, again)
    assert (first >= 0).all()
    assert (recognizer.classify(clips.numpy()) == before).all()
    assert all(each.grad is None for each in model.parameters())


def test_occlusion_in_time_is_that_of_captum(monkeypatch: pytest.MonkeyPatch) -> None:
    recognizer, clips = recognizer_of(model_of("mast")), sounding_clips(2)

    def believed(waveforms: Tensor) -> Tensor:
        (heard,) = recognizer.answer(waveforms, 0)
        return log_probabilities(recognizer.probabilities(heard.logits[0]).double())

    def hard_edges(clips: Tensor, segments: Tensor, *_: object) -> Tensor:
        """Captum's: what we silence fades at its edges."""
        second = torch.arange(clips.shape[1]) / RATE
        inside = (second >= segments[:, :, :1]) & (second < segments[:, :, 1:])
        return clips * ~inside.any(dim=1)

    monkeypatch.setattr(rivals, "remove", hard_edges)
    window = round(0.5 * RATE)
    theirs = Occlusion(believed).attribute(clips, (window,), strides=(window // 4,), target=ASKED[:, 0])
    ours = found(OCCLUSION, recognizer, clips, ASKED[:, :1])[:, 0]
    ours = ours + believed(clips).gather(1, ASKED[:, :1])  # from the belief that is left to how far it falls
    theirs = theirs.unflatten(1, (TIME_BINS, -1)).mean(dim=2).double()
    # the mean of what every sample gets, and of every stretch in a bin: the same but where one ends within a bin
    whole = ~torch.isin(torch.arange(TIME_BINS), (torch.arange(17) * 6.25).long())
    torch.testing.assert_close(ours[:, whole], theirs[:, whole], atol=1e-6, rtol=1e-4)
