"""Pretrained weights: downloaded from a hub once, then read from the disk, also where no hub answers.

The hub is a small one that this test serves, with random weights of the smallest networks. The loading runs in
processes of its own, as the hub's client reads its settings when it is imported.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import timm
import torch
from transformers import CLIPConfig, CLIPModel, DistilBertConfig, DistilBertModel, SiglipConfig, SiglipModel

from mgutils.errors import ConfigError
from mgutils.models.encoders import make_tokenizer
from mgutils.models.hub import find_weights, why_silent

pytestmark = pytest.mark.slow

TEXT, IMAGE = "somebody/tiny-distilbert", "test_resnet"
TOWERS = {"somebody/tiny-clip": (CLIPConfig, CLIPModel), "somebody/tiny-siglip": (SiglipConfig, SiglipModel)}
COMMIT = "0123456789abcdef0123456789abcdef01234567"
LOAD = f"""
import torch
from mgutils.models.encoders import ImageEncoder, TextEncoder, make_tokenizer, tokenize
tokens = tokenize(make_tokenizer("{TEXT}", []), ["scratching the neck", "arms"])
texts = TextEncoder("{TEXT}", pretrained=True).eval()(**tokens)
images = ImageEncoder("{IMAGE}", pretrained=True).eval()(torch.ones(1, 3, 64, 64))
for name in {list(TOWERS)}:
    image, text = ImageEncoder(name, pretrained=True).eval(), TextEncoder(name, pretrained=True).eval()
    ids = tokenize(make_tokenizer(name, []), ["scratching the neck", "arms"])
    pictures, words = image(torch.ones(2, 3, 64, 64)), text(**ids)
    assert pictures.shape == (2, image.width) and words.shape == (2, text.width) and image.width == text.width
    assert image.model.text_model is None and text.model.vision_model is None
    again = ImageEncoder(name, pretrained=False)  # as a finished run is loaded: its shapes come from the hub's cache
    again.load_state_dict(image.state_dict())
    assert torch.equal(again.eval()(torch.ones(2, 3, 64, 64)), pictures)
    texts = texts + words.double().sum() + pictures.double().sum()
print(*(f"{{part.double().sum():.10f}}" for part in (tokens["input_ids"].float(), texts, images)))
"""


class Hub(ThreadingHTTPServer):
    """Serves the files of repositories that lie in a folder as ``owner/name/file``, and keeps what it was asked."""

    daemon_threads = True

    def __init__(self, folder: Path) -> None:
        self.folder, self.asked = folder, []
        super().__init__(("127.0.0.1", 0), Answer)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class Answer(BaseHTTPRequestHandler):
    """``/owner/name/resolve/main/file`` with the headers that the hub's client wants; nothing else is there."""

    def do_GET(self) -> None:
        self.server.asked.append(f"{self.command} {self.path}")
        repository, _, file = self.path.partition("/resolve/main/")
        path = self.server.folder / repository.strip("/") / file
        there = bool(file) and path.is_file()
        body = path.read_bytes() if there else b""
        self.send_response(200 if there else 404)
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Content-Length", str(len(body)))
        self.send_header(*("ETag", f'"{path.name}"') if there else ("X-Error-Code", "EntryNotFound"))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, *words: object) -> None:
        """Silent."""


@pytest.fixture(scope="module")
def repositories(tmp_path_factory) -> Path:
    """A tiny DistilBERT with its tokenizer, and timm's test network."""
    folder = tmp_path_factory.mktemp("hub")
    torch.manual_seed(0)
    tokenizer = make_tokenizer("scratch", ["scratching the neck"])
    tokenizer.save_pretrained(folder / TEXT)
    DistilBertModel(DistilBertConfig(vocab_size=len(tokenizer), dim=16, hidden_dim=16, n_heads=2,
                                     n_layers=1)).save_pretrained(folder / TEXT)
    small = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    for name, (config, model) in TOWERS.items():
        tokenizer.save_pretrained(folder / name)
        text = small | {"vocab_size": len(tokenizer), "max_position_embeddings": 16, "bos_token_id": 2,
                        "eos_token_id": 3, "pad_token_id": 0}
        vision = small | {"image_size": 32, "patch_size": 16}
        model(config(text_config=text, vision_config=vision)).save_pretrained(folder / name)
    network = timm.create_model(IMAGE)
    timm.models.save_for_hf(network, folder / network.pretrained_cfg["hf_hub_id"], safe_serialization=True)
    return folder


