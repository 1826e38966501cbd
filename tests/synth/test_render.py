"""The ray caster against closed forms, a slow twin in NumPy, and itself."""

import math

import numpy as np
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from mgutils.synth.render.geometry import Camera, Shapes, project
from mgutils.synth.render.picture import render, visible
from mgutils.synth.render.raycast import cones_of, meet, normal_of, ray_grid, raycast
from mgutils.synth.render.scene import sample_scene


def camera_at(distance: float = 2.0, fov: float = 30.0, frames: int = 1) -> Camera:
    """Camera on the z axis that looks at the origin."""
    position = torch.tensor([[0.0, 0.0, distance]]).expand(frames, 3)
    return Camera(position, torch.zeros(frames, 3), torch.full((frames,), fov))


def shapes_of(*rows, color=(0.8, 0.6, 0.5)) -> Shapes:
    """One frame of rows (a, b, ra, rb)."""
    a, b, ra, rb = (torch.tensor([row[i] for row in rows], dtype=torch.float32)[None] for i in range(4))
    return Shapes(a, b, ra, rb, torch.tensor(color).expand_as(a))


def sphere(*centre: float, radius: float) -> tuple:
    return centre, centre, radius, radius


def crowd(frames: int, seed: int = 0, count: int = 20) -> Shapes:
    """Random rounded cones near the origin."""
    make = torch.Generator().manual_seed(seed)
    a = torch.rand(frames, count, 3, generator=make) - 0.5 + torch.tensor([0.0, 0.45, 0.0])
    b = a + 0.3 * (torch.rand(frames, count, 3, generator=make) - 0.5)
    ra, rb = 0.01 + 0.08 * torch.rand(2, frames, count, generator=make)
    return Shapes(a, b, ra, rb, torch.rand(frames, count, 3, generator=make))


def rooms(frames: int):
    """Scenes and cameras of as many videos."""
    pairs = [sample_scene(np.random.default_rng(i)) for i in range(frames)]
    return (type(pairs[0][0]).join([scene for scene, _ in pairs]), Camera.join([camera for _, camera in pairs]))


def first_hit(shapes: Shapes, camera: Camera, size: int):
    depth, index = raycast(cones_of(shapes, camera), camera.slope, size)
    return depth.view(-1, size, size), index.view(-1, size, size)


def test_sphere_depth_is_the_closed_form():
    camera, size, radius = camera_at(), 63, 0.3
    depth, index = first_hit(shapes_of(sphere(0, 0, 0, radius=radius)), camera, size)
    offset = (np.arange(size) + 0.5) / size * 2 - 1
    x, y = np.meshgrid(offset * math.tan(math.radians(15)), -offset * math.tan(math.radians(15)))
    squared, distance = x**2 + y**2 + 1, 2.0
    root = distance**2 - squared * (distance**2 - radius**2)
    hit = index[0].numpy() == 0
    assert np.array_equal(hit, root > 0)
    wanted = (distance - np.sqrt(np.where(hit, root, 0))) / squared
    assert np.abs(depth[0].numpy() - wanted)[hit & (root > 1e-3)].max() < 1e-5
    assert depth[0, size // 2, size // 2] == pytest.approx(distance - radius, abs=1e-6)


def test_sphere_silhouette_has_the_area_of_its_disc():
    """On the axis a sphere at distance d projects to a disc of radius r / sqrt(d^2 - r^2) on the plane at depth 1."""
    size, radius, distance = 256, 0.3, 2.0
    _, index = first_hit(shapes_of(sphere(0, 0, 0, radius=radius)), camera_at(distance), size)
    disc = radius / math.sqrt(distance**2 - radius**2) * size / 2 / math.tan(math.radians(15))
    assert (index >= 0).sum().item() == pytest.approx(math.pi * disc**2, rel=0.005)


def march(a, b, ra, rb, direction, steps: int = 4000) -> float:
    """Slow twin: sphere tracing from the origin along a unit vector, in float64; infinite for a miss."""
    def distance(point: np.ndarray) -> float:
        share = np.linspace(0, 1, 4001)[:, None]
        return (np.linalg.norm(point - (a + share * (b - a)), axis=1) - (ra + share[:, 0] * (rb - ra))).min()

    along = 0.0
    for _ in range(steps):
        step = distance(along * direction)
        along += step
        if step < 1e-7:
            return along
        if along > 5:
            break
    return math.inf


@pytest.mark.slow
@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.floats(-0.3, 0.3), min_size=6, max_size=6), st.floats(0.02, 0.3), st.floats(0.02, 0.3),
       st.floats(-0.2, 0.2), st.floats(-0.2, 0.2))
