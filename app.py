"""Starts the page: ``python app.py --host 0.0.0.0 --port 8000 --checkpoint esc50-small --device cpu``.

A Hugging Face Space runs it as it is. Nothing imports this file.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable
from typing import Any

from app import command_line, server

arguments = command_line.parse(sys.argv[1:] if __name__ == "__main__" else ())
with server.in_room():
    FOLDER = server.prepare() if __name__ == "__main__" else None
# Before torch and gradio: spaces replaces parts of torch, and gradio reads the variable when it is imported.
os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
try:
    import spaces
except ImportError:  # everywhere but on Hugging Face
    spaces = None

with server.no_proxies():
    from app.page import HOURS_KEPT, SECONDS_BETWEEN_DELETIONS, build_page, launch_settings
    from app.service import ExplainService, Models, PlayItBackError, offered_checkpoints

GPU_SECONDS = 30  # that one explanation may use of a GPU lent by a Space


def load_models(checkpoint: str | None, device: str, by_hand: bool) -> Models:
    """The models that the page offers. Ends the program with one sentence if the checkpoint is no good."""
    on_device: Callable[[Any], Any] | None = None if spaces is None else spaces.GPU(duration=GPU_SECONDS)
    try:
        return Models(offered_checkpoints(checkpoint), device, on_device, by_hand=by_hand)
    except PlayItBackError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


# At module level, where a Space with a lent GPU wants the model loaded and the page found.
models = load_models(
    arguments.checkpoint, arguments.device, arguments.any_model or server.serves_itself(arguments.host)
)
with server.in_room():  # of its examples
    demo = build_page(models)

if FOLDER is not None:
    threading.Thread(target=ExplainService(models).warm_up, daemon=True).start()
    try:
        server.serve(
            demo,
            FOLDER,
            hours_kept=HOURS_KEPT,
            seconds_between_deletions=SECONDS_BETWEEN_DELETIONS,
            server_name=server.in_url(arguments.host),
            server_port=arguments.port,
            mcp_server=True if arguments.mcp else None,  # None leaves it to the environment: GRADIO_MCP_SERVER
            **launch_settings(),
        )
    except OSError as error:
        print(f"{error} Choose another --host or --port.", file=sys.stderr)
        raise SystemExit(2) from error
