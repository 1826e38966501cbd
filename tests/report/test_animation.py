"""A GIF holds its pictures in order and says what they show."""

import numpy as np
from PIL import Image

from mgutils.report.figures.animation import as_picture, save_gif, show_gif
from mgutils.style import new_figure


def test_a_gif_holds_every_picture_in_order_and_the_same_bytes_twice(tmp_path):
    pictures = [Image.fromarray(np.full((8, 6, 3), level, np.uint8)) for level in (0, 120, 240)]
    one, two = (save_gif(pictures, tmp_path / name).read_bytes() for name in ("a.gif", "b.gif"))
    assert one == two
    film = Image.open(tmp_path / "a.gif")
    assert (film.n_frames, film.size) == (3, (6, 8))
    assert film.info["duration"] == 500 and film.info["loop"] == 0


def test_a_notebook_shows_it_with_its_alt_text(tmp_path):
    figure, axes = new_figure(size=(1, 1))
    axes.plot([0, 1])
    path = save_gif([as_picture(figure), as_picture(figure)], tmp_path / "a.gif")
    page = show_gif(path, 'a line, "rising"', 200).data
    assert page.startswith('<img src="data:image/gif;base64,R0lGOD') and 'width="200"' in page
    assert 'alt="a line, &quot;rising&quot;"' in page
