"""The third system from the command line: clips of four cameras, three tasks, probes and retrieval of a space."""

import json
from dataclasses import replace
from itertools import permutations

import numpy as np
import pandas as pd
import pytest

from mgutils.cli import main
from mgutils.config import SPACE_PROFILES, get_space_profile
from mgutils.data.items import read_clip_dataset
from mgutils.errors import ConfigError
from mgutils.evaluation.embed import load_run
from mgutils.evaluation.retrieval import ordered_pairs
from mgutils.evaluation.space import embed_clips, load_space, table_vectors
from mgutils.evaluation.space_tables import retrieve_clips
from mgutils.experiments import cameras
from mgutils.experiments.cameras import HEADS, MAE, SCRAMBLED, cameras_of, first_configs, fusion_configs, second_configs
from mgutils.metrics.cosine import cosine_similarity
from mgutils.training.run import Run
from mgutils.training.store import train_all

FOUR = ("rgb", "depth", "infrared", "joints")
LABELS = ("--others", "--loss", "class_ce")
pytestmark = pytest.mark.slow


def train(root, out, *options):
    return ["train", str(root), "--profile", "smoke", "--out-dir", str(out), *options]


def named(runs, options):
    """The options with the folder of a run in the place of its name, such as @star."""
    return [str(runs[word[1:]].directory) if word[:1] == "@" else word for word in options]


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """The folder of the smoke profile's clips, by the command, and of everything that is made of them."""
    folder = tmp_path_factory.mktemp("spaces")
    assert main(["clips", str(folder / "clips"), "--profile", "smoke", "--cameras", "--workers", "1"]) == 0
    return folder


@pytest.fixture(scope="module")
def runs(place):
    """One run of each kind, each by its command: an anchor, a star around it, a head, an autoencoder."""
    found = {}
    commands = {
        "anchor": ["--task", "alignment", *LABELS],
        "star": ["--task", "alignment", "--frozen", "rgb", "--init", "@anchor"],
        "fusion": ["--task", "fusion", "--init", "@star"],
        "masked": ["--task", "masked"],
    }
    for name, options in commands.items():
        before = set((place / "out" / "runs").glob("*-s0-*"))
        assert main(train(place / "clips", place / "out", "--split", "official", *named(found, options))) == 0
        (folder,) = set((place / "out" / "runs").glob("*-s0-*")) - before
        found[name] = Run(folder)
    return found


@pytest.fixture
def settings(monkeypatch):
    """``settings(arguments)``: the configuration that a command would train, without training it."""
    def of(arguments):
        asked = []

        def stop(configs, *rest, **others):
            asked.extend(configs)
            raise ConfigError("stop")

        with monkeypatch.context() as patch:
            patch.setattr("mgutils.training.store.train_all", stop)
            assert main(arguments) == 2
        return asked[0]
    return of


# -- clips -------------------------------------------------------------------------------------------------------------


def test_the_clips_of_four_cameras_are_made_in_one_word(place):
    made = json.loads((place / "clips" / "studio.json").read_text())
    assert cameras_of("smoke", place / "clips") == place / "clips"  # they are there already: nothing is made
    assert sorted(file.stem for file in (place / "clips" / "clips").glob("*.npy")) == sorted([*FOUR, "truth"])
    assert made["config"]["size"] == SPACE_PROFILES["smoke"].clips.size


# -- training ----------------------------------------------------------------------------------------------------------


def test_the_commands_lead_to_the_runs_of_the_notebook(place, runs, settings):
    profile, official = get_space_profile("smoke"), ("--split", "official", "--seed", "0")
    first, clips = first_configs(profile), place / "clips"

    def asked(*options, profile="smoke"):
        return settings(["train", str(clips), "--profile", profile, *official, *options])

    for name, group in cameras.LABELS.items():
        wanted = first[group][0]
        length = ("--epochs", str(wanted.train.epochs), "--validate-every", str(wanted.train.validate_every))
        assert asked("--task", "alignment", "--anchor", name, *LABELS, *length) == wanted
    assert asked("--task", "masked") == first[MAE][0]
    assert asked("--task", "masked", "--scrambled") == first[SCRAMBLED][0]

    before = {group: [runs["masked"]] if group in (MAE, SCRAMBLED) else [runs["anchor"]] for group in first}
    second = second_configs(replace(profile, seeds=1), before)
    around = ("--anchor", cameras.ANCHOR, "--frozen", cameras.ANCHOR, "--others", *cameras.OTHERS)
    assert asked("--task", "alignment", "--init", str(runs["anchor"].directory), *around) == second["star"][0]
    for head, options in HEADS.items():
        given = [word for name, value in options.items() for word in (f"--{name}", str(value))]
        assert asked("--task", "fusion", "--init", str(runs["star"].directory), *given) == fusion_configs(
            replace(profile, seeds=1), [runs["star"]])[head][0]
    tuned = asked("--task", "alignment", "--anchor", "depth", *LABELS, "--init", str(runs["masked"].directory),
                  "--per-class", "10", "--validate-every", "2")
    assert tuned == replace(second[f"{MAE}, tuned"][0], objective="depth_labels")

    cpu, settled = get_space_profile("cpu"), ("epochs", "validate_every", "augment", "lr_head")
    head = next(iter(fusion_configs(cpu, [runs["star"]]).values()))[0]
    for wanted, options in ((first_configs(cpu)[MAE][0], []), (head, ["--init", str(runs["star"].directory)])):
        found = asked("--task", wanted.task, *options, profile="cpu")
        assert [getattr(found.train, each) for each in settled] == [getattr(wanted.train, each) for each in settled]

    # the size of the clips is the network's; those of the profile cpu have another one
    assert asked("--task", "masked", profile="cpu").model.network_kwargs["size"] == 24


