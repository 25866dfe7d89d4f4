"""Claims about mixtures: a student hears what the teacher heard, and nothing that is kept for measuring."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from clip_sets import SECOND, entries_of, manifest_of
from taught import CLASSES, SAMPLES, plan_of, write_taught
from torch import Tensor

from playitback.errors import DataSetError, SettingsError
from playitback.training.answers import read_answers
from playitback.training.clips import load_clips
from playitback.training.entries import Entry
from playitback.training.mixtures import Mixtures, load_unlabelled

NAMES = ("0.wav", "1.wav", "2.wav", "3.wav")
ALL_KINDS = ((0, 0, -1), (1, 0, 1), (2, 1, 0), (3, 1, -1))


@pytest.fixture
def entries(tmp_path: Path) -> list[Entry]:
    (tmp_path / "sounds").mkdir()
    return entries_of(tmp_path / "sounds", 4, seconds=0.7)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "answers"


def heard_by_hand(plan: dict[str, np.ndarray], number: int, clips: Tensor) -> np.ndarray:
    """The definition, in plain NumPy."""
    parts = []
    for which, name in enumerate("ab"):
        if (clip := int(plan[name][number])) < 0:
            continue
        samples, speed = clips[clip].numpy(), float(plan["speed"][number, which])
        wanted = round(SAMPLES / speed)
        at = np.clip((np.arange(wanted) + 0.5) * (SAMPLES / wanted) - 0.5, 0, SAMPLES - 1)
        faster = np.tile(np.interp(at, np.arange(SAMPLES), samples), 2)[:SAMPLES]
        parts.append(np.roll(faster, int(plan["shift"][number, which])) * plan["gain"][number, which])
    kind, start, end = (int(plan[name][number]) for name in ("kind", "start", "end"))
    if kind <= 1:
        return sum(parts)
    inside = (np.arange(SAMPLES) >= start) & (np.arange(SAMPLES) < end)
    return np.where(inside, parts[0], parts[1] if kind == 2 else 0)


def test_a_student_hears_what_the_teacher_heard(entries: list[Entry], folder: Path) -> None:
    plan = plan_of(*ALL_KINDS)
    clips = load_clips(manifest_of(*entries), SECOND)
    mixtures = Mixtures(read_answers(write_taught(folder, NAMES, plan)), SECOND, clips)
    waveforms = mixtures.waveforms(torch.tensor([3, 2, 1, 0]))
    for number, waveform in zip((3, 2, 1, 0), waveforms, strict=True):
        expected = heard_by_hand(plan, number, clips.waveforms(torch.arange(4)))
        np.testing.assert_allclose(waveform, expected, atol=5e-3)  # positions between samples, in single precision


def test_labels_are_those_of_the_clips_by_their_shares(entries: list[Entry], folder: Path) -> None:
    """Clip n is of class n % 3; the third and fourth have no labels here."""
    plan = plan_of((0, 0, -1), (1, 0, 1), (2, 2, 0), (1, 2, 3))
    plan["share"][:] = (1, 0.3, 0.4, 0.5)
    labelled = load_clips(manifest_of(*entries[:2]), SECOND)
    unlabelled = load_clips(manifest_of(*entries[2:]), SECOND)
    mixtures = Mixtures(read_answers(write_taught(folder, NAMES, plan)), SECOND, labelled, unlabelled)
    labels, *_ = mixtures.targets(torch.arange(4))
    torch.testing.assert_close(labels, torch.tensor([[1.0, 0, 0], [0.3, 0.7, 0], [0.6, 0, 0], [0, 0, 0]]))


def test_a_model_of_several_labels_learns_them_from_the_teacher(entries: list[Entry], folder: Path) -> None:
    answers = read_answers(write_taught(folder, NAMES, plan_of(*ALL_KINDS)))
    own = ("Siren", "Bell")
    several = [replace(entry, targets=((0, 1),)) for entry in entries]
    mixtures = Mixtures(answers, SECOND, load_clips(manifest_of(*several, labels=(own,), multi=True), SECOND))
    labels, probed, probabilities, *_ = mixtures.targets(torch.arange(4))
    torch.testing.assert_close(labels, probabilities[:, [CLASSES.index(name) for name in own]])
    torch.testing.assert_close(probed, labels)
    strange = load_clips(manifest_of(*several, labels=(("Siren", "Unicorn"),), multi=True), SECOND)
    with pytest.raises(SettingsError, match="does not know 'Unicorn'"):
        Mixtures(answers, SECOND, strange)


def test_a_teacher_of_other_classes_answers_for_the_models_own(entries: list[Entry], folder: Path) -> None:
    """Two clips are labelled, two are not; the teacher's first feature tells which of two classes sounds."""
    pairs = [(0, number % 4, -1) for number in range(40)]
    features = np.array([(1.0 if a % 2 == 0 else -1.0, 0.01 * number) for number, (_, a, _) in enumerate(pairs)])
    labelled, unlabelled = (load_clips(manifest_of(*some), SECOND) for some in (entries[:2], entries[2:]))
    answers = read_answers(write_taught(folder, NAMES, plan_of(*pairs), features=features))
    labels, probed, *_ = Mixtures(answers, SECOND, labelled, unlabelled).targets(torch.arange(40))
    torch.testing.assert_close(probed.sum(dim=1), torch.ones(40))
    likeliest = [a % 2 for _, a, _ in pairs]  # clip 2 sounds like clip 0, clip 3 like clip 1
    assert probed.argmax(dim=1).tolist() == likeliest
    assert labels[2].sum() == 0
    assert probed[2, 0] > 0.9


