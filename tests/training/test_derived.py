"""Modalities that are made: sentences and frames are encoded once, kept, and read clip by clip."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from clip_folders import SILENT, config, make_clip_folder, told, write_sentences

from mgutils.config import FrameFeatures, FusionConfig, Pair, SpaceConfig, TextVectors
from mgutils.data.items import load_modality, present, read_clip_dataset
from mgutils.data.modalities import MadeRows, ModalityReader, draw_clips, middle
from mgutils.data.pixels import fingerprint
from mgutils.data.protocol import split_of
from mgutils.data.sentences import class_texts, read_sentences, texts_of
from mgutils.errors import CheckpointError, ConfigError, DataError
from mgutils.evaluation.space import embed_clips, load_space
from mgutils.evaluation.texts import class_embeddings, embed_texts, sentence_of
from mgutils.metrics.cosine import unit
from mgutils.models.texts import count_words, vocabulary_of
from mgutils.training import derived, frames
from mgutils.training.derived import asked_of, kept_vectors, make_rows
from mgutils.training.inputs import Exchanged, input_kind, load_array, read_rows
from mgutils.training.session import open_session
from mgutils.training.start import check_start
from mgutils.training.store import train_all

WORDS = TextVectors(tower="words")


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sentences(make_clip_folder(tmp_path_factory.mktemp("tiny") / "clips"))


@pytest.fixture(scope="module")
def dataset(root):
    return read_clip_dataset(root)


@pytest.fixture(scope="module")
def run(root, tmp_path_factory):
    """Videos and sentences, without the second class."""
    asked = replace(config(told(), epochs=12, lr_image=3e-3), left_out=(2,))
    return train_all([asked], root, tmp_path_factory.mktemp("store"), jobs=1, progress=False)[0]


@pytest.fixture
def tower(monkeypatch):
    """A text encoder of no network; the sentences that it was given, call by call."""
    calls = []

    def encode(texts, tower="minilm", progress=False):
        calls.append(list(texts))
        vectors = [np.random.default_rng(list(text.encode())).normal(size=7) for text in texts]
        return np.array(vectors, dtype=np.float32)

    monkeypatch.setattr(derived, "encode_texts", encode)
    return calls


@pytest.fixture
def colours(monkeypatch):
    """An image encoder that answers with the mean colours of a picture, and how often it was opened."""
    opened = []

    class Colours(torch.nn.Module):
        def forward(self, images):
            return images.mean(dim=(2, 3))

    def open_encoder(by):
        opened.append(by)
        return Colours().eval(), 0

    monkeypatch.setattr(frames, "open_encoder", open_encoder)
    return opened


# -- how they are read -------------------------------------------------------------------------------------------------


def test_a_clip_is_read_in_one_of_its_sentences_each_as_often_as_another(dataset):
    """Against the table, sentence by sentence."""
    made = make_rows(dataset, WORDS)
    reader = ModalityReader.over(dataset, {"joints": load_modality(dataset, "joints"), "sentence": made}, 4)
    said = read_sentences(dataset)
    said = said[said["sentence"] != ""].groupby("clip_id")["sentence"].agg(list)
    clip = 5  # with three of them
    rows = np.full(3000, clip)
    drawn = draw_clips(("joints", "sentence"), len(rows), 4, np.random.default_rng(0))
    found = reader(rows, drawn)
    assert found.inputs["sentence"].shape[:2] == (3000, 1) and found.inputs["joints"].shape[1] == 4
    places = {text: place for place, text in enumerate(said[clip])}
    assert len(places) == 3
    vocabulary = vocabulary_of([*said.explode(), *np.ravel(class_texts(dataset))])
    vectors = count_words(said[clip], vocabulary)
    chosen = (found.inputs["sentence"] == vectors[None]).all(axis=2).argmax(axis=1)
    counts = np.bincount(chosen, minlength=3)
    assert counts.min() > 930
    # independent of the moments that are read of the video
    assert abs(np.corrcoef(chosen, drawn.moments[:, 0])[0, 1]) < 0.06
    tested = reader(rows[:2], middle(("joints", "sentence"), 2, 4))
    assert np.array_equal(tested.inputs["sentence"][0, 0], vectors[1])


def test_a_clip_of_which_nothing_is_said_lacks_the_sentence(dataset):
    made = make_rows(dataset, WORDS)
    reader = ModalityReader.over(dataset, {"sentence": made}, 4)
    assert np.flatnonzero(~reader.present["sentence"]).tolist() == [SILENT]
    found = reader(np.array([SILENT, SILENT + 1]), middle(("sentence",), 2, 4)).inputs["sentence"]
    assert not found[0].any() and found[1].any()


def test_what_is_drawn_for_cameras_is_what_was_drawn_before():
    rng = np.random.default_rng(3)
    moments, alike = rng.random((5, 4)), rng.uniform(-1, 1, (5, 4))
    drawn = draw_clips(("rgb", "joints"), 5, 4, np.random.default_rng(3))
    assert np.array_equal(drawn.moments, moments) and np.array_equal(drawn.changes["rgb"], alike)


def test_rows_of_some_clips_equal_a_slow_twin():
    rng = np.random.default_rng(0)
    length = np.array([2, 0, 3, 1])
    made = MadeRows(rng.normal(size=(5, 3)), rng.integers(0, 5, 6), length)
    slow = {0: made.rows[:2], 1: made.rows[:0], 2: made.rows[2:5], 3: made.rows[5:]}
    assert np.array_equal(made.of(np.array([3, 0, 1])), made.array[np.concatenate([slow[0], slow[3]])])
    drawn = draw_clips(("x",), 3, 4, rng)
    found = made.read(np.array([2, 0, 3]), 4, drawn)
    for place, clip in enumerate((2, 0, 3)):
        for time in range(4):
            segment = int((time + drawn.moments[place, time]) * length[clip] / 4)
            assert np.array_equal(found[place, time], made.array[slow[clip][min(segment, length[clip] - 1)]])


# -- sentences are encoded once ----------------------------------------------------------------------------------------


def test_every_sentence_is_encoded_once_whatever_is_asked_for(dataset, tower, tmp_path):
    first = make_rows(dataset, TextVectors(), tmp_path, progress=False)
    again = make_rows(dataset, TextVectors(), tmp_path, progress=False)
    assert len(tower) == 1 and len(tower[0]) == len(set(tower[0]))
    assert np.array_equal(first.array, again.array) and np.array_equal(first.rows, again.rows)
    run = Exchanged(TextVectors(text="shuffled"), "clip", (), *_rest())
    shuffled = make_rows(dataset, run, tmp_path, progress=False)
    assert len(tower) == 1 and not np.array_equal(shuffled.rows, first.rows)
    names = make_rows(dataset, TextVectors(text="name"), tmp_path, progress=False)
    assert [sorted(call) for call in tower[1:]] == [sorted(dataset.labels.captions)]  # what is new
    assert np.array_equal(names.array, kept_vectors(sorted(dataset.labels.captions), "minilm", None))


def _rest():
    run = config(told())
    return run.protocol, run.train


def test_a_broken_file_of_vectors_is_made_again(dataset, tower, tmp_path):
    first = make_rows(dataset, TextVectors(), tmp_path, progress=False)
    (file,) = tmp_path.glob("texts-minilm-*.npz")
    file.write_bytes(file.read_bytes()[:-40])
    again = make_rows(dataset, TextVectors(), tmp_path, progress=False)
    assert len(tower) == 2 and np.array_equal(first.array, again.array)


def test_the_rows_are_the_sentences_and_the_questions_those_of_the_classes(dataset, tower, tmp_path):
    made = make_rows(dataset, TextVectors(), tmp_path, progress=False)
    texts = [text for of_clip in texts_of(dataset, TextVectors()) for text in of_clip]
    assert np.array_equal(made.array[made.rows], kept_vectors(texts, "minilm", None))
    asked = [text for of_class in class_texts(dataset) for text in of_class]
    assert np.array_equal(made.asked.array[made.asked.rows], kept_vectors(asked, "minilm", None))
    assert made.asked.length.tolist() == [2, 2, 2, 2]


def test_a_run_is_asked_in_the_words_that_it_learns_from(dataset):
    assert asked_of(dataset, TextVectors(text="name")) == [[name] for name in dataset.labels.captions]
    assert asked_of(dataset, TextVectors(text="class"))[0] == ["a person is turtle neck"]
    for text in ("phrasings", "sample"):
        assert asked_of(dataset, TextVectors(text=text))[0] == ["a person is turtle neck", "one is turtle neck"]
    assert asked_of(dataset, TextVectors(part="hands"))[3] == ["hands 4", "hands 4"]


def test_a_changed_sentence_changes_the_data_of_a_run(root, tmp_path):
    files = {}
    for name, text in (("same", ""), ("other", "and more")):
        folder = write_sentences(make_clip_folder(tmp_path / name))
        table = pd.read_csv(folder / "sentences.csv", keep_default_na=False)
        table.loc[7, "sentence"] += text
        table.to_csv(folder / "sentences.csv", index=False)
        dataset = read_clip_dataset(folder)
        files[name] = fingerprint(dataset, load_array(dataset, input_kind(config(told()))))
    unchanged = read_clip_dataset(root)
    assert files["same"] == fingerprint(unchanged, load_array(unchanged, input_kind(config(told())))) != files["other"]


def test_counts_of_words():
    vocabulary = vocabulary_of(["The left hand.", "the right HAND"])
    assert vocabulary == ["hand", "left", "right", "the"]
    counts = count_words(["the hand, the Hand", "an elbow"], vocabulary)
    assert counts.tolist() == [[2, 0, 0, 2], [0, 0, 0, 0]]


def test_sentences_that_change_their_clip_stay_on_their_side_of_the_split(root, dataset):
    """A run hands its split down: what was said of clips that it does not learn from is not learned."""
    said = TextVectors(text="other", tower="words")
    asked = replace(config(told(said=said)), left_out=(3,))
    (_, part) = input_kind(asked)
    assert isinstance(part, Exchanged) and hash(part)
    train = split_of(asked, dataset).train
    made = load_array(read_rows(root, input_kind(asked)), input_kind(asked))["sentence"]
    learned = {vector.tobytes() for vector in made.of(train)}
    allowed = make_rows(dataset, WORDS)
    own = {vector.tobytes() for vector in allowed.of(train)}
    assert learned <= own and learned
    # another split, other rows; a text that stays where it is has no split
    assert input_kind(asked) != input_kind(replace(asked, left_out=()))
    assert input_kind(config(told())) == input_kind(replace(config(told()), left_out=(3,)))


# -- frames are encoded once -------------------------------------------------------------------------------------------


def test_frames_are_encoded_once_and_read_as_they_follow(root, dataset, colours, tmp_path):
    settings = FrameFeatures()
    made = make_rows(dataset, settings, tmp_path, progress=False)
    again = make_rows(dataset, settings, tmp_path, progress=False)
    assert len(colours) == 1 and np.array_equal(made.array, again.array)
    there = present(dataset, "rgb")
    assert not there.all() and np.array_equal(made.length > 0, there)
    assert np.array_equal(made.length[there], dataset.frames["length"][there])
    reader = ModalityReader.over(dataset, {"rgb": load_modality(dataset, "rgb"), "features": made}, 4)
    rows = np.flatnonzero(there)
    found = reader(rows, middle(("rgb", "features"), len(rows), 4)).inputs
    mean = (found["rgb"].mean(axis=(2, 3)) / 255 - (0.485, 0.456, 0.406)) / (0.229, 0.224, 0.225)
    assert np.allclose(found["features"], mean, atol=2e-2)  # enlarged before the encoder saw them


def test_a_shuffled_order_is_always_the_same_and_has_the_same_frames(dataset, colours, tmp_path):
    kept = make_rows(dataset, FrameFeatures(), tmp_path, progress=False)
    shuffled = make_rows(dataset, FrameFeatures(order="shuffled"), tmp_path, progress=False)
    again = make_rows(dataset, FrameFeatures(order="shuffled"), tmp_path, progress=False)
    assert len(colours) == 1  # the features are the same
    assert np.array_equal(shuffled.rows, again.rows) and not np.array_equal(shuffled.rows, kept.rows)
    for start, length in zip(kept.start, kept.length, strict=True):
        assert sorted(shuffled.rows[start:start + length]) == kept.rows[start:start + length].tolist()


def test_frames_can_be_read_as_they_are_in_another_order(root, dataset):
    joints = FrameFeatures("joints", "joints", "", "shuffled")
    space = SpaceConfig((Pair("joints", "class", "class_ce"),), width=12, frames=4, derived=(joints,))
    run = config(space, epochs=1)
    arrays = load_array(dataset, input_kind(run))
    kept, found = load_modality(dataset, "joints"), arrays["joints"]
    there = present(dataset, "joints")
    places = np.repeat(there, dataset.frames["length"])
    assert np.allclose(found.array[np.sort(found.rows)], kept[places])
    session = open_session(run, dataset, arrays, split_of(run, dataset))
    assert type(session.task.model.encoders["joints"]).__name__ == "CoordinateTransformer"


def test_features_of_a_run_are_learned_from(root, colours, tmp_path):
    run = config(told("features", None, FrameFeatures(), encoders={"features": {"width": 16, "layers": 1}}), epochs=8)
    done = train_all([run], root, tmp_path, jobs=1, progress=False)[0]
    assert done.log["train_loss"].iloc[-1] < done.log["train_loss"].iloc[0]
    space = load_space(done.directory)
    assert space.model.encoders["features"].data_mean.shape == (3,)
    found = embed_clips(done.directory, read_clip_dataset(root))
    assert len(colours) == 1 and np.array_equal(found.embeddings["features"], done.arrays["features"])


@pytest.mark.parametrize(("settings", "words"), [
    (FrameFeatures(of="depth"), "found depth, uint16 of shape (16, 16) a frame, for an image encoder; wanted pictures"),
    (FrameFeatures(of="joints"), "found joints, float32"),
    (FrameFeatures(of="infrared"), "`mg clips --cameras`"),
    (FrameFeatures(by="resnet5000"), "by: found 'resnet5000'; wanted a name that timm knows"),
    (FrameFeatures(by="./nowhere/run"), "by: found './nowhere/run'"),
])
def test_frames_that_cannot_be_encoded_are_told(dataset, tmp_path, settings, words):
    with pytest.raises(ConfigError, match="found .*wanted ") as caught:
        make_rows(dataset, settings, tmp_path)
    assert words in str(caught.value)


# -- a run -------------------------------------------------------------------------------------------------------------


def test_a_run_learns_nothing_of_a_class_that_is_left_out_and_is_asked_for_it(run, dataset):
    split = split_of(run.config, dataset)
    assert 1 not in dataset.target[split.train] and (dataset.target[run.valid] == 1).sum() == 10
    assert run.log["train_loss"].iloc[-1] < run.log["train_loss"].iloc[0]
    assert np.isfinite(run.logits).all()


def test_the_score_is_the_nearest_mean_of_what_is_said_of_a_class(run, dataset):
    """By hand: each class's sentences embedded, of length 1, and their mean; cosines over the temperature."""
    space = load_space(run.directory)
    vocabulary = vocabulary_of(text for texts in (*texts_of(dataset, WORDS), *class_texts(dataset)) for text in texts)
    encoder, projection = space.model.encoders["sentence"], space.model.projections["sentence"]
    centres = []
    for texts in class_texts(dataset):
        vectors = torch.from_numpy(count_words(texts, vocabulary))
        inputs = (vectors - encoder.data_mean) / encoder.data_deviation
        centres.append(unit(projection(inputs).detach().numpy()).mean(axis=0))
    wanted = unit(run.arrays["joints"][run.valid]) @ unit(np.array(centres)).T
    temperature = space.model.scales()["joints-sentence"]["temperature"].item()
    there = present(dataset, "joints")[run.valid]
    assert np.allclose(run.logits[there], wanted[there] / temperature, atol=1e-3)
    assert not run.logits[~there].any() and not there.all()
    assert np.allclose(class_embeddings(run.directory, dataset), centres, atol=1e-5)


