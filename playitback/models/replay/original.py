"""Names of the parameters in checkpoints of the paper's authors, translated to ours.

One component at a time: the encoder, a slot attention or the decoder. Tensors keep their values; only the noise scale
and the start of the slots change their shape (see ``rename_parameters``).
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

from playitback.errors import CheckpointError

#: pattern of the authors' name -> our name; the first pattern that matches the whole name counts
_NAMES = tuple(
    (re.compile(pattern), ours)
    for pattern, ours in (
        # encoder
        (r"patch_embed\.proj\.(.+)", r"stem.projection.\1"),
        (r"blocks\.(\d+)\.norm([12])\.(.+)", r"blocks.\1.norm_\2.\3"),
        (r"blocks\.(\d+)\.attn\.proj\.(.+)", r"blocks.\1.attention.projection.\2"),
        (r"blocks\.(\d+)\.attn\.((?:qkv|pool_[qkv]|norm_[qkv])\..+)", r"blocks.\1.attention.\2"),
        (r"blocks\.(\d+)\.mlp\.fc1\.(.+)", r"blocks.\1.mlp.expand.\2"),
        (r"blocks\.(\d+)\.mlp\.fc2\.(.+)", r"blocks.\1.mlp.contract.\2"),
        (r"blocks\.(\d+)\.proj\.(.+)", r"blocks.\1.shortcut.\2"),
        (r"norm\.(.+)", r"norm.\1"),
        (r"head\.projection\.(.+)", r"heads.0.\1"),
        (r"head\.(\d+)\.projection\.(.+)", r"heads.\1.\2"),
        # slot attention
        (r"slots_mu", r"start"),
        (r"slots_sigma", r"noise_scale"),
        (r"to_q\.(.+)", r"query.\1"),
        (r"to_k\.(.+)", r"key.\1"),
        (r"to_v\.(.+)", r"value.\1"),
        (r"gru\.(.+)", r"update.\1"),
        (r"fc1\.(.+)", r"expand.\1"),
        (r"fc2\.(.+)", r"contract.\1"),
        (r"(norm_input|norm_slots)\.(.+)", r"\1.\2"),
        (r"norm_pre_ff\.(.+)", r"norm_residual.\1"),
        # decoder
        (r"latents", r"latents"),
        (r"layers\.(\d+)\.0\.(.+)", r"hearings.\1.cross_attention.\2"),
        (r"layers\.(\d+)\.1\.(.+)", r"hearings.\1.cross_feed_forward.\2"),
        (r"layers\.(\d+)\.2\.(\d+)\.([01])\.(.+)", r"hearings.\1.self_blocks.\2.\3.\4"),
        (r"reduce\.2\.(.+)", r"norm.\1"),
        (r"fusion\.2\.(.+)", r"fusion.\1"),
        (r"fc\.(weight|bias)", r"heads.0.\1"),
        (r"fc\.(\d+)\.(.+)", r"heads.\1.\2"),
    )
)

#: what stands inside a layer of the decoder
_INSIDE_LAYERS = (
    ("fn.to_q.", "query."),
    ("fn.to_kv.", "key_value."),
    ("fn.to_out.0.", "output."),
    ("fn.net.0.", "expand."),
    ("fn.net.3.", "contract."),
)


def rename_parameters(state: Mapping[str, Tensor], slots: int = 2) -> dict[str, Tensor]:
    """State of the authors' encoder, slot attention or decoder -> state for our class of that component.

    slots: number of slots. All slots of the original share one mean (1, 1, width) and differ by the noise drawn; each
    of ours has a start of its own. So the mean is repeated for every slot: our start (slots, width). With the
    original's noise the result is the original's; without noise, slots that start alike stay alike until they are
    trained with noise.

    Raises CheckpointError for a name that the original does not have, or two components at once.
    """
    renamed: dict[str, Tensor] = {}
    for name, tensor in state.items():
        ours = _rename(name)
        if ours in renamed:
            raise CheckpointError(
                f"{name} is in the state of another component than the names before it; convert one component at a time"
            )
        if ours == "start":
            tensor = tensor.reshape(1, -1).repeat(slots, 1)
        elif ours == "noise_scale":
            tensor = tensor.reshape(-1)
        renamed[ours] = tensor
    return renamed


def _rename(name: str) -> str:
    for pattern, replacement in _NAMES:
        match = pattern.fullmatch(name)
        if match:
            ours = match.expand(replacement)
            if name.startswith("layers."):
                for theirs, inside in _INSIDE_LAYERS:
                    ours = ours.replace(theirs, inside)
            return ours
    raise CheckpointError(
        f"{name} is not a parameter of the authors' encoder, slot attention or decoder; give the state of one of these"
    )
