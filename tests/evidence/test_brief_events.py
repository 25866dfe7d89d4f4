"""That brief events are found by what knows their class, in all conditions, and by chance where chance is due."""

from __future__ import annotations

import pytest
import torch
from bands import band_clips, band_model
from tiny import LABELS, RATE, recognizer_of

from playitback.evidence.beds import BEDS
from playitback.evidence.brief_events import clips_to_find_brief_events, find_brief_events
from playitback.evidence.intervals import Bootstrap
from playitback.evidence.marking import OWN_REPLAY, OWN_SEGMENTS
from playitback.evidence.rivals import ACTIVITY, LOUDEST, RANDOM, RELEVANCE, find_rivals
from playitback.evidence.runs import Ears, Tally
from playitback.progress import finish

CLASSES = torch.arange(12) % len(LABELS)


def test_every_condition_has_its_events_found() -> None:
    clips, recorded = band_clips(CLASSES), {"wind": 0.1 * torch.randn(2, 2 * RATE, generator=torch.Generator())}
    clips[3] = 0.0  # nothing to plant
    recognizer = recognizer_of(band_model())
    ears = [Ears(recognizer, Tally(0)) for _ in range(2)]
    rivals = find_rivals(recognizer, [ACTIVITY, LOUDEST, RANDOM])
    found = finish(find_brief_events(ears, clips, CLASSES, rivals, Bootstrap(100, 0), recorded))
    assert [each.condition for each in found] == [
        *("burst +6 dB", "burst +12 dB"),
        *(f"{name} 6 dB" for name in (*BEDS, "wind")),
    ]
    assert {each.tally.done for each in ears} == {clips_to_find_brief_events(12, rivals, recognizer, recorded)}
    for each in found:
        assert each.clips == 11
        ways = {finder.way: finder for finder in each.finders}
        assert list(ways) == [RELEVANCE, ACTIVITY, LOUDEST, RANDOM, OWN_SEGMENTS, OWN_REPLAY]
        assert 0.15 <= each.event_share <= 0.4
        for way in (RELEVANCE, ACTIVITY, LOUDEST, RANDOM):
            # as much time is marked as there is event
            assert ways[way].found.mean == pytest.approx(ways[way].inside.mean)
        for way in (RELEVANCE, ACTIVITY):
            assert ways[way].found.mean > 0.75
            assert ways[way].peak.mean > 0.9
        lead = ways[RANDOM].found_lead
        assert lead is not None
        assert lead.sign == 1
    bursts = [{finder.way: finder for finder in each.finders} for each in found[:2]]
    assert all(ways[LOUDEST].found.mean < 0.35 and ways[LOUDEST].peak.mean == 0 for ways in bursts)
    assert all(ways[OWN_REPLAY].inside.mean > 0.75 for ways in bursts)
    assert max(each.named for each in found[:2]) < 0.6  # the burst is louder, and often longer