def test_without_features_of_the_teacher_the_labels_must_do(entries: list[Entry], folder: Path) -> None:
    answers = read_answers(write_taught(folder, NAMES, plan_of(*ALL_KINDS), features=np.zeros((4, 0))))
    labels, probed, *_ = Mixtures(answers, SECOND, load_clips(manifest_of(*entries), SECOND)).targets(torch.arange(4))
    torch.testing.assert_close(probed, labels)


def test_features_are_standardised_over_what_is_heard(entries: list[Entry], folder: Path) -> None:
    plan = plan_of(*(ALL_KINDS * 8))
    features = np.random.default_rng(2).normal((3, -1), (5, 0.1), (32, 2))
    clips = load_clips(manifest_of(*entries), SECOND)
    mixtures = Mixtures(read_answers(write_taught(folder, NAMES, plan, features=features)), SECOND, clips)
    _, _, _, found, _ = mixtures.targets(torch.arange(32))
    torch.testing.assert_close(found.mean(dim=0), torch.zeros(2), atol=1e-4, rtol=0)
    torch.testing.assert_close(found.std(dim=0, correction=0), torch.ones(2), atol=1e-3, rtol=0)


def test_it_is_known_what_holds_a_class_and_what_holds_none(entries: list[Entry], folder: Path) -> None:
    """A bell has a label; the teacher hears a siren in one recording without one, and a bell in the other."""
    plan = plan_of((0, 0, -1), (0, 1, -1), (0, 2, -1), (1, 0, 1), (1, 0, 1), (1, 0, 2))
    plan["share"][:] = (1, 1, 1, 0.5, 0.1, 0.9)
    bell, siren = CLASSES.index("Bell"), CLASSES.index("Siren")
    probabilities = np.full((6, len(CLASSES)), 0.02)
    probabilities[[0, 2, 5], bell] = 0.9
    probabilities[[1, 3, 4], siren] = 0.9
    labelled, unlabelled = (load_clips(manifest_of(*some), SECOND) for some in (entries[:1], entries[1:]))
    mixtures = Mixtures(read_answers(write_taught(folder, NAMES, plan, probabilities)), SECOND, labelled, unlabelled)
    *_, known = mixtures.targets(torch.arange(6))
    torch.testing.assert_close(known, torch.tensor([1, 0, torch.nan, 1, torch.nan, 1]), equal_nan=True)


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_answers_to_a_clip_that_is_not_given_are_never_read(kept: int, entries: list[Entry], folder: Path) -> None:
    """Whatever stands there instead of them: here what would be noticed."""
    pairs = [(kind, a, b) for kind in (1, 2) for a in range(4) for b in range(4)]
    plan = plan_of(*pairs, *((kind, a, -1) for kind in (0, 3) for a in range(4)))
    count = len(plan["kind"])
    touched = (plan["a"] == kept) | (plan["b"] == kept)
    probabilities = np.where(touched[:, None], 1.0, 0.25) * np.ones((count, len(CLASSES)))
    answers = read_answers(write_taught(folder, NAMES, plan, probabilities))
    given = [entry for index, entry in enumerate(entries) if index != kept]
    for labelled, unlabelled in ((given, []), (given[:1], given[1:])):
        mixtures = Mixtures(
            answers,
            SECOND,
            load_clips(manifest_of(*labelled), SECOND),
            load_clips(manifest_of(*unlabelled), SECOND) if unlabelled else None,
        )
        assert len(mixtures) == count - touched.sum()
        _, _, said, _, _ = mixtures.targets(torch.arange(len(mixtures)))
        assert float(said.max()) < 0.5


