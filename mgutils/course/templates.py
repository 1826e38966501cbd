"""The files of ``web``: templates, styles and scripts of the pages that the course writes."""

from __future__ import annotations

import base64
import io
from importlib import resources
from pathlib import Path

import jinja2
from PIL import Image

from mgutils.files import atomic_file


def read_web(name: str) -> str:
    """The text of a file in ``web``."""
    return resources.files("mgutils.course").joinpath("web", name).read_text(encoding="utf-8")


def render(name: str, **values: object) -> str:
    """Fill a template in ``web``. Values are escaped unless they are ``Markup``; a missing one is an error."""
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True, keep_trailing_newline=True,
                                     trim_blocks=True)
    return environment.from_string(read_web(name)).render(**values)


def write_page(page: Path, html: str) -> None:
    """Write an HTML file, whole or not at all."""
    with atomic_file(page) as aside:
        aside.write_text(html, encoding="utf-8", newline="\n")


def jpeg_uri(image: Image.Image, size: tuple[int, int], *, quality: int) -> str:
    """An image as a data URI, reduced until it fits into a size; the image given is reduced, too."""
    image.thumbnail(size, Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    image.save(buffer, "jpeg", quality=quality)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()