def test_embeddings_of_the_run_s_own_clips_are_those_that_it_kept(run, dataset):
    found = embed_clips(run.directory, dataset)
    for name in ("joints", "sentence"):
        assert np.array_equal(found.embeddings[name], run.arrays[name])
    assert np.flatnonzero(~found.present["sentence"]).tolist() == [SILENT]


def test_any_sentence_is_embedded_as_that_of_a_clip(run, root, dataset):
    text = texts_of(dataset, WORDS)[1][1]  # the middle one of two
    found = embed_texts(run.directory, root, [text, "words that nobody knows"])
    assert np.allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)
    assert np.allclose(found[0], unit(run.arrays["sentence"][[1]])[0], atol=1e-6)


def test_the_size_of_the_numbers_is_that_of_the_clips_that_are_learned_from(run, dataset):
    made = make_rows(dataset, WORDS)
    learned = made.of(split_of(run.config, dataset).train)
    encoder = load_space(run.directory).model.encoders["sentence"]
    assert np.allclose(encoder.data_mean, learned.mean(axis=0), atol=1e-6)
    assert np.isclose(encoder.data_deviation, np.sqrt(np.square(learned - learned.mean(axis=0)).mean()), atol=1e-5)


@pytest.mark.parametrize(("asked", "words"), [
    (lambda run, data: class_embeddings(run, data, [["a"], [" "], ["b"], ["c"]]), "no sentence about class 2; wanted"),
    (lambda run, data: class_embeddings(run, data, []), "no sentence about class any"),
    (lambda run, data: embed_texts(run, data, ["fine", ""]), "found an empty one, number 2"),
    (lambda run, data: embed_texts(run, data, []), "texts: found none"),
    (lambda run, data: embed_texts(run, None, ["fine"]), "'words' without clips; wanted those that the run"),
    (lambda run, data: embed_texts(run, data, ["fine"], "speech"), "sentences: found 'speech'; wanted sentence"),
])
def test_questions_without_words_are_told(run, dataset, asked, words):
    with pytest.raises(ConfigError, match="found .*wanted ") as caught:
        asked(load_space(run.directory), dataset)
    assert words in str(caught.value)


