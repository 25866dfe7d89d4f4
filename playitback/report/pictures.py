"""Log-mel spectrograms as PNG files without axes, which are drawn where the pictures are shown."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image

_PALETTE = (matplotlib.colormaps["magma"](np.arange(256))[:, :3] * 255).round().astype(np.uint8)


def write_spectrogram(log_mel: np.ndarray, colours: tuple[float, float], path: Path) -> None:
    """Writes (columns, mels) as a PNG of columns x mels pixels, low frequency at the bottom, no axes.

    ``colours``: the values that get the darkest and the brightest colour.
    """
    low, high = colours
    shade = np.clip((log_mel - low) * (255 / (high - low)), 0, 255).astype(np.uint8)
    # one byte a pixel and a palette: a third of the size of RGB, and quicker to write
    picture = Image.fromarray(np.ascontiguousarray(shade.T[::-1]))
    picture.putpalette(_PALETTE.tobytes())
    picture.save(path, compress_level=3)
