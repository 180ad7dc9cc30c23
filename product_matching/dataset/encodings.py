"""In which encoding a text file is written."""

from __future__ import annotations

import codecs
import logging
import re
from collections import Counter
from itertools import islice
from pathlib import Path

from charset_normalizer import from_bytes

from product_matching.errors import DataError

logger = logging.getLogger(__name__)

_MARKS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_CANDIDATES = ["gb18030", "cp1252", "latin_1", "big5", "shift_jis", "euc_kr", "cp1251"]
_SAMPLE = 500  # lines that are not plain ASCII
# `surrogateescape` turns each byte that does not fit into one of these, so that one bad line costs one line.
UNDECODED = re.compile("[\udc80-\udcff]")


def check_encoding(name: str) -> str:
    """The encoding's Python name.

    Raises:
        DataError: If there is no such encoding.
    """
    try:
        return codecs.lookup(name).name
    except LookupError as error:
        raise DataError(f"There is no encoding {name!r}. Known are, among others, utf-8, gb18030, latin-1.") from error


def detect_encoding(path: Path) -> str:
    """Tells the encoding of a text file: a byte-order mark, else UTF-8 where most lines fit, else the likeliest.

    A few lines in another encoding don't make a file of another encoding: they are bad lines of a UTF-8 one.

    Raises:
        DataError: If the file is neither UTF-8 nor anything that can be told apart.
    """
    with path.open("rb") as file:
        start = file.read(4)
        file.seek(0)
        marked = next((name for mark, name in _MARKS.items() if start.startswith(mark)), "")
        if marked:
            return marked
        lines = Counter("utf-8" if _is_utf8(line) else "other" for line in file if not line.isascii())
        if lines["other"] <= lines["utf-8"]:
            return "utf-8-sig"
        file.seek(0)
        sample = b"".join(islice((line for line in file if not line.isascii()), _SAMPLE))
    guess = from_bytes(sample, cp_isolation=_CANDIDATES).best()
    if guess is None:
        raise DataError(f"{path} is not UTF-8, and its encoding cannot be told. Name it: --encoding gb18030.")
    logger.warning(
        "%s is not UTF-8; read as %s. If that is wrong, name the right one: --encoding NAME.", path, guess.encoding
    )
    return guess.encoding


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True
