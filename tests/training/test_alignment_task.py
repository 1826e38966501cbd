"""Alignment, fusion and masked autoencoding: one abstraction for three systems, and the house's promises for each."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from clip_folders import MASKED, MODALITIES, NAMES, NETWORKS, config, make_clip_folder, space, told, write_sentences
from safetensors.torch import load_file

from mgutils.config import FusionConfig, MaskedConfig, Objective, Pair, SpaceConfig, run_config, skeleton_config, star
from mgutils.data.items import load_modality, present, read_clip_dataset
from mgutils.data.modalities import middle
from mgutils.data.pixels import fingerprint, load_pixels
from mgutils.data.protocol import split_of
from mgutils.data.splits import make_split
from mgutils.data.table import read_dataset
from mgutils.errors import CheckpointError, ConfigError
from mgutils.losses import LOSSES
from mgutils.losses.alignment import pair_losses
from mgutils.losses.reconstruction import reconstruction_loss
from mgutils.metrics.cosine import emergent, unit
from mgutils.training import loop
from mgutils.training.alignment import Alignment
from mgutils.training.fusion import subsets
from mgutils.training.image_text import ImageText
from mgutils.training.inputs import input_kind, load_array, read_rows
from mgutils.training.session import make_session, open_session
from mgutils.training.skeleton import Skeleton
from mgutils.training.start import check_start
from mgutils.training.store import run_directory, train_all


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return write_sentences(make_clip_folder(tmp_path_factory.mktemp("tiny") / "clips"))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """Runs that several tests start from or look at."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(autouse=True)
def words(monkeypatch):
    """Vectors of the class names without the encoder that has them."""
    vectors = np.random.default_rng(0).standard_normal((len(NAMES), 9), dtype=np.float32)
    monkeypatch.setattr("mgutils.training.alignment.word_vectors", lambda names: vectors.copy())
    monkeypatch.setattr("mgutils.training.skeleton.word_vectors", lambda names: vectors.copy())


def train(run, root, store):
    return train_all([run], root, store, jobs=1, progress=False)[0]


def after(run, before):
    """A run that starts from another one."""
    return replace(run, init=check_start(before.directory, run.model), init_from=str(before.directory))


def open_run(run, root):
    dataset = read_rows(root, input_kind(run))
    arrays = load_array(dataset, input_kind(run))
    return open_session(run, dataset, arrays, split_of(run, dataset))


def gradients(model):
    return {name: weight.grad.clone() for name, weight in model.named_parameters() if weight.grad is not None}


def weights(model):
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def distance(first, second):
    """Largest difference of any number."""
    assert first.keys() == second.keys() and first
    return max(float((first[name] - second[name]).abs().max()) for name in first)


# -- one abstraction: the first two systems through the door of the third ----------------------------------------------


class PairedImages(ImageText):
    """The report's task, with its loss as that of a pair (image, caption)."""

    def losses(self, batch, *embedded):
        image, captions = embedded
        pair = Pair("image", "caption", self.config.loss.loss)
        # the captions of the batch are a table: that of row i is the one of its class
        return pair_losses([pair], {"image": image}, target=batch.target, tables={"caption": captions},
                           learned={pair.name: {"temperature": self.model.temperature}})


class PairedCopies(ImageText):
    """The same where each image has a caption of its own, as in the original."""

    def losses(self, batch, *embedded):
        image, caption = embedded
        pair = Pair("image", "caption", self.config.loss.loss, temperature=self.model.temperature.item())
        return pair_losses([pair], {"image": image, "caption": caption}, target=batch.target)


class PairedWords(Skeleton):
    """The second system, with its word loss as that of a pair (joints, class)."""

    def losses(self, batch, *embedded):
        losses = super().losses(batch, *embedded)
        words = embedded[0][:, self.classes:]
        pair = Pair("joints", "class", "mse", weight=self.config.model.word_weight)
        losses["words"] = pair_losses([pair], {"joints": words}, target=batch.target,
                                      tables={"class": self.vectors})[pair.name]
        return losses


