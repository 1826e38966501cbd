"""A tiny folder of clips with four modalities, some of them missing, made of noise around what a class looks like."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from mgutils.config import Pair, RunConfig, SpaceConfig, TextVectors, space_config, star
from mgutils.data.items import write_clips
from mgutils.data.labels import Labels

NAMES = ("Turtle neck", "Folding arms", "touching jaw", "Illustrative hand gestures")
MODALITIES = ("rgb", "depth", "joints", "flow")
SIZE = 16
NETWORKS = {
    "rgb": {"kind": "patches", "width": 16, "layers": 1, "heads": 2, "size": SIZE, "patch": 8},
    "depth": {"kind": "patches", "width": 16, "layers": 1, "heads": 2, "size": SIZE, "patch": 8},
    "joints": {"width": 16, "layers": 1, "heads": 2},
    "flow": {"shape": [6], "width": 16, "layers": 1, "heads": 2},
}
"""No batch normalisation: an embedding does not depend on the batch."""
MASKED = {"block": [2, 8], "size": SIZE, "width": 16, "layers": 1, "heads": 2, "decoder_width": 16,
          "decoder_layers": 1}


def make_clip_folder(root: Path, clips: int = 40, lacks: bool = True, seed: int = 0) -> Path:
    """Write the folder: classes in turn, ten people, three to eight frames a clip; every third clip lacks something."""
    chance = np.random.default_rng(seed)
    target = np.arange(clips) % len(NAMES)
    frames = chance.integers(3, 9, clips)
    each = np.repeat(target, frames)
    noise = chance.random((len(each), SIZE, SIZE))
    rgb = np.stack([40 + 50 * (each[:, None, None] == colour) + 40 * noise for colour in range(3)], axis=3)
    joints = chance.random((len(each), 22, 3)) * 0.2 + 0.2 + 0.1 * each[:, None, None]
    arrays = {"rgb": rgb, "depth": 1000 + 700 * each[:, None, None] + 100 * noise, "joints": joints}
    flow = (chance.random((len(each), 6)) + (np.arange(6) == each[:, None])).astype(np.float32)

    table = pd.DataFrame({"clip_id": np.arange(clips), "class_id": target + 1, "frames": frames,
                          "video_id": np.arange(clips) // 2, "subject_id": np.arange(clips) // 4})
    if lacks:
        sets = ("joints", "flow depth", "rgb")
        table["lacks"] = [sets[clip // 3 % 3] if clip % 3 == 0 else "" for clip in range(clips)]
        for name in MODALITIES:
            gone = np.repeat([name in cell.split() for cell in table["lacks"]], frames)
            (flow if name == "flow" else arrays[name])[gone] = 0
    root.mkdir(parents=True)
    write_clips(root, table, Labels(NAMES), arrays)
    np.save(root / "clips" / "flow.npy", flow)
    return root


def space(pairs=None, **settings) -> SpaceConfig:
    """A tiny space: by default a star around the colours."""
    made = SpaceConfig(star("rgb", MODALITIES[1:]) if pairs is None else pairs, width=12, frames=4, **settings)
    networks = {name: NETWORKS[name] for name in made.modalities if name in NETWORKS}
    return SpaceConfig(**vars(made) | {"encoders": networks | made.encoders})


def config(model, name: str = "tiny", seed: int = 0, **train) -> RunConfig:
    """A run of few epochs."""
    return space_config("smoke", model, name, "clip", seed, **{"epochs": 2, "batch_size": 8} | train)


SILENT = 4
"""The clip of which nothing is said."""


def write_sentences(root: Path, clips: int = 40) -> Path:
    """One to three sentences about each clip, empty about one, and a column of the hands alone."""
    rows = []
    for clip in range(clips):
        doing = NAMES[clip % len(NAMES)].lower()
        for number in range(1, 2 + clip % 3):
            said = f"{('somebody', 'a person', 'one')[number - 1]} is {doing} in manner {clip % 5}"
            rows.append({"clip_id": clip, "number": number, "sentence": "" if clip == SILENT else said,
                         "hands": f"hands {clip % len(NAMES)}"})
    pd.DataFrame(rows).to_csv(root / "sentences.csv", index=False)
    of_classes = [{"class_id": place, "number": number, "sentence": f"{begin} {name.lower()}",
                   "hands": f"hands {place}"}
                  for place, name in enumerate(NAMES, start=1) for number, begin in ((1, "a person is"), (2, "one is"))]
    pd.DataFrame(of_classes).to_csv(root / "class_sentences.csv", index=False)
    return root


def told(video: str = "joints", said: TextVectors | None = None, *derived, **settings) -> SpaceConfig:
    """A tiny space of videos and sentences, whose words are counted."""
    said = said or TextVectors(tower="words")
    return space((Pair(video, said.name),), **{"learn_temperature": True, "derived": (*derived, said)} | settings)
