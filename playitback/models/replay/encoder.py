"""MViTv2 encoder: log-mel frames -> local features -> grid of features -> class logits.

Li et al., "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection", CVPR 2022
(arXiv 2112.01526), without class token and position embeddings, as used by Play It Back (section 3.1).

    log_mel (B, frames, mels) -> stem -> local (B, T, F, C) -> blocks -> grid (B, T', F', W) -> head -> (B, classes)

Letters of shapes: B batch, T time columns, F frequency rows, C channels.
"""

from __future__ import annotations

from torch import Tensor, nn

from playitback.models.blocks import EPSILON, Block, initialise
from playitback.models.replay.config import EncoderConfig
from playitback.models.stem import ConvolutionalStem, PatchStem, StemEncoder


class Encoder(StemEncoder):
    """Stem, multiscale blocks, and one linear head per label set."""

    def __init__(self, config: EncoderConfig, classes: tuple[int, ...]) -> None:
        super().__init__(PatchStem(config.width) if config.stem == "patch" else ConvolutionalStem(config.stem_widths))
        self.config = config
        blocks = []
        width, heads, key_value_stride = config.width, config.heads, config.key_value_stride
        for index in range(config.depth):
            new_stage = index in config.stages_at
            if new_stage:
                heads, key_value_stride = heads * 2, max(key_value_stride // 2, 1)
            output_width = width * 2 if new_stage else width
            drop_path = config.drop_path * index / max(config.depth - 1, 1)
            blocks.append(Block(width, output_width, heads, 2 if new_stage else 1, key_value_stride, drop_path))
            width = output_width
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(width, eps=EPSILON)
        self.dropout = nn.Dropout(config.dropout)
        self.heads = nn.ModuleList(nn.Linear(width, count) for count in classes)
        self.apply(initialise)

    def grid(self, local: Tensor) -> Tensor:
        """Local features (B, T, F, C) -> (B, T', F', W), after the last LayerNorm: what the decoder hears."""
        for block in self.blocks:
            local = block(local)
        grid: Tensor = self.norm(local)
        return grid