def one_step(session, kind, rows):
    """Losses, gradients, and weights after one step of the optimizer, in float64 and from the same random numbers."""
    parts = {field: getattr(session.task, field) for field in session.task.__dataclass_fields__}
    if parts.get("vectors") is not None:
        parts["vectors"] = parts["vectors"].double()
    task = kind(**parts)
    task.forward = task.model.double().train()
    batch = task.batch(rows, torch.Generator().manual_seed(0))
    batch = replace(batch, inputs={name: part.double() for name, part in batch.inputs.items()})
    before = weights(task.model)
    torch.manual_seed(1)
    losses = loop.train_step(replace(session, task=task), batch)
    after_step = weights(task.model)
    assert distance(before, after_step) > 1e-4
    return torch.stack(list(losses.values())), gradients(task.model), after_step


def same(first, second):
    """Losses, gradients and weights are equal, to much less than the 1e-6 that is asked for."""
    torch.testing.assert_close(first[0], second[0], atol=1e-9, rtol=0)
    assert distance(first[1], second[1]) < 1e-9
    assert distance(first[2], second[2]) < 1e-6


@pytest.mark.parametrize(("once", "learn"), [(True, False), (True, True), (False, False)],
                         ids=["captions once", "learned temperature", "copies"])
@pytest.mark.parametrize("name", LOSSES)
def test_a_step_of_the_first_system_is_that_of_one_pair(tiny_template, name, once, learn):
    run = run_config("smoke", "sound_ce", batch_size=16, captions_once=once)
    run = replace(run, loss=Objective(name, normalize=name != "original_ce", temperature=0.2, learn_temperature=learn))
    dataset = read_dataset(tiny_template)
    pixels, split = load_pixels(dataset, 32, progress=False), make_split(dataset, "frame")
    found = []
    for kind in (ImageText, PairedImages if once else PairedCopies):
        found.append(one_step(open_session(run, dataset, pixels, split), kind, split.train[:16]))
    same(*found)
    assert ("log_temperature" in found[1][1]) == learn


def test_a_step_of_the_second_system_s_words_is_that_of_one_pair(root):
    folder = read_clip_dataset(root)
    run = skeleton_config("smoke", "clip", frames=4, network_kwargs={"width": 16}, words="words", word_weight=20.0)
    joints, split = load_modality(folder, "joints"), split_of(run, folder)
    found = []
    for kind in (Skeleton, PairedWords):
        found.append(one_step(open_session(run, folder, joints, split), kind, split.train[:12]))
    same(*found)
    assert len(found[0][0]) == 2 and any("words" in name for name in found[0][1])


# -- runs of an alignment ----------------------------------------------------------------------------------------------

KINDS = {
    "star": space(),
    "shuffled": space(shuffled=True),
    "moved apart": space(moved_alike=False),
    "learned": space(learn_temperature=True),
    "siglip": space(star("rgb", ("joints", "flow"), loss="siglip")),
    "frozen": space(frozen=("rgb",)),
    "labels": space((Pair("joints", "class", "class_ce"),)),
    "sentences": told(),
    "captions": space((Pair("rgb", "caption", "multi_positive_ce"), Pair("flow", "caption", "class_ce"))),
}


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_a_stopped_run_goes_on_to_the_same_bits(root, tmp_path, monkeypatch, kind):
    run = config(KINDS[kind], augment="affine")
    dataset = read_rows(root, input_kind(run))
    arrays, split = load_array(dataset, input_kind(run)), split_of(run, dataset)
    whole = loop.fit(run, dataset, arrays, split, tmp_path / "whole", progress=False)
    real, count = loop.train_epoch, iter(range(9))

    def stops(*args, **kwargs):
        if next(count) == 1:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(loop, "train_epoch", stops)
        loop.fit(run, dataset, arrays, split, tmp_path / "parts", progress=False)
    parts = loop.fit(run, dataset, arrays, split, tmp_path / "parts", progress=False, resume=True)
    for name in ("best.safetensors", "last.safetensors", "outputs.npz", "metrics.json"):
        assert (whole / name).read_bytes() == (parts / name).read_bytes(), name


def test_a_run_learns_from_clips_that_lack_something_and_keeps_what_it_says(root, store):
    run = train(config(space(), epochs=6), root, store)
    log = run.log
    assert log["train_loss"].iloc[-1] < log["train_loss"].iloc[0]
    assert {"train_rgb-depth", "train_rgb-joints", "train_rgb-flow"} <= set(log)
    assert log["train_loss"].iloc[0] == pytest.approx(
        sum(log[f"train_{pair.name}"].iloc[0] for pair in run.config.model.pairs))
    assert set(run.arrays) == {"valid", "target", "logits", *MODALITIES}
    dataset = read_clip_dataset(root)
    for name in MODALITIES:
        assert run.arrays[name].shape == (len(dataset), 12) and run.arrays[name].dtype == np.float32
    assert run.logits.shape == (len(run.valid), 4) and run.logits.dtype == np.float32
    assert run.config == config(space(), epochs=6) and run.config.task == "alignment"


