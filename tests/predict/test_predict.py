"""Predictions from files: equal to the run's own, whole or absent, in a fixed amount of memory."""

import io
import json
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.config import run_config
from mgutils.data.pictures import Picture, find_files, natural, read_pictures
from mgutils.data.table import read_dataset
from mgutils.errors import ConfigError, DataError
from mgutils.predict.annotate import clock
from mgutils.predict.files import PredictOptions, answer_files
from mgutils.predict.predictor import load_predictor
from mgutils.predict.table import answer_table
from mgutils.predict.timeline import Thinned, make_timeline
from mgutils.training.store import train_all

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def run(tiny_template, tmp_path_factory):
    config = run_config("smoke", "sound_ce", epochs=1)
    return train_all([config], tiny_template, tmp_path_factory.mktemp("out"), jobs=1, progress=False)[0]


@pytest.fixture(scope="module")
def predictor(run):
    return load_predictor(run.directory)


@pytest.fixture
def table(tiny_root, run):
    """The validated rows as the original's validsubset.csv."""
    sheet = pd.read_excel(tiny_root / "training" / "train.xlsx").iloc[run.valid]
    file = tiny_root / "training" / "validsubset.csv"
    sheet.to_csv(file, index=False)
    return file


def write_video(path, seconds=4.0, rate=10, size=(64, 48)):
    import av

    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=rate, options={"preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = *size, "yuv420p"
        for number in range(int(seconds * rate)):
            pixels = np.full((size[1], size[0], 3), number * 7 % 256, dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(pixels)
            frame.pts, frame.time_base = number, Fraction(1, rate)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def quiet(predictor, inputs, out_dir, stdin="", **options):
    return answer_files(predictor, [str(name) for name in inputs], out_dir, PredictOptions(**options),
                        stdin=io.StringIO(stdin), progress=False)


# -- the predictor -----------------------------------------------------------------------------------------------------


def test_scores_of_files_are_those_of_the_run(predictor, run, tiny_template):
    dataset = read_dataset(tiny_template)
    paths = [dataset.image_path(row) for row in run.valid]
    logits = predictor.logits([picture.image for picture in read_pictures(paths)])
    np.testing.assert_allclose(logits, run.logits, rtol=1e-5, atol=1e-5)
    table = predictor.table(paths, batch_size=5)
    assert table["path"].tolist() == [str(path) for path in paths]
    assert (table["class_id"] - 1).tolist() == run.logits.argmax(axis=1).tolist()
    ids = table[["class_id", "class_id_2", "class_id_3", "class_id_4"]].to_numpy()
    np.testing.assert_array_equal(ids, 1 + np.argsort(-run.logits, axis=1, kind="stable"))
    shares = table[["probability", "probability_2", "probability_3", "probability_4"]].to_numpy()
    powers = np.exp(run.logits)
    np.testing.assert_allclose(shares, -np.sort(-powers / powers.sum(axis=1, keepdims=True)), atol=1e-5)


def test_batches_are_taken_one_at_a_time_and_decoding_runs_only_a_little_ahead(predictor, tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")
    asked = 0

    def endless():
        nonlocal asked
        while True:
            asked += 1
            yield tmp_path / "a.png"

    stream = predictor.stream(read_pictures(endless()), batch_size=4)
    for _ in range(9):
        next(stream)
    stream.close()
    assert asked <= 100


def test_a_batch_smaller_than_one_is_refused(predictor):
    with pytest.raises(ConfigError, match="batch_size: found 0"):
        next(predictor.stream([], batch_size=0))


# -- mg test -----------------------------------------------------------------------------------------------------------


def test_the_seeds_command_prints_the_runs_scores_and_writes_the_table(run, table, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(table.parents[1])
    assert main(["test", "--imagepathscsv", "training/validsubset.csv", "--columnname", "Path", "--checkpoint",
                 str(run.directory), "--submission", str(tmp_path / "submission.csv")]) == 0
    printed = capsys.readouterr().out
    assert f"top-1 {run.metrics['top1']:.2%}, top-5 {run.metrics['top5']:.2%}, UAR {run.metrics['uar']:.2%}" in printed
    assert "predictions.csv" in printed and "submission.csv" in printed
    rows, given = pd.read_csv("predictions/predictions.csv"), pd.read_csv(table)
    assert rows["path"].tolist() == given["Path"].tolist()
    assert rows["true_class_id"].tolist() == given["Class"].tolist()
    assert (rows["class_id"] == rows["true_class_id"]).mean() == pytest.approx(run.metrics["top1"])
    submitted = pd.read_csv(tmp_path / "submission.csv")
    assert submitted.columns.tolist() == ["filename", "class"]
    assert submitted["class"].tolist() == rows["class_id"].tolist()
    assert submitted["filename"].tolist() == [path.split("/")[1] for path in given["Path"]]


def test_the_seeds_own_command_needs_no_further_word(run, table, tmp_path, monkeypatch, capsys):
    import torch

    root = table.parents[1]
    monkeypatch.chdir(root)
    (root / "kl2captioncheckpoints").mkdir()
    weights = load_predictor(run.directory).weights.tensors
    torch.save({"model": weights, "optimizer": {}, "lr_scheduler": {}, "epoch": 1},
               root / "kl2captioncheckpoints" / "best_0.81.pth")
    words = ["test", "--imagepathscsv", "training/validsubset.csv", "--columnname", "Path"]
    assert main([*words, "--config", str(run.directory)]) == 0
    assert f"top-1 {run.metrics['top1']:.2%}" in capsys.readouterr().out


def test_a_table_without_classes_is_answered_and_says_so(predictor, table, tmp_path):
    pd.read_csv(table)[["Path"]].to_csv(table, index=False)
    lines = answer_table(predictor, table, "Path", tmp_path, progress=False)
    assert any("no scores" in line for line in lines)
    assert "true_class_id" not in pd.read_csv(tmp_path / "predictions.csv")


def test_rows_with_an_empty_class_are_answered_but_not_scored(predictor, table, tmp_path):
    rows = pd.read_csv(table, dtype=str)
    rows.loc[0, "Class"] = ""
    rows.to_csv(table, index=False)
    lines = answer_table(predictor, table, "Path", tmp_path, progress=False)
    assert any(f"over {len(rows) - 1} images" in line for line in lines)
    assert np.isnan(pd.read_csv(tmp_path / "predictions.csv")["true_class_id"][0])


@pytest.mark.parametrize(("column", "cell", "words"), [
    ("Path", "1/none.jpg", "row 3, column 'Path': found '1/none.jpg'"), ("Path", "", "row 3, column 'Path': found an "),
    ("Class", "5", "row 3, column 'Class': found '5'; wanted a class id in 1..4"), ("Class", "two", "row 3"),
    ("Path", "a\0b", "row 3|unreadable")])
def test_a_bad_row_is_named_before_anything_is_written(column, cell, words, predictor, table, tmp_path):
    rows = pd.read_csv(table, dtype=str)
    rows.loc[1, column] = cell
    rows.to_csv(table, index=False)
    with pytest.raises(DataError, match=words):
        answer_table(predictor, table, "Path", tmp_path / "new", progress=False)
    assert not (tmp_path / "new").exists()


def test_bad_images_stop_the_work_or_are_left_out_and_listed(predictor, table, tmp_path):
    rows = pd.read_csv(table)
    rows = pd.concat([rows, rows.iloc[[1]]])  # a bad image that is listed twice
    rows.to_csv(table, index=False)
    bad = table.parent / rows["Path"].iloc[1]
    bad.write_bytes(bad.read_bytes()[:100])
    with pytest.raises(DataError, match=bad.name):
        answer_table(predictor, table, "Path", tmp_path / "new", progress=False)
    assert not (tmp_path / "new").exists()
    lines = answer_table(predictor, table, "Path", tmp_path / "new", skip_bad=True, progress=False,
                         submission=None)
    assert "left out: 2 files that cannot be read" in lines
    left = pd.read_csv(tmp_path / "new" / "predictions.csv")["path"].tolist()
    assert left == rows["Path"].tolist()[:1] + rows["Path"].tolist()[2:-1]


def test_a_submission_needs_different_file_names(predictor, table, tmp_path):
    rows = pd.read_csv(table)
    pd.concat([rows, rows.iloc[[0]]]).to_csv(table, index=False)
    with pytest.raises(DataError, match="again; wanted each file name once"):
        answer_table(predictor, table, "Path", tmp_path / "new", submission=tmp_path / "s.csv", progress=False)
    assert not (tmp_path / "new").exists()


# -- mg predict --------------------------------------------------------------------------------------------------------


def test_images_folders_and_paths_from_standard_input_are_the_same(predictor, tiny_root, tmp_path):
    folder = tiny_root / "training" / "1"
    files = sorted(folder.glob("*.jpg"), key=lambda path: natural(path.name))
    quiet(predictor, files, tmp_path / "a")
    quiet(predictor, [folder], tmp_path / "b")
    quiet(predictor, ["-"], tmp_path / "c", stdin="\n".join(map(str, files)) + "\n\n")
    tables = [(tmp_path / name / "predictions.csv").read_text() for name in "abc"]
    assert tables[0] == tables[1] == tables[2]
    assert tables[0].count("\n") == len(files) + 1


def test_numbers_in_names_sort_by_their_value():
    assert sorted(["10/1.jpg", "2/10.jpg", "2/9.jpg", "a"], key=natural) == ["2/9.jpg", "2/10.jpg", "10/1.jpg", "a"]


def test_standard_input_is_read_line_by_line(tmp_path):
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def lines():
        yield f"{tmp_path / 'a.png'}\n"
        raise AssertionError("read too far")

    assert next(find_files(["-"], lines())) == tmp_path / "a.png"


def test_the_annotated_video_does_not_replace_the_video(predictor, tmp_path):
    video = write_video(tmp_path / "talk.mp4", seconds=0.5)
    before = video.read_bytes()
    quiet(predictor, [video], tmp_path, annotate=True)
    assert video.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"talk.mp4", "talk-answers.mp4", "talk-timeline.png",
                                                          "predictions.csv"}


@pytest.mark.parametrize("rate", [-1.0, 0.0, float("nan"), float("inf")])
def test_a_rate_that_is_none_is_refused(rate, predictor, tmp_path):
    with pytest.raises(ConfigError, match="rate: found"):
        quiet(predictor, ["talk.mp4"], tmp_path / "new", rate=rate, annotate=True)
    assert not (tmp_path / "new").exists()


def test_large_pictures_come_in_small_batches(predictor, monkeypatch):
    sizes = []
    monkeypatch.setattr(type(predictor), "logits", lambda self, images: sizes.append(len(images)) or np.zeros(
        (len(images), 4)))
    large, small = (Picture("a", Image.new("L", (side, side))) for side in (5000, 10))
    assert len(list(predictor.stream([large] * 3 + [small] * 9, batch_size=4))) == 12
    assert sizes == [2, 4, 4, 2]


@pytest.mark.parametrize("name", ["none.jpg", "a\0b", "empty"])
def test_what_is_not_there_is_named_and_nothing_is_left(name, predictor, tmp_path):
    (tmp_path / "empty").mkdir()
    wanted = tmp_path / name
    with pytest.raises(DataError):
        quiet(predictor, [wanted], tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_a_video_gets_rows_with_times_a_timeline_and_an_annotated_copy(predictor, tmp_path):
    import av

    video = write_video(tmp_path / "talk.mp4", seconds=2.0)
    out = tmp_path / "new"
    lines = quiet(predictor, [video, video], out, rate=5, annotate=True, gradcam=True)
    rows = pd.read_csv(out / "predictions.csv")
    assert rows["time_s"].tolist()[:10] == pytest.approx([k / 5 for k in range(10)])
    assert rows["frame"].tolist() == 2 * list(range(0, 20, 2))
    for name in ("talk", "talk-2"):  # two videos of one name
        assert Image.open(out / f"{name}-timeline.png").width > 900
        with av.open(str(out / f"{name}-answers.mp4")) as container:
            frames = list(container.decode(video=0))
            assert float(container.streams.video[0].average_rate) == pytest.approx(10, rel=0.01)
        # every frame of the video; its answers are held in between
        assert [frame.time for frame in frames] == pytest.approx([k / 10 for k in range(20)], abs=0.002)
        assert (frames[0].width, frames[0].height % 2) == (480, 0)
    assert len(list((out / "gradcam").iterdir())) == 20 and (out / "gradcam.png").exists()
    assert sum(".mp4:" in line for line in lines) == 2


def test_the_annotated_video_holds_each_answer_until_the_next(predictor, tmp_path, monkeypatch):
    shown = []

    def note(image, probs, labels, time):
        shown.append((time, 1 + int(probs.argmax()), probs.max()))
        return Image.new("RGB", (16, 16))

    monkeypatch.setattr("mgutils.predict.annotate.annotated", note)
    video = write_video(tmp_path / "talk.mp4", seconds=2.0)
    quiet(predictor, [video], tmp_path / "new", rate=2, annotate=True)
    rows = pd.read_csv(tmp_path / "new" / "predictions.csv")
    assert rows["time_s"].tolist() == [0, 0.5, 1, 1.5] and rows["probability"].nunique() == 4
    assert [time for time, *_ in shown] == pytest.approx([k / 10 for k in range(20)])
    assert [best for _, best, _ in shown] == rows["class_id"].repeat(5).tolist()
    assert [most for *_, most in shown] == pytest.approx(rows["probability"].repeat(5).tolist(), abs=1e-6)


def test_a_broken_video_leaves_nothing_or_is_listed(predictor, tiny_root, tmp_path):
    broken = write_video(tmp_path / "talk.mp4")
    broken.write_bytes(broken.read_bytes()[:200])
    image = tiny_root / "training" / "1" / "0.0.jpg"
    with pytest.raises(DataError, match="talk.mp4"):
        quiet(predictor, [image, broken], tmp_path / "new", annotate=True)
    assert not (tmp_path / "new").exists()
    lines = quiet(predictor, [image, broken, "none.jpg"], tmp_path / "new", skip_bad=True)
    assert "left out: 2 files that cannot be read" in lines
    assert len(pd.read_csv(tmp_path / "new" / "predictions.csv")) == 1


def test_from_the_command_line(run, tiny_root, tmp_path, capsys):
    assert main(["predict", str(tiny_root / "training" / "2"), "--checkpoint", str(run.directory), "--out-dir",
                 str(tmp_path / "new")]) == 0
    assert "pictures answered" in capsys.readouterr().out
    assert main(["predict", "nowhere.jpg", "--checkpoint", str(run.directory), "--out-dir", str(tmp_path / "x")]) == 2
    assert main(["predict", "nowhere.jpg", "--checkpoint", "nowhere"]) == 2
    assert main(["test", "--imagepathscsv", "nowhere.csv", "--checkpoint", str(run.directory)]) == 2
    printed = capsys.readouterr().err
    assert printed.count("mg: ") == 3 and "Traceback" not in printed


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 truncated",
                                     b"\x80\x02cos\nmkdir\nq\x00X\x04\0\0\0trapq\x01\x85R."])
@pytest.mark.parametrize("command", [["predict", "a.png"], ["test", "--imagepathscsv", "a.csv"], ["export"]])
def test_a_bad_checkpoint_is_one_message_and_status_2(command, content, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "w.pth").write_bytes(content)
    (tmp_path / "a.csv").write_text("Path\na.png\n")
    assert main([*command, *([] if command == ["export"] else ["--checkpoint"]), "w.pth"]) == 2
    printed = capsys.readouterr().err
    assert printed.startswith("mg: w.pth: ") and printed.count("\n") == 1
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv", "w.pth"]


# -- a fixed amount of memory ------------------------------------------------------------------------------------------


def test_a_long_timeline_is_the_plain_means_over_its_longer_stretches():
    rng = np.random.default_rng(0)
    times, probs = np.arange(1000) / 4, rng.random((1000, 3))
    timeline = make_timeline(times, probs, 0.25, most=48)
    assert timeline.stretch == 8  # 1000 pictures in 48 stretches: 0.25 s doubled five times
    wanted = np.stack([probs[(times // 8) == k].mean(axis=0) for k in range(32)])
    np.testing.assert_allclose(timeline.means, wanted)


@pytest.mark.parametrize(("seconds", "options", "text"), [
    (0, {}, "0:00"), (59.96, {}, "1:00"), (59.94, {"tenths": True}, "0:59.9"), (3723.4, {}, "1:02:03"),
    (123, {"hours": True}, "0:02:03"), (0.25, {"tenths": True}, "0:00.2")])
def test_times_in_words(seconds, options, text):
    assert clock(seconds, **options) == text


def test_a_stretch_without_pictures_has_no_mean():
    timeline = make_timeline(np.array([0.0, 2.5]), np.eye(2), 1.0)
    np.testing.assert_array_equal(timeline.means, [[1, 0], [np.nan, np.nan], [0, 1]])


@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 100, 1000])
def test_thinned_items_are_evenly_spaced_and_few(count):
    thinned = Thinned(6)
    for item in range(count):
        thinned.add(item if thinned.due() else None)
    assert thinned.items == list(range(0, count, thinned.step))
    assert len(thinned.items) <= 6 and (count < 7 or len(thinned.items) >= 3)


def test_memory_does_not_grow_with_the_length_of_a_video(run, tmp_path):
    code = """if True:
        import io, json, resource, sys
        from pathlib import Path
        from mgutils.predict.files import PredictOptions, answer_files
        from mgutils.predict.predictor import load_predictor
        predictor, peaks = load_predictor(sys.argv[1]), []
        for number, name in enumerate(sys.argv[2:]):
            answer_files(predictor, [name], Path(sys.argv[2]).parent / f"out{number}", PredictOptions(rate=None),
                         stdin=io.StringIO(), progress=False)
            peaks.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
        print(json.dumps(peaks))"""
    short, long = (write_video(tmp_path / f"{seconds}.mp4", seconds, 25, (320, 180)) for seconds in (10, 60))
    done = subprocess.run([sys.executable, "-c", code, run.directory, short, short, long], capture_output=True,
                          text=True, check=True)
    _, before, after = json.loads(done.stdout.splitlines()[-1])
    assert after < before + 60  # MiB; the 1,250 frames more would be 210