@example([0.0, 0.0, -0.3, 0.0, 0.0, 0.3], 0.02, 0.28, 0.08, 0.02)  # from its thin end, steeper than its side
@example([0.0, 0.0, -0.3, 0.0, 0.0, 0.3], 0.28, 0.02, 0.08, 0.02)
@example([0.0, 0.0, 0.0, 0.0, 0.0, 0.1], 0.05, 0.3, 0.1, 0.0)  # one end inside the other
@example([0.1, 0.0, 0.0, 0.1, 0.0, 0.0], 0.1, 0.1, 0.05, 0.0)
def test_meet_agrees_with_sphere_tracing(ends, ra, rb, x, y):
    a, b = np.array(ends[:3]) + [0, 0, 1.5], np.array(ends[3:]) + [0, 0, 1.5]
    row = [torch.tensor(value, dtype=torch.float64)[None, None] for value in (a * [1, 1, -1], b * [1, 1, -1], ra, rb)]
    origin = torch.zeros(1, 3, dtype=torch.float64)
    camera = Camera(origin, origin + torch.tensor([[0.0, 0.0, -1.0]], dtype=torch.float64), origin[:, 0] + 40)
    cones = cones_of(Shapes(*row, row[0]), camera)
    across, upward = torch.tensor([x], dtype=torch.float64), torch.tensor([y], dtype=torch.float64)
    depth = meet(cones.table, across, upward)
    length = math.sqrt(x * x + y * y + 1)
    wanted = march(a, b, ra, rb, np.array([x, y, 1]) / length)
    if math.isinf(wanted) or math.isinf(depth.item()):
        thinner = march(a, b, ra - 1e-3, rb - 1e-3, np.array([x, y, 1]) / length)
        assert math.isinf(thinner) and (math.isinf(depth.item()) or math.isinf(wanted))
        return
    assert depth.item() * length == pytest.approx(wanted, abs=1e-3)
    normal = normal_of(cones.table, across, upward, depth)[:, 0].numpy()
    point = depth.item() * np.array([x, y, 1])
    assert np.linalg.norm(normal) == pytest.approx(1)
    assert normal @ np.array([x, y, 1]) < 1e-6
    share = np.linspace(0, 1, 4001)[:, None]
    gap = np.linalg.norm(point - (a + share * (b - a)), axis=1) - (ra + share[:, 0] * (rb - ra))
    nearest = (a + share * (b - a))[gap.argmin()]
    assert normal @ (point - nearest) / np.linalg.norm(point - nearest) > 0.999


def test_strips_leave_no_ray_out():
    """Casting only at candidate pixels equals meeting every shape with every ray."""
    size, shapes, camera = 48, crowd(2, count=40), camera_at(1.2, 60, frames=2)
    depth, index = first_hit(shapes, camera, size)
    cones = cones_of(shapes, camera).table.view(11, 2, 40)
    grid = ray_grid(size, camera.slope) * camera.slope[0]
    y, x = (value.reshape(-1) for value in torch.meshgrid(-grid, grid, indexing="ij"))
    for frame in range(2):
        every = torch.stack([meet(cones[:, frame, i:i + 1].expand(-1, len(x)), x, y) for i in range(40)])
        wanted = every.min(dim=0)
        assert torch.equal(depth[frame].isinf().view(-1), wanted.values.isinf())
        hit = wanted.values.isfinite()
        assert torch.allclose(depth[frame].view(-1)[hit], wanted.values[hit], atol=2e-5)
        assert ((index[frame].view(-1) - 40 * frame)[hit] == wanted.indices[hit]).float().mean() > 0.999


def test_ties_go_to_the_first_shape():
    ball = sphere(0, 0, 0, radius=0.2)
    _, index = first_hit(shapes_of(ball, ball, ball), camera_at(), 32)
    assert set(index.unique().tolist()) == {-1, 0}


def test_absent_shapes_and_shapes_around_the_camera_are_not_drawn():
    rows = [((0, 0, 0), (0, 0.1, 0), 0.0, 0.0), sphere(0, 0, 2.0, radius=0.3), sphere(0, 0, 3.0, radius=0.3)]
    depth, index = first_hit(shapes_of(*rows), camera_at(), 16)
    assert (index == -1).all() and depth.isinf().all()


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.floats(-0.4, 0.4), st.floats(-0.4, 0.4), st.floats(-0.5, 0.5), st.floats(-1, 1), st.floats(0, 1))
def test_projection_round_trip(x, y, z, aside, above):
    camera = Camera(torch.tensor([[aside, above, 2.0]]), torch.tensor([[0.0, 0.3, 0.0]]), torch.tensor([40.0]))
    point = torch.tensor([[[x, y, z]]])
    uv, depth = project(point, camera, 100)
    across, upward = (uv[0, 0, 0] / 50 - 1) * camera.slope, (1 - uv[0, 0, 1] / 50) * camera.slope
    right, up, forward = camera.basis[0]
    back = camera.position[0] + depth[0, 0] * (across * right + upward * up + forward)
    assert torch.allclose(back, point[0, 0], atol=1e-4)