def test_a_clip_is_found_by_its_path_or_its_file_name_alone(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "sounds").mkdir()
    first, second = entries_of(tmp_path / "sounds", 2)
    plan = plan_of((0, 0, -1))

    def count(name: str, *entries: Entry) -> int:
        answers = read_answers(write_taught(folder, (name,), plan))
        return len(Mixtures(answers, SECOND, load_clips(manifest_of(*entries), SECOND)))

    dog, cat = replace(first, name="dog/1.wav"), replace(second, name="cat/1.wav")
    assert count("dog/1.wav", dog, cat) == 1
    assert count("1.wav", dog) == 1
    with pytest.raises(SettingsError, match="none of the teacher's mixtures"):
        count("1.wav", dog, cat)  # it could be either


def test_another_clip_of_the_same_file_name_is_not_taken_for_one_that_is_kept(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "dog").mkdir()
    (heard,) = entries_of(tmp_path / "dog", 1)
    clips = load_clips(manifest_of(replace(heard, name="dog/0.wav")), SECOND)
    answers = read_answers(write_taught(folder, ("dog/0.wav", "cat/0.wav"), plan_of((0, 0, -1), (0, 1, -1))))
    assert Mixtures(answers, SECOND, clips).chosen.tolist() == [0]


def test_a_model_that_hears_other_clips_is_refused(entries: list[Entry], folder: Path) -> None:
    answers = read_answers(write_taught(folder, NAMES, plan_of(*ALL_KINDS)))
    longer = replace(SECOND, clip_seconds=2.0, frames=160)
    with pytest.raises(SettingsError, match="the teacher heard clips of 1 s"):
        Mixtures(answers, longer, load_clips(manifest_of(*entries), longer))


def test_recordings_without_labels_are_a_folder_or_a_list(entries: list[Entry], tmp_path: Path) -> None:
    sounds = entries[0].path.parent
    assert {entry.name for entry in load_unlabelled(sounds).entries} == set(NAMES)
    (listed := tmp_path / "list.txt").write_text("sounds/1.wav\n\nsounds/9.wav\n", encoding="utf-8")
    manifest = load_unlabelled(listed)
    assert [entry.path for entry in manifest.entries] == [sounds / "1.wav"]
    assert manifest.missing == ("sounds/9.wav",)
    (empty := tmp_path / "nothing").mkdir()
    for source in (empty, tmp_path / "no such list", entries[0].path):
        with pytest.raises(DataSetError):
            load_unlabelled(source)
