"""The mixtures that a teacher answered, as a student hears them: rendered from the clips that training may hear.

A mixture is used only if every clip in it is among those that are given: the labelled clips of the part that is trained
on, and recordings without labels. So the answers to a part that is kept for measuring are never read, whatever the
folder holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from playitback.audio import sound_files
from playitback.config import FrontEndConfig, require
from playitback.errors import DataSetError, SettingsError
from playitback.training.answers import CROP, MIX, SINGLE, Answers
from playitback.training.augmentation import scale_time
from playitback.training.clips import ClipSet
from playitback.training.entries import Entry, Manifest
from playitback.training.probe import probe

_WELL_HEARD = 0.3  # share of a mixture that labelled clips have where it counts as known
_TELLING = 0.25  # mean probability over the clips of a label from which on a class of the teacher tells of it
_SILENT = 0.1  # probability of all such classes below which a sound holds none of the labels


class Rendered:
    """Mixtures as sound. arrays: see ``answers``; places (C, 2): the set of every clip and its index there."""

    def __init__(self, arrays: Mapping[str, np.ndarray], places: np.ndarray, sets: Sequence[ClipSet]) -> None:
        self.arrays, self.places, self.sets = arrays, places, sets

    def clips(self, number: int) -> list[tuple[int, Tensor]]:
        """The one or two clips of a mixture: the set of each, and its index there as a tensor (1,)."""
        clips = (int(self.arrays[name][number]) for name in "ab")
        places = (self.places[clip].tolist() for clip in clips if clip >= 0)
        return [(where, torch.tensor([index])) for where, index in places]

    def __getitem__(self, number: int) -> Tensor:
        """(clip_samples,) float32; peaks may pass 1."""
        kind, start, end = (int(self.arrays[name][number]) for name in ("kind", "start", "end"))
        numbers = (self.arrays[name][number].tolist() for name in ("speed", "shift", "gain"))
        parts = [
            scale_time(self.sets[where].waveforms(index)[0], speed).roll(shift) * gain
            for (where, index), speed, shift, gain in zip(self.clips(number), *numbers, strict=False)
        ]
        if kind == SINGLE:
            return parts[0]
        if kind == MIX:
            return parts[0] + parts[1]
        mixture = torch.zeros_like(parts[0]) if kind == CROP else parts[1].clone()
        mixture[start:end] = parts[0][start:end]
        return mixture


class Mixtures:
    """The mixtures that may be heard, with what the teacher says of them."""

    def __init__(
        self, answers: Answers, front_end: FrontEndConfig, labelled: ClipSet, unlabelled: ClipSet | None = None
    ) -> None:
        """labelled: the training part. Raises SettingsError where model, clips and teacher do not fit one another.

        Of a model with several labels, the teacher must know all classes, and it is the teacher's answers that count;
        else the labels are those of the clips, as far as they have any.
        """
        teacher = answers.teacher
        require(
            (teacher.sample_rate, teacher.clip_seconds) == (front_end.sample_rate, front_end.clip_seconds),
            f"the teacher heard clips of {teacher.clip_seconds:g} s at {teacher.sample_rate} Hz, this model hears "
            f"{front_end.clip_seconds:g} s at {front_end.sample_rate} Hz; "
            "teach --clip-seconds and --sample-rate make answers for it",
        )
        require(len(labelled.labels) == 1, "a teacher teaches models with one head")
        self.answers = answers
        sets = [labelled, *([] if unlabelled is None else [unlabelled])]
        places = _places(answers.names, sets)
        self._rendered = Rendered(answers.arrays, places, sets)
        a, b = (answers.arrays[name] for name in "ab")
        there = places[:, 0] >= 0
        self.chosen = np.flatnonzero(there[a] & ((b < 0) | there[b]))
        require(
            len(self.chosen) > 0,
            "none of the teacher's mixtures is made of the clips that are given; check --data and --unlabelled",
        )
        sample = answers.features_of(self.chosen[:: max(len(self.chosen) // 4096, 1)])
        self._mean, self._deviation = sample.mean(axis=0), sample.std(axis=0) + 1e-6
        if labelled.multi_label:
            self._labels, self._known = self._learned_from_teacher(labelled)
            self._probed = self._labels
        else:
            self._labels, self._known = self._learned_from_labels(labelled)
            self._probed = self._probe()

    def __len__(self) -> int:
        return len(self.chosen)

    def waveforms(self, indices: Tensor) -> Tensor:
        """(B,) indices -> (B, clip_samples) float32, as the teacher heard them; peaks may pass 1."""
        return torch.stack([self._rendered[int(self.chosen[index])] for index in indices.tolist()])

    def targets(self, indices: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """(B,) indices -> labels, probed (B, classes), the teacher's probabilities (B, K), features (B, D), known.

        Labels sum to 1 where all of a mixture is labelled, to a's share where b is not, and to 0 where nothing is.
        Probed is what the teacher's features say of the same classes, whatever is labelled (``probe``); of a model of
        several labels, both are the teacher's answers. Features are standardised. Known is 1 where a labelled clip is
        well heard, 0 where there is none and the teacher hears nothing of what it hears in labelled clips either, and
        NaN elsewhere (B,).
        """
        numbers = self.chosen[indices.numpy()]
        probabilities = torch.from_numpy(self.answers.probabilities_of(numbers))
        features = self._standardised(numbers)
        return self._labels[indices], self._probed[indices], probabilities, features, self._known[indices]

    def _standardised(self, numbers: np.ndarray) -> Tensor:
        """(B, D) features of mixtures by their numbers in the answers."""
        features = (self.answers.features_of(numbers) - self._mean) / self._deviation
        return torch.from_numpy(features.astype(np.float32))

    def _heard_alone(self, labels: np.ndarray) -> np.ndarray:
        """(N,) whether a mixture is one labelled clip alone. labels: (N, classes)."""
        single: np.ndarray = self.answers.arrays["kind"][self.chosen] == SINGLE
        return single & (labels.sum(axis=1) > 0)

    def _probe(self) -> Tensor:
        """(N, classes), from a probe fitted to the labelled clips that are heard alone; the labels where none is."""
        alone = torch.from_numpy(self._heard_alone(self._labels.numpy()))
        if not (self.answers.features and alone.any()):
            return self._labels
        features = self._standardised(self.chosen)
        return probe(features[alone], self._labels[alone], features)

    def _learned_from_teacher(self, labelled: ClipSet) -> tuple[Tensor, Tensor]:
        """Labels (N, classes) and known (N,) of a model of several labels, whose classes are some of the teacher's."""
        index_of = {name: index for index, name in enumerate(self.answers.classes)}
        for name in labelled.labels[0]:
            if name not in index_of:
                raise SettingsError(
                    f"the teacher does not know {name!r}, and a model of several labels learns them from it; "
                    "leave the class out"
                )
        own = [index_of[name] for name in labelled.labels[0]]
        labels = torch.from_numpy(self.answers.probabilities_of(self.chosen)[:, own])
        return labels, torch.full((len(labels),), torch.nan)

    def _learned_from_labels(self, labelled: ClipSet) -> tuple[Tensor, Tensor]:
        """Labels (N, classes) and known (N,) of a model of one label, by the clips in each mixture."""
        a, b, share = (self.answers.arrays[name][self.chosen] for name in ("a", "b", "share"))
        of_clip = labelled.targets(torch.arange(len(labelled)))[0].numpy()
        labels = np.zeros((len(a), of_clip.shape[1]), np.float32)
        for clip, weight in ((a, share), (b, 1 - share)):
            where, index = self._rendered.places[clip].T
            has_label = (clip >= 0) & (where == 0)
            labels[has_label] += weight[has_label, None] * of_clip[index[has_label]]
        mass = labels.sum(axis=1)
        # what the teacher says of each class, of those clips that are heard alone
        alone = self._heard_alone(labels)
        said = labels[alone].T @ self.answers.probabilities_of(self.chosen[alone])
        profile = said / np.maximum(labels[alone].sum(axis=0)[:, None], 1)
        telling = np.flatnonzero(profile.max(axis=0) >= _TELLING)
        loudest = self.answers.probabilities_of(self.chosen[mass == 0])[:, telling].max(axis=1, initial=0)
        known = np.where(mass >= _WELL_HEARD, 1, np.nan).astype(np.float32)
        known[mass == 0] = np.where(loudest < _SILENT, 0, np.nan)
        return torch.from_numpy(labels), torch.from_numpy(known)


