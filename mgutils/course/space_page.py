"""One HTML file in which a space can be asked: a clip in one modality, and the clips nearest to it in another one.

It holds some reported clips, a small picture of each in each modality, and the run's own embeddings; the page computes
the cosines. It needs no server and no network. Its look is the microscope's.
"""

from __future__ import annotations

import base64
from pathlib import Path
from typing import Any

import numpy as np
from markupsafe import Markup
from PIL import Image

from mgutils.course.explorer import png_bytes
from mgutils.course.explorer_space import SpaceExplorer
from mgutils.course.microscope import as_script_text, choose
from mgutils.course.templates import read_web, render, write_page
from mgutils.data.table import Dataset
from mgutils.errors import ConfigError
from mgutils.metrics.cosine import unit
from mgutils.training.run import Run

SIDE = 72
"""Of an embedded picture, in pixels; smaller ones stay as they are."""


def write_space_page(run: Run, dataset: Dataset, page: Path | str, clips: int = 24, *, seed: int = 0) -> Path:
    """Write the page of a run of alignment.

    Parameters
    ----------
    run : Run
    dataset : Dataset
        The clips that it was trained on.
    page : path
        The HTML file; whole or absent.
    clips : int
        How many of the reported clips can be asked for and found.
    seed : int
        Of the choice of clips.

    Returns
    -------
    Path
        The page.

    Raises
    ------
    ConfigError
        If it is a run of something else, or of other clips, or ``clips`` is below 2.

    Taught in: 11, section 5.
    """
    page, content = Path(page), collect(run, dataset, clips, seed=seed)
    style = Markup(read_web("microscope.css") + read_web("space.css"))
    html = render("space.html", title=content["run"], modalities=content["modalities"], style=style,
                  script=Markup(read_web("space.js")), data=Markup(as_script_text(content)))
    write_page(page, html)
    return page


def collect(run: Run, dataset: Dataset, clips: int = 24, *, seed: int = 0) -> dict[str, Any]:
    """All that the page knows, in plain types.

    Raises
    ------
    ConfigError
        If it is a run of something else, or of other clips, or ``clips`` is below 2.
    """
    if clips < 2:
        raise ConfigError(f"clips: found {clips}; wanted at least 2, to have something to choose from.")
    view = SpaceExplorer(dataset, run)
    chosen = choose(run.target, clips, seed)
    there = {name: view.present[name][chosen] for name in view.modalities}
    return {
        "run": run.directory.name,
        "line": f"{run.directory.name}: {len(chosen)} of {len(run.valid):,} clips of people that it has not met. "
                "A rank among so few is better than one among all.",
        "modalities": list(view.modalities),
        "names": [f"{target + 1} {view.names[target]}" for target in run.target[chosen].tolist()],
        "target": run.target[chosen].tolist(),
        "dimensions": view.vectors[view.modalities[0]].shape[1],
        "present": {name: there[name].tolist() for name in view.modalities},
        "vectors": {name: _floats(unit(view.vectors[name][chosen])) for name in view.modalities},
        "pictures": {name: [_png_uri(view.middle_frame(name, place)) if has else "" for place, has in
                            zip(chosen.tolist(), there[name], strict=True)] for name in view.modalities},
    }


def _png_uri(picture: np.ndarray) -> str:
    small = Image.fromarray(picture)
    small.thumbnail((SIDE, SIDE), Image.Resampling.LANCZOS)
    return "data:image/png;base64," + base64.b64encode(png_bytes(np.asarray(small))).decode()


def _floats(array: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype="<f4").tobytes()).decode()