def test_projected_centre_is_where_the_ball_is_drawn():
    camera, centre = camera_at(), torch.tensor([[[0.2, 0.1, 0.3]]])
    _, index = first_hit(shapes_of(sphere(0.2, 0.1, 0.3, radius=0.02)), camera, 200)
    row, column = (index[0] >= 0).nonzero().float().mean(dim=0).tolist()
    uv, z = project(centre, camera, 200)
    assert uv[0, 0].tolist() == pytest.approx([column + 0.5, row + 0.5], abs=0.6)
    assert z.item() == pytest.approx(1.7)
    assert uv[0, 0, 0] > 100 and uv[0, 0, 1] < 100  # to the viewer's right, and up


def test_visible_knows_occlusion_and_the_frame():
    scene, camera = rooms(1)
    hand, chest, outside = (0.0, 0.4, 0.3), (0.0, 0.4, 0.0), (2.0, 0.4, 0.0)
    points = torch.tensor([[hand, chest, outside]])
    body = sphere(*chest, radius=0.1)
    both = render(shapes_of(body, sphere(*hand, radius=0.08)), camera, scene, 64)
    radius = torch.tensor([0.08, 0.1, 0.1])
    assert visible(points, radius, camera, both.depth).tolist() == [[True, False, False]]
    alone = render(shapes_of(body), camera, scene, 64)
    assert visible(points, radius, camera, alone.depth).tolist() == [[True, True, False]]


def test_an_anti_aliased_pixel_is_the_mean_light_of_its_rays():
    shapes, (scene, camera) = crowd(1), rooms(1)
    fine = render(shapes, camera, scene, 32, samples=3).rgb[0].float()
    rays = render(shapes, camera, scene, 96, samples=1).rgb[0].float().view(32, 3, 32, 3, 3)
    assert ((rays**2).mean(dim=(1, 3)).sqrt() - fine).abs().max() <= 1.5
    low, high = rays.amin(dim=(1, 3)), rays.amax(dim=(1, 3))
    assert ((fine >= low - 1) & (fine <= high + 1)).all()
    assert ((fine > low + 20) & (fine < high - 20)).sum() > 50


@pytest.mark.slow
def test_same_bytes_again_with_more_threads_and_frame_by_frame():
    shapes, (scene, camera) = crowd(2), rooms(2)
    first, again = render(shapes, camera, scene, 96), render(shapes, camera, scene, 96)
    assert torch.equal(first.rgb, again.rgb) and torch.equal(first.depth, again.depth)
    threads = torch.get_num_threads()
    try:
        for i, count in enumerate((1, 2)):
            torch.set_num_threads(count)
            alone = render(shapes[i:i + 1], camera[i:i + 1], scene[i:i + 1], 96)
            assert torch.equal(first.rgb[i], alone.rgb[0]) and torch.equal(first.depth[i], alone.depth[0])
    finally:
        torch.set_num_threads(threads)


def test_double_precision_agrees():
    shapes, (scene, camera) = crowd(2), rooms(2)
    single = render(shapes, camera, scene, 64, samples=1)
    double = render(shapes.to(torch.float64), camera.to(torch.float64), scene.to(torch.float64), 64, samples=1)
    assert ((single.depth - double.depth).abs() < 1e-3).float().mean() > 0.998
    assert ((single.rgb.int() - double.rgb.int()).abs() <= 2).float().mean() > 0.995


def test_depth_is_the_nearest_of_a_pixels_rays():
    shapes, (scene, camera) = crowd(1), rooms(1)
    fine = render(shapes, camera, scene, 64, samples=1).depth
    coarse = render(shapes, camera, scene, 32, samples=2).depth
    assert torch.equal(coarse, -torch.nn.functional.max_pool2d(-fine[None], 2)[0])


def test_types_and_shapes():
    shapes, (scene, camera) = crowd(2), rooms(2)
    drawn = render(shapes, camera, scene, 20)
    assert drawn.rgb.shape == (2, 20, 20, 3) and drawn.rgb.dtype == torch.uint8
    assert drawn.depth.shape == (2, 20, 20) and drawn.depth.dtype == torch.float32
    assert drawn.depth.isfinite().all()


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_gpu_agrees():
    shapes, (scene, camera) = crowd(2), rooms(2)
    here = render(shapes, camera, scene, 96)
    there, again = (render(shapes.to("cuda"), camera.to("cuda"), scene.to("cuda"), 96) for _ in range(2))
    assert torch.equal(there.rgb, again.rgb)
    assert ((here.rgb.int() - there.rgb.cpu().int()).abs() <= 2).float().mean() > 0.995
    assert ((here.depth - there.depth.cpu()).abs() < 1e-3).float().mean() > 0.998
