"""The claims ledger: what the report says, row by row, and a verdict that is computed from what a test finds.

``listing`` reads the claims; ``tests`` finds; this module judges, prints and writes.
There are six verdicts:

* ``reproduced``: every part of the claim holds.
* ``partly``: some parts hold.
* ``refuted``: no part holds, and one is contradicted.
* ``not shown``: the seeds overlap too much to say either.
* ``needs the real data``: the data at hand cannot show it, such as a number of the report on other
  images.
* ``by construction``: this kit made it so, and no part is contradicted. It counts for nothing, whether
  the seeds show it on this machine or leave it open. Where something that we made does not hold, the
  verdict is ``partly`` or ``refuted`` as for any other row.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from mgutils.claims.evidence import CLIPS, Evidence
from mgutils.claims.intervals import within
from mgutils.claims.listing import CLAIMS, Claim, Sentence, load_claims
from mgutils.claims.registry import REPORT, SHOWN_FIRST, Finding
from mgutils.claims.tests import TESTS
from mgutils.report.markdown import markdown_table

Verdict = Literal["reproduced", "refuted", "partly", "not shown", "needs the real data",
                  "by construction"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)


@dataclass(frozen=True)
class Row:
    """A claim, what was found, the verdict, and the hash of everything that was looked at."""

    claim: Claim
    finding: Finding
    verdict: Verdict
    tested_on: str
    """``synthetic images``, ``iMiGUE images``, ``other images``, ``the loss grid``, ``code alone``."""
    rests_on: Mapping[str, str]
    """File to hash of what was read of it."""

    def as_dict(self) -> dict[str, Any]:
        """Fields of the claim, of the finding and of the row."""
        own = {"verdict": self.verdict, "tested_on": self.tested_on, "rests_on": dict(self.rests_on)}
        return asdict(self.claim) | asdict(self.finding) | own


@dataclass(frozen=True)
class Ledger:
    """All rows, and what they were computed from."""

    profile: str
    images: str
    seeds: int
    rows: tuple[Row, ...]
    unchecked: tuple[Sentence, ...]
    source: str = REPORT

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows with each verdict."""
        found = Counter(row.verdict for row in self.rows)
        return {verdict: found[verdict] for verdict in VERDICTS}

    @property
    def summary(self) -> str:
        """One line: rows, verdicts, profile, images."""
        tested = self.counts
        made = tested.pop("by construction")
        verdicts = ", ".join(f"{count} {verdict}" for verdict, count in tested.items())
        if made:
            verdicts += f", and {made} true by construction, which count for nothing"
        return (f"{len(self.rows)} claims: {verdicts}. Profile {self.profile}, {self.images} images, "
                f"{self.seeds} seed{'s' if self.seeds > 1 else ''}.")


def judge(claim: Claim, finding: Finding, *, comparable: bool, synthetic: bool = False) -> Verdict:
    """The verdict on a claim.

    Parameters
    ----------
    claim : Claim
    finding : Finding
    comparable : bool
        Whether the finding comes from the report's own images and, where trained models are concerned, its settings.
        Only claims that need ``imigue`` ask for that.
    synthetic : bool
        Whether the studio drew the images, so that what is ``made_by = "data"`` is our own doing.

    Raises
    ------
    ValueError
        If the test found nothing to judge by.
    """
    if not finding.possible or claim.needs == "imigue" and not comparable:
        return "needs the real data"
    parts = list(finding.checks.values())
    if claim.expected is not None:
        parts.append(_number_holds(claim, finding))
    if not parts:
        raise ValueError(f"{claim.id}: {claim.test} checked nothing, and the claim expects no number")
    made = claim.made_by == "kit" or claim.made_by == "data" and synthetic
    if made and False not in parts:
        return "by construction"
    if all(parts):
        return "reproduced"
    if any(parts):
        return "partly"
    return "refuted" if False in parts else "not shown"


def _number_holds(claim: Claim, finding: Finding) -> bool | None:
    """Whether the claimed number was found: by all seeds, by none, or by some (``None``)."""
    if finding.value is None:
        return False
    low, high = finding.spread or (finding.value, finding.value)
    return within(low, high, claim.expected, claim.tolerance)


def verify(evidence: Evidence, *, claims: Path | str = CLAIMS, source: str = REPORT, progress: bool = True) -> Ledger:
    """Test every claim of a source; print expected, obtained, spread and verdict of each as it is found.

    Raises
    ------
    MgError
        If the claims or the data cannot be read, or a missing run cannot be trained.
    """
    listed, unchecked = load_claims(claims, source)
    rows = []
    for number, claim in enumerate(listed, start=1):
        rows.append(_test(claim, evidence))
        if progress:
            print(f"{number:>3}/{len(listed)}  {_line(rows[-1])}", flush=True)
    ledger = Ledger(evidence.profile.name, evidence.images, evidence.seeds(source), tuple(rows), tuple(unchecked),
                    source)
    if progress:
        print(f"\n{ledger.summary}")
    return ledger


