"""The user's own names of the classes, in whatever is said about them, where the captions are sentences."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from mgutils.cli import main
from mgutils.predict.export import export_onnx
from mgutils.predict.predictor import load_predictor

CLASSES = ("jaw", "neck", "10")
IN_ORDER = ["10", "jaw", "neck"]


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """A run on imported photographs."""
    monkeypatch.chdir(tmp_path)
    rows, rng = [], np.random.default_rng(0)
    for number in range(36):
        name = CLASSES[number % 3]
        Image.fromarray(rng.integers(0, 256, (12, 12, 3), dtype=np.uint8)).save(f"{number}.png")
        rows.append({"path": f"{number}.png", "class": name, "caption": f"a hand at the {name}", "group": number // 6})
    pd.DataFrame(rows).to_csv("list.csv", index=False)
    assert main(["import", "folders", "list.csv", "data"]) == 0
    capsys.readouterr()
    assert main(["train", "data", "--profile", "smoke", "--epochs", "1", "--split", "subject"]) == 0
    return json.loads(capsys.readouterr().out)["directory"]


@pytest.mark.slow
def test_they_are_in_predictions_confusion_and_tables_of_classes(run, tmp_path):
    assert main(["evaluate", run, "data"]) == 0
    for folder in ("evaluation", run):
        assert pd.read_csv(f"{folder}/per_class.csv", dtype=str)["name"].tolist() == IN_ORDER
        confusion = pd.read_csv(f"{folder}/confusion.csv", index_col=0, dtype=str)
        assert confusion.index.tolist() == confusion.columns.tolist() == IN_ORDER
    assert main(["export", run, "--no-onnx"]) == 0
    for checkpoint in (run, "export/model.safetensors"):
        assert main(["predict", "0.png", "--checkpoint", checkpoint]) == 0
        answer = pd.read_csv("predictions/predictions.csv", dtype=str)
        assert {answer[name][0] for name in ("name", "name_2", "name_3")} == set(IN_ORDER)
        labels = load_predictor(checkpoint).labels
        assert labels.names[1] == "a hand at the jaw"  # what the text encoder reads


@pytest.mark.slow
def test_a_table_may_call_the_classes_by_them(run, tmp_path, capsys):
    def targets(column, cells):
        pd.DataFrame({"Path": [f"{n}.png" for n in range(len(cells))], column: cells}).to_csv("t.csv", index=False)
        assert main(["test", "--imagepathscsv", "t.csv", "--checkpoint", run, "--labelcolumn", column]) == 0
        return pd.read_csv("predictions/predictions.csv")["true_class_id"].tolist()

    assert targets("sign", ["jaw", "neck", "10"]) == targets("Class", ["jaw", "neck", "10"]) == [2, 3, 1]
    assert targets("Class", ["2", "3", "1"]) == targets("sign", ["2", "3", "1"]) == [2, 3, 1]
    capsys.readouterr()
    pd.DataFrame({"Path": ["0.png", "1.png"], "Class": ["jaw", "jar"]}).to_csv("t.csv", index=False)
    assert main(["test", "--imagepathscsv", "t.csv", "--checkpoint", run]) == 2
    assert "found 'jar'; wanted a class id in 1..3, or an own name in every row" in capsys.readouterr().err


@pytest.mark.slow
def test_a_run_that_does_not_know_them_takes_them_from_the_data(run, tmp_path):
    import onnx

    file = tmp_path / run / "config.json"
    old = json.loads(file.read_text())
    assert old.pop("classes") == IN_ORDER
    assert load_predictor(run).labels.display == tuple(IN_ORDER)
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "config.json").write_text(json.dumps(old))
    weights = tmp_path / run / "best.safetensors"
    assert load_predictor(weights, config="old").labels.display[1] == "A hand at the jaw"
    predictor = load_predictor(weights, config="old", labels="data/Clip_label.csv")
    assert predictor.labels.display == tuple(IN_ORDER)
    export_onnx(predictor, "model.onnx")
    texts = {entry.key: entry.value for entry in onnx.load("model.onnx").metadata_props}
    assert json.loads(texts["classes"]) == IN_ORDER