def test_a_run_without_sentences_says_so(root, tmp_path):
    run = config(SpaceConfig((Pair("flow", "class", "class_ce"),), encoders={"flow": {"shape": [6], "width": 16}}),
                 epochs=1)
    done = train_all([run], root, tmp_path, jobs=1, progress=False)[0]
    with pytest.raises(ConfigError, match="found a run on flow, which reads none; wanted .*video-text"):
        sentence_of(load_space(done.directory))


def test_a_head_reads_no_sentences(run):
    with pytest.raises(ConfigError, match="init: found sentence, which .* for a fusion; wanted modalities that lie"):
        check_start(run.directory, FusionConfig(("joints", "sentence")))


def test_weights_of_a_run_go_on_with_the_size_of_their_numbers(run, root, tmp_path):
    model = replace(run.config.model, frozen=("sentence",))
    after = replace(run.config, model=model, init=check_start(run.directory, model), init_from=str(run.directory),
                    train=replace(run.config.train, epochs=1))
    done = train_all([after], root, tmp_path, jobs=1, progress=False)[0]
    before, now = (load_space(one.directory).model for one in (run, done))
    assert torch.equal(before.encoders["sentence"].data_mean, now.encoders["sentence"].data_mean)
    assert torch.equal(before.projections["sentence"].weight, now.projections["sentence"].weight)
    assert np.array_equal(done.arrays["sentence"], run.arrays["sentence"])
    assert not np.array_equal(done.arrays["joints"], run.arrays["joints"])


