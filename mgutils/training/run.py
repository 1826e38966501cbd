"""A finished run: its files, read on first use."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from mgutils.config.settings import RunConfig
from mgutils.data.csv import write_csv
from mgutils.data.labels import Labels
from mgutils.errors import CheckpointError
from mgutils.files import atomic_file
from mgutils.metrics.scores import Scores
from mgutils.training.config_file import read_config
from mgutils.training.whole import check_run

_Content = TypeVar("_Content")


@dataclass(frozen=True)
class Run:
    """A finished run. A classifier without text has logits, but no embeddings."""

    directory: Path

    @cached_property
    def config(self) -> RunConfig:
        """Its settings."""
        return read_config(self.directory / "config.json")

    @cached_property
    def log(self) -> pd.DataFrame:
        """One row per epoch: epoch, train_loss, valid_loss, top1, top5, uar, lr_image, seconds."""
        return self._read("log.jsonl", lambda path: pd.read_json(path, lines=True))

    @cached_property
    def metrics(self) -> dict[str, Any]:
        """top1, top5, uar (all in 0..1), samples, predicted_classes at the best epoch."""
        return self._read("metrics.json", _read_object)

    @cached_property
    def receipt(self) -> dict[str, Any]:
        """Commit, versions, hardware, hash of the data, seconds."""
        return self._read("receipt.json", _read_object)

    @property
    def summary(self) -> dict[str, Any]:
        """Best and last epoch, both on the reported rows, and which rows chose the best one."""
        best = {"epoch": self.receipt["metrics"]["epoch"], **self.metrics}
        last = self.receipt.get("last", {})
        select, rows = self.receipt.get("chosen_on", [self.config.train.select, 0])
        chosen = {"held_out": "held-out training images", "valid": "the reported images",
                  "last": "no image: it is the last epoch"}[select]
        return {
            "best": best,
            "last": {name: last[name] for name in best if name in last},
            "chosen_on": f"{rows:,} {chosen}" if rows else chosen,
        }

    @cached_property
    def _outputs(self) -> dict[str, np.ndarray]:
        return self._read("outputs.npz", _read_arrays)

    def _read(self, name: str, read: Callable[[Path], _Content]) -> _Content:
        """Read a file of the run; if that fails, check it against the receipt."""
        try:
            return read(self.directory / name)
        except (OSError, ValueError, EOFError, BadZipFile) as error:
            check_run(self.directory, [name], hashes=True)
            raise CheckpointError(
                f"{self.directory / name}: found a file that cannot be read ({error}); wanted what "
                "`mg train` left. Restore it, or delete the folder and train again.") from error

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """Everything that the task kept of its best epoch, by name."""
        return self._outputs

    @property
    def valid(self) -> np.ndarray:
        """(N,) positions of the validation rows in the table."""
        return self._outputs["valid"]

    @property
    def target(self) -> np.ndarray:
        """(N,) true class indices."""
        return self._outputs["target"]

    @property
    def logits(self) -> np.ndarray:
        """(N, C) scores at the best epoch."""
        return self._outputs["logits"]

    @property
    def image_embeddings(self) -> np.ndarray:
        """(N, D) embeddings of the validation rows."""
        return self._outputs["image_embeddings"]

    @property
    def caption_embeddings(self) -> np.ndarray:
        """(C, D) embeddings of the captions."""
        return self._outputs["caption_embeddings"]


def _read_object(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8"))


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    with np.load(path) as file:
        return dict(file)


def write_scores(result: Scores, labels: Labels, directory: Path) -> None:
    """Write ``metrics.json``, ``per_class.csv`` and ``confusion.csv``.

    Rows of the confusion matrix are true classes, columns predicted ones: by their own names, else
    by their ids.
    """
    directory.mkdir(parents=True, exist_ok=True)
    ids = labels.to_id(range(len(labels)))
    per_class = pd.DataFrame({
        "class_id": ids,
        "name": labels.own or labels.names,
        "support": result.support,
        "recall": result.recall,
    })
    with atomic_file(directory / "per_class.csv") as aside:
        write_csv(per_class, aside)
    shown = labels.own or ids
    confusion = pd.DataFrame(result.confusion, pd.Index(shown, name="true"), shown)
    with atomic_file(directory / "confusion.csv") as aside:
        write_csv(confusion, aside, index=True)
    text = json.dumps(result.summary(), indent=2) + "\n"
    with atomic_file(directory / "metrics.json") as aside:
        aside.write_text(text, encoding="utf-8")
