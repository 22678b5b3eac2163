"""Reading files that may be damaged or hostile.

What a file declares is held against a budget before memory is taken for it. All errors
are `ValueError`, one line that names the file.
"""

from keras_hybrid.utils.guard.arrays import open_arrays
from keras_hybrid.utils.guard.budget import check_budget
from keras_hybrid.utils.guard.hdf5 import check_hdf5
from keras_hybrid.utils.guard.json_files import parse_json, read_json
from keras_hybrid.utils.guard.memory_limit import memory_limit
from keras_hybrid.utils.guard.zip_files import check_zip, open_zip

__all__ = [
    "check_budget",
    "check_hdf5",
    "check_zip",
    "memory_limit",
    "open_arrays",
    "open_zip",
    "parse_json",
    "read_json",
]