def test_the_score_is_emergent_and_asks_only_what_a_clip_has(root, store):
    """By hand: mean directions of the anchor's training clips, asked with each of the others that a clip has."""
    run = train(config(space(), epochs=6), root, store)
    dataset = read_clip_dataset(root)
    split = split_of(run.config, dataset)
    there = {name: present(dataset, name) for name in MODALITIES}
    train_rows = [row for row in split.train if there["rgb"][row]]
    for place, row in enumerate(split.valid):
        asked = [name for name in MODALITIES[1:] if there[name][row]]
        found = [emergent(run.arrays["rgb"][train_rows], dataset.target[train_rows], run.arrays[name][[row]], 4)[0]
                 for name in asked]
        assert np.allclose(run.logits[place], np.mean(found, axis=0), atol=1e-5)
    assert any(not there["joints"][row] for row in split.valid)  # the case occurs


def test_the_score_of_labels_is_the_nearest_of_their_vectors(root, store):
    pair = Pair("joints", "class", "class_ce", temperature=0.2)
    run = train(config(space((pair,)), epochs=3), root, store)
    vectors = load_file(run.directory / "best.safetensors")["class_vectors"].numpy()
    wanted = unit(run.arrays["joints"][run.valid]) @ unit(vectors).T / 0.2
    lacks = ~present(read_clip_dataset(root), "joints")[run.valid]
    assert lacks.any() and (run.logits[lacks] == 0).all()  # it knows nothing of them
    assert np.allclose(run.logits[~lacks], wanted[~lacks], atol=1e-4)


def test_the_loss_is_that_of_pair_losses_on_what_the_clips_have(root):
    pairs = (*star("rgb", ("depth", "joints")), Pair("flow", "class", "class_ce"), Pair("joints", "caption"))
    session = open_run(config(space(pairs, learn_temperature=True)), root)
    task = session.task
    rows = np.arange(14)
    batch = task.batch(rows, torch.Generator().manual_seed(0))
    (found,) = task.embed(batch)
    there = {name: torch.from_numpy(task.reader.present[name][rows]) for name in MODALITIES}
    assert not any(part.all() for part in there.values())
    wanted = pair_losses(pairs, dict(zip(task.names, found.unbind(1), strict=True)), there, batch.target,
                         task.model.scales(), {name: task.model.table(name) for name in ("class", "caption")})
    losses = task.losses(batch, found)
    assert list(losses) == ["rgb-depth", "rgb-joints", "flow-class", "joints-caption"]
    assert all(torch.equal(losses[name], wanted[name]) for name in wanted)

    # whatever the missing ones hold reaches no loss
    broken = found.clone()
    for place, name in enumerate(task.names):
        broken[~there[name], place] = torch.nan
    assert all(torch.equal(losses[name], value) for name, value in task.losses(batch, broken).items())


def test_shuffled_pairs_say_nothing(root):
    """Over many batches each clip meets each anchor alike often, its own included, whatever it has or lacks."""
    session = open_run(config(space(star("rgb", ("joints",), loss="mse", weight=1.0), shuffled=True)), root)
    task = session.task
    chance, count, partners = np.random.default_rng(0), 6, np.zeros((40, 40))
    for _ in range(400):
        rows = chance.permutation(40)[:count]
        anchor = torch.arange(count, dtype=torch.float64)
        found = torch.stack([anchor, torch.zeros(count)], dim=1)[..., None].double().requires_grad_()
        # the gradient of (anchor - joints)^2 is twice the difference: joints' says which anchor each one met
        (loss,) = task.losses(task.batch(rows, torch.Generator().manual_seed(0)), found).values()
        there = [task.reader.present[name][rows] for name in ("rgb", "joints")]
        if not loss.requires_grad or not loss:
            continue
        (gradient,) = torch.autograd.grad(loss, found)
        met = (-gradient[:, 1, 0] / 2)
        pairs = int((met != 0).sum())
        assert pairs <= min(there[0].sum(), there[1].sum())
        scale = met[met != 0]
        order = np.random.default_rng(rows).permutation(count)
        both = there[0][order] & there[1]
        wanted = torch.from_numpy(np.where(both, order, 0)).double() / both.sum()
        assert torch.allclose(met, wanted), scale
        partners[rows, rows[order]] += 1
    own = partners.diagonal().sum() / partners.sum()
    assert own == pytest.approx(1 / count, abs=0.03)