def test_a_run_says_its_own_people_to_what_starts_from_it(place, runs, settings):
    for task, name in (("alignment", "anchor"), ("fusion", "star")):
        arguments = train(place / "clips", place / "out", "--task", task, "--init", str(runs[name].directory))
        assert settings(arguments).split == "official"
    assert settings(train(place / "clips", place / "out", "--task", "alignment")).split == "subject"


@pytest.mark.parametrize("name", ["anchor", "star", "fusion", "masked"])
def test_the_settings_of_a_run_bring_it_back(name, place, runs, settings):
    run, clips = runs[name], str(place / "clips")
    start = ["--init", str(runs["anchor" if name == "star" else "star"].directory)] if run.config.init else []
    arguments = ["train", clips, "--config", str(run.directory / "config.json"), *start]
    assert settings(arguments) == run.config
    assert settings([*arguments, "--seed", "3", "--epochs", "4"]) == replace(
        run.config, seed=3, train=replace(run.config.train, epochs=4))
    option, value = {"anchor": ("width", 32), "star": ("shuffled", True), "fusion": ("drop", 0.5),
                     "masked": ("mask", "random")}[name]
    given = ["--shuffled"] if value is True else [f"--{option}", str(value)]
    changed = settings([*arguments, *given])
    assert changed.model == replace(run.config.model, **{option: value})
    assert changed.train == run.config.train


def test_a_list_of_pairs_that_no_option_can_say_is_kept_until_one_is_given(place, runs, settings):
    run = runs["star"]
    content = json.loads((run.directory / "config.json").read_text())
    content["model"]["pairs"][0]["weight"] = 0.75
    del content["init"]
    (place / "uneven.json").write_text(json.dumps(content))
    arguments = ["train", str(place / "clips"), "--config", str(place / "uneven.json")]
    assert settings([*arguments, "--width", "32"]).model.pairs[0].weight == 0.75
    even = settings([*arguments, "--loss", "siglip"]).model
    assert [(pair.loss, pair.weight) for pair in even.pairs] == [("siglip", 1 / 3)] * 3
    assert even.encoders == run.config.model.encoders


def test_labels_stand_beside_the_pairs(place, settings):
    given = train(place / "clips", place / "out", "--task", "alignment", "--others", "depth", "--labels")
    model = settings(given).model
    assert [(pair.name, pair.loss, pair.weight) for pair in model.pairs] == [
        ("rgb-depth", "infonce", 1), ("rgb-class", "class_ce", 0.5), ("depth-class", "class_ce", 0.5)]


@pytest.mark.parametrize(("words", "said"), [
    ("--task fusion", "wanted the alignment run"),
    ("--task fusion --init @anchor", "modalities: found rgb; wanted at least two"),
    ("--task fusion --init @masked", "a run of another task; wanted an alignment"),
    ("--task fusion --init @star --modalities rgb heat", "wanted some of rgb, depth"),
    ("--task fusion --init @star --heads 5", "wanted a multiple of the heads"),
    ("--task alignment --init @fusion", "a run of another task"),
    ("--task alignment --anchor heat", "heat.npy: found no such file"),
    ("--task alignment --anchor caption", "wanted a modality there"),
    ("--task alignment --loss siglip --others", "wanted at least one"),
    ("--task alignment --freeze image", "by the name of it, in `frozen`"),
    ("--task masked --ratio 0.001", "wanted one that hides"),
    ("--task masked --frames 7", "wanted multiples"),
    ("--task masked --profile photos", "wanted one of smoke, cpu, gpu"),
])
def test_what_cannot_be_trained_is_one_message_and_leaves_nothing(words, said, place, runs, tmp_path, capsys):
    capsys.readouterr()
    assert main(train(place / "clips", tmp_path / "out", *named(runs, words.split()))) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("mg: ") and said in captured.err and "Traceback" not in captured.err
    assert not (tmp_path / "out").exists()


