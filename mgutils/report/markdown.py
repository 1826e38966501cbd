"""Tables in Markdown: one function for every page and every published table, and how a share with its range reads."""

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


def percent(value: float, low: float, high: float) -> str:
    """A share with its lowest and highest, in percent: ``95.3 (95.1 to 95.4)``."""
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def _line(cells: Sequence[object]) -> str:
    texts = [str(cell).replace("|", r"\|") for cell in cells]
    return "|" + "".join(f" {text} |" if text else " |" for text in texts)
