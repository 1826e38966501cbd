"""Tables in Markdown: one function for every page and every published table."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[object]], align: str = "") -> str:
    """A Markdown table, without a line break at its end.

    Parameters
    ----------
    header : sequence of str
    rows : iterable of sequence
        A cell for each column; what is no text is shown as ``str`` shows it.
    align : str
        A letter for each column: ``r`` aligns it to the right, any other to the left.
    """
    rule = ["---:" if side == "r" else "---" for side in align.ljust(len(header))]
    return "\n".join(_line(cells) for cells in (header, rule, *rows))


def _line(cells: Sequence[object]) -> str:
    texts = [str(cell).replace("|", r"\|") for cell in cells]
    return "|" + "".join(f" {text} |" if text else " |" for text in texts)
