"""The command that asks a vision-language model about clips."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import tyro

from mgutils.cli.paths import need_dataset
from mgutils.config.captioner import CaptionConfig

_SHOWN = 20  # ids in a line


@dataclass(frozen=True)
class Caption:
    """Ask a vision-language model about the frames of each clip: sentences.csv; goes on where a killed run stopped."""

    root: Annotated[Path, tyro.conf.Positional]
    """Folder of clips with pictures, or of images."""
    question: CaptionConfig
    """The model and what it is asked."""
    replace: bool = False
    """Write over a sentences.csv that something else has written."""

    def run(self) -> None:
        need_dataset(self.root)

        from mgutils.predict.captions import caption

        made = caption(self.root, self.question, replace=self.replace)
        for ids, what in ((made.empty, "clips have an empty answer, which stays empty in the file"),
                          (made.silent, "clips have no other, and so no sentence")):
            if ids:
                more = f" and {len(ids) - _SHOWN:,} more" if len(ids) > _SHOWN else ""
                print(f"note: {len(ids):,} {what}: {', '.join(map(str, ids[:_SHOWN]))}{more}")
        if made.unseen:
            print(f"note: {made.unseen:,} clips have no pictures, and no sentence")
        print(f"{made.file}: {made.sentences:,} sentences about {made.clips:,} clips; the model was asked about "
              f"{made.asked:,} of them now")
