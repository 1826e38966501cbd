"""Texts of the classes: names, permuted names, descriptions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mgutils.data.captions import class_captions, derangement, descriptions, known_words, words
from mgutils.data.labels import Labels, imigue_labels
from mgutils.errors import ConfigError


def test_own_captions_are_the_names_byte_for_byte():
    labels = Labels(("Folding arms ", "b"))
    assert class_captions(labels) == ("Folding arms ", "b")


@given(st.integers(2, 60), st.integers(0, 1000))
def test_permuted_captions_are_the_same_texts_none_at_its_own_class(count, seed):
    order = derangement(count, seed)
    assert sorted(order) == list(range(count)) and (order != np.arange(count)).all()
    assert (derangement(count, seed) == order).all()


def test_permutations_differ_by_seed_and_need_two_classes():
    labels = imigue_labels()
    first, second = (class_captions(labels, "permuted", seed) for seed in (0, 1))
    assert first != second and sorted(first) == sorted(second) == sorted(labels.names)
    with pytest.raises(ConfigError, match="at least 2"):
        class_captions(Labels(("alone",)), "permuted")


def test_one_description_for_each_class_all_different_none_longer_than_the_tokenizer_reads():
    texts = class_captions(imigue_labels(), "descriptions")
    assert texts == descriptions() and len(set(texts)) == 32
    assert all(5 <= len(text.split()) <= 30 and text.endswith(".") for text in texts)


def test_spaces_at_the_ends_of_names_do_not_matter_to_descriptions():
    labels = Labels(tuple(name.strip() for name in imigue_labels().names))
    assert class_captions(labels, "descriptions") == descriptions()


@pytest.mark.parametrize(("labels", "kind", "found"), [(Labels(("a", "b")), "descriptions", "not iMiGUE's"),
                                                       (Labels(("a", "b")), "spoken", "'spoken'")])
def test_captions_that_cannot_be_had_are_refused(labels, kind, found):
    with pytest.raises(ConfigError, match=found):
        class_captions(labels, kind)


def test_known_words_are_counted_once_a_caption():
    captions = ("Touching hat", "Touching, touching ears", "head up")
    assert words(captions[1]) == {"touching", "ears"}
    assert known_words(captions, [2]) == 0.5
    assert known_words(captions, [3]) == 0
    assert known_words(("a b", "b", "a"), [2, 3]) == 1