def test_clips_without_a_camera_and_images_are_refused(tmp_path, tiny_root, capsys):
    assert main(["clips", str(tmp_path / "joints"), "--profile", "smoke", "--frames", "60"]) == 0
    for root, said in ((tmp_path / "joints", "depth.npy: found no such file"), (tiny_root, "found a folder of images")):
        for task in ("alignment", "masked"):
            capsys.readouterr()
            arguments = ["--anchor", "depth", "--others", "joints"] if task == "alignment" else []
            assert main(train(root, tmp_path / "out", "--task", task, *arguments)) == 2
            assert said in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_start_that_has_learned_from_the_reported_people_is_told(place, runs, tmp_path, capsys):
    given = train(place / "clips", tmp_path / "out", "--task", "alignment", "--init", str(runs["anchor"].directory),
                  "--others", "joints", "--epochs", "1")
    assert main(given) == 0
    assert "which the run starts from, learned from" not in capsys.readouterr().err
    assert main([*given, "--split", "clip"]) == 0
    assert "which the run starts from, learned from" in capsys.readouterr().err


# -- a finished space --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["star", "masked"])
def test_embeddings_equal_those_that_the_run_stored(name, place, runs):
    dataset = read_clip_dataset(place / "clips")
    found = embed_clips(runs[name].directory, dataset)
    assert list(found.embeddings) == list(load_space(runs[name].directory).modalities)
    for modality, vectors in found.embeddings.items():
        assert np.array_equal(vectors, runs[name].arrays[modality])
        lacks = dataset.frames["lacks"].str.split()
        assert np.array_equal(found.present[modality], [modality not in names for names in lacks])


def test_an_alignment_is_evaluated_as_it_scored_itself(place, runs, tmp_path, capsys):
    for name in ("anchor", "star"):
        capsys.readouterr()
        arguments = [str(runs[name].directory), str(place / "clips"), "--out-dir", str(tmp_path / name)]
        assert main(["evaluate", *arguments]) == 0
        captured = capsys.readouterr()
        assert captured.err == "" and json.loads(captured.out)["top1"] == runs[name].metrics["top1"]
        assert (tmp_path / name / "per_class.csv").read_bytes() == (runs[name].directory / "per_class.csv").read_bytes()


def test_a_space_is_probed(place, runs, tmp_path, capsys):
    for name, modalities in (("star", FOUR), ("masked", ("depth",))):
        capsys.readouterr()
        arguments = [str(runs[name].directory), str(place / "clips"), "--shots", "2", "--draws", "1"]
        assert main(["probe", *arguments, "--out-dir", str(tmp_path / name)]) == 0
        captured = capsys.readouterr()
        table = pd.read_csv(tmp_path / name / "probe.csv")
        assert tuple(table["modality"].unique()) == modalities
        assert captured.err == "" and len(captured.out.splitlines()) == 1 + len(table) // 2
        for _, part in table.groupby("modality"):
            asked = [tuple(row) for row in part.loc[part["score"] == "top1", ["method", "shots"]].to_numpy()]
            assert asked == [("constant", 0), ("linear_probe", 2), ("nearest", 2), ("linear_probe", 0), ("nearest", 0),
                             ("emergent", 0)]
    assert main(["probe", *arguments, "--out-dir", str(tmp_path / "no"), "--hold-out", "nobody"]) == 2
    assert not (tmp_path / "no").exists()


def test_clips_are_found_across_modalities(place, runs, tmp_path, capsys):
    given = ["retrieve", str(runs["star"].directory), str(place / "clips"), "--out-dir", str(tmp_path)]

    def asked(*options):
        assert main([*given, *options]) == 0
        return pd.read_csv(tmp_path / "retrieval.csv")

    table = asked()
    assert list(zip(table["query"], table["item"], strict=True)) == list(permutations(FOUR, 2))
    dataset, valid = read_clip_dataset(place / "clips"), runs["star"].valid
    both = [not {"rgb", "depth"} & set(lacks.split()) for lacks in dataset.frames["lacks"].iloc[valid]]
    assert table["clips"][0] == sum(both) < len(valid)  # new people, and of them the clips with both
    one = asked("--query", "depth", "--item", "rgb")
    assert one.equals(table[(table["query"] == "depth") & (table["item"] == "rgb")].reset_index(drop=True))
    assert len(asked("--item", "joints")) == 3
    assert (asked("--group-by", "caption")["chance"] > table["chance"]).all()
    for ties in ("optimistic", "pessimistic", "original"):
        other = asked("--ties", ties)
        assert other["low"].isna().all() and (other["r10"] >= other["r1"]).all()
    assert "-" in capsys.readouterr().out.splitlines()[-1]