def test_modalities_are_moved_alike_or_apart(root):
    changes = {}
    for alike in (True, False):
        task = open_run(config(space(moved_alike=alike), augment="affine"), root).task
        seen = []
        reader = task.reader

        class Spy:
            arrays, frames = reader.arrays, reader.frames

            def __call__(self, rows, drawn, seen=seen, reader=reader):
                seen.append(drawn)
                return reader(rows, drawn)

        task.reader = Spy()
        task.batch(np.arange(8), torch.Generator().manual_seed(0))
        changes[alike] = seen[0].changes
    assert np.array_equal(changes[True]["rgb"], changes[True]["depth"])
    assert not np.array_equal(changes[False]["rgb"], changes[False]["depth"])
    assert changes[True]["rgb"].any()


def test_equal_generators_give_equal_batches_and_a_test_reads_the_middle(root):
    task = open_run(config(space(), augment="affine"), root).task
    first, second, other = (task.batch(np.arange(6), torch.Generator().manual_seed(seed)) for seed in (3, 3, 4))
    assert all(torch.equal(first.inputs[name], second.inputs[name]) for name in MODALITIES)
    assert not torch.equal(first.inputs["rgb"], other.inputs["rgb"])
    task.model.eval()
    clips = task.reader(np.arange(6), middle(MODALITIES, 6, 4)).inputs
    with torch.no_grad():
        wanted = task.model({name: torch.from_numpy(part) for name, part in clips.items()})
    arrays = task.validate(np.arange(6)).arrays
    for place, name in enumerate(MODALITIES):
        assert np.allclose(arrays[name][:6], wanted[:, place], atol=1e-5)


@pytest.mark.parametrize("kind", ["learned", "siglip"])
def test_temperatures_and_biases_learn_without_decay_and_within_bounds(root, store, kind):
    run = train(config(KINDS[kind], lr_head=1e-2, weight_decay_head=0.5), root, store)
    scales = {name: value for name, value in load_file(run.directory / "best.safetensors").items() if "scales" in name}
    start = np.log(0.1)
    assert scales and all(value.item() != pytest.approx(start if "temperature" in name else -10.0, abs=1e-4)
                          for name, value in scales.items())
    assert "temperature of rgb-joints" in run.log and ("bias of rgb-joints" in run.log) == (kind == "siglip")
    session = open_run(run.config, root)
    groups = session.optimizer.param_groups
    assert [group["weight_decay"] for group in groups] == [0.5, 0.5, 0.0]
    assert {id(weight) for weight in groups[2]["params"]} == {id(w) for w in session.task.model.scales.parameters()}
    grouped = [id(weight) for group in groups for weight in group["params"]]
    learned = {id(weight) for weight in session.task.model.parameters() if weight.requires_grad}
    assert len(grouped) == len(set(grouped)) and set(grouped) == learned
    with torch.no_grad():
        next(iter(session.task.model.scales.log_temperature.values())).fill_(-30.0)
    session.task.after_step()
    assert min(session.task.record()[name] for name in session.task.record() if "temp" in name) == pytest.approx(0.01)


# -- starting from another run -----------------------------------------------------------------------------------------


@pytest.fixture
def anchor(root, store):
    """Colours, learned with labels."""
    return train(config(space((Pair("rgb", "class", "class_ce"),)), "rgb_labels"), root, store)


def test_a_frozen_anchor_has_the_weights_of_the_run_that_it_came_from_bit_for_bit(root, store, anchor):
    run = train(after(config(space(frozen=("rgb",)), "star", lr_image=0.1, weight_decay_head=0.1), anchor), root, store)
    before, now = (load_file(each.directory / "last.safetensors") for each in (anchor, run))
    frozen = {name for name in now if ".rgb." in name}
    assert any(name.startswith("projections") for name in frozen)
    assert all(torch.equal(before[name], now[name]) for name in frozen)
    assert np.array_equal(run.arrays["rgb"], anchor.arrays["rgb"])
    fresh = open_run(config(space(frozen=("rgb",))), root).task.model.state_dict()
    assert not any(torch.equal(fresh[name], now[name]) for name in now if name.startswith("encoders.joints.embed"))


