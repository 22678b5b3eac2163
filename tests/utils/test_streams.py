"""Standard streams that are closed, or whose encoding lacks a name's letters."""

import os
import subprocess
import sys

import pytest

from keras_hybrid.utils import streams

pytestmark = pytest.mark.backend_independent
PROGRAM = f"""
import runpy, sys
runpy.run_path("{streams.__file__}")["open_streams"]()
file = open(sys.argv[1], "w")
assert file.fileno() > 2
print("caf\\xe9 \\U0001f41c \\udce9")
print("said", file=sys.stderr)
"""

PRINTING = f"""
import runpy, sys
module = runpy.run_path("{streams.__file__}")
with module["surviving_streams"](needed=sys.argv[1] == "needed"):
    for i in range(20_000):
        print(i)
        print("warned", file=sys.stderr, flush=i == 9)
    sys.stdout.flush()
    open(sys.argv[2], "w").write("done")
"""


def call(path, closed="", program=PROGRAM, needed="", **variables):
    command = f'exec "{sys.executable}" -c \'{program}\' {needed} "{path}" {closed}'
    return subprocess.run(
        ["bash", "-c", command],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("closed", ["", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams(closed, tmp_path):
    done = call(tmp_path / "file", closed)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_text() == ""
    if not closed:
        assert done.stdout == "caf\xe9 \U0001f41c \\udce9\n"


def test_another_encoding(tmp_path):
    done = call(tmp_path / "file", PYTHONIOENCODING="ascii")
    assert done.stdout == "caf\\xe9 \\U0001f41c \\udce9\n" and done.returncode == 0


@pytest.mark.parametrize(
    "lost", ["> >(head -1 >&2)", ">/dev/full", "2> >(head -1) >/dev/null"]
)
def test_work_goes_on_without_a_reader(lost, tmp_path):
    done = call(tmp_path / "file", lost, PRINTING, "unneeded")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "file").read_text() == "done"
    if not lost.startswith("2"):
        said = [x for x in done.stderr.splitlines() if x.startswith("Warning: ")]
        assert len(said) == 1 and "standard output is lost" in said[0]


@pytest.mark.parametrize("count", [1, 20_000])
def test_needed_output_that_is_lost_is_an_error(count, tmp_path):
    """Also of what fits into the buffer, and would be lost at the very end."""
    program = PRINTING.replace("20_000", str(count))
    done = call(tmp_path / "file", ">/dev/full", program, "needed")
    assert done.returncode == 1 and "device: 'standard output'" in done.stderr
    assert not (tmp_path / "file").exists()
