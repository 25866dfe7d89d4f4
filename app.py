"""Starts the page: ``python app.py --host 0.0.0.0 --port 8000 --checkpoint esc50-small --device cpu``.

A Hugging Face Space runs it as it is. Nothing imports this file.
"""

from __future__ import annotations

import argparse
import os
import sys
import threading
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from typing import Any

from app import server

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


def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line's options."""
    parser = argparse.ArgumentParser(description="Play It Back: see and hear why a classifier chose its class.")
    parser.add_argument("--host", help="address to listen on (GRADIO_SERVER_NAME, else 127.0.0.1)")
    parser.add_argument("--port", type=port, help="port to listen on (GRADIO_SERVER_PORT, else one from 7860 on)")
    parser.add_argument("--checkpoint", help="folder, name under checkpoints/ or Hugging Face repo id")
    parser.add_argument(
        "--device",
        default="auto",
        choices=("auto", "cpu", "cuda", "openvino"),
        help="where to compute; openvino: the CPU, by another engine",
    )
    parser.add_argument(
        "--any-model",
        action="store_true",
        help="visitors may name any folder of this machine and any model of Hugging Face; on 127.0.0.1 they always may",
    )
    parser.add_argument("--mcp", action="store_true", help="offer the API to agents as an MCP server, too")
    return parser.parse_args(arguments)


def port(given: str) -> int:
    """Raises ArgumentTypeError for what is none; at 0, gradio would not know itself where it listens."""
    if given.isdecimal() and len(given) < 6 and 0 < int(given) < 2**16:
        return int(given)
    raise argparse.ArgumentTypeError(f"{given!r} is no port; give a whole number from 1 to 65535")


def load_models(checkpoint: str | None, device: str, by_hand: bool) -> Models:
    """The models that the page offers. Ends the program with one sentence if the checkpoint is no good."""
    on_device: Callable[[Any], Any] | None = None if spaces is None else spaces.GPU(duration=GPU_SECONDS)
    try:
        return Models(offered_checkpoints(checkpoint), device, on_device, by_hand=by_hand)
    except PlayItBackError as error:
        print(error, file=sys.stderr)
        raise SystemExit(2) from error


arguments = parse_arguments(sys.argv[1:] if __name__ == "__main__" else ())
# At module level, where a Space with a lent GPU wants the model loaded and the page found.
models = load_models(
    arguments.checkpoint, arguments.device, arguments.any_model or server.serves_itself(arguments.host)
)
demo = build_page(models)

if FOLDER is not None:
    if arguments.mcp and find_spec("mcp") is None:
        print("An MCP server needs one package more: pip install -r requirements-mcp.txt", file=sys.stderr)
        raise SystemExit(2)
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