def test_an_anchor_of_random_weights_is_centred_on_what_clips_have(root):
    task = open_run(config(space(frozen=("rgb",))), root).task
    found = task.validate(np.arange(40)).arrays["rgb"][task.reader.present["rgb"]]
    assert np.abs(found.mean(axis=0)).max() < 1e-3  # all clips are fewer than those that are calibrated on
    assert np.square(found).mean() == pytest.approx(1, abs=1e-3)
    again = open_run(config(space(frozen=("rgb",))), root).task
    assert torch.equal(task.model.projections["rgb"].weight, again.model.projections["rgb"].weight)


def test_an_anchor_that_was_trained_is_not_moved(root, anchor):
    task = open_run(after(config(space(frozen=("rgb",))), anchor), root).task
    saved = load_file(anchor.directory / "best.safetensors")
    assert torch.equal(task.model.projections["rgb"].weight, saved["projections.rgb.weight"])
    assert not any(weight.requires_grad for name, weight in task.model.named_parameters() if ".rgb." in name)


@pytest.mark.parametrize(("model", "words"), [
    (space(star("joints", ("flow",))), "found no encoder of joints, flow"),
    (space(frozen=("joints",)), "found no encoders of joints, which is frozen"),
    (space(frozen=("rgb",), encoders={"rgb": NETWORKS["rgb"] | {"width": 32}}), "found no encoder of rgb, depth"),
    (replace(space(frozen=("rgb",)), width=20), "found no projections of rgb, which is frozen"),
])
def test_a_start_without_what_is_needed_is_refused(root, anchor, model, words):
    """A frozen modality that silently kept random weights would be another experiment."""
    with pytest.raises(CheckpointError, match="found .*wanted ") as caught:
        open_run(after(config(model), anchor), root)
    assert words in str(caught.value)


def test_another_width_keeps_the_encoder_and_starts_the_projection_anew(root, anchor):
    model = open_run(after(config(replace(space(), width=20)), anchor), root).task.model
    saved = load_file(anchor.directory / "best.safetensors")
    assert torch.equal(model.encoders["rgb"].embed.weight, saved["encoders.rgb.embed.weight"])
    assert model.projections["rgb"].weight.shape == (20, 16)


def test_a_start_that_has_seen_the_reported_clips_is_told_though_it_reads_fewer_modalities(root, store, anchor, capsys):
    run = after(config(space(frozen=("rgb",)), "star"), anchor)
    train(run, root, store)
    assert "which the run starts from" not in capsys.readouterr().err
    other = replace(run, protocol=replace(run.protocol, split_seed=7), train=replace(run.train, epochs=1))
    train(other, root, store)
    assert "of the 8 clips that are reported, or chose its epoch on them" in capsys.readouterr().err


# -- the store ---------------------------------------------------------------------------------------------------------


def test_a_run_s_folder_does_not_depend_on_what_is_trained_beside_it(root, tmp_path):
    """Each run is named after the arrays that it reads itself."""
    runs = [config(space((Pair("flow", "class", "class_ce"),)), "flow", epochs=1),
            config(space(star("rgb", ("joints",))), "pair", epochs=1),
            config(MaskedConfig("depth", 4, network_kwargs=MASKED), "masked", epochs=1)]
    alone = [train(run, root, tmp_path) for run in runs]
    stamps = [run.directory.stat().st_mtime_ns for run in alone]
    for order in ((0, 1, 2), (2, 1, 0)):
        together = train_all([runs[place] for place in order], root, tmp_path, jobs=1, progress=False)
        assert [run.directory for run in together] == [alone[place].directory for place in order]
    assert [run.directory.stat().st_mtime_ns for run in alone] == stamps  # nothing was trained again
    dataset = read_clip_dataset(root)
    for run, made in zip(runs, alone, strict=True):
        key = fingerprint(dataset, load_array(dataset, input_kind(run)))
        assert run_directory(run, key, tmp_path) == made.directory
        assert made.receipt["data_sha256"] == key
    names = {name: load_modality(dataset, name) for name in ("rgb", "joints")}
    assert fingerprint(dataset, names) == fingerprint(dataset, dict(reversed(names.items())))
    assert fingerprint(dataset, {"rgb": names["rgb"]}) != fingerprint(dataset, {"depth": names["rgb"]})


