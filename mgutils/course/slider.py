"""A slider for the temperature of a softmax; a figure where nobody can move it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from mgutils.course.explorer import png_bytes
from mgutils.progress import interactive
from mgutils.report.figures.model import temperature_effect

STILL = (1.0, 0.07, 0.05 / 256)
"""Temperatures of the figure: none, CLIP's at the start, and the report's as a temperature of cosines."""


class TemperatureSlider:
    """The softmax of one row of similarities, at a temperature that a slider sets.

    In an executed notebook it is the figure of three temperatures.

    Parameters
    ----------
    similarities : sequence of float
        Of one image with C captions.
    names : sequence of str
        C captions.

    Taught in: 02, section 5.
    """

    def __init__(self, similarities: Sequence[float], names: Sequence[str]) -> None:
        self.similarities = np.asarray(similarities, dtype=float)
        self.names = list(names)

    def figure(self, temperatures: Sequence[float] = STILL) -> Figure:
        """The softmax at some temperatures, one panel each."""
        return temperature_effect(self.similarities, temperatures, self.names)

    def widget(self) -> Any:
        """A slider from 0.0001 to 1, and the picture."""
        import ipywidgets as w

        slider = w.FloatLogSlider(value=0.07, base=10, min=-4, max=0, step=0.05, description="temperature",
                                  readout_format=".4f", continuous_update=False)
        slider.add_class("mg-temperature")
        picture = w.Image(format="png", layout=w.Layout(max_width="100%"))

        def show(_: Any = None) -> None:
            picture.value = png_bytes(self.figure([slider.value]))

        show()
        slider.observe(show, "value")
        return w.VBox([slider, picture])

    def __repr__(self) -> str:
        return f"the softmax of {len(self.names)} similarities at temperatures from 1 down"

    def _repr_mimebundle_(self, **_: Any) -> dict[str, Any]:
        if interactive():
            return self.widget()._repr_mimebundle_()
        return {"image/png": base64.b64encode(png_bytes(self.figure())).decode(), "text/plain": repr(self)}
