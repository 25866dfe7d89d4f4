"""Blocks of multiscale vision transformers over time and frequency, which families share.

Li et al., "MViTv2: Improved Multiscale Vision Transformers for Classification and Detection", CVPR 2022
(arXiv 2112.01526). A stride is one number for both axes, or one for time and one for frequency.

Letters of shapes: B batch, T time columns, F frequency rows, C channels, H heads, D width of a head, N = T * F tokens.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

EPSILON = 1e-6  # of every LayerNorm, as in the original

Stride = int | tuple[int, int]


class Block(nn.Module):
    """Pre-norm transformer block that may double the width and halve the grid."""

    def __init__(
        self,
        width: int,
        output_width: int,
        heads: int,
        query_stride: Stride,
        key_value_stride: Stride,
        drop_path: float,
    ) -> None:
        super().__init__()
        self.norm_1 = nn.LayerNorm(width, eps=EPSILON)
        self.attention = PooledAttention(width, output_width, heads, query_stride, key_value_stride)
        self.shortcut = nn.Linear(width, output_width) if width != output_width else None
        self.query_stride = query_stride
        self.norm_2 = nn.LayerNorm(output_width, eps=EPSILON)
        self.mlp = Mlp(output_width)
        self.drop_path = DropPath(drop_path)

    def add_nothing(self) -> None:
        """Begins as if it were not there (as in Net2Net; Chen et al. 2016, arXiv 1511.05641), if the width stays."""
        nn.init.zeros_(self.attention.projection.weight)
        nn.init.zeros_(self.mlp.contract.weight)

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, F, C) -> (B, T', F', C')."""
        normed = self.norm_1(x)
        if self.shortcut is not None:
            x = self.shortcut(normed)
        if self.query_stride not in (1, (1, 1)):
            x = F.max_pool2d(x.permute(0, 3, 1, 2), 3, self.query_stride, padding=1).permute(0, 2, 3, 1)
        x = x + self.drop_path(self.attention(normed))
        result: Tensor = x + self.drop_path(self.mlp(self.norm_2(x)))
        return result


class PooledAttention(nn.Module):
    """Self-attention whose queries, keys and values are pooled by depthwise convolutions (MViTv2, section 4.1)."""

    def __init__(
        self, width: int, output_width: int, heads: int, query_stride: Stride, key_value_stride: Stride
    ) -> None:
        super().__init__()
        self.heads = heads
        # those of one stride are pooled by one convolution: the same to the bit as by one each, and a tenth faster
        together = query_stride == key_value_stride
        self.strides = {"qkv": query_stride} if together else {"q": query_stride, "kv": key_value_stride}
        head_width = output_width // heads
        self.qkv = nn.Linear(width, 3 * output_width)
        self.projection = nn.Linear(output_width, output_width)
        for name in "qkv":
            self.add_module(f"pool_{name}", nn.Conv2d(head_width, head_width, 3, groups=head_width, bias=False))
            self.add_module(f"norm_{name}", nn.LayerNorm(head_width, eps=EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, F, C) -> (B, T', F', C')."""
        mixed = self.qkv(x).permute(0, 3, 1, 2)
        parts = mixed.split([len(names) * mixed.shape[1] // 3 for names in self.strides], dim=1)
        grids = [self._pool(part, names) for part, names in zip(parts, self.strides, strict=True)]
        rows = grids[0].shape[2]
        # (B, T', F', H, D) -> (B, H, N', D)
        q, k, v = (
            self.get_submodule(f"norm_{name}")(each.flatten(1, 2)).transpose(1, 2)
            for grid, names in zip(grids, self.strides, strict=True)
            for name, each in zip(names, grid.unbind(3), strict=True)
        )
        attended = F.scaled_dot_product_attention(q, k, v) + q  # the residual pooling connection
        # (B, H, N', D) -> (B, T', F', H * D)
        result: Tensor = self.projection(attended.transpose(1, 2).unflatten(1, (-1, rows)).flatten(3))
        return result

    def _pool(self, x: Tensor, names: str) -> Tensor:
        """(B, n * H * D, T, F) of n names -> (B, T', F', n, H, D). All heads share the D pooling filters of a name."""
        filters = [self.get_parameter(f"pool_{name}.weight").repeat(self.heads, 1, 1, 1) for name in names]
        pooled = F.conv2d(x, torch.cat(filters), stride=self.strides[names], padding=1, groups=x.shape[1])
        return pooled.permute(0, 2, 3, 1).unflatten(3, (len(names), self.heads, -1))


class Mlp(nn.Module):
    """Two linear layers with a GELU between, four times as wide inside."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand = nn.Linear(width, 4 * width)
        self.contract = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """(..., C) -> (..., C)."""
        result: Tensor = self.contract(F.gelu(self.expand(x)))
        return result


class DropPath(nn.Module):
    """Drops a whole residual branch per clip in training (Huang et al. 2016, arXiv 1603.09382)."""

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, x: Tensor) -> Tensor:
        """(B, ...) -> (B, ...), scaled so that the expectation stays."""
        if not self.training or self.probability == 0:
            return x
        kept = torch.rand(x.shape[0], *[1] * (x.ndim - 1), device=x.device) >= self.probability
        return x * kept / (1 - self.probability)


def initialise(module: nn.Module) -> None:
    """Of the linear layers, as the original does; for ``Module.apply``."""
    if isinstance(module, nn.Linear):
        nn.init.trunc_normal_(module.weight, std=0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
