"""The command that says what synthetic clips show."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.cli.paths import need_dataset


@dataclass(frozen=True)
class Sentences:
    """Write what synthetic clips show, and what their classes are, in sentences."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of clips or images that the studio made; sentences.csv and class_sentences.csv go there."""

    def run(self) -> None:
        need_dataset(self.root)

        from mgutils.synth.sentences import write_sentences

        for file in write_sentences(self.root):
            print(file)
