from __future__ import annotations

import errno
import json
import os
import shutil
import struct
import zlib
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from filelock import FileLock
from PIL import Image

from mgutils.data.images import in_threads, read_rgb
from mgutils.data.pixels import check_pixels, load_pixels
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, DataError


def test_pixels_are_the_resized_images(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    pixels = load_pixels(dataset, 8, cache_dir=tmp_path / "cache", progress=False)
    assert pixels.shape == (72, 8, 8, 3) and pixels.dtype == np.uint8
    assert isinstance(pixels, np.memmap) and not pixels.flags.writeable
    for row in (0, 35, 71):
        image = Image.open(dataset.image_path(row)).resize((8, 8), Image.Resampling.BILINEAR)
        assert np.array_equal(pixels[row], image)


def decoded_again(monkeypatch, dataset, cache) -> bool:
    """Whether a further call decodes anything."""
    calls = []
    monkeypatch.setattr("mgutils.data.pixels.read_rgb", lambda path: calls.append(path) or read_rgb(path))
    load_pixels(dataset, 8, cache_dir=cache, progress=False)
    return bool(calls)


def test_the_cache_is_used_until_an_image_changes(tiny_root, tmp_path, monkeypatch):
    dataset, cache = read_dataset(tiny_root), tmp_path / "cache"
    load_pixels(dataset, 8, cache_dir=cache, progress=False)
    load_pixels(dataset, 4, cache_dir=cache, progress=False)
    assert not decoded_again(monkeypatch, dataset, cache)
    Image.new("RGB", (12, 12), "red").save(dataset.image_path(5))
    assert decoded_again(monkeypatch, dataset, cache)
    pixels = load_pixels(dataset, 8, cache_dir=cache)
    assert pixels[5, 0, 0, 0] > 200 and pixels[5, 0, 0, 1] < 50
    for kind in ("*.npy", "*.json"):
        assert len(list(cache.glob(kind))) == 2  # that of the old image is gone, the other size is not


def test_a_broken_cache_is_made_again(tiny_root, tmp_path, monkeypatch):
    dataset, cache = read_dataset(tiny_root), tmp_path / "cache"
    before = np.array(load_pixels(dataset, 8, cache_dir=cache, progress=False))
    file, = cache.glob("*.npy")
    file.write_bytes(file.read_bytes()[:5000])
    assert decoded_again(monkeypatch, dataset, cache)
    assert np.array_equal(load_pixels(dataset, 8, cache_dir=cache), before)


def test_the_default_cache_is_in_the_dataset_and_no_part_of_it(tiny_root):
    load_pixels(read_dataset(tiny_root), 4, progress=False)
    assert len(list((tiny_root / ".pixels").glob("tiny-4-*.npy"))) == 1
    assert len(read_dataset(tiny_root)) == 72


def test_an_unreadable_image_leaves_no_cache(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    dataset.image_path(3).write_bytes(b"no image")
    with pytest.raises(DataError, match="cannot be decoded"):
        load_pixels(dataset, 8, cache_dir=tmp_path / "cache", progress=False)
    assert os.listdir(tmp_path / "cache") == [".lock"]


@pytest.mark.parametrize("text", ["", "{}", '{"images": 71, "size": 8, "sha256": "0"}'])
def test_a_cache_with_a_broken_manifest_is_made_again(tiny_root, tmp_path, monkeypatch, text):
    dataset, cache = read_dataset(tiny_root), tmp_path / "cache"
    load_pixels(dataset, 8, cache_dir=cache, progress=False)
    manifest, = cache.glob("*.json")
    before = manifest.read_bytes()
    manifest.write_text(text)
    assert decoded_again(monkeypatch, dataset, cache)
    assert manifest.read_bytes() == before


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room")
def test_a_full_disk_is_a_message_and_leaves_nothing(tiny_root, tmp_path, monkeypatch):
    def full(*arguments):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.setattr("mgutils.data.pixels.read_rgb", lambda path: pytest.fail("decoded without room"))
    with pytest.raises(ConfigError, match="cannot be written to .No space left.*wanted 0.0 MB.*Make room"):
        load_pixels(read_dataset(tiny_root), 8, cache_dir=tmp_path / "cache", progress=False)
    assert os.listdir(tmp_path / "cache") == [".lock"]


@pytest.mark.skipif(not hasattr(os, "posix_fallocate"), reason="the system reserves no room")
def test_the_room_is_there_before_the_first_image_is_decoded(tiny_root, tmp_path, monkeypatch):
    reserved = []

    def seen(path):
        aside, = (tmp_path / "cache").glob("*.partial")
        reserved.append(aside.stat().st_blocks * 512 >= aside.stat().st_size > 0)
        return read_rgb(path)

    monkeypatch.setattr("mgutils.data.pixels.read_rgb", seen)
    load_pixels(read_dataset(tiny_root), 64, cache_dir=tmp_path / "cache", progress=False)
    assert len(reserved) == 72 and all(reserved)


def test_what_a_killed_process_left_is_removed(tiny_root, tmp_path):
    (tmp_path / "tiny-8-a-b.partial").write_bytes(b"half")
    load_pixels(read_dataset(tiny_root), 8, cache_dir=tmp_path, progress=False)
    assert not list(tmp_path.glob("*.partial"))


def test_a_second_process_waits_for_the_first_and_takes_its_array(tiny_root, tmp_path, monkeypatch):
    dataset = read_dataset(tiny_root)
    calls = []
    monkeypatch.setattr("mgutils.data.pixels.read_rgb", lambda path: calls.append(path) or read_rgb(path))
    with ThreadPoolExecutor(2) as pool:
        with FileLock(tmp_path / ".lock"):
            loads = [pool.submit(load_pixels, dataset, 8, cache_dir=tmp_path, progress=False) for _ in range(2)]
            with pytest.raises(TimeoutError):
                loads[0].result(timeout=0.3)
        first, second = (load.result(timeout=60) for load in loads)
    assert len(calls) == len(dataset) and np.array_equal(first, second)


def test_an_image_that_went_away(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    dataset.image_path(3).unlink()
    with pytest.raises(DataError, match="mg data check"):
        load_pixels(dataset, 8, cache_dir=tmp_path, progress=False)


def test_bad_arguments(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    with pytest.raises(ConfigError, match="size: found 0"):
        load_pixels(dataset, 0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="cannot be written to"):
        load_pixels(dataset, 8, cache_dir=tmp_path / "file" / "cache")


def test_grey_palette_alpha_and_16_bits_become_rgb(tmp_path):
    ramp = np.linspace(0, 255, 64).astype(np.uint8).reshape(8, 8)
    cases = {
        "grey.png": Image.fromarray(ramp),
        "sixteen.png": Image.fromarray(ramp.astype(np.uint16) * 257),
        "palette.png": Image.fromarray(ramp).convert("P"),
        "bits.png": Image.fromarray(ramp > 127),
        "cmyk.jpg": Image.fromarray(ramp).convert("RGB").convert("CMYK"),
    }
    for name, image in cases.items():
        image.save(tmp_path / name)
        rgb = read_rgb(tmp_path / name)
        assert rgb.mode == "RGB" and rgb.size == (8, 8)
        expected = np.where(ramp > 127, 255, 0) if name == "bits.png" else ramp
        tolerance = 6 if name == "cmyk.jpg" else 0
        assert np.abs(np.asarray(rgb).astype(int) - expected[..., None]).max() <= tolerance, name


@pytest.mark.parametrize("mode", ["RGBA", "LA"])
def test_transparency_is_laid_on_white(tmp_path, mode):
    image = Image.new("RGBA", (4, 4), (0, 0, 0, 0)).convert(mode)
    image.save(tmp_path / "a.png")
    assert np.asarray(read_rgb(tmp_path / "a.png")).min() == 255


def test_exif_orientation_is_applied(tmp_path):
    image = Image.new("RGB", (16, 8), "white")
    image.paste("black", (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = 6  # turn by 90 degrees clockwise to stand upright
    image.save(tmp_path / "a.jpg", exif=exif, quality=95)
    upright = np.asarray(read_rgb(tmp_path / "a.jpg").convert("L"))
    assert upright.shape == (16, 8)
    assert upright[:6].max() < 30 and upright[10:].min() > 225


@pytest.mark.parametrize("content", [b"", b"GIF89a", b"\xff\xd8\xff\xe0junk", b"BM" + bytes(60)])
def test_no_decoder_error_escapes(tmp_path, content):
    (tmp_path / "a.jpg").write_bytes(content)
    with pytest.raises(DataError, match="cannot be decoded"):
        read_rgb(tmp_path / "a.jpg")
    with pytest.raises(DataError, match="no such file"):
        read_rgb(tmp_path / "b.jpg")


def test_what_a_file_holds_counts_and_not_its_suffix(tmp_path):
    image = Image.new("RGB", (4, 4), "red")
    image.save(tmp_path / "a.jpg", "PNG")
    image.save(tmp_path / "b.png", "JPEG", quality=100)
    image.save(tmp_path / "c.jpg", "GIF")
    for name in ("a.jpg", "b.png", "c.jpg"):
        assert np.asarray(read_rgb(tmp_path / name))[0, 0] == pytest.approx([255, 0, 0], abs=3)


def large_png(width: int, height: int) -> bytes:
    """A one-bit PNG file whose header promises a size; its data are three lines."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return (b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(width // 8 + 2) * 3))
            + chunk(b"IEND", b""))


@pytest.mark.parametrize(("width", "height", "found"), [
    (30_000, 30_000, "an image of more than 178"), (9_500, 9_500, "9,500 x 9,500"), (1, 1, "1 x 1")])
def test_images_of_no_sensible_size_are_refused_before_they_are_decoded(tmp_path, width, height, found):
    (tmp_path / "a.png").write_bytes(large_png(width, height))
    with pytest.raises(DataError, match=found):
        read_rgb(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["gif", "png", "webp", "tif"])
def test_an_animation_is_no_image(tmp_path, suffix):
    first, *others = (Image.new("RGB", (8, 8), colour) for colour in ("red", "green", "blue"))
    first.save(tmp_path / f"a.{suffix}", save_all=True, append_images=others)
    with pytest.raises(DataError, match="an animation of 3 pictures"):
        read_rgb(tmp_path / f"a.{suffix}")


def test_the_preview_that_a_camera_appends_is_passed_over(tmp_path):
    Image.new("RGB", (8, 8), "red").save(tmp_path / "a.jpg", "MPO", save_all=True,
                                          append_images=[Image.new("RGB", (4, 4))])
    assert read_rgb(tmp_path / "a.jpg").size == (8, 8)


def test_every_image_that_cannot_be_decoded_is_listed_before_a_run_starts(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    for row, content in ((3, b"<html>"), (7, dataset.image_path(7).read_bytes()[:200]), (9, large_png(1, 1))):
        dataset.image_path(row).write_bytes(content)
    with pytest.raises(DataError) as caught:
        load_pixels(dataset, 8, cache_dir=tmp_path / "cache", progress=False)
    assert [fault.file for fault in caught.value.faults] == [str(dataset.image_path(row)) for row in (3, 7, 9)]
    assert os.listdir(tmp_path / "cache") == [".lock"]


def test_threads_keep_the_order_and_pass_errors_on():
    assert list(in_threads(lambda x: x * x, range(200), description="", progress=False)) == [x * x for x in range(200)]
    with pytest.raises(ZeroDivisionError):
        list(in_threads(lambda x: 1 / (x - 7), range(50), description="", progress=False))


def test_a_moved_dataset_is_decoded_anew(tiny_root, tmp_path):
    load_pixels(read_dataset(tiny_root), 4, cache_dir=tmp_path / "cache", progress=False)
    shutil.copytree(tiny_root, tmp_path / "other" / "tiny")
    os.utime(tmp_path / "other/tiny/training/1/0.0.jpg")
    load_pixels(read_dataset(tmp_path / "other/tiny"), 4, cache_dir=tmp_path / "cache", progress=False)
    assert len(list((tmp_path / "cache").glob("*.npy"))) == 2


def test_a_changed_array_is_told_and_made_again_when_deleted(tiny_root, tmp_path):
    dataset = read_dataset(tiny_root)
    pixels = load_pixels(dataset, 8, cache_dir=tmp_path, progress=False)
    manifest = json.loads(next(tmp_path.glob("*.json")).read_text())
    assert (manifest["images"], manifest["size"]) == (len(dataset), 8)
    assert manifest["sources"] == dataset.frames["path"].tolist()
    check_pixels(pixels)
    file = next(tmp_path.glob("*.npy"))
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)
    with pytest.raises(DataError, match="Delete the file"):
        check_pixels(load_pixels(dataset, 8, cache_dir=tmp_path, progress=False))
    file.unlink()
    check_pixels(load_pixels(dataset, 8, cache_dir=tmp_path, progress=False))
