"""With ``--mcp`` agents find the API's endpoints as tools, and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from mcp import ClientSession
from mcp.client.streamable_http import streamable_http_client
from mcp.types import Tool
from tiny import tiny_checkpoint

from app.page import build_page, launch_settings
from app.service import Models


async def tools_at(address: str) -> list[Tool]:
    async with (
        streamable_http_client(address) as (read, write, _),
        ClientSession(read, write) as session,
    ):
        await session.initialize()
        return (await session.list_tools()).tools


def test_agents_find_the_endpoints_with_what_they_say_of_themselves(tmp_path: Path, serve: Callable[..., str]) -> None:
    models = Models([str(tiny_checkpoint(tmp_path / "tiny"))], "cpu")
    address = serve(build_page(models, []), **launch_settings(), mcp_server=True)
    tools = asyncio.run(tools_at(f"{address}gradio_api/mcp/"))
    wanted = {"explain", "take_away", "what_if", "examine", "contrast", "compare", "windows", "models"}
    assert len(tools) == len(wanted)
    for name in wanted:
        (tool,) = (each for each in tools if each.name.endswith(name))
        assert tool.description
        assert len(tool.description) > 40
        if name != "models":
            assert "recording" in tool.inputSchema["properties"]
