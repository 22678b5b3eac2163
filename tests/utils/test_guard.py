"""What a file declares is held against a budget before memory is taken."""

import io
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from keras_hybrid.utils.guard import check_hdf5, memory_limit, open_arrays, open_zip

pytestmark = pytest.mark.backend_independent


def write_zip(path, **members):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)


def npy(shape, values=b"", dtype="<f4"):
    file = io.BytesIO()
    header = {"descr": dtype, "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + values


def refuse_arrays(path, message):
    with pytest.raises(ValueError, match=message) as raised, open_arrays(path):
        pass
    assert path.name in str(raised.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (npy((10**12,), bytes(4)), "does not go with its"),
        (npy((0,), bytes(4)), "does not go with its"),
        (npy((1,), bytes(8), "|O"), "Python objects"),
        (b"x" * 100, "magic"),
        (npy((1,))[:20], "."),
        (npy((1,), bytes(4)).replace(b"shape", b"(((((", 1), "."),
    ],
)
def test_arrays_that_are_not_what_they_declare(content, message, tmp_path):
    write_zip(tmp_path / "x.npz", **{"a.npy": content})
    refuse_arrays(tmp_path / "x.npz", message)


def test_whole_arrays_pass(tmp_path):
    kept = {"a": np.arange(6).reshape(2, 3).T, "b": np.array("text"), "c": np.zeros(0)}
    np.savez_compressed(tmp_path / "x.npz", **kept)
    with open_arrays(tmp_path / "x.npz") as arrays:
        for name, value in kept.items():
            np.testing.assert_array_equal(arrays[name], value)


def test_archives_that_explode_repeat_or_overlap(tmp_path):
    path = tmp_path / "x.npz"
    write_zip(path, a=bytes(2**27))
    refuse_arrays(path, "far more than its own size")
    with zipfile.ZipFile(path, "w") as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile says so, too
        archive.writestr("a", b"1")
        archive.writestr("a", b"2")
    refuse_arrays(path, "several members of the same name")
    write_zip(path, a=bytes(range(256)) * 40, b=b"")
    with open_zip(path) as archive:
        size = archive.getinfo("a").compress_size
    content = path.read_bytes()
    at = content.rindex(b"PK\x01\x02")  # the entry of b claims the bytes of a
    entry = content[:at] + content[at:].replace(bytes(8), b"", 0)
    changed = bytearray(entry)
    changed[at + 20 : at + 24] = (size + 2000).to_bytes(4, "little")
    path.write_bytes(changed)
    refuse_arrays(path, "overlap")
    path.write_bytes(b"")
    refuse_arrays(path, "damaged")


def test_hdf5_that_declares_more_than_it_holds(tmp_path):
    path = tmp_path / "x.weights.h5"
    with h5py.File(path, "w") as file:
        file.create_dataset("a", data=np.ones((3, 4), "float32"))
    size = path.stat().st_size
    assert check_hdf5(path, size, "x") == 48
    with h5py.File(path, "a") as file:
        file.create_dataset("b", (10**6, 10**6), "float32", chunks=(10, 10))
    with pytest.raises(ValueError, match="x would unpack to far more"):
        check_hdf5(path, size, "x")
    with h5py.File(path, "w") as file:
        file.create_dataset("a", (5,), "u1", external=[("/etc/passwd", 0, 5)])
    with pytest.raises(ValueError, match="x: a lies in another file"):
        check_hdf5(path, size, "x")


def test_no_memory_beyond_the_limit():
    with memory_limit(2**28):
        np.ones(2**20)
        with pytest.raises(MemoryError):
            np.ones(2**29)
    np.empty(2**29)
