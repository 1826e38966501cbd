"""Notebook 09's comparison with the epochs that Table 1 gives the report's losses: 20 minutes on two cores.

``python -m benchmarks.long_training`` trains the report's recipe, the sound loss and the kit's own recipe on the
subject split, or loads them from the run store, and writes ``figures/long_training.md``, which docs/results.md shows.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from mgutils.config import SplitName, get_profile, run_config
from mgutils.course.reproduce import make_data
from mgutils.data.table import Dataset, read_dataset
from mgutils.experiments import generalization
from mgutils.experiments.recipes import OURS, recipe_config
from mgutils.report.markdown import markdown_table
from mgutils.report.readme import fill_pages
from mgutils.training.run import Run
from mgutils.training.store import train_all

ROOT = Path(__file__).resolve().parents[1]
SPLIT: SplitName = "subject"
RECIPES = {"report": "the report's recipe", "sound": "the same with the sound loss",
           OURS: "ours: the sound loss and small turns, shifts and zooms"}


def train(profile: str, data_root: Path, out_dir: Path, epochs: int, seeds: int) -> dict[str, list[Run]]:
    """The runs of every recipe, one for each seed; the epoch is chosen on held-out training subjects."""
    configs = [recipe_config(profile, name, SPLIT, seed, select="held_out", epochs=epochs)
               for seed in range(seeds) for name in RECIPES]
    runs = train_all(configs, data_root, out_dir)
    return {name: runs[place::len(RECIPES)] for place, name in enumerate(RECIPES)}


def table(dataset: Dataset, runs: Mapping[str, Sequence[Run]]) -> str:
    """Scores of each recipe, and how far its UAR is from that of the report's, in Markdown."""
    first, *others = RECIPES
    gains = generalization.compare(dataset, runs, [(first, name) for name in others])
    gains = gains[gains["score"] == "uar"].set_index("second")
    epochs, seeds = runs[first][0].config.train.epochs, len(runs[first])
    header = (f"Split by subject, {epochs} epochs", "Top-1", "UAR", "UAR over the report's")
    lines = []
    for name, words in RECIPES.items():
        scores = generalization.split_table(dataset, {SPLIT: runs[name]}).set_index("score")
        found = [_percent(*scores.loc[score, ["value", "seed_low", "seed_high"]]) for score in ("top1", "uar")]
        found.append(_gain(gains.loc[name]) if name in gains.index else "–")
        lines.append((words, *found))
    constant = (f"{100 * scores.loc[score, 'constant']:.1f}" for score in ("top1", "uar"))
    lines.append(("constant class", *constant, "–"))
    return markdown_table(header, lines, "lrrr") + (
        f"\n\nPercent; mean and (lowest to highest) over {seeds} seeds; the epoch is chosen by top-1 on held-out "
        "training subjects. UAR over the report's: percentage points, with the 95 % interval over subjects and seeds; "
        "*shown* as in notebook 09.\n")


def _gain(row: pd.Series) -> str:
    return f"{_percent(row['difference'], row['low'], row['high'])}, {'shown' if row['shown'] else 'not shown'}"


def _percent(value: float, low: float, high: float) -> str:
    return f"{100 * value:.1f} ({100 * low:.1f} to {100 * high:.1f})"


def main(arguments: list[str] | None = None) -> None:
    """Train or load, print the table and publish it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.long_training", description=__doc__.partition("\n")[0])
    parser.add_argument("--profile", default="cpu")
    parser.add_argument("--epochs", type=int, help="as many as the profile gives the report's losses if not given")
    parser.add_argument("--seeds", type=int, help="the profile's number if not given")
    parser.add_argument("--data-root", type=Path, default=ROOT / "data" / "cpu")
    parser.add_argument("--out-dir", type=Path, default=ROOT / "out" / "cpu", help="holds the run store")
    parser.add_argument("--root", type=Path, default=ROOT, help="holds README.md, docs/ and figures/")
    chosen = parser.parse_args(arguments)
    profile = get_profile(chosen.profile)
    make_data(profile, chosen.data_root)
    epochs = chosen.epochs or run_config(profile, "report_js").train.epochs
    runs = train(profile.name, chosen.data_root, chosen.out_dir, epochs, chosen.seeds or profile.seeds)
    text = table(read_dataset(chosen.data_root), runs)
    (chosen.root / "figures" / "long_training.md").write_text(text, encoding="utf-8")
    fill_pages(chosen.root, {"long_training": text})
    print(text)


if __name__ == "__main__":
    main()
