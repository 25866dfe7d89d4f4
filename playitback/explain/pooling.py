"""How a model that pools by attention weighed the moments and the features of a clip.

details: temporal attention (columns,), spatial attention (features,) -> weights (features, columns)
"""

from __future__ import annotations

import numpy as np

from playitback.recognizer import ClipHearing

#: names among the details of a hearing: attention over time (columns,) and over features (features,), summing to 1 each
TEMPORAL, SPATIAL = "temporal_attention", "spatial_attention"


def pools_by_attention(hearing: ClipHearing) -> bool:
    """Whether its model did, so that there are weights."""
    return {TEMPORAL, SPATIAL} <= hearing.details.keys()


def pooling_weights(hearing: ClipHearing, most: int = 64) -> np.ndarray:
    """(features, columns) how many times its even share every feature counts at every moment.

    The ``most`` features that count most, the first one most of all. Phan et al. 2019 (arXiv 1904.03543), section 2.3:
    the outer product of the two attentions.
    """
    over_time, over_features = (hearing.details[name].astype(np.float64) for name in (TEMPORAL, SPATIAL))
    greatest = np.sort(over_features)[::-1][:most]
    weights: np.ndarray = np.outer(greatest * len(over_features), over_time * len(over_time))
    return weights
