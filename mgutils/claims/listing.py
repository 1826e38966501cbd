"""The list of claims: reading ``claims.toml`` and refusing what does not belong in it, such as a typed verdict."""

from __future__ import annotations

import inspect
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any, Literal

from mgutils.claims.registry import REPORT
from mgutils.claims.tests import TESTS
from mgutils.errors import ConfigError

CLAIMS = Path(__file__).resolve().parents[2] / "claims.toml"
NEEDS = ("cpu", "gpu", "imigue")
MADE_BY = ("", "kit", "data")


@dataclass(frozen=True)
class Claim:
    """One checkable statement of an original or of its README."""

    id: str
    statement: str
    """What is claimed, in our words."""
    where: str
    """Section, table or figure."""
    test: str
    """A name in :data:`mgutils.claims.tests.TESTS`."""
    needs: Literal["cpu", "gpu", "imigue"] = "cpu"
    """The least that the verdict takes: a CPU, a GPU, or the report's own images."""
    made_by: Literal["", "kit", "data"] = ""
    """Who makes it true. Empty: nobody.

    ``kit``: a setting, a text or a loop that we typed, so it holds by construction on all images.
    ``data``: the studio draws the images and writes the tables that way, so it holds by construction
    on the studio's images and is tested on others.
    """
    args: Mapping[str, Any] = field(default_factory=dict)
    """Further arguments of the test."""
    expected: float | None = None
    """The number that is claimed."""
    tolerance: float = 0.0
    """How far from it the value found may be."""
    unit: str = ""
    source: str = REPORT
    """Which original says it: ``report``, ``miga2023``, ``cmvra`` or ``emoclip``."""

    @property
    def expectation(self) -> str:
        """The expected number with its tolerance, or ``holds``."""
        if self.expected is None:
            return "holds"
        return f"{self.expected:g}{self.unit}" + (f" ± {self.tolerance:g}" if self.tolerance else "")


@dataclass(frozen=True)
class Sentence:
    """A sentence of the report that no row tests, and why."""

    where: str
    statement: str
    why: str


def load_claims(path: Path | str = CLAIMS, source: str = REPORT) -> tuple[list[Claim], list[Sentence]]:
    """Read the claims of one source from ``claims.toml``.

    Returns
    -------
    list of Claim
        The rows of the ledger, in the order of the file.
    list of Sentence
        What of it is not checked.

    Raises
    ------
    ConfigError
        If the file cannot be read, a field is unknown or missing, a verdict is typed, an id occurs twice, or there is
        no such test.
    """
    path = Path(path)
    try:
        plain = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: not a readable list of claims ({error}). Restore claims.toml.") from error
    claims = [_claim(path, entry) for entry in plain.get("claim", [])]
    for name, count in Counter(claim.id for claim in claims).items():
        if count > 1:
            raise ConfigError(f"{path}: found the id {name!r} {count} times; wanted each id once. Rename one.")
    sources = {claim.source for claim in claims}
    if claims and source not in sources:
        raise ConfigError(f"source: found {source!r}; wanted one of {', '.join(sorted(sources))}.")
    unchecked = [Sentence(**entry) for entry in plain.get("unchecked", [])] if source == REPORT else []
    return [claim for claim in claims if claim.source == source], unchecked


def _claim(path: Path, entry: dict[str, Any]) -> Claim:
    place = f"{path}, claim {entry.get('id', '?')!r}"
    if "verdict" in entry:
        raise ConfigError(f"{place}: found a typed verdict; wanted none. `mg verify` computes it.")
    known = {item.name for item in fields(Claim)}
    if wrong := [*(entry.keys() - known), *({"id", "statement", "where", "test"} - entry.keys())]:
        raise ConfigError(f"{place}: field {min(wrong)!r} is unknown or missing; wanted {', '.join(sorted(known))}.")
    claim = Claim(**entry)
    if claim.test not in TESTS or claim.needs not in NEEDS or claim.made_by not in MADE_BY:
        raise ConfigError(f"{place}: found test {claim.test!r}, needs {claim.needs!r} and made_by "
                          f"{claim.made_by!r}; wanted a @claim_test of "
                          f"mgutils.claims.tests, one of {', '.join(NEEDS)}, and kit, data or nothing.")
    try:
        inspect.signature(TESTS[claim.test]).bind(None, **claim.args)
    except TypeError as error:
        raise ConfigError(f"{place}: args do not fit {claim.test} ({error}).") from error
    return claim
