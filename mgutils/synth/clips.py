"""Make whole clips, frames in time, or nothing: joints always, pictures of three cameras where they are asked for.

The clips are those of ``plan``, with the same people, rooms and styles as the studio's images; a clip is as long as its
time in the video. Keypoints need no drawing: some hundred clips a second. The layout is that of ``data.items``, with
``truth`` beside ``joints``: the same joints as they are, before the detector. Only a joint outside the picture counts
as hidden: detectors guess what a sleeve or a hand covers. So a clip has the same joints whether it is drawn or not. It
may lack a modality, as if a camera had failed: its frames are zero, and the column ``lacks`` says so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from numpy import ndarray

import mgutils
from mgutils.config import ClipConfig
from mgutils.data.importers.place import writing
from mgutils.data.items import FOLDER, write_clips
from mgutils.data.keypoints import JOINTS
from mgutils.data.labels import imigue_labels
from mgutils.errors import ConfigError
from mgutils.files import atomic_folder
from mgutils.progress import progress_bar
from mgutils.synth.dataset import RECORD, is_made, recorded
from mgutils.synth.detector import detect
from mgutils.synth.frames import clip_table, project_frames, render_frames
from mgutils.synth.infrared import shade_head_on
from mgutils.synth.person.keypoints import KEYPOINTS
from mgutils.synth.plan import make_plan, validate
from mgutils.synth.writer import IDLE, MAX_DEPTH, one_thread

PLAN_RATE = 25
"""Frames a second in which the plan counts."""
SPAN = (0.02, 0.98)
"""Phases of the first and of the last frame of a clip: from hands at rest to hands at rest."""
SHORTEST = 4
"""Frames of a clip, at least."""
CHUNK = 16
"""Clips that are made at once. Another number gives other bytes of drawn frames."""
CAMERAS = ("rgb", "depth", "infrared")
"""Modalities that are drawn, each if its parameter says so."""
_STREAM = 201  # random stream of what is missing, apart from those of plan, frames and detector
_PLACES = [KEYPOINTS.index(name) for name in JOINTS]


def make_clips(config: ClipConfig, root: Path | str, *, workers: int = 2, progress: bool = True) -> Path:
    """Make a folder of clips; equal parameters give equal bytes on one machine, whatever the number of workers.

    A complete folder of the same parameters is left as it is.

    Parameters
    ----------
    config : ClipConfig
    root : path
        Folder to make.
    workers : int
        Processes that draw; keypoints alone are made in this one.
    progress : bool
        Show a bar in clips.

    Raises
    ------
    ConfigError
        If a parameter is out of range, or something else is at ``root``.
    MgError
        If another process is making it, or it cannot be written.
    """
    validate_clips(config)
    root = Path(root)
    if is_made(config, root):
        return root
    with writing(root), atomic_folder(root.resolve()) as partial:
        if is_made(config, root):  # by a process that has just ended
            return root
        plan = make_plan(config)
        clips = clip_table(config, plan).assign(frames=clip_lengths(config, plan.clips))
        if config.absent:
            clips["lacks"] = [" ".join(lacking(config, clip_id)) for clip_id in clips["clip_id"]]
        arrays = _open_arrays(config, int(clips["frames"].sum()), partial)
        place, digest = 0, hashlib.sha256()
        with progress_bar(total=len(clips), unit="clip", desc="studio", mininterval=0.5, disable=not progress) as bar:
            for made in _make_chunks(config, clips, workers if config.rgb else 1):
                count = len(made["truth"])
                for name, values in made.items():
                    arrays[name][place:place + count] = values
                    digest.update(values.tobytes())
                place += count
                bar.update(min(CHUNK, len(clips) - bar.n))
        for array in arrays.values():
            array.flush()
        write_clips(partial, clips, imigue_labels(), {})
        record = {"made_by": f"mgutils {mgutils.__version__}", "config": recorded(config), "clips": len(clips),
                  "frames": place, "sha256_of_arrays": digest.hexdigest()}
        (partial / RECORD).write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    return root


def validate_clips(config: ClipConfig) -> None:
    """Raise a ConfigError that names every parameter out of range."""
    limits = {"rate": (0.5, 100), "longest": (SHORTEST, 1000), "jitter": (0, 0.5), "missing": (0, 1), "swaps": (0, 1),
              "absent": (0, 0.9)}
    faults = [f"{name}: found {getattr(config, name)}; wanted {low} to {high}." for name, (low, high) in limits.items()
              if not low <= getattr(config, name) <= high]
    faults += [f"{name}: found it without rgb; wanted both, as they are drawn together. Add --rgb."
               for name in CAMERAS[1:] if getattr(config, name) and not config.rgb]
    if config.absent and len(modalities(config)) < 2:
        faults.append("absent: found clips of joints alone; wanted another modality, which stays. Add --rgb.")
    if faults:
        raise ConfigError(" ".join(faults))
    validate(config)


def clip_lengths(config: ClipConfig, clips: pd.DataFrame) -> pd.Series:
    """Frames of each clip: its time in the video at the rate, from :data:`SHORTEST` to the longest allowed."""
    seconds = (clips["end_frame"] - clips["start_frame"] + 1) / PLAN_RATE
    return np.ceil(seconds * config.rate).astype(np.int64).clip(SHORTEST, config.longest)


def modalities(config: ClipConfig) -> tuple[str, ...]:
    """Names of what a clip has, unless it is missing: ``joints``, and the cameras that are asked for."""
    return "joints", *(name for name in CAMERAS if getattr(config, name))


def lacking(config: ClipConfig, clip_id: int) -> list[str]:
    """Names of the modalities that a clip lacks, each with probability ``absent``; one that would lack all keeps one.

    Every clip has its own random generator, so a clip does not depend on which others are there.
    """
    names = modalities(config)
    draw = np.random.default_rng([config.seed, _STREAM, clip_id]).random(len(names))
    gone = draw < config.absent
    gone[draw.argmax()] = False
    return [name for name, missing in zip(names, gone, strict=True) if missing]


def _open_arrays(config: ClipConfig, frames: int, folder: Path) -> dict[str, ndarray]:
    """Files of the right size, to be filled chunk by chunk: nothing has to fit into memory."""
    shapes = {"joints": ((len(JOINTS), 3), np.float32), "truth": ((len(JOINTS), 3), np.float32)}
    if config.rgb:
        shapes["rgb"] = ((config.size, config.size, 3), np.uint8)
    if config.depth:
        shapes["depth"] = ((config.size, config.size), np.uint16)
    if config.infrared:
        shapes["infrared"] = ((config.size, config.size), np.uint8)
    (folder / FOLDER).mkdir()
    return {name: np.lib.format.open_memmap(folder / FOLDER / f"{name}.npy", "w+", kind, (frames, *shape))
            for name, (shape, kind) in shapes.items()}


def _make_chunks(config: ClipConfig, clips: pd.DataFrame, workers: int) -> Iterator[dict[str, ndarray]]:
    chunks = (clips[start:start + CHUNK] for start in range(0, len(clips), CHUNK))
    if workers == 1:
        return (make_chunk(config, chunk) for chunk in chunks)
    parallel = Parallel(workers, return_as="generator", batch_size=1, idle_worker_timeout=IDLE)
    return parallel(delayed(make_chunk)(config, chunk) for chunk in chunks)


def make_chunk(config: ClipConfig, clips: pd.DataFrame) -> dict[str, ndarray]:
    """All frames of some clips, one after the other: ``truth``, ``joints`` and the cameras asked for."""
    count = clips["frames"].to_numpy()
    frames = clips.loc[clips.index.repeat(count), ["clip_id", "true_class_id", "video_id", "subject_id"]]
    frames["phase"] = np.concatenate([np.linspace(*SPAN, number) for number in count])
    made = {}
    with one_thread():
        uv, seen = project_frames(config, frames)
        if config.rgb:
            drawn = render_frames(config, frames)
            made["rgb"] = drawn["rgb"]
            if config.depth:
                millimetres = np.clip(np.rint(drawn["depth"].astype(np.float64) * 1000), 0, MAX_DEPTH)
                made["depth"] = millimetres.astype(np.uint16)
            if config.infrared:
                made["infrared"] = shade_head_on(drawn["depth"], drawn["camera"][:, 6])
    truth = np.concatenate([uv, seen[..., None]], axis=2).astype(np.float32)[:, _PLACES]
    parts = np.split(truth, count.cumsum()[:-1])
    seen_by_detector = [detect(part, config, clip_id) for part, clip_id in zip(parts, clips["clip_id"], strict=True)]
    made |= {"truth": truth, "joints": np.concatenate(seen_by_detector)}
    if config.absent:
        lacks = clips["lacks"].str.split()
        for name in modalities(config):
            gone = np.array([name in names for names in lacks])
            made[name][np.repeat(gone, count)] = 0
    return made
