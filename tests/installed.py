"""A module as pip leaves it in a folder: the file and its metadata."""

import shutil


def install(folder, module, entry_points):
    """Installs a module file into a folder, which must be on the path; returns that."""
    information = folder / f"{module.stem}-1.0.dist-info"
    information.mkdir(parents=True)
    (information / "METADATA").write_text(
        f"Metadata-Version: 2.1\nName: {module.stem.replace('_', '-')}\nVersion: 1.0\n"
    )
    (information / "entry_points.txt").write_text(entry_points)
    shutil.copy(module, folder)
    return folder
