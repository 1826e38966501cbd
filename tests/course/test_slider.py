"""The slider of the temperature: widgets before a person, a figure where nobody can move it."""

import pytest

from mgutils.course import slider
from mgutils.course.slider import STILL, TemperatureSlider

pytestmark = pytest.mark.slow


@pytest.fixture
def view():
    return TemperatureSlider([0.3, 0.2, 0.1], ["a", "b", "c"])


def test_where_nobody_can_move_it_there_is_a_figure_of_three_temperatures(view):
    shown = view._repr_mimebundle_()
    assert set(shown) == {"image/png", "text/plain"} and "3 similarities" in shown["text/plain"]
    assert [panel.get_title() for panel in view.figure().axes] == [f"temperature {one:.2g}" for one in STILL]


def test_before_a_person_a_slider_changes_the_picture(view, monkeypatch):
    monkeypatch.setattr(slider, "interactive", lambda: True)
    assert "application/vnd.jupyter.widget-view+json" in view._repr_mimebundle_()
    control, picture = view.widget().children
    before = bytes(picture.value)
    control.value = 1.0
    assert bytes(picture.value) != before and before.startswith(b"\x89PNG")
