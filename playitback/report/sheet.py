"""A sheet of paper to draw on with matplotlib, in inches, and panels on it.

A panel is a rectangle with coordinates of its own: a spectrogram, the curves below it, the bars beside it. It stands in
the place of matplotlib's ``Axes``, of which a figure of four hearings would need thirteen: each makes and measures
ticks, labels and spines, which a layout that is known beforehand has no use for, and which take longer than all that is
drawn. In an SVG the sheet's pictures lie below everything else, and a panel's parts are named after it.
"""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Sequence
from io import BytesIO, StringIO
from typing import Any

import matplotlib
import numpy as np
from matplotlib.artist import Artist
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.text import Text
from matplotlib.transforms import Affine2D, Bbox, BboxBase, TransformedBbox
from PIL import Image

POINT = 1 / 72  # inches
SETTINGS = {
    "svg.fonttype": "none",  # text stays text
    "svg.hashsalt": "playitback",  # otherwise the names of the file's parts are random
}
_NO_DATE = {"Date": None}  # it would differ from one second to the next
_FRAME = 0.6  # points: the width of frames and marks
_MARK, _BESIDE_MARK = 2 * POINT, 5.5 * POINT  # how long a mark is, and how far its caption stands from the panel
_SHADES = 256  # of a colour map, and of a palette


class Sheet:
    """A figure of ``width`` by ``height`` inches."""

    def __init__(self, width: float, height: float) -> None:
        self.figure = Figure(figsize=(width, height), facecolor="white")
        self.width, self.height = width, height
        self.panels: dict[str, Panel] = {}

    def panel(
        self,
        name: str,
        left: float,
        top: float,
        width: float,
        tall: float,
        across: tuple[float, float] = (0.0, 1.0),
        up: tuple[float, float] = (0.0, 1.0),
    ) -> Panel:
        """A rectangle by its upper left corner, in inches from the sheet's; its coordinates from left to right, and
        from bottom to top. name: an SVG's parts begin with it, so without spaces.
        """
        place = Bbox.from_bounds(left, self.height - top - tall, width, tall)
        self.panels[name] = Panel(self, name, place, across, up)
        return self.panels[name]

    def write(self, left: float, top: float, text: str, size: float) -> None:
        """A line of text by its upper left corner."""
        place = self.figure.dpi_scale_trans
        self.figure.add_artist(_text(left, self.height - top, text, fontsize=size, va="top", transform=place))

    def png(self, dots_per_inch: int) -> bytes:
        """Without what ``savefig`` writes beside the colours: nothing shines through, so no share of it is stored."""
        self.figure.set_dpi(dots_per_inch)
        canvas = FigureCanvasAgg(self.figure)
        canvas.draw()
        written = BytesIO()
        # runs of one colour are most of it
        pixels = Image.fromarray(np.asarray(canvas.buffer_rgba())).convert("RGB")
        pixels.save(written, "png", dpi=(dots_per_inch,) * 2, compress_type=zlib.Z_RLE)
        return written.getvalue()

    def svg(self) -> str:
        """All text in it is text, and pictures have a palette."""
        written = StringIO()
        self.figure.savefig(written, format="svg", metadata=_NO_DATE)
        return written.getvalue()