def test_other_clips_have_other_words(run, tmp_path):
    folder = write_sentences(make_clip_folder(tmp_path / "clips"))
    table = pd.read_csv(folder / "sentences.csv", keep_default_na=False)
    table.loc[0, "sentence"] = "an unheard word"
    table.to_csv(folder / "sentences.csv", index=False)
    with pytest.raises(ConfigError, match="found [0-9]+ numbers a frame; wanted [0-9]+, as in training"):
        embed_clips(run.directory, read_clip_dataset(folder))


@pytest.mark.parametrize(("change", "words", "kind"), [
    (lambda root: (root / "sentences.csv").unlink(), "`mg sentences`", DataError),
    (lambda root: _empty(root), "found no sentence about any clip of", ConfigError),
    (lambda root: (root / "class_sentences.csv").write_text("class_id,number,sentence\n1,1,a\n"), "class 2", DataError),
])
def test_clips_without_sentences_are_told(tmp_path, change, words, kind):
    folder = write_sentences(make_clip_folder(tmp_path / "clips"))
    change(folder)
    with pytest.raises(kind, match="found .*wanted ") as caught:
        train_all([config(told())], folder, tmp_path / "out", jobs=1, progress=False)
    assert words in str(caught.value)


def _empty(root):
    table = pd.read_csv(root / "sentences.csv")
    table["sentence"] = ""
    table.to_csv(root / "sentences.csv", index=False)


