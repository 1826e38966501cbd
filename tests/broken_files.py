"""Broken tables and files of any kind, drawn or by a seed, for the tests of what reads them."""

from __future__ import annotations

import csv
import io
import random

from hypothesis import strategies as st

from mgutils.errors import DataError

FIELDS = st.one_of(
    st.sampled_from(["", " ", "id", "name", "1", "2", "3", "01", "-1", "1.0", "99", "1e3", "nan", "NULL", "١", "²",
                     "9" * 30, "1" * 5000, "a, b ", '"', "''", "=1+1", "\x00", "\x1f", "\ufeff", "\u2028", "1/0.0.jpg",
                     "../x", "a\nb", "a\rb", "x" * 2000, "\U0001f44d", "clip_id", "Path"]),
    st.integers(-2, 40).map(str), st.text(max_size=8))
ENCODINGS = st.sampled_from(["utf-8", "utf-8-sig", "utf-16", "latin-1", "utf-8", "utf-8"])


@st.composite
def tables(draw, header: tuple[str, ...]) -> bytes:
    """A CSV, more or less: rows of fields under a header that is often right, then a few bytes changed."""
    first = list(header) if draw(st.integers(0, 9)) else draw(st.lists(FIELDS, max_size=6))
    width = len(first)
    rows = draw(st.lists(st.lists(FIELDS, min_size=max(0, width - draw(st.integers(0, 1))),
                                  max_size=width + draw(st.integers(0, 1))), max_size=6))
    text, end = io.StringIO(), draw(st.sampled_from(["\n", "\r\n", "\r"]))
    if draw(st.booleans()):
        csv.writer(text, lineterminator=end).writerows([first, *rows])
    else:
        text.write(end.join(draw(st.sampled_from([",", ",", ";", "\t"])).join(row) for row in [first, *rows]))
    return change_bytes(draw, text.getvalue().encode(draw(ENCODINGS), errors="replace"))


def change_bytes(draw, content: bytes) -> bytes:
    """Now and then a byte changed, or the end cut off."""
    content = bytearray(content)
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 3]))):
        if content:
            content[draw(st.integers(0, len(content) - 1))] = draw(st.integers(0, 255))
    return bytes(content[:draw(st.integers(0, len(content)))] if draw(st.integers(0, 7)) == 0 else content)


def faults_of(read) -> list:
    """The faults of a reader; any other error than the project's escapes and fails the test."""
    try:
        read()
    except DataError as error:
        assert error.faults and all(str(fault) and fault.found and fault.remedy for fault in error.faults)
        return list(error.faults)
    return []


def damage(content: bytes, draw: random.Random) -> bytes:
    """Bytes changed, cut out, doubled or put in; sometimes the end is lost."""
    changed = bytearray(content)
    for _ in range(draw.choice([1, 1, 3, 20])):
        place, length = draw.randrange(len(changed) + 1), draw.choice([1, 1, 4, 40])
        part = changed[place:place + length]
        fresh = draw.choice([draw.randbytes(length), part * 2, b"", b"\xff" * length, b"9" * length])
        changed[place:place + len(part)] = fresh
    return bytes(changed[:draw.randrange(len(changed) + 1)] if draw.random() < 0.1 else changed)
