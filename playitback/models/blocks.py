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
        self.strides = {"q": query_stride, "k": key_value_stride, "v": key_value_stride}
        head_width = output_width // heads
        self.qkv = nn.Linear(width, 3 * output_width)
        self.projection = nn.Linear(output_width, output_width)
        for name in "qkv":
            self.add_module(f"pool_{name}", nn.Conv2d(head_width, head_width, 3, groups=head_width, bias=False))
            self.add_module(f"norm_{name}", nn.LayerNorm(head_width, eps=EPSILON))

    def forward(self, x: Tensor) -> Tensor:
        """(B, T, F, C) -> (B, T', F', C')."""
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        (q, rows), (k, _), (v, _) = self._pool(q, "q"), self._pool(k, "k"), self._pool(v, "v")
        attended = F.scaled_dot_product_attention(q, k, v) + q  # the residual pooling connection
        # (B, H, N', D) -> (B, T', F', H * D)
        result: Tensor = self.projection(attended.transpose(1, 2).unflatten(1, (-1, rows)).flatten(3))
        return result

    def _pool(self, x: Tensor, name: str) -> tuple[Tensor, int]:
        """(B, T, F, H * D) -> (B, H, N', D) and F'. All heads share the D pooling filters."""
        pool, norm, stride = self.get_submodule(f"pool_{name}"), self.get_submodule(f"norm_{name}"), self.strides[name]
        assert isinstance(pool, nn.Conv2d)
        channels = x.shape[-1]
        weight = pool.weight.repeat(self.heads, 1, 1, 1)
        pooled = F.conv2d(x.permute(0, 3, 1, 2), weight, stride=stride, padding=1, groups=channels).permute(0, 2, 3, 1)
        tokens = norm(pooled.flatten(1, 2).unflatten(2, (self.heads, -1)))
        return tokens.transpose(1, 2), pooled.shape[2]


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
