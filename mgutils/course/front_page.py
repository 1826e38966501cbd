"""The generated parts of README.md that no notebook writes.

What was found, the result in one table, the verdicts on four systems, the notebooks and the rooms of the
package, each made of published results or of the code. :mod:`mgutils.report.readme` puts them on the page.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import mgutils
from mgutils.claims.systems import system_ledgers, verdict_table, verdicts_in_markdown
from mgutils.course.map import questions_table
from mgutils.report.markdown import markdown_table

FINDINGS = {
    "report_ce": ("below the constant class, as reported", "the CE row is below the constant class, as reported"),
    "report_js": ("above the row before, as reported", "the JS row is above the CE row, as reported"),
    "sound_ce": ("above the report's JS row", "CLIP's cross entropy, normalised, is above the JS row"),
    "lookup": ("above the report's JS row, as on the real data",
               "a look-up without pixels is above the JS row, as on the real data"),
}
"""Row of Table 1 to its words in the README and its sentence in ``findings.json``."""
_JS_CHECK = "the Jensen-Shannon divergence is better than cross entropy"
_OUTCOMES = {True: "holds", False: "does not hold", None: "not shown"}


def found(root: Path) -> str:
    """Three sentences on what was found, with one number each."""
    figures = root / "figures"
    lookup = next(row for row in _read(figures / "table1.json") if row["row"] == "lookup")
    control = _on_new_people(figures)["sound_ce"].partition(" ")[0]
    loss = _claims(figures)["code-bounded"]["spread"][0]
    return "\n".join((
        "* **The split leaks.** A look-up of the clip's label, which sees no pixel, scores "
        f"{lookup['iMiGUE_top1']:.2f} % top-1 on the report's own split of the real images, above its best row.",
        "* **New people are harder.** On people that it never saw, the control with CLIP's loss is left with "
        f"{control} % top-1.",
        "* **The loss is another.** The Jensen-Shannon divergence is at most ln 2. What the report's code computes, a "
        f"forward KL divergence, reached {loss:.1f} or more in every run, as the mean of an epoch."))


def headline(root: Path) -> str:
    """The methods of Table 1 and our own recipe: top-1, UAR, top-1 on new people, what was found."""
    figures = root / "figures"
    people, verdicts = _on_new_people(figures), _verdicts(figures)
    rows = _read(figures / "table1.json")
    lines = [(row["method"], _spread(row, "top1"), _spread(row, "uar"), people.get(row["row"], "–"),
              verdicts.get(row["row"], "–")) for row in rows]
    gain = _table(figures / "long_training.md")[-2][-1].rpartition(", ")[2]
    lines.append(("Ours: sound loss, augmented", "–", "–", people["ours"],
                  f"UAR on new people above the report's: **{gain}**"))
    seeds = max(row["seeds"] for row in rows)
    header = ("Method", "Top-1", "UAR", "Top-1 on new people", "Verdict")
    return markdown_table(header, lines, "lrrrl") + (
        f"\n\nPercent; mean and (lowest to highest) over {seeds} seeds. Top-1 and UAR: the report's split, by frame. "
        "UAR: mean recall over the classes. New people: split by subject; the report's loss and ours choose their "
        "epoch on held-out training subjects there, and ours has a third of the report's epochs.")


def systems(root: Path) -> str:
    """What became of the claims of each system, a line each, from the published ledgers."""
    table = verdict_table(system_ledgers(root / "figures", root / "figures")).drop(index="together")
    return verdicts_in_markdown(table[["claims", "refuted", "partly", "not shown", "reproduced"]])


def rooms(root: Path) -> str:
    """The rooms of the package, one line each, from the map that is its docstring."""
    lines = (f"* `{name}`: {what}" for name, what in package_map().items())
    return "\n".join(lines).replace("``", "`")


def package_map() -> dict[str, str]:
    """Room to its line, as the docstring of :mod:`mgutils` has them."""
    return dict(re.findall(r"^    (\w+) {2,}(\S.*)$", mgutils.__doc__, re.MULTILINE))


MAKERS = {"found": found, "headline": headline, "systems": systems, "course": questions_table, "rooms": rooms}
"""Name of a part to the function that makes its text from a project."""


def _on_new_people(figures: Path) -> dict[str, str]:
    """Row to its top-1 on the split by subject, from the two tables that have it."""
    subject = {line[0]: line[3] for line in _table(figures / "subject.md") if line[1] == "subject"}
    longer = _table(figures / "long_training.md")
    return {"report_js": longer[0][2], "sound_ce": subject["Cross-entropy (sound control)"],
            "constant": subject["Constant class"], "ours": longer[-2][2]}


def _verdicts(figures: Path) -> dict[str, str]:
    findings = _read(figures / "findings.json")["findings"]
    verdicts = {row: f"{words}: **{findings[sentence]}**" for row, (words, sentence) in FINDINGS.items()}
    better = _OUTCOMES[_claims(figures)["js-superior"]["checks"][_JS_CHECK]]
    return verdicts | {"sound_js": f"better than cross entropy: **{better}**"}


def _claims(figures: Path) -> dict[str, dict[str, Any]]:
    return {row["id"]: row for row in _read(figures / "claims.json")["rows"]}


def _read(file: Path) -> Any:
    return json.loads(file.read_text(encoding="utf-8"))


def _table(file: Path) -> list[list[str]]:
    """The cells of a Markdown table, without its head."""
    lines = [line for line in file.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def _spread(row: Mapping[str, Any], score: str) -> str:
    if row["seeds"] < 2:
        return f"{row[score]:.1f}"
    return f"{row[score]:.1f} ({row[score + '_min']:.1f} to {row[score + '_max']:.1f})"