def test_a_tower_that_nobody_knows_is_told(dataset):
    with pytest.raises(ConfigError, match="tower: found 'minlm'; wanted minilm, random, words, or the name"):
        make_rows(dataset, TextVectors(tower="minlm"))


def test_a_folder_that_cannot_be_written_to_is_told(dataset, tower, tmp_path):
    (tmp_path / "cache").write_text("a file")
    with pytest.raises(ConfigError, match="cannot be written to .*wanted room for what frozen"):
        make_rows(dataset, TextVectors(), tmp_path / "cache")


@pytest.mark.slow
def test_a_run_on_images_is_an_encoder(tiny_template, dataset, tmp_path):
    """Its features equal those of its image encoder; a damaged run is refused."""
    from mgutils.config import run_config
    from mgutils.evaluation.embed import load_run
    from mgutils.models.encoders import as_images

    images = train_all([run_config("smoke", "sound_ce", epochs=1)], tiny_template, tmp_path, jobs=1, progress=False)[0]
    by = str(images.directory)
    made = make_rows(dataset, FrameFeatures(by=by), tmp_path / "cache", progress=False)
    pixels = np.array(load_modality(dataset, "rgb")[np.repeat(present(dataset, "rgb"), dataset.frames["length"])])
    pictures = torch.nn.functional.interpolate(as_images(torch.from_numpy(pixels)), (32, 32), mode="bilinear",
                                               antialias=True)
    with torch.no_grad():
        wanted = load_run(images.directory).model.image_encoder.eval()(pictures).numpy()
    assert np.allclose(made.array, wanted, atol=1e-4)
    weights = images.directory / "best.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"x")
    with pytest.raises(CheckpointError):
        make_rows(dataset, FrameFeatures(by=by), tmp_path / "cache", progress=False)