class Panel:
    """A rectangle of a sheet, and its own coordinates. Lines have widths in points, inches are the sheet's."""

    def __init__(
        self, sheet: Sheet, name: str, place: Bbox, across: tuple[float, float], up: tuple[float, float]
    ) -> None:
        self._sheet, self.name, self.place = sheet, name, place
        self.across, self.up = across, up
        self._inches = sheet.figure.dpi_scale_trans
        self._box = TransformedBbox(place, self._inches)
        scale = place.width / (across[1] - across[0]), place.height / (up[1] - up[0])
        self._to_inches = Affine2D().translate(-across[0], -up[0]).scale(*scale).translate(place.x0, place.y0)
        self._inside = self._to_inches + self._inches
        self.artists: list[Artist] = []

    def picture(self, values: np.ndarray, colour_map: str, limits: tuple[float, float]) -> None:
        """(rows from the bottom, columns) over the whole panel, below all else: colours of values between limits."""
        share = (values[::-1] - limits[0]) / (limits[1] - limits[0])
        shades = np.clip(share * _SHADES, 0, _SHADES - 1).astype(np.uint8)  # as matplotlib rounds
        self._add(_Picture(shades, matplotlib.colormaps[colour_map](np.arange(_SHADES), bytes=True), self._box))

    def curve(self, across: Sequence[float] | np.ndarray, up: Sequence[float] | np.ndarray, **style: Any) -> None:
        """Through points."""
        self._add(Line2D(across, up, transform=self._inside, **style), clipped=True)

    def filled(self, across: np.ndarray, up: np.ndarray, floor: float, **style: Any) -> None:
        """What lies between a curve and a height."""
        outline = np.column_stack(([across[0], *across, across[-1]], [floor, *up, floor]))
        self._add(PathPatch(Path(outline), transform=self._inside, linewidth=0, **style), clipped=True)

    def boxes(self, boxes: Iterable[tuple[float, float, float, float]], **style: Any) -> None:
        """All of one look: left, right, bottom, top of each."""
        corners = [((x0, y0), (x1, y0), (x1, y1), (x0, y1), (x0, y0)) for x0, x1, y0, y1 in boxes]
        if corners:
            outlines = Path.make_compound_path(*(Path(each, closed=True) for each in corners))
            self._add(PathPatch(outlines, transform=self._inside, **style), clipped=True)

    def write(self, across: float, up: float, text: str, size: float, **style: Any) -> None:
        """A line of text that begins at a point."""
        self._add(_text(across, up, text, fontsize=size, transform=self._inside, **style))

    def title(self, text: str, size: float, above: float = 3 * POINT) -> None:
        """A line of text over the panel, from its left edge."""
        self._caption((self.place.x0, self.place.y1 + above), text, size)

    def frame(self, *, floor_only: bool = False, lines: Iterable[float] = ()) -> None:
        """Its edges, or the lower one alone; lines: heights of further lines from edge to edge."""
        (left, right), (floor, ceiling) = self.across, self.up
        if not floor_only:
            edges = Rectangle((left, floor), right - left, ceiling - floor, transform=self._inside, fill=False)
            edges.set_linewidth(_FRAME)
            self._add(edges)
        for height in (*((floor,) if floor_only else ()), *lines):
            self._add(Line2D((left, right), (height, height), transform=self._inside, color="black", linewidth=_FRAME))

    def mark_height(self, marks: Iterable[tuple[float, str]], size: float) -> None:
        """Marks at the left edge, each with its caption."""
        for up, caption in marks:
            height = self._to_inches.transform((0.0, up))[1]
            self._mark((self.place.x0 - _MARK, self.place.x0), (height, height))
            place = self.place.x0 - _BESIDE_MARK, height
            self._caption(place, caption, size, ha="right", va="center_baseline")

    def mark_width(self, marks: Sequence[tuple[float, str]], size: float, *, within: bool = False) -> None:
        """Marks at the lower edge, each with its caption; within: the outer ones do not reach beyond the edges."""
        for number, (across, caption) in enumerate(marks):
            left = self._to_inches.transform((across, 0.0))[0]
            self._mark((left, left), (self.place.y0 - _MARK, self.place.y0))
            sides = {0: "left", len(marks) - 1: "right"} if within else {}
            place = left, self.place.y0 - _BESIDE_MARK
            self._caption(place, caption, size, ha=sides.get(number, "center"), va="top")

    def name_width(self, text: str, size: float, below: float) -> None:
        """A line of text in the middle below the panel."""
        self._caption((self.place.x0 + self.place.width / 2, self.place.y0 - below), text, size, ha="center", va="top")

    def _mark(self, across: Sequence[float], up: Sequence[float]) -> None:
        self._add(Line2D(across, up, transform=self._inches, color="black", linewidth=_FRAME))

    def _caption(self, place: tuple[float, float], text: str, size: float, **style: Any) -> None:
        self._add(_text(*place, text, fontsize=size, transform=self._inches, **style))

    def _add(self, artist: Artist, *, clipped: bool = False) -> None:
        artist.set_gid(f"{self.name}-{len(self.artists)}")
        self._sheet.figure.add_artist(artist)
        if clipped:
            artist.set_clip_box(self._box)
        self.artists.append(artist)


class _Picture(Artist):
    """Coloured values: in pixels each is a rectangle, in an SVG a pixel of a picture with a palette.

    Matplotlib's own pictures store every colour of a pixel there, which takes three times the space, and resample all
    four colours of a pixel for a PNG.
    """

    zorder = 0

    def __init__(self, shades: np.ndarray, palette: np.ndarray, box: BboxBase) -> None:
        """(rows from the top, columns) of (256, red green blue alpha); box: where it lies."""
        super().__init__()
        self.shades, self._palette, self._box = shades, palette, box

    def draw(self, renderer: Any) -> None:
        """Matplotlib calls it; renderer: of matplotlib's, for pixels or for an SVG."""
        if hasattr(renderer, "writer"):
            self._write(renderer)
            return
        left, right, floor, ceiling = (round(each) for each in (*self._box.intervalx, *self._box.intervaly))
        rows = _nearest(ceiling - floor, self.shades.shape[0])
        columns = _nearest(right - left, self.shades.shape[1])
        colours = self._palette.view(np.uint32)[:, 0]  # all four bytes of a pixel at once
        wide = colours[self.shades[:, columns]]
        pixels = wide[rows[::-1]].view(np.uint8).reshape(len(rows), len(columns), 4)  # a renderer begins at the bottom
        renderer.draw_image(renderer.new_gc(), left, floor, pixels)

    def _write(self, renderer: Any) -> None:
        pixels = Image.fromarray(self.shades)
        pixels.putpalette(self._palette[:, :3].tobytes())
        written = BytesIO()
        pixels.save(written, "png")
        place = {"x": self._box.x0, "y": renderer.height - self._box.y1, "width": self._box.width}
        renderer.writer.element(
            "image",
            attrib={
                **{name: f"{value:.6g}" for name, value in {**place, "height": self._box.height}.items()},
                "preserveAspectRatio": "none",
                "style": "image-rendering:crisp-edges;image-rendering:pixelated",
                "xlink:href": f"data:image/png;base64,{base64.b64encode(written.getvalue()).decode('ascii')}",
            },
        )


def _nearest(pixels: int, given: int) -> np.ndarray:
    """Which of the given rows or columns each pixel shows: (pixels,)."""
    return ((np.arange(pixels) + 0.5) * (given / pixels)).astype(np.intp)


def _text(across: float, up: float, text: str, **style: Any) -> Text:
    """Signs of mathematics in names are just signs."""
    return Text(across, up, text, parse_math=False, **style)