def load_unlabelled(source: Path) -> Manifest:
    """Recordings without labels: all sound files below a folder, or those that a text file lists, one path a line.

    Listed paths are relative to the list. Raises DataSetError where there are none.
    """
    if source.is_dir():
        paths = sorted(sound_files(source))
        names = [path.relative_to(source).as_posix() for path in paths]
    else:
        try:
            lines = source.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataSetError(f"{source} cannot be read ({error}); give a folder or a list of sound files") from error
        names = [line.strip() for line in lines if line.strip()]
        paths = [source.parent / name for name in names]
    if not paths:
        raise DataSetError(f"{source} holds no sound files; give a folder or a list of them")
    there = [path.is_file() for path in paths]
    entries = [Entry(name, path, ((),)) for name, path, found in zip(names, paths, there, strict=True) if found]
    missing = [name for name, found in zip(names, there, strict=True) if not found]
    return Manifest("the unlabelled recordings", (("unknown",),), True, tuple(entries), tuple(missing))


def _places(names: Sequence[str], sets: Sequence[ClipSet]) -> np.ndarray:
    """(C, 2): the set that holds each named clip and its index there; -1 where none does.

    A clip is found by its name or, where that is not known, by its file name without folders, if only one clip has it
    here, and only one there: of several, the one that is kept for measuring may not be here.
    """
    files = [Path(name).name for name in names]
    there = Counter(files)
    by_name: dict[str, tuple[int, int]] = {}
    by_file: dict[str, tuple[int, int]] = {}
    for where, clips in enumerate(sets):
        for index, name in enumerate(clips.names):
            by_name.setdefault(name, (where, index))
            file = Path(name).name
            by_file[file] = (-1, -1) if file in by_file else (where, index)
    alike = (by_file.get(file) if there[file] == 1 else None for file in files)
    return np.array([by_name.get(name) or found or (-1, -1) for name, found in zip(names, alike, strict=True)])
