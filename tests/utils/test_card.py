"""Cards are read back as they were written, and damaged ones are named."""

import pytest

from keras_hybrid.utils.card import read_card, write_card
from keras_hybrid.utils.card_fields import check_fields

pytestmark = pytest.mark.backend_independent


def test_round_trip(tmp_path):
    card = {"model": "atc3", "metrics": {"test_accuracy": 0.5}, "class_names": ["ä"]}
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


@pytest.mark.parametrize(
    "content",
    [
        *(b"{", b"[]", b"\xff\xfe", b'{"a": ' * 10**5, b"[" * 200 + b"]" * 200),
        b'{"a": ' + b"9" * 10**4 + b"}",
    ],
)
def test_damaged(tmp_path, content):
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"card\.json"):
        read_card(path)


@pytest.mark.parametrize(
    "card",
    [
        {"class_names": "abc"},
        {"class_names": ["a", 1]},
        {"input_shape": [10**6, 10**6, 3]},
        {"input_shape": [0, 8, 3]},
        {"preprocessing": []},
        {"preprocessing": {"crop": 0}},
        {"preprocessing": {"crop": float("nan")}},
        {"preprocessing": {"mean": [float("inf")]}},
        {"preprocessing": {"std": [0.0]}},
        {"artefact": {"reference": {"shape": [10**9, 1, 1]}}},
        {"temperature": -1},
        {"task": 3},
        {"thresholds": [-1.0]},
        {"preprocessing": {"interpolation": "none"}},
        {"preprocessing": {"fit": ["crop"]}},
    ],
)
def test_fields_of_another_type_or_range(card, tmp_path):
    with pytest.raises(ValueError, match=r"card\.json is damaged: \w+ cannot be"):
        check_fields(card, tmp_path / "card.json")
