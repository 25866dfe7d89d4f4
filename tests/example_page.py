"""A page that begins with an explained example, as several browser tests want it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import soundfile
from tiny import RATE, chirp, sounding_clips, tiny_checkpoint, tiny_model

from app.page import build_page, launch_settings
from app.service import ExplainService, Models
from app.service.models import Run


def serve_example_page(folder: Path, serve: Callable[..., str], playbacks: int, on_device: Callable[[Run], Run]) -> str:
    """Its address. The example is "Swelling noise", another sound to choose is "Rising tone".

    serve: the fixture of that name. on_device: see ``Models``.
    """
    checkpoint = tiny_checkpoint(folder / "tiny", tiny_model(playbacks=playbacks))
    swelling, rising = folder / "swelling_noise.wav", folder / "rising_tone.wav"
    soundfile.write(swelling, sounding_clips(1)[0].numpy(), RATE)
    soundfile.write(rising, chirp(2.0), RATE)
    models = Models([str(checkpoint)], "cpu", on_device)
    ExplainService(models).warm_up()
    return serve(build_page(models, [rising], swelling), **launch_settings())
