"""The original's checkpoint where no hub can be reached: its tokenizer comes from a folder."""

import json
from dataclasses import replace

import pandas as pd
import pytest
import torch
from PIL import Image

from mgutils.cli import main
from mgutils.data.labels import imigue_labels
from mgutils.models.clip import build_model
from mgutils.models.encoders import DISTILBERT, make_tokenizer
from mgutils.predict.predictor import load_predictor
from mgutils.predict.settings import ORIGINAL_CONFIG

SMALL = replace(ORIGINAL_CONFIG.model, image_encoder="test_resnet", pretrained=False,
                text_kwargs={"dim": 16, "hidden_dim": 16, "n_heads": 2, "n_layers": 1})


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A checkpoint as the original's script saved it, of smaller encoders; a tokenizer; a picture and a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "empty"))
    captions = imigue_labels().names
    make_tokenizer("scratch", captions).save_pretrained("words")
    torch.manual_seed(0)
    model, _ = build_model(SMALL, ORIGINAL_CONFIG.loss, captions, tmp_path / "words")
    torch.save({"model": model.state_dict(), "optimizer": {}, "lr_scheduler": {}, "epoch": 20}, "best_0.81.pth")
    (tmp_path / "config.json").write_text(json.dumps(replace(ORIGINAL_CONFIG, model=SMALL).as_dict()))
    Image.new("RGB", (40, 40), (200, 90, 30)).save("a.png")
    pd.DataFrame({"Path": ["a.png"], "Class": [7]}).to_csv("list.csv", index=False)
    return model.eval()


@pytest.mark.slow
def test_it_scores_predicts_and_exports_with_a_tokenizer_from_a_folder(place, capsys):
    given = ["--tokenizer", "words"]
    assert main(["test", "--imagepathscsv", "list.csv", "--checkpoint", "best_0.81.pth", *given]) == 0
    assert "top-1" in capsys.readouterr().out
    rows = pd.read_csv("predictions/predictions.csv")
    assert main(["predict", "a.png", "--checkpoint", "best_0.81.pth", "--out-dir", "new", *given]) == 0
    assert pd.read_csv("new/predictions.csv")["probability"].tolist() == rows["probability"].tolist()
    assert main(["export", "best_0.81.pth", "--no-onnx", *given]) == 0
    predictor = load_predictor("best_0.81.pth", tokenizer="words")
    logits = predictor.logits([Image.open("a.png")])
    tokens = make_tokenizer("scratch", imigue_labels().names)(
        list(imigue_labels().names), padding=True, return_tensors="pt")
    with torch.no_grad():
        images, texts = place(predictor.tensor([Image.open("a.png")]), tokens["input_ids"], tokens["attention_mask"])
    torch.testing.assert_close(torch.from_numpy(logits), images @ texts.T / 0.05, rtol=1e-4, atol=1e-4)
    # what was exported has the captions, and needs no tokenizer
    again = load_predictor("export/model.safetensors").logits([Image.open("a.png")])
    torch.testing.assert_close(torch.from_numpy(again), torch.from_numpy(logits))


def test_without_one_the_message_names_the_option(place, capsys):
    assert main(["predict", "a.png", "--checkpoint", "best_0.81.pth", "--out-dir", "new"]) == 2
    said = capsys.readouterr().err
    assert f"tokenizer: no files of '{DISTILBERT}'" in said and "with --tokenizer" in said


@pytest.mark.parametrize("content", [{}, {"vocab.txt": "a"}, {"tokenizer.json": "{"},
                                     {"tokenizer_config.json": '{"auto_map": {"AutoTokenizer": ["x.Y", null]}}'}])
def test_a_folder_without_a_tokenizer_is_told(content, place, tmp_path, capsys):
    (tmp_path / "wrong").mkdir()
    for name, text in content.items():
        (tmp_path / "wrong" / name).write_text(text)
    words = ["predict", "a.png", "--checkpoint", "best_0.81.pth", "--tokenizer"]
    assert main([*words, "wrong"]) == 2
    assert "tokenizer: found no tokenizer in wrong" in capsys.readouterr().err
    assert main([*words, "nowhere"]) == 2
    assert "nowhere: found no such file; wanted a folder with the files of a tokenizer" in capsys.readouterr().err
