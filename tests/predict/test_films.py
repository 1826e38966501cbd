"""Films and keypoints answered in words of one's own by a run on videos and sentences."""

import io
import shutil

import av
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.special import softmax

from mgutils.cli import main
from mgutils.config import FrameFeatures, Pair, SpaceConfig, TextVectors, run_config, space_config
from mgutils.data.items import load_modality, read_clip_dataset, write_clips
from mgutils.data.labels import Labels
from mgutils.errors import CheckpointError, ConfigError, DataError
from mgutils.predict.asked import video_of
from mgutils.predict.files import PredictOptions, answer_files
from mgutils.predict.films import SIDE, middle_square, windows
from mgutils.predict.text_classes import load_film_predictor, load_text_classes
from mgutils.training.frames import encode_frames
from mgutils.training.store import train_all

T = 4
SENTENCES = ("a hand lies still at the chin", "both arms are folded", "a finger moves at the ear")
OWN = ("a hand at the ear", "folded arms")

# -- windows -----------------------------------------------------------------------------------------------------------


@given(st.integers(0, 12), st.integers(1, 6))
def test_windows_stand_around_their_frame_and_inside_the_film(count, size):
    found = list(windows(enumerate(range(count)), size))
    assert [place for place, _ in found] == list(range(count))
    for place, window in found:
        first = min(max(0, place - size // 2), max(0, count - size))
        assert window == list(range(first, min(first + size, count)))


def test_a_window_waits_for_no_more_than_half_of_it():
    asked = []
    stream = windows((asked.append(number) or (number, number) for number in range(10**9)), 8)
    for place in range(100):
        assert next(stream)[0] == place
    assert len(asked) == 100 - 1 + 4


@pytest.mark.parametrize("size", [(30, 20), (20, 30), (25, 25)])
def test_the_middle_square_of_a_picture(size):
    picture = Image.new("RGB", size, "white")
    picture.paste("black", (size[0] // 2 - 5, size[1] // 2 - 5, size[0] // 2 + 5, size[1] // 2 + 5))
    square = middle_square(picture, min(size))
    assert square.shape == (min(size), min(size), 3) and square.dtype == np.uint8
    assert (square == 0).all(axis=2).sum() == 100


# -- a run on features and one on joints -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def clips(tmp_path_factory):
    """Thirty clips of noise, of three classes, with a sentence about each class."""
    root, rng, count = tmp_path_factory.mktemp("films") / "clips", np.random.default_rng(0), 30
    root.mkdir()
    number = np.arange(count)
    table = pd.DataFrame({"clip_id": number, "class_id": number % 3 + 1, "frames": T, "video_id": number // 3,
                          "subject_id": number // 3})
    arrays = {"joints": rng.uniform(0.1, 0.9, (count * T, 22, 3)), "rgb": rng.integers(0, 256, (count * T, 24, 24, 3))}
    write_clips(root, table, Labels(("chin", "arms", "ear")), arrays)
    said = pd.DataFrame({"class_id": [1, 2, 3], "number": 1, "sentence": SENTENCES})
    said.to_csv(root / "class_sentences.csv", index=False)
    return read_clip_dataset(root)


@pytest.fixture(scope="module")
def runs(clips, tiny_template, tmp_path_factory):
    """One on features by the image encoder of a run of the first system, and one on joints."""
    out = tmp_path_factory.mktemp("out")
    images = train_all([run_config("smoke", "sound_ce", epochs=1)], tiny_template, out, jobs=1, progress=False)[0]
    said = TextVectors(text="class", tower="words")
    videos = {"features": (FrameFeatures(by=str(images.directory)), said), "joints": (said,)}
    configs = [space_config("smoke", SpaceConfig((Pair(name, "sentence"),), width=8, frames=T, learn_temperature=True,
                                                 derived=derived), "video_text", split="subject", epochs=2)
               for name, derived in videos.items()]
    return dict(zip(videos, train_all(configs, clips.root, out, jobs=1, progress=False), strict=True))


def film_of(path, frames, rate=4):
    """A film without loss of any bit."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=rate)
        stream.height, stream.width, stream.pix_fmt = *frames.shape[1:3], "bgr0"
        for pixels in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(pixels), format="rgb24")))
        container.mux(stream.encode())
    return path


def frames_of(clips, row, name="rgb"):
    clip = clips.frames.iloc[row]
    return np.array(load_modality(clips, name)[clip["start"]:clip["start"] + clip["length"]])


def answered(predictor, inputs, out_dir, **options):
    lines = answer_files(predictor, [str(name) for name in inputs], out_dir, PredictOptions(**options),
                         stdin=io.StringIO(), progress=False)
    return lines, pd.read_csv(out_dir / "predictions.csv")


@pytest.mark.slow
def test_a_film_of_a_clip_has_the_scores_that_the_run_gave_the_clip(runs, clips, tmp_path):
    run = runs["features"]
    predictor = load_film_predictor(run.directory, SENTENCES, clips.root)
    assert predictor.side == 24
    films = [film_of(tmp_path / f"{row}.mkv", frames_of(clips, row)) for row in run.valid[:3]]
    _, table = answered(predictor, films, tmp_path / "out", rate=None)
    wanted = softmax(run.logits[:3].astype(np.float64), axis=1)
    assert len(table) == 3 * T and table["frame"].tolist() == 3 * list(range(T))
    for film, probs in zip(films, wanted, strict=True):
        rows = table[table["path"] == str(film)]  # a film of T frames is one window, whichever frame stands in it
        assert (rows["class_id"] == 1 + probs.argmax()).all()
        np.testing.assert_allclose(rows["probability"], probs.max(), atol=2e-5)


@pytest.mark.slow
def test_without_texts_the_runs_own_classes_are_asked_as_the_run_asked_them(runs, clips, tmp_path):
    run = runs["features"]
    predictor = load_film_predictor(run.directory, clips=clips.root)
    film = film_of(tmp_path / "a.mkv", frames_of(clips, run.valid[0]))
    lines, table = answered(predictor, [film], tmp_path / "out", rate=None)
    assert "3 classes, names: the run's own" in lines[0]
    wanted = softmax(run.logits[0].astype(np.float64))
    assert table["name"][0] == ("Chin", "Arms", "Ear")[wanted.argmax()]
    np.testing.assert_allclose(table["probability"], wanted.max(), atol=2e-5)


@pytest.mark.slow
def test_a_longer_film_has_a_timeline_of_windows_and_an_annotated_copy(runs, clips, tmp_path):
    predictor = load_film_predictor(runs["features"].directory, OWN, clips.root)
    pixels = np.concatenate([frames_of(clips, row) for row in range(6)])
    film = film_of(tmp_path / "talk.mkv", pixels)
    lines, table = answered(predictor, [film], tmp_path / "out", rate=2.0, annotate=True, batch_size=3)
    assert table["time_s"].tolist() == [number / 2 for number in range(12)]
    assert table["frame"].tolist() == list(range(0, 24, 2))
    assert set(table["name"]) | set(table["name_2"]) == set(OWN)
    assert Image.open(tmp_path / "out" / "talk-timeline.png").width > 900
    assert (tmp_path / "out" / "talk-answers.mp4").exists()

    # the answer at a frame is that of the T frames around it, whatever the batch
    taken = encode_frames(pixels[::2], predictor.encoder, predictor.look)
    for place in (0, 1, 5, 10, 11):
        first = min(max(0, place - T // 2), len(taken) - T)
        probs = predictor.texts.probabilities(taken[first:first + T])
        assert table["class_id"][place] == 1 + probs.argmax()
        assert table["probability"][place] == pytest.approx(probs.max(), abs=2e-5)


@pytest.mark.slow
def test_without_the_clips_frames_have_the_usual_side_and_counted_words_are_not_known(runs):
    with pytest.raises(ConfigError, match="'words' without clips"):
        load_film_predictor(runs["features"].directory, OWN)
    assert SIDE == 112


@pytest.mark.slow
def test_words_and_texts_that_the_run_does_not_know(runs, clips):
    found = load_text_classes(runs["joints"].directory, ("a hand at the axolotl", "arms"), clips)
    assert found.labels_from == "yours; the run's text encoder does not know 'axolotl'"
    with pytest.raises(ConfigError, match="'axolotl zygote', of which the run knows no word"):
        load_text_classes(runs["joints"].directory, ("axolotl zygote", "arms"), clips)
    with pytest.raises(ConfigError, match="'arms hand' beside 'hand arms', which .* reads alike"):
        load_text_classes(runs["joints"].directory, ("hand arms", "arms hand"), clips)


@pytest.mark.slow
def test_a_picture_is_no_film(runs, clips, tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    predictor = load_film_predictor(runs["features"].directory, OWN, clips.root)
    with pytest.raises(DataError, match="a.png: found a picture; wanted a film"):
        answered(predictor, [tmp_path / "a.png"], tmp_path / "new")
    assert not (tmp_path / "new").exists()


@pytest.mark.slow
def test_keypoints_are_answered_by_a_run_on_joints(runs, clips, tmp_path, capsys):
    run = runs["joints"]
    for row in run.valid[:2]:
        np.savez(tmp_path / f"{row}.npz", joints=frames_of(clips, row, "joints"))
    command = ["predict", *(str(tmp_path / f"{row}.npz") for row in run.valid[:2]), "--checkpoint", str(run.directory),
               "--clips", str(clips.root), "--out-dir", str(tmp_path)]
    assert main([*command, "--classes", *SENTENCES]) == 0
    assert "no model of people" in capsys.readouterr().err
    table = pd.read_csv(tmp_path / "predictions.csv")
    for place, (_, rows) in enumerate(table.groupby("file", sort=False)):
        wanted = softmax(run.logits[place].astype(np.float64))
        assert rows["name"].tolist() == [SENTENCES[index] for index in np.argsort(-wanted)]
        np.testing.assert_allclose(rows["probability"], -np.sort(-wanted), atol=1e-5)
    assert main(command) == 0  # its own classes, as it asks itself
    own = pd.read_csv(tmp_path / "predictions.csv")
    pd.testing.assert_series_equal(own["probability"], table["probability"])

    # of a longer clip the middle of each segment is read
    texts, joints = load_text_classes(run.directory, SENTENCES, clips), frames_of(clips, 0, "joints")
    longer = np.stack([frames_of(clips, 1, "joints"), joints], axis=1).reshape(2 * T, 22, 3)
    np.testing.assert_array_equal(texts.probabilities(longer), texts.probabilities(joints))
    with pytest.raises(ConfigError, match="found a run on joints; wanted one on features of rgb"):
        load_film_predictor(run.directory, SENTENCES, clips.root)


@pytest.mark.slow
def test_the_command_answers_for_a_film(runs, clips, tmp_path, capsys):
    film = film_of(tmp_path / "a.mkv", frames_of(clips, 0))
    command = ["predict", str(film), "--checkpoint", str(runs["features"].directory), "--clips", str(clips.root),
               "--out-dir", str(tmp_path / "out"), "--classes", "a hand at the ear,folded arms"]
    assert main([*command, "--gradcam"]) == 2
    assert "gradcam: found" in capsys.readouterr().err and not (tmp_path / "out").exists()
    assert main([*command, "--rate", "0"]) == 0
    printed = capsys.readouterr()
    assert "no model of people" in printed.err and "2 classes, names: yours" in printed.out
    assert pd.read_csv(tmp_path / "out" / "predictions.csv").columns.tolist() == [
        "path", "frame", "time_s", "class_id", "name", "probability", "class_id_2", "name_2", "probability_2"]


@pytest.mark.slow
def test_other_weights_than_the_receipts_are_refused(runs, clips, tmp_path):
    folder = tmp_path / "run"
    shutil.copytree(runs["joints"].directory, folder)
    weights = bytearray((folder / "best.safetensors").read_bytes())
    weights[-1] ^= 1
    (folder / "best.safetensors").write_bytes(weights)
    with pytest.raises(CheckpointError, match="best.safetensors"):
        load_text_classes(folder, OWN, clips)


def test_what_a_film_does_not_have_is_refused_before_torch_is_asked():
    said = (TextVectors(),)
    for video, derived in (("depth", said), ("thermal", said), ("rgb", said),
                           ("features", (FrameFeatures(of="infrared"), *said))):
        config = space_config("smoke", SpaceConfig((Pair(video, "sentence"),), derived=derived), "video_text")
        with pytest.raises(ConfigError, match=f"RUN: found a run on sentences beside {video}; wanted joints"):
            video_of(config, "RUN")
    for derived, of in ((said, "joints"), ((FrameFeatures("joints", "joints", "", "shuffled"), *said), "joints")):
        config = space_config("smoke", SpaceConfig((Pair("sentence", "joints"),), derived=derived), "video_text")
        assert video_of(config, "RUN")[0].of == of