def test_a_modality_that_no_clip_has_is_told(tmp_path):
    folder = make_clip_folder(tmp_path / "clips")
    table = (folder / "clips.csv").read_text().splitlines()
    place = table[0].split(",").index("lacks")
    lines = [line.split(",") for line in table[1:]]
    text = [",".join([*cells[:place], "flow", *cells[place + 1:]]) for cells in lines]
    (folder / "clips.csv").write_text("\n".join([table[0], *text]) + "\n")
    with pytest.raises(ConfigError, match="found no clip with flow; wanted some"):
        read_rows(folder, ("rgb", "flow"))
    assert len(read_rows(folder, ("rgb", "joints"))) == 40


@pytest.mark.parametrize("model", [space(), MaskedConfig("depth", 4, network_kwargs=MASKED)], ids=["space", "masked"])
def test_settings_that_are_not_read_are_refused(root, model):
    with pytest.raises(ConfigError, match="freeze: found 'image' for .*; wanted none"):
        open_run(config(model, freeze="image"), root)
    run = config(model)
    with pytest.raises(ConfigError, match="logit_adjustment: found 1.0 for .*; wanted 0"):
        open_run(replace(run, loss=replace(run.loss, logit_adjustment=1.0)), root)


# -- a batch in parts --------------------------------------------------------------------------------------------------


class Doubles(Alignment):
    """In float64, its moments not drawn."""

    def batch(self, rows, generator=None):
        batch = super().batch(rows, torch.Generator().manual_seed(0))
        return replace(batch, inputs={name: part.double() for name, part in batch.inputs.items()})


@pytest.mark.parametrize("rows", [13, 9, 5])
@pytest.mark.parametrize("shuffled", [False, True])
def test_parts_of_a_batch_give_the_gradient_of_the_whole(root, rows, shuffled):
    """GradCache in float64: absent modalities, tables, learned temperatures, parts of unequal size."""
    pairs = (*star("flow", ("joints", "more"), loss="siglip"), Pair("joints", "class", "class_ce"),
             Pair("more", "caption", "multi_positive_ce"), Pair("more", "joints"))
    networks = {name: NETWORKS[name] | {"dropout": 0.0} for name in ("joints", "flow")}
    model = SpaceConfig(pairs, 12, 4, learn_temperature=True, shuffled=shuffled,
                        encoders=networks | {"more": networks["joints"] | {"kind": "joints"}})
    dataset = read_clip_dataset(root)
    arrays = {name: load_modality(dataset, source) for name, source in
              (("flow", "flow"), ("joints", "joints"), ("more", "joints"))}
    found = []
    for micro_batch in (0, 4):
        run = config(model, micro_batch=micro_batch, schedule="plateau")
        session = open_session(run, dataset, arrays, split_of(run, dataset))
        session.task.model.double()
        task = Doubles(run, session.accelerator, session.task.model, session.task.reader, dataset.target, 4)
        session = make_session(task, session.accelerator, run, split_of(run, dataset))
        session.optimizer.step = lambda: None
        losses = loop.train_step(session, task.batch(np.arange(rows)))
        found.append(losses | gradients(task.model))
    assert {"class_vectors", "caption_projection.weight", "scales.bias.flow-more"} <= found[0].keys()
    assert distance(*found) < 1e-9


# -- fusion ------------------------------------------------------------------------------------------------------------


@pytest.fixture
def aligned(root, store):
    return train(config(space(), epochs=6), root, store)


def test_all_subsets_in_order():
    assert subsets(2).tolist() == [[False, True], [True, False], [True, True]]
    found = subsets(4)
    assert found.shape == (15, 4) and len(np.unique(found, axis=0)) == 15
    assert found.any(axis=1).all() and found[-1].all()


@pytest.mark.parametrize("head", ["masked", "zeroed"])
def test_a_head_is_trained_on_what_an_alignment_stored_and_asked_with_every_subset(root, store, aligned, head):
    model = FusionConfig(MODALITIES, head, heads=2)
    begun = after(config(model, "fusion", epochs=8, lr_head=1e-2), aligned)
    run = train(begun, root, store)
    assert run.log["train_loss"].iloc[-1] < run.log["train_loss"].iloc[0]
    rows = len(run.valid)
    assert set(run.arrays) == {"valid", "target", "logits", "subsets"}
    assert run.arrays["subsets"].shape == (15, rows, 4)
    assert np.array_equal(run.arrays["subsets"][-1], run.logits)
    # the answers to a subset are those to a clip that has nothing else
    task = open_run(begun, root).task
    task.model.load_state_dict(load_file(run.directory / "best.safetensors"))
    there = present(read_clip_dataset(root), "rgb")[run.valid]
    for row, choice in enumerate(subsets(4)):
        with torch.no_grad():
            kept = task.present[run.valid] & torch.from_numpy(choice)
            wanted = task.model.eval()(task.tokens[run.valid], kept)
        assert np.allclose(run.arrays["subsets"][row], wanted, atol=1e-5)
    assert not there.all()


