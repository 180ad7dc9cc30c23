"""A contact sheet: each query with the pictures that were found for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

TILE, GAP, CAPTION, NOTE, TEXT = 112, 10, 34, 18, 13
WHITE, INK, FAINT, RIGHT, WRONG, PLAIN = "white", "#222222", "#666666", "#1a9850", "#d73027", "#bbbbbb"
CHINESE_FONTS = (
    *("NotoSansCJK-Regular.ttc", "NotoSansSC-Regular.otf", "SourceHanSansSC-Regular.otf", "wqy-microhei.ttc"),
    *("wqy-zenhei.ttc", "msyh.ttc", "simhei.ttf", "PingFang.ttc", "STHeiti Light.ttc", "Arial Unicode.ttf"),
)


@dataclass(frozen=True)
class Tile:
    """A picture with a caption.

    Attributes:
        image: Path of the picture; `""` leaves the place white, but for the words "no picture".
        caption: Up to two short lines.
        right: Whether it is what was asked for: framed green or red; None: grey.
        note: One more short line, below the caption.
    """

    image: str
    caption: str
    right: bool | None = None
    note: str = ""


@dataclass(frozen=True)
class Row:
    """A query and what was found.

    Attributes:
        query: The words.
        tiles: The pictures found, best first.
        image: Path of the query's picture, if it has one.
    """

    query: str
    tiles: Sequence[Tile]
    image: str = ""


def contact_sheet(rows: Sequence[Row], path: str | Path) -> None:
    """Draws the rows one below the other and writes a PNG.

    Chinese words need a Chinese font on the machine; without one, each of their characters is shown as an empty box.
    """
    columns = 1 + max(len(row.tiles) for row in rows)
    noted = any(tile.note for row in rows for tile in row.tiles)
    height = TILE + CAPTION + 2 * GAP + (NOTE if noted else 0)
    sheet = Image.new("RGB", (columns * (TILE + GAP) + GAP, len(rows) * height + GAP), WHITE)
    draw, font = ImageDraw.Draw(sheet), _font(" ".join(row.query for row in rows))
    for number, row in enumerate(rows):
        top = GAP + number * height
        _draw_tile(sheet, draw, font, Tile(row.image, "" if row.image else row.query), (GAP, top), words=not row.image)
        if row.image:
            draw.multiline_text((GAP, top + TILE + 3), _wrap(row.query, font), fill=INK, font=font)
        for column, tile in enumerate(row.tiles, 1):
            _draw_tile(sheet, draw, font, tile, (GAP + column * (TILE + GAP), top))
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def can_show(text: str) -> bool:
    """Whether this machine has a font for the text."""
    return text.isascii() or _chinese_font() is not None


def _draw_tile(
    sheet: Image.Image,
    draw: ImageDraw.ImageDraw,
    font: ImageFont.ImageFont,
    tile: Tile,
    corner: tuple[int, int],
    words: bool = False,
) -> None:
    left, top = corner
    if tile.image:
        with Image.open(tile.image) as picture:
            fitted = ImageOps.pad(picture.convert("RGB"), (TILE, TILE), color=WHITE)
        sheet.paste(fitted, corner)
    elif not words:
        draw.text((left + TILE // 2, top + TILE // 2), "no picture", fill=FAINT, font=font, anchor="mm")
    frame = PLAIN if tile.right is None else RIGHT if tile.right else WRONG
    draw.rectangle((left - 1, top - 1, left + TILE, top + TILE), outline=frame, width=1 if tile.right is None else 3)
    place = (left + 8, top + TILE // 3) if words else (left, top + TILE + 3)
    draw.multiline_text(place, _wrap(tile.caption, font, margin=16 if words else 0), fill=INK, font=font)
    if tile.note:
        draw.text((left, top + TILE + CAPTION + 3), tile.note, fill=FAINT, font=font)


def _wrap(text: str, font: ImageFont.ImageFont, *, margin: int = 0) -> str:
    lines = [""]
    for word in text.split(" ") if text.isascii() else list(text):
        joined = f"{lines[-1]} {word}".strip() if text.isascii() else lines[-1] + word
        if lines[-1] and font.getlength(joined) > TILE - margin:
            lines.append(word)
        else:
            lines[-1] = joined
    return "\n".join(lines[: 4 if margin else 2])


def _font(text: str) -> ImageFont.ImageFont:
    name = None if text.isascii() else _chinese_font()
    return ImageFont.truetype(name, TEXT) if name else ImageFont.load_default(TEXT)


def _chinese_font() -> str | None:
    for name in CHINESE_FONTS:
        try:
            ImageFont.truetype(name, TEXT)
        except OSError:
            continue
        return name
    return None
