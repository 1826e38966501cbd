"""The room of a video: what likeness changes, what must hold in every room, and what shading promises."""

import numpy as np
import pytest
import torch

from mgutils.synth.render.geometry import Shapes, project
from mgutils.synth.render.picture import render
from mgutils.synth.render.scene import TABLE_Z, sample_scene
from mgutils.synth.render.shading import Scene, contact, lit_share, room


def tensors(scene: Scene) -> dict[str, torch.Tensor]:
    return {name: value.a if isinstance(value, Shapes) else value for name, value in vars(scene).items()}


def ball(*centre: float, radius: float = 0.1) -> Shapes:
    place = torch.tensor([[centre]])
    size = torch.full((1, 1), radius)
    return Shapes(place, place, size, size, torch.full((1, 1, 3), 0.7))


def test_likeness_zero_gives_every_video_the_same_room():
    (first, camera), (second, other) = (sample_scene(np.random.default_rng(i), likeness=0.0) for i in (1, 2))
    second = tensors(second)
    assert all(torch.equal(value, second[name]) for name, value in tensors(first).items())
    assert torch.equal(camera.position, other.position) and torch.equal(camera.fov, other.fov)


def test_likeness_one_gives_each_video_its_own_and_the_seed_brings_it_back():
    first, second, again = (sample_scene(np.random.default_rng(i))[0] for i in (1, 2, 1))
    assert not torch.equal(first.tile_color, second.tile_color) and not torch.equal(first.light, second.light)
    again = tensors(again)
    assert all(torch.equal(value, again[name]) for name, value in tensors(first).items())


def test_likeness_takes_the_same_numbers_from_the_generator():
    left, right = np.random.default_rng(5), np.random.default_rng(5)
    sample_scene(left, likeness=0.0)
    sample_scene(right, likeness=1.0)
    assert left.random() == right.random()


def test_scenes_of_videos_join_and_spread_over_frames():
    scene = Scene.join([sample_scene(np.random.default_rng(i))[0] for i in range(3)])
    frames = scene[torch.tensor([0, 0, 2])]
    assert len(scene) == 3 and len(frames) == 3
    assert torch.equal(frames.wall[2], scene.wall[2]) and torch.equal(frames.props.a[1], scene.props.a[0])


@pytest.mark.parametrize("seed", range(12))
def test_every_room_shows_head_elbows_and_table_and_keeps_its_colours_in_range(seed):
    scene, camera = sample_scene(np.random.default_rng(seed))
    corners = torch.tensor([[[0.0, 0.92, 0.0], [0.44, 0.25, 0.0], [-0.44, 0.25, 0.0], [0.0, 0.12, 0.42]]])
    uv, _ = project(corners, camera, 1)
    assert ((uv > 0) & (uv < 1)).all()
    for name in ("key", "fill", "ambient", "wall", "tile_color", "logo_color", "table_color"):
        value = getattr(scene, name)
        assert value.min() >= 0 and value.max() <= 1.05, name
    assert torch.linalg.norm(scene.light) == pytest.approx(1, abs=1e-5)
    assert scene.wall_z.item() < -0.3


def test_room_depths_are_those_of_its_planes():
    scene, _ = sample_scene(np.random.default_rng(0), likeness=0.0)
    origin = torch.tensor([0.0, 0.7, 2.0])[:, None, None]
    direction = torch.tensor([[0.0, 0.0, -1.0], [0.0, -0.4, -1.0], [0.0, -1.0, -1.0]]).T[:, None]
    depth, part = room(scene, origin, direction)
    assert part.tolist() == [[0, 1, 2]]
    assert depth[0].tolist() == pytest.approx([2 - scene.wall_z.item(), (0.7 - 0.12) / 0.4, 2 - TABLE_Z[1]])


def test_contact_is_zero_on_a_tilted_plane_and_not_in_a_crease():
    x = torch.arange(32.0).expand(32, 32)
    plane, crease = 1 + 0.01 * x, 1 - 0.004 * (x - 16).abs()
    hidden = contact(torch.stack([plane, crease]).view(2, -1), 32).view(2, 32, 32)
    assert hidden[0, :, 2:-2].abs().max() < 1e-5
    assert hidden[1, 16, 16] > 0.02 and hidden[1, 16, 4] < 1e-5


def test_a_ball_shades_what_lies_behind_it_from_the_light():
    scene, _ = sample_scene(np.random.default_rng(0), likeness=0.0)
    centre = torch.tensor([0.0, 0.5, 0.3])
    behind, beside = centre - 0.3 * scene.light[0], centre + torch.tensor([0.4, 0.0, 0.0])
    before = centre + 0.3 * scene.light[0]
    points = torch.stack([behind, beside, before]).T[:, None]
    lit = lit_share(ball(*centre.tolist()), scene, points)[0]
    assert lit[0] < 0.1 and lit[1] > 0.95 and lit[2] == 1


def test_light_skin_does_not_burn_out_and_the_shadow_side_is_not_black():
    for seed in range(4):
        scene, camera = sample_scene(np.random.default_rng(seed))
        head = ball(0.0, 0.72, 0.0)
        head = Shapes(head.a, head.b, head.ra, head.rb, torch.tensor([[[0.96, 0.80, 0.70]]]))
        column, row = project(head.a, camera, 96)[0][0, 0].int().tolist()
        skin = render(head, camera, scene, 96).rgb[0, row - 4:row + 4, column - 4:column + 4, 0]
        assert skin.max() < 250 and skin.min() > 90


def test_microphone_stands_on_the_table_and_leans_inward():
    for seed in range(6):
        scene, _ = sample_scene(np.random.default_rng(seed))
        stand = scene.props
        assert stand.a.shape == (1, 4, 3) and stand.ra.shape == (1, 4)
        x, y, _ = stand.a[0, 0].tolist()
        assert 0.1 < abs(x) < 0.3
        assert y == pytest.approx(scene.table_y.item())
        assert stand.b[0, -1, 0].abs() < abs(x) and stand.b[0, -1, 1] > 0.2