def test_tokens_are_the_stored_embeddings_at_one_length(root, aligned):
    task = open_run(after(config(FusionConfig(("joints", "rgb"), heads=2)), aligned), root).task
    assert task.tokens.shape == (40, 2, 12)
    assert torch.allclose(task.tokens.norm(dim=2), torch.tensor(12.0).sqrt())
    wanted = unit(aligned.arrays["joints"])
    assert np.allclose(unit(task.tokens[:, 0].numpy()), wanted, atol=1e-6)
    dataset = read_clip_dataset(root)
    assert np.array_equal(task.present[:, 1], present(dataset, "rgb"))


def test_without_dropout_a_head_sees_what_is_there_and_with_it_less(root, aligned):
    rows = np.arange(40)
    seen = {}
    for drop in (0.0, 0.5):
        for per in ("sample", "batch"):
            model = FusionConfig(MODALITIES, heads=2, drop=drop, per=per)
            task = open_run(after(config(model), aligned), root).task
            seen[drop, per] = task.batch(rows, torch.Generator().manual_seed(0)).inputs["present"]
    there = task.present
    assert torch.equal(seen[0.0, "sample"], there) and torch.equal(seen[0.0, "batch"], there)
    assert not (seen[0.5, "sample"] & ~there).any() and seen[0.5, "sample"].any(dim=1).all()
    assert 0.3 < seen[0.5, "sample"].sum() / there.sum() < 0.8
    columns = seen[0.5, "batch"].any(dim=0)
    assert torch.equal(seen[0.5, "batch"], there & columns) and not columns.all()


def test_a_fusion_that_cannot_start_is_told(root, store, aligned, anchor, tmp_path):
    model = FusionConfig(MODALITIES, heads=2)
    with pytest.raises(ConfigError, match="init: found none for a fusion; wanted the run"):
        open_run(config(model), root)
    with pytest.raises(ConfigError, match="found 'depth', which .* has no embeddings of; wanted some of rgb"):
        open_run(after(config(model), anchor), root)
    with pytest.raises(ConfigError, match="a run of another task; wanted an alignment"):
        check_start(train(config(MaskedConfig("depth", 4, network_kwargs=MASKED)), root, store).directory, model)
    with pytest.raises(ConfigError, match="width 12 with 5 heads"):
        open_run(after(config(replace(model, heads=5)), aligned), root)
    other = make_clip_folder(tmp_path / "other", clips=32)
    with pytest.raises(CheckpointError, match="found embeddings of 40 clips; wanted 32"):
        open_run(after(config(model), aligned), other)
    run = after(config(model), aligned)
    with pytest.raises(CheckpointError, match="found other weights than those"):
        open_run(replace(run, init="0" * 64), root)
    assert open_run(replace(run, loss=replace(run.loss, logit_adjustment=1.0)), root).task.offset.shape == (4,)


# -- masked autoencoding -----------------------------------------------------------------------------------------------


def masked(camera="depth", **settings):
    return MaskedConfig(camera, 4, network_kwargs=MASKED, **settings)


def test_an_autoencoder_learns_and_keeps_embeddings(root, store):
    run = train(config(masked(), "masked", epochs=8, lr_image=3e-3), root, store)
    log = run.log
    assert log["train_loss"].iloc[-1] < log["train_loss"].iloc[0]
    assert set(run.arrays) == {"valid", "target", "logits", "depth"}
    assert run.arrays["depth"].shape == (40, 16)
    dataset = read_clip_dataset(root)
    split, there = split_of(run.config, dataset), present(dataset, "depth")
    known = split.train[there[split.train]]
    wanted = emergent(run.arrays["depth"][known], dataset.target[known], run.arrays["depth"][split.valid], 4)
    wanted[~there[split.valid]] = 0
    assert np.allclose(run.logits, wanted, atol=1e-5) and not there[split.valid].all()


