"""Wrong arguments: status 2, one message, nothing written, and no word of it waits for torch."""

import json
import subprocess
import sys

import pytest

from mgutils.config import FusionConfig, MaskedConfig, SpaceConfig, run_config, space_config

WRONG = """
train nowhere
train nowhere --config RUN/config.json
train DATA --epochs 0
train DATA --batch-size 1
train DATA --lr-head -1
train DATA --seed -1
train DATA --split subject --folds 1
train DATA --split subject --folds 3
train DATA --split subject --folds 3 --fold 4
train DATA --split subject --fold 1
train DATA --split subject --folds 3 --fold 1 --hold-out 2
train DATA --split subject --hold-out nobody
train DATA --split frame --hold-out 2
train DATA --split subject --folds 99 --fold 1
train DATA --split official --folds 3 --fold 1
train DATA --split-seed -4
train DATA --early-stop -1
train DATA --logit-adjustment -1
train DATA --objective report_ce --logit-adjustment 1
train DATA --left-out 99
train DATA --config none.json
train DATA --config RUN/config.json --profile cpu
train DATA --init nowhere
train DATA --init RUN
train DATA --log-with no_such_tracker
crossval nowhere --leave-one-out
crossval DATA
crossval DATA --folds 3 --leave-one-out
crossval DATA --folds 1
evaluate nowhere DATA
evaluate RUN nowhere
probe RUN nowhere
probe RUN DATA --shots 0
probe RUN DATA --split subject --hold-out nobody
probe RUN DATA --folds 3
probe resnet18 DATA --folds 99 --fold 1
probe resnet18 DATA --split-seed -4
bind nowhere CLIPS --name flow
bind DATA DATA --name flow
zero-shot nowhere
zero-shot RUN nowhere
diff nowhere RUN
microscope nowhere DATA
train DATA --task alignment
train DATA --task alignment --profile miga
train DATA --task alignment --profile photos
train DATA --task fusion --profile imigue
train DATA --task alignment --others
train DATA --task alignment --others rgb
train DATA --task alignment --temperature 0
train DATA --task alignment --frozen heat
train DATA --task alignment --freeze text
train DATA --task alignment --init RUN
train DATA --config SPACE/config.json --profile smoke
train DATA --task masked
train DATA --task masked --ratio 1
train DATA --task fusion
train DATA --task fusion --init nowhere
train DATA --task fusion --init SPACE --drop 1
crossval DATA --folds 3 --task alignment
crossval DATA --folds 3 --config SPACE/config.json
evaluate MASKED DATA
evaluate FUSED DATA
probe FUSED DATA
probe SPACE DATA
retrieve nowhere DATA
retrieve RUN DATA
retrieve MASKED DATA
retrieve SPACE nowhere
retrieve SPACE DATA
retrieve SPACE DATA --query heat
retrieve SPACE DATA --query rgb --item rgb
retrieve SPACE DATA --ties original --group-by caption
zero-shot SPACE
microscope SPACE DATA
predict x.jpg --checkpoint SPACE
predict x.jpg --checkpoint SPACE --classes a,b
predict x.jpg --checkpoint nowhere.pth --classes a
predict x.mp4 --checkpoint DATA --classes a,b --clips nowhere
export SPACE
test --imagepathscsv none.csv --checkpoint SPACE
clips new --cameras --profile miga
predict x.jpg --checkpoint nowhere.pth
export nowhere.pth
test --imagepathscsv none.csv --checkpoint DATA
data check nowhere
data audit nowhere
synth new --frames 0
synth new --profile imigue
"""

SCRIPT = """
import sys
from mgutils.cli import main
for line in sys.stdin.read().splitlines():
    print("##", line, file=sys.stderr)
    status = main(line.split())
    assert status == 2, (line, status)
    assert "torch" not in sys.modules, line
"""


@pytest.fixture
def place(tiny_root, tmp_path):
    """A dataset and the settings of a run of each kind, in a folder to stand in."""
    run = tmp_path / "RUN"
    run.mkdir()
    (run / "config.json").write_text(json.dumps(run_config("smoke", "sound_ce").as_dict() | {"captions": ["a"]}))
    models = {"SPACE": SpaceConfig(), "MASKED": MaskedConfig(), "FUSED": FusionConfig(("rgb", "depth"))}
    for name, model in models.items():
        settings = space_config("smoke", model, "space").as_dict() | {"captions": ["a"]}
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(json.dumps(settings))
    tiny_root.rename(tmp_path / "DATA")
    return tmp_path


@pytest.mark.slow
def test_wrong_arguments_are_told_before_torch_is_imported(place):
    lines = WRONG.strip().splitlines()
    assert len(lines) >= 30
    before = sorted(place.rglob("*"))
    done = subprocess.run([sys.executable, "-c", SCRIPT], input="\n".join(lines), cwd=place, capture_output=True,
                          text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    answers = done.stderr.split("## ")[1:]
    assert len(answers) == len(lines)
    for answer in answers:
        line, message = answer.split("\n", 1)
        assert message.startswith("mg: ") and "Traceback" not in message, line
        assert "wanted" in message or "Name" in message, answer
    assert sorted(place.rglob("*")) == before
