"""The `photos` profile on real photographs, beside a linear probe of the encoder that it starts from.

``python -m benchmarks.photographs data/digits out/digits`` trains with all images that the subject split leaves for
training, from three seeds; ``--shots 1 2 5 10`` adds runs on so few images of each class, three draws each. Probe and
recipe see the same images at the same size. The data are not part of the project. ``--publish`` writes
``figures/photographs.md`` and fills docs/results.md.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from joblib import Parallel, delayed

from mgutils.config import RunConfig, run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import Split, make_split
from mgutils.data.table import read_dataset
from mgutils.evaluation.embed import load_run, score_rows
from mgutils.evaluation.few_shot import few_of_each, probe_encoder
from mgutils.metrics.scores import scores
from mgutils.report.markdown import markdown_table, percent
from mgutils.report.readme import fill_pages
from mgutils.training.loop import fit
from mgutils.training.store import train_all

DRAWS = 3
FEWEST_STEPS = 100
"""Optimisation steps of a run on few images: it gets as many epochs as that takes."""


def recipe(images: int | None = None, seed: int = 0) -> RunConfig:
    """The run of the `photos` profile; on few images with more epochs."""
    config = run_config("photos", "sound_ce", "subject", seed, threads=1)
    if images is not None:
        steps = math.ceil(images / config.train.batch_size)
        epochs = max(config.train.epochs, math.ceil(FEWEST_STEPS / steps))
        config = replace(config, train=replace(config.train, epochs=epochs))
    return config


def on_all(root: Path, out_dir: Path, seeds: int) -> list[float]:
    """Top-1 from each seed, all training images."""
    runs = train_all([recipe(seed=seed) for seed in range(seeds)], root, out_dir)
    return [run.metrics["top1"] for run in runs]


def on_few(root: Path, out_dir: Path, shots: int) -> list[float]:
    """Top-1 from each draw of ``shots`` training images of each class."""
    dataset = read_dataset(root)
    split = make_split(dataset, "subject")
    drawn = few_of_each(dataset.target[split.train], shots, DRAWS, seed=0)
    work = (delayed(_on_rows)(root, out_dir, split.train[some], split.valid, f"{shots}-{draw}")
            for draw, some in enumerate(drawn))
    return Parallel(n_jobs=2)(work)


def _on_rows(root: Path, out_dir: Path, train: np.ndarray, valid: np.ndarray, name: str) -> float:
    """Train on some rows, in a folder of their own, and score the last weights on others."""
    dataset = read_dataset(root)
    config = recipe(len(train))
    pixels = load_pixels(dataset, config.train.image_size, cache_dir=out_dir / "cache", progress=False)
    folder = out_dir / "few" / name
    if not (folder / "receipt.json").exists():
        watched = Split("subject", train, valid[:16])  # scored in every epoch, and not reported
        fit(config, dataset, pixels, watched, folder, progress=False, resume=True)
    return scores(score_rows(load_run(folder), pixels, valid), dataset.target[valid]).top1


def table(root: Path, out_dir: Path, shots: Sequence[int], seeds: int) -> str:
    """Train what is missing; the table as Markdown."""
    dataset, size = read_dataset(root), recipe().train.image_size
    encoder = recipe().model.image_encoder
    probes = probe_encoder(encoder, dataset, image_size=size, shots=tuple(shots), cache_dir=out_dir / "cache")
    probes = probes[probes["method"] == "linear_probe"].set_index("shots")
    lines = []
    for count in (*shots, 0):
        ours = on_few(root, out_dir, count) if count else on_all(root, out_dir, seeds)
        probe = probes.loc[count]
        lines.append((str(count or "all"), f"{probe['images']:,.0f}", percent(np.mean(ours), min(ours), max(ours)),
                      percent(probe["top1"], probe["low"], probe["high"])))
        print(*lines[-1], sep="  ", flush=True)
    head = ("Images a class", "Images", "`photos` profile", f"linear probe, {encoder}, {size} px")
    spread = f"{seeds} seeds" + (f"; with few images, of {DRAWS} draws" if shots else "")
    return (f"{markdown_table(head, lines, 'rrrr')}\n\nTop-1, new people: mean and (lowest to highest) of {spread}. "
            "The weights are those of the last epoch. The probe has no seed.\n")


def main() -> None:
    """Print the table; fill the page where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.photographs", description=__doc__.partition("\n")[0])
    parser.add_argument("root", type=Path, help="a dataset that `mg import folders` made, with groups")
    parser.add_argument("out_dir", type=Path, help="for the runs")
    parser.add_argument("--shots", nargs="*", type=int, default=[], help="also with so few images of each class")
    parser.add_argument("--seeds", type=int, default=3, help="of the runs on all images")
    parser.add_argument("--publish", action="store_true", help="fill docs/results.md")
    chosen = parser.parse_args()
    text = table(chosen.root, chosen.out_dir, chosen.shots, chosen.seeds)
    print(text)
    if chosen.publish:
        Path("figures/photographs.md").write_text(text, encoding="utf-8")
        fill_pages(Path(), {"photographs": text})


if __name__ == "__main__":
    main()
