"""Clips with sentences about each and about their classes, and runs on them, whose words are counted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
from clip_folders import NETWORKS, config, make_clip_folder

from mgutils.config import Pair, RunConfig, SpaceConfig, TextKind, TextVectors

WORDS = ("neck", "arms", "jaw", "hands")
UNSEEN = (2, 4)
SILENT = (0, 1, 2)
"""Clips of which nothing is said."""


def make_told_clips(root: Path) -> Path:
    """Eighty clips, all with joints; two sentences about each but for three, and two about each class."""
    make_clip_folder(root, clips=80)
    table = pd.read_csv(root / "clips.csv", keep_default_na=False)
    table["lacks"] = table["lacks"].str.replace("joints", "depth")
    table.to_csv(root / "clips.csv", index=False)
    sides = np.random.default_rng(0).choice(["left", "right", "other"], len(table))
    said = [{"clip_id": clip.clip_id, "number": number, "source": "test",
             "sentence": "" if clip.clip_id in SILENT else f"the {side} hand {verb} the {WORDS[clip.class_id - 1]}"}
            for clip, side in zip(table.itertuples(), sides, strict=True)
            for number, verb in ((1, "touches"), (2, "is at"))]
    pd.DataFrame(said).to_csv(root / "sentences.csv", index=False)
    classes = [{"class_id": place, "number": number, "sentence": f"a hand {verb} the {word}"}
               for place, word in enumerate(WORDS, start=1) for number, verb in ((1, "touches"), (2, "is at"))]
    pd.DataFrame(classes).to_csv(root / "class_sentences.csv", index=False)
    return root


def told_config(text: TextKind = "sample", left_out: tuple[int, ...] = UNSEEN, tower: str = "words") -> RunConfig:
    """A run of three epochs on joints and sentences, split by people."""
    model = SpaceConfig((Pair("joints", "sentence"),), width=12, frames=4, learn_temperature=True,
                        encoders={"joints": NETWORKS["joints"]}, derived=(TextVectors(text=text, tower=tower),))
    run = config(model, f"video_text_{text}", epochs=3)
    return replace(run, split="subject", left_out=left_out)
