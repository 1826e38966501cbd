from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mgutils.data.audit import audit_split, audit_table, finding, finest_group, trivial_answers
from mgutils.data.splits import Split, make_split
from mgutils.data.table import read_dataset


def slow_audit(frames, train, valid) -> dict[str, float]:
    """The audit, in plain loops."""
    rows = frames.to_dict("records")
    result = {}
    for name in ("clip", "video", "subject"):
        known = {rows[i][f"{name}_id"] for i in train}
        result[f"{name}_shared"] = sum(rows[i][f"{name}_id"] in known for i in valid) / len(valid)

    def ranked(indices) -> list[int]:
        counts = Counter(rows[i]["class_id"] for i in indices)
        return sorted(counts, key=lambda class_id: (-counts[class_id], class_id))

    common, hits = ranked(train), 0
    finest = "clip_id"
    if len({row["clip_id"] for row in rows}) == len(rows):
        pairs = {(row["subject_id"], row["video_id"]) for row in rows}
        finest = "subject_id" if len(pairs) == len({row["subject_id"] for row in rows}) else "video_id"
    for i in valid:
        same_clip = [j for j in train if rows[j][finest] == rows[i][finest]]
        hits += (ranked(same_clip)[0] if same_clip else common[0]) == rows[i]["class_id"]
    result["lookup_top1"] = hits / len(valid)
    result["constant_top1"] = sum(rows[i]["class_id"] == common[0] for i in valid) / len(valid)
    result["constant_top5"] = sum(rows[i]["class_id"] in common[:5] for i in valid) / len(valid)
    return result


@settings(deadline=None, max_examples=40)
@given(data=st.data(), count=st.integers(2, 40))
def test_audit_equals_its_slow_twin(memory_dataset, data, count):
    def column(largest):
        return data.draw(st.lists(st.integers(1, largest), min_size=count, max_size=count))
    dataset = memory_dataset(column(8), column(10), column(5), column(3))
    rows = data.draw(st.permutations(range(count)))
    cut = data.draw(st.integers(1, count - 1))
    split = Split("frame", np.array(rows[:cut]), np.array(rows[cut:]))
    assert audit_split(dataset, split).as_row() == pytest.approx(slow_audit(dataset.frames, rows[:cut], rows[cut:]))


def test_audit_by_hand(memory_dataset):
    dataset = memory_dataset([1, 1, 2, 1, 2, 2, 3, 1], clip_ids=[0, 0, 1, 0, 1, 1, 2, 3])
    audit = audit_split(dataset, Split("frame", np.array([0, 1, 2, 4]), np.array([3, 5, 6, 7])))
    assert audit.clip_shared == 0.5 and audit.video_shared is None and audit.subject_shared is None
    assert audit.lookup_top1 == 0.75  # the two shared clips, and class 1 for the last
    assert audit.constant_top1 == 0.5 and audit.constant_top5 == 0.75


def test_table_of_audits(tiny_template):
    table = audit_table(read_dataset(tiny_template)).set_index("split")
    assert list(table.index) == ["frame", "clip", "video", "subject", "official"]
    assert (table["train"] + table["valid"] == 72).all()
    assert table["subject_shared"].tolist() == [1, 1, 1, 0, 0]
    assert table["video_shared"]["frame"] == 1 and (table["video_shared"][2:] == 0).all()
    assert (table["clip_shared"][1:] == 0).all() and table["clip_shared"]["frame"] > 0.9
    assert (table["classes_train"] == 4).all()


def test_table_without_the_sidecar(bare_root):
    table = audit_table(read_dataset(bare_root))
    assert table["split"].tolist() == ["frame", "clip"]
    assert table["subject_shared"].isna().all()


def test_where_each_image_is_a_clip_the_subject_is_looked_up(memory_dataset):
    """Imported photographs: people have favourite classes, and the look-up must find that out."""
    subjects = np.repeat([1, 2, 3, 4], 25)
    classes = np.where(np.arange(100) % 5 == 0, 5, subjects)
    dataset = memory_dataset(classes, subject_ids=subjects, video_ids=subjects)
    split = make_split(dataset, "frame")
    audit = audit_split(dataset, split)
    assert finest_group(dataset) == "subject"  # who has one video
    videos = np.arange(100) // 5
    assert finest_group(memory_dataset(classes, subject_ids=subjects, video_ids=videos)) == "video"
    assert audit.clip_shared == 0 and audit.lookup_top1 == 0.8 > audit.constant_top1
    assert (trivial_answers(dataset, split)["lookup"] == subjects[split.valid] - 1).all()
    said = finding(dataset)
    assert said.startswith("split by frame: 100.0% of the validation images are of a subject that is also in training")
    assert "looking up the subject is right for 80.0%" in said
    assert finest_group(memory_dataset([1, 2, 1])) == "clip"
