"""Pretrained encoders against small ones from scratch on the studio's images, new people, in equal processor time.

``python -m benchmarks.pretrained`` trains our recipe from scratch and the pair of the `photos` profile (EfficientNet-
Lite0, frozen MiniLM) on the subject split of the `cpu` profile's images, three seeds each, or loads them from the run
store. The pretrained pair gets as many epochs as fit into the processor time of the other; one epoch of each is timed.
``--publish`` writes ``figures/pretrained.md`` and fills docs/results.md. About 25 minutes on one core.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from mgutils.config import RunConfig, get_profile, run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import Dataset, read_dataset
from mgutils.experiments import generalization
from mgutils.experiments.recipes import recipe_config
from mgutils.report.markdown import markdown_table, percent
from mgutils.report.readme import fill_pages
from mgutils.training.loop import train_epoch
from mgutils.training.run import Run
from mgutils.training.session import open_session
from mgutils.training.store import train_all

ROOT = Path(__file__).resolve().parents[1]
SEEDS = 3
SIDE, EPOCHS = 64, 48
"""Of the images, in pixels; and of the small encoders from scratch."""


def from_scratch(seed: int = 0) -> RunConfig:
    """Our recipe; the epoch is chosen on held-out training subjects."""
    return recipe_config("cpu", "ours", "subject", seed, select="held_out", epochs=EPOCHS, image_size=SIDE)


def pretrained(epochs: int, seed: int = 0) -> RunConfig:
    """The pair of the `photos` profile on the same images; the last epoch, in which its cosine ends."""
    photos = get_profile("photos")
    train = replace(photos.train, epochs=epochs, augment="affine", image_size=SIDE, threads=1)
    return replace(run_config("cpu", "sound_ce", "subject", seed), model=photos.model, train=train)


def epoch_seconds(config: RunConfig, dataset: Dataset, cache_dir: Path) -> float:
    """Processor time of one epoch, in seconds."""
    pixels = load_pixels(dataset, config.train.image_size, cache_dir=cache_dir, progress=False)
    split = make_split(dataset, config.split)
    session = open_session(config, dataset, pixels, split)
    began = time.process_time()
    train_epoch(session, split.train, seed=0)
    return time.process_time() - began


def table(dataset: Dataset, runs: dict[str, Sequence[Run]], seconds: dict[str, float]) -> str:
    """Scores of both, and how far they lie apart, in Markdown."""
    gains = generalization.compare(dataset, runs, [("scratch", "pretrained")]).set_index("score")
    lines = []
    for name, words in (("scratch", "small encoders from scratch"), ("pretrained", "pretrained pair")):
        scores = generalization.split_table(dataset, {"subject": runs[name]}).set_index("score")
        epochs = runs[name][0].config.train.epochs
        found = [percent(*scores.loc[score, ["value", "seed_low", "seed_high"]]) for score in ("top1", "uar")]
        lines.append((words, str(epochs), f"{epochs * seconds[name] / 60:.1f}", *found))
    gain = [percent(*gains.loc[score, ["difference", "low", "high"]]) for score in ("top1", "uar")]
    shown = {score: "shown" if gains.loc[score, "shown"] else "not shown" for score in ("top1", "uar")}
    lines.append(("difference", "", "", *(f"{text}, {shown[score]}" for text, score in
                                          zip(gain, ("top1", "uar"), strict=True))))
    return markdown_table(("New people", "Epochs", "Processor minutes", "Top-1", "UAR"), lines, "lrrrr") + (
        f"\n\nPercent; mean and (lowest to highest) over {SEEDS} seeds; the difference with its 95 % interval over "
        "subjects and seeds. Synthetic images of 64 px.\n")


def main() -> None:
    """Time, train or load, print; fill the page where that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.pretrained", description=__doc__.partition("\n")[0])
    parser.add_argument("--data-root", type=Path, default=ROOT / "data" / "cpu")
    parser.add_argument("--out-dir", type=Path, default=ROOT / "out" / "cpu", help="holds the run store")
    parser.add_argument("--epochs", type=int, help="of the pretrained pair; timed if not given, which a loaded machine "
                                                   "makes fewer or more")
    parser.add_argument("--publish", action="store_true", help="fill docs/results.md")
    chosen = parser.parse_args()
    dataset = read_dataset(chosen.data_root)
    cache = chosen.out_dir / "cache"
    seconds = {"scratch": epoch_seconds(from_scratch(), dataset, cache),
               "pretrained": epoch_seconds(pretrained(2), dataset, cache)}
    epochs = chosen.epochs or max(2, int(EPOCHS * seconds["scratch"] / seconds["pretrained"]))
    print({name: round(value, 1) for name, value in seconds.items()}, epochs, flush=True)
    runs = {"scratch": train_all([from_scratch(seed) for seed in range(SEEDS)], chosen.data_root, chosen.out_dir),
            "pretrained": train_all([pretrained(epochs, seed) for seed in range(SEEDS)], chosen.data_root,
                                    chosen.out_dir)}
    text = table(dataset, runs, seconds)
    print(text)
    if chosen.publish:
        (ROOT / "figures" / "pretrained.md").write_text(text, encoding="utf-8")
        fill_pages(ROOT, {"pretrained": text})


if __name__ == "__main__":
    main()
