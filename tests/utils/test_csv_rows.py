"""CSV files: written at once, and extended."""

import pytest

from keras_hybrid.utils.csv_rows import append_csv, write_csv

pytestmark = pytest.mark.backend_independent


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


def test_rows_of_a_table_may_lack_a_column(tmp_path):
    path = tmp_path / "table.csv"
    write_csv([{"a": 1}, {"a": 2, "b": 3}], path)
    assert path.read_bytes() == b"a,b\n1,\n2,3\n"
    write_csv([{"a": 1}], path, columns=("c", "a"))
    assert path.read_bytes() == b"c,a\n,1\n"
    write_csv([], path, columns=("c", "a"))
    assert path.read_bytes() == b"c,a\n"