@pytest.fixture
def hub(repositories) -> Iterator[Hub]:
    server = Hub(repositories)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load(cache: Path, address: str, script: str = LOAD) -> subprocess.CompletedProcess:
    """Load all three, or what a script loads, in a process of its own."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith(("HF_", "TRANSFORMERS_"))}
    environment |= {"HF_ENDPOINT": address, "HF_HOME": str(cache)}
    return subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=300)


def test_weights_are_downloaded_once_and_then_need_no_hub(hub, tmp_path):
    first = load(tmp_path, hub.address)
    assert first.returncode == 0, first.stderr
    large = (".safetensors", "tokenizer.json")
    fetched = [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(large)]
    assert len(fetched) == 3 + 2 * len(TOWERS), hub.asked
    asked = len(hub.asked)
    hub.shutdown()
    hub.server_close()
    again = load(tmp_path, hub.address)
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout and len(hub.asked) == asked
    assert "Retrying" not in again.stderr


ASK = """
from PIL import Image
from mgutils.config.captioner import CaptionConfig
from mgutils.models.captioner import Captioner
print(Captioner(CaptionConfig("somebody/tiny-llava", tokens=6))([Image.new("RGB", (40, 30), "red")], 0))
"""


def test_a_vision_language_model_is_downloaded_once(hub, tmp_path):
    from vision_models import make_vision_model

    hub.folder = tmp_path / "hub"
    make_vision_model("llava", hub.folder / "somebody" / "tiny-llava")
    first = load(tmp_path / "cache", hub.address, ASK)
    assert first.returncode == 0, first.stderr
    fetched = [asked for asked in hub.asked if asked.startswith("GET") and asked.endswith(".safetensors")]
    assert len(fetched) == 1, hub.asked
    hub.shutdown()
    hub.server_close()
    again = load(tmp_path / "cache", hub.address, ASK)
    assert again.returncode == 0, again.stderr
    assert again.stdout == first.stdout and again.stdout.startswith("[['")
    assert "Retrying" not in again.stderr
    nobody = load(tmp_path / "empty", hub.address, ASK)
    assert nobody.returncode == 1 and "`mg sentences` says" in nobody.stderr and "Retrying" not in nobody.stderr


def test_without_hub_and_files_one_line_says_so_and_nothing_is_tried_again(tmp_path):
    done = load(tmp_path, "http://127.0.0.1:9")  # nobody listens at the discard port
    assert done.returncode == 1 and "Retrying" not in done.stderr
    (said,) = (line for line in done.stderr.splitlines() if "ConfigError" in line)
    assert f"tokenizer: no files of '{TEXT}': not in the cache on this disk; no package carries them; the hub: " in said


def test_a_tokenizer_without_its_vocabulary_is_refused(hub, repositories, tmp_path):
    hub.folder = tmp_path / "hub"
    shutil.copytree(repositories, hub.folder)
    (hub.folder / TEXT / "tokenizer.json").unlink()
    done = load(tmp_path / "cache", hub.address)
    assert done.returncode == 1 and f"tokenizer: no files of '{TEXT}'" in done.stderr.splitlines()[-1]


def test_the_cache_is_asked_first_then_the_hub(monkeypatch, hub):
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.setenv("HF_ENDPOINT", hub.address)
    asked = []

    def load(name, local_files_only):
        asked.append(local_files_only)
        raise OSError("half a file\nand a long explanation")

    assert why_silent() is None
    assert find_weights("encoder", "its name", lambda name, local: local) is True  # in the cache
    with pytest.raises(ConfigError, match=r"encoder: no files of 'its name': .*; the hub: half a file\."):
        find_weights("encoder", "its name", load)
    assert asked == [True, False]
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ConfigError, match="no package carries them; the hub: switched off by HF_HUB_OFFLINE"):
        find_weights("encoder", "its name", load)
    assert asked == [True, False, True]