def _test(claim: Claim, evidence: Evidence) -> Row:
    evidence.begin()
    finding = TESTS[claim.test](evidence, **claim.args)
    trained = any(name.startswith("runs/") for name in evidence.read)
    comparable = evidence.images == "iMiGUE" and (evidence.profile.name == "imigue" or not trained)
    verdict = judge(claim, finding, comparable=comparable, synthetic=evidence.images == "synthetic")
    return Row(claim, finding, verdict, _tested_on(evidence), dict(sorted(evidence.read.items())))


def _tested_on(evidence: Evidence) -> str:
    court = ["the loss grid"] if "court.csv" in evidence.read else []
    if CLIPS in evidence.read:
        return f"{evidence.images} clips"
    images = [f"{evidence.images} images"] if evidence.read.keys() - {"court.csv"} else []
    return ", ".join(images + court) or "code alone"


def _line(row: Row) -> str:
    return (f"{row.verdict.upper():<20} {row.claim.id}: {row.claim.statement}\n"
            f"{'':9}expected: {row.claim.expectation}; obtained: {_obtained(row.finding)}; "
            f"spread: {_spread(row.finding)}; tested on: {row.tested_on}")


def _obtained(finding: Finding) -> str:
    return _with_control(vars(finding))


def _with_control(found: Mapping[str, Any]) -> str:
    return found["obtained"] + (f"; control: {found['control']}" if found["control"] else "")


def _spread(finding: Finding) -> str:
    if finding.spread is None or finding.spread[0] == finding.spread[1]:
        return "none"
    return f"{finding.spread[0]:.4g} to {finding.spread[1]:.4g}"


def write_ledger(ledger: Ledger, directory: Path | str) -> list[Path]:
    """Write ``claims.json`` and ``claims.md``, of another source than the report ``claims_<source>``.

    Equal ledgers give equal bytes.

    Returns
    -------
    list of Path
        The two files.
    """
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    plain = {"profile": ledger.profile, "images": ledger.images, "seeds": ledger.seeds, "counts": ledger.counts,
             "rows": [row.as_dict() for row in ledger.rows], "unchecked": [asdict(item) for item in ledger.unchecked]}
    name = "claims" if ledger.source == REPORT else f"claims_{ledger.source}"
    files = [directory / f"{name}.json", directory / f"{name}.md"]
    files[0].write_text(json.dumps(plain, indent=1, ensure_ascii=False, default=_plain) + "\n", encoding="utf-8")
    files[1].write_text(to_markdown(ledger), encoding="utf-8")
    return files


def _plain(number: Any) -> Any:
    return number.item()  # of NumPy


def to_markdown(ledger: Ledger) -> str:
    """The ledger as a table for people, and below it the sentences that are not checked."""
    header = ("Claim", "Where", "Expected", "Obtained", "Spread", "Tested on", "Verdict")
    lines = [(row.claim.statement, row.claim.where, row.claim.expectation,
               f"{_obtained(row.finding)}. {row.finding.note}".strip(), _spread(row.finding), row.tested_on,
               f"**{row.verdict}**") for row in ledger.rows]
    text = f"{ledger.summary}\n\n{markdown_table(header, lines)}\n"
    if ledger.unchecked:
        text += "\nSentences that no row tests:\n\n"
        text += "\n".join(f"* {item.where}: {item.statement} ({item.why})" for item in ledger.unchecked) + "\n"
    return text


def by_verdict(ledger: Ledger) -> str:
    """The ledger for a notebook, in Markdown: a folded table of claim, place and finding for each verdict."""
    return folded([row.as_dict() for row in ledger.rows])


def folded(rows: Sequence[Mapping[str, Any]]) -> str:
    """Rows as :meth:`Row.as_dict` has them, in Markdown: a folded table for each verdict."""
    parts = []
    for verdict in SHOWN_FIRST:
        lines = [(row["statement"], row["where"], f"{_with_control(row)}. {row['note']}".strip())
                 for row in rows if row["verdict"] == verdict]
        if lines:
            table = markdown_table(("Claim", "Where", "Found"), lines)
            parts.append(f"<details><summary><b>{len(lines)} {verdict}</b></summary>\n\n{table}\n\n</details>")
    return "\n\n".join(parts)
