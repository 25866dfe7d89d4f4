"""What tests of evidence share: clips with known truth."""

from __future__ import annotations

import pytest
from tiny import CLIP_SECONDS, RATE, sounding_clips
from torch import Generator

from playitback.evidence.beds import KnownClips, bed, plant


@pytest.fixture(scope="module")
def known() -> KnownClips:
    """Thirty times half a second of noise in weaker noise."""
    beds = bed("noise", 30, round(CLIP_SECONDS * RATE), RATE, Generator().manual_seed(1))
    return plant(sounding_clips(30), beds, 20.0, RATE, Generator().manual_seed(0), event_seconds=0.5)