def test_a_class_can_be_the_query_where_a_run_has_its_vector(place, runs):
    dataset, run = read_clip_dataset(place / "clips"), runs["anchor"].directory
    with pytest.raises(ConfigError, match="wanted two different ones"):
        retrieve_clips(run, dataset)
    (row,) = retrieve_clips(run, dataset, query="class", item="rgb", group_by="caption").to_dict("records")
    found = embed_clips(run, dataset)
    rows = runs["anchor"].valid[found.present["rgb"][runs["anchor"].valid]]
    vectors, target = table_vectors(load_space(run), "class", np.arange(32)), dataset.target[rows]
    best = cosine_similarity(vectors, found.embeddings["rgb"][rows]).argmax(axis=1)
    assert row["clips"] == len(rows) and row["r1"] == pytest.approx((target[best][target] == target).mean())


@pytest.mark.parametrize(("query", "item", "pairs"), [
    ("", "", [("a", "b"), ("b", "a")]), ("b", "", [("b", "a")]), ("class", "", [("class", "a"), ("class", "b")]),
    ("", "class", [("a", "class"), ("b", "class")]), ("class", "a", [("class", "a")])])
def test_only_what_is_named_stands_beside_the_modalities(query, item, pairs):
    assert ordered_pairs(("a", "b"), ("class",), query, item) == pairs


# -- what a space cannot answer ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "command", "said"), [
    ("star", "predict x.jpg --checkpoint RUN", "`mg probe` and `mg retrieve`"),
    ("star", "predict x.jpg --checkpoint RUN/best.safetensors", "`mg probe` and `mg retrieve`"),
    ("star", "export RUN", "`mg probe` and `mg retrieve`"),
    ("star", "microscope RUN CLIPS", "`mg probe` and `mg retrieve`"),
    ("star", "zero-shot RUN", "`mg probe` and `mg retrieve`"),
    ("masked", "evaluate RUN CLIPS", "`mg probe` asks this one"),
    ("masked", "retrieve RUN CLIPS", "`mg probe` asks this one"),
    ("fusion", "evaluate RUN CLIPS", "metrics.json"),
    ("fusion", "probe RUN CLIPS", "metrics.json"),
    ("star", "crossval CLIPS --folds 3 --config RUN/config.json", "wanted image-text, classification or skeleton"),
    ("masked", "ensemble RUN RUN", "wanted skeleton"),
])
def test_what_a_space_cannot_answer_is_told_with_what_can(name, command, said, place, runs, tmp_path, capsys,
                                                          monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = command.replace("RUN", str(runs[name].directory)).replace("CLIPS", str(place / "clips")).split()
    capsys.readouterr()
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith("mg: ") and said in captured.err and "Traceback" not in captured.err
    assert not list(tmp_path.iterdir())


def test_the_loader_of_classifiers_refuses_a_space_and_the_other_way_round(runs, tmp_path):
    for name in ("star", "masked", "fusion"):
        with pytest.raises(ConfigError, match="found a run of the task"):
            load_run(runs[name].directory)
    with pytest.raises(ConfigError, match="found a run of the task 'fusion'; wanted one of alignment, masked"):
        load_space(runs["fusion"].directory)


def test_two_spaces_are_compared(place, runs, tmp_path, capsys):
    other, = train_all([replace(runs["star"].config, seed=1, init_from=str(runs["anchor"].directory))],
                       place / "clips", tmp_path, jobs=1, progress=False)
    assert main(["diff", str(runs["star"].directory), str(runs["star"].directory)]) == 0
    assert "Nothing differs." in capsys.readouterr().out
    assert main(["diff", str(runs["star"].directory), str(other.directory)]) == 0
    assert "The runs differ in seed alone; the results differ." in capsys.readouterr().out


def test_pictures_of_another_size_are_refused(runs, tmp_path):
    made = ["clips", str(tmp_path / "large"), "--profile", "smoke", "--cameras", "--size", "32", "--frames", "60"]
    assert main([*made, "--workers", "1"]) == 0
    with pytest.raises(ConfigError, match="depth: found pictures of 32 pixels; wanted 24"):
        embed_clips(runs["masked"].directory, read_clip_dataset(tmp_path / "large"))
