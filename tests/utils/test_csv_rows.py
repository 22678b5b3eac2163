"""CSV files that grow."""

import pytest

from keras_hybrid.utils.csv_rows import append_csv


def test_only_a_new_file_gets_a_header(tmp_path):
    path = tmp_path / "table.csv"
    append_csv([{"name": "a", "count": 1}], path)
    append_csv([{"name": "b", "count": None}, {"name": "c, d", "count": 3}], path)
    lines = path.read_text().splitlines()
    assert lines == ["name,count", "a,1", "b,", '"c, d",3']


def test_other_columns_are_refused(tmp_path):
    path = tmp_path / "table.csv"
    append_csv([{"name": "a", "count": 1}], path)
    before = path.read_bytes()
    with pytest.raises(ValueError, match="has other columns"):
        append_csv([{"name": "a", "size": 1}], path)
    assert path.read_bytes() == before
