"""Cards are read back as they were written, and damaged ones are named."""

import pytest

from keras_hybrid.utils.card import read_card, write_card


def test_round_trip(tmp_path):
    card = {"model": "atc3", "metrics": {"test_accuracy": 0.5}, "class_names": ["ä"]}
    write_card(card, tmp_path / "card.json")
    assert read_card(tmp_path / "card.json") == card


@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff\xfe"])
def test_damaged(tmp_path, content):
    path = tmp_path / "card.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"card\.json"):
        read_card(path)
