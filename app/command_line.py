"""The options of ``python app.py``; without torch and gradio, so that what is no option is told at once."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from importlib.util import find_spec


def parse(arguments: Sequence[str]) -> argparse.Namespace:
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
    found = parser.parse_args(arguments)
    if found.mcp and find_spec("mcp") is None:
        parser.error("an MCP server needs one package more: pip install -r requirements-mcp.txt")
    return found


def port(given: str) -> int:
    """Raises ArgumentTypeError for what is none; at 0, gradio would not know itself where it listens."""
    if given.isdecimal() and len(given) < 6 and 0 < int(given) < 2**16:
        return int(given)
    raise argparse.ArgumentTypeError(f"{given!r} is no port; give a whole number from 1 to 65535")