@pytest.mark.parametrize("scrambled", [False, True])
@pytest.mark.parametrize("mask", ["tube", "random"])
def test_the_loss_is_the_reconstruction_loss_of_the_clips_that_are_there(root, mask, scrambled):
    task = open_run(config(masked(mask=mask, scrambled=scrambled)), root).task
    task.model.eval()  # dropout would draw anew
    there = np.flatnonzero(task.reader.present["depth"])
    network = task.model.network
    batch = task.batch(np.arange(12), torch.Generator().manual_seed(0))
    loss = task.training_step(batch)["reconstruction"]
    own = [row for row in range(12) if row in there]
    assert len(own) < 12
    frames, hidden = batch.inputs["frames"][own], batch.inputs["hidden"][own]
    wanted = reconstruction_loss(network(frames, hidden), network.targets(frames, scrambled), hidden)
    assert loss.item() == pytest.approx(wanted.item(), abs=1e-6)
    assert loss.item() == pytest.approx(network.loss(frames, hidden, scrambled).item(), abs=1e-6)
    # three quarters of 2 x 2 places, in each of two moments
    assert batch.inputs["hidden"].sum(dim=1).tolist() == [6] * 12
    parts = batch.inputs["hidden"].unflatten(1, (2, 4))
    assert torch.equal(parts[:, 0], parts[:, 1]) == (mask == "tube")


def test_a_batch_that_the_camera_did_not_film_has_no_loss_and_a_gradient(root):
    task = open_run(config(masked()), root).task
    gone = np.flatnonzero(~task.reader.present["depth"])[:3]
    loss = task.training_step(task.batch(gone, torch.Generator().manual_seed(0)))["reconstruction"]
    loss.backward()
    assert loss.item() == 0
    assert all((weight.grad == 0).all() for weight in task.model.parameters())


def test_parts_of_an_autoencoder_s_batch_give_the_gradient_of_the_whole(root):
    found = []
    for micro_batch in (0, 4):
        session = open_run(config(masked(), micro_batch=micro_batch, schedule="plateau"), root)
        session.task.model.eval()
        session.optimizer.step = lambda: None
        batch = session.task.batch(np.arange(11), torch.Generator().manual_seed(0))
        found.append(loop.train_step(session, batch) | gradients(session.task.model))
    assert distance(*found) < 1e-6


def test_a_scrambled_target_is_another_loss(root):
    losses = {}
    for scrambled in (False, True):
        session = open_run(config(masked(scrambled=scrambled)), root)
        losses[scrambled] = session.task.validate(np.arange(40)).loss
        assert losses[scrambled] == session.task.validate(np.arange(40)).loss  # the same masks in every epoch
    assert losses[False] != pytest.approx(losses[True], rel=0.05)


def test_the_encoder_comes_over_into_a_space(root, store):
    before = train(config(masked(), "masked", epochs=8, lr_image=3e-3), root, store)
    network = {"depth": {"kind": "masked"} | MASKED}
    labels = space((Pair("depth", "class", "class_ce"),), encoders=network)
    task = open_run(after(config(labels), before), root).task
    saved = load_file(before.directory / "best.safetensors")
    own = task.model.state_dict()
    assert saved.keys() <= own.keys()
    assert all(torch.equal(own[name], saved[name]) for name in saved)
    arrays = task.validate(np.arange(40)).arrays
    projected = task.model.projections["depth"](torch.from_numpy(before.arrays["depth"]))
    assert np.allclose(arrays["depth"], projected.detach(), atol=1e-4)

    tuned = train(after(config(labels, "tuned"), before), root, store)
    now = load_file(tuned.directory / "best.safetensors")
    changed = {name for name in saved if not torch.equal(now[name], saved[name])}
    assert changed and all(name.startswith("encoders.depth.network.videomae.") for name in changed)

    # frozen, it has no projection to bring along: that is centred
    frozen = space(star("depth", ("joints",)), encoders=network, frozen=("depth",))
    found = open_run(after(config(frozen), before), root).task.validate(np.arange(40)).arrays["depth"]
    found = found[present(read_clip_dataset(root), "depth")]
    assert np.abs(found.mean(axis=0)).max() < 1e-3 and np.square(found).mean() == pytest.approx(1, abs=1e-3)

    with pytest.raises(CheckpointError, match="found no encoder of depth"):
        smaller = {"depth": {"kind": "masked"} | MASKED | {"layers": 2}}
        open_run(after(config(replace(labels, encoders=smaller)), before), root)
