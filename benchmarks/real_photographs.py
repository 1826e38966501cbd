"""Train on a dataset of real photographs that was imported with ``mg import folders``, and fill docs/results.md.

``python benchmarks/real_photographs.py data/digits out/digits "24 x 24 pixels, logistic regression"``. The data are not
part of the project; without an argument nothing happens.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mgutils.config import run_config
from mgutils.data.pixels import load_pixels
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.report.markdown import markdown_table
from mgutils.report.readme import fill_pages
from mgutils.training.store import train_all

SEEDS = range(3)
BETTER = {"augment": "affine", "schedule": "cosine", "epochs": 25}
ROWS = {
    "sound_ce, 25 epochs, light affine augmentation, cosine": ("sound_ce", BETTER),
    "sound_ce, the cpu profile as it is": ("sound_ce", {}),
    "report_js, 144 epochs": ("report_js", {"epochs": 144}),
    "report_js, the cpu profile as it is": ("report_js", {}),
    "report_ce, the cpu profile as it is": ("report_ce", {}),
}


def logistic_regression(root: Path, side: int = 24) -> float:
    """Top-1 of a linear classifier on small grey pixels, by subject."""
    dataset = read_dataset(root)
    split, pixels = make_split(dataset, "subject"), load_pixels(dataset, 64)
    small = np.stack([np.asarray(Image.fromarray(image).convert("L").resize((side, side))) for image in pixels])
    features = small.reshape(len(small), -1) / 255
    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=500))
    model.fit(features[split.train], dataset.target[split.train])
    return float(model.score(features[split.valid], dataset.target[split.valid]))


def main(root: Path, out_dir: Path) -> None:
    """Train what is missing and write ``figures/digits.md`` and fill the pages that show it."""
    configs = {name: [run_config("cpu", objective, "subject", seed, **changes) for seed in SEEDS]
               for name, (objective, changes) in ROWS.items()}
    runs = train_all([config for group in configs.values() for config in group], root, out_dir)
    lines = []
    for place, name in enumerate(configs):
        group = runs[place * len(SEEDS):(place + 1) * len(SEEDS)]
        values = [[100 * run.metrics[score] for run in group] for score in ("top1", "uar")]
        cells = [f"{np.mean(seeds):.1f} ({min(seeds):.1f} to {max(seeds):.1f})" for seeds in values]
        lines.append((name, *cells))
    grey = f"{100 * logistic_regression(root):.1f}"
    lines.append(("logistic regression on 24 x 24 grey pixels", grey, ""))
    table = markdown_table(("Real photographs, split by student", "Top-1", "UAR"), lines, "lrr")
    text = (f"{table}\n\nMean and (lowest to highest) over {len(SEEDS)} seeds; "
            "best epoch chosen on the same students.\n")
    Path("figures/digits.md").write_text(text, encoding="utf-8")
    fill_pages(Path(), {"digits": text})
    print(text)


if __name__ == "__main__":
    if len(sys.argv) < 3:
        print("real photographs: skipped (give the dataset's folder and a folder for the runs)")
    else:
        main(Path(sys.argv[1]), Path(sys.argv[2]))
