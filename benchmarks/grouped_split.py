"""Videos: the test score of a grouped and of a random split, and on unseen videos."""

import pathlib
import tempfile

import numpy as np

from benchmarks.machine import fingerprint
from benchmarks.videos import write_videos
from keras_hybrid.data import Split, load
from keras_hybrid.utils.csv_rows import append_csv

SIDE = 32
_CELLS, _ANGLES = 2, 8


def main(
    videos: int = 200,
    frames: int = 6,
    seeds: int = 5,
    out: pathlib.Path = pathlib.Path("benchmarks/grouped_split.csv"),
) -> None:
    """Fit a random forest to videos split by groups and at random; test on others.

    Args:
        videos: Videos of each of three classes; as many others are unseen.
        frames: Frames of each video.
        seeds: Repetitions, each with other videos.
        out: The CSV file.
    """
    rows = []
    for seed in range(seeds):
        with tempfile.TemporaryDirectory() as folder:
            rows += measure(pathlib.Path(folder), videos, frames, seed)
    append_csv([row | fingerprint() for row in rows], out)
    for split in ("grouped", "random"):
        of_split = [row for row in rows if row["split"] == split]
        test, unseen = (
            100 * float(np.mean([row[name] for row in of_split]))
            for name in ("test", "unseen")
        )
        print(
            f"{split}: {test:.1f} % on its test images, {unseen:.1f} % on unseen "
            f"videos, {test - unseen:+.1f} points"
        )


def measure(
    folder: pathlib.Path, videos: int, frames: int, seed: int
) -> list[dict[str, object]]:
    """A row for each split: its test score, and the score on unseen videos.

    Args:
        folder: An empty folder.
        videos: Videos of each class to train and test on; as many others are unseen.
        frames: Frames of each video.
        seed: Seed of the videos.
    """
    write_videos(folder / "videos", videos, frames, 2 * seed, SIDE)
    write_videos(folder / "unseen", videos, frames, 2 * seed + 1, SIDE)
    others = load("folder", folder / "unseen", SIDE)
    rows = []
    for split, group_by in (("grouped", "auto"), ("random", "none")):
        dataset = load("folder", folder / "videos", SIDE, group_by=group_by)
        test, *unseen = scores(dataset.train, dataset.test, others.train, others.test)
        sizes = len(others.train), len(others.test)
        rows.append(
            {
                "split": split,
                "videos": 3 * videos,
                "frames": frames,
                "seed": seed,
                "test": round(test, 4),
                "unseen": round(float(np.average(unseen, weights=sizes)), 4),
            }
        )
    return rows


def scores(train: Split, *tests: Split) -> list[float]:
    """The accuracies of a random forest that was fitted to `train`."""
    from sklearn.ensemble import RandomForestClassifier

    forest = RandomForestClassifier(200, random_state=0)
    forest.fit(features(train), train.labels)
    return [forest.score(features(test), test.labels) for test in tests]


def features(split: Split) -> np.ndarray:
    """Colours of 2 x 2 cells, and the histogram of the directions of edges, `(N, 20)`.

    The colours know the video, and the edges the shape.
    """
    pixels = split.images[:].astype("float32")
    count, side = len(pixels), pixels.shape[1]
    cell = side // _CELLS
    colours = pixels.reshape(count, _CELLS, cell, _CELLS, cell, 3).mean((2, 4))
    down, across = np.gradient(pixels.mean(-1), axis=(1, 2))
    angle = np.arctan2(down, across) % np.pi
    strength = np.hypot(down, across)
    bins = (angle / np.pi * _ANGLES).astype(int) % _ANGLES
    edges = [(strength * (bins == i)).sum((1, 2)) for i in range(_ANGLES)]
    shares = np.stack(edges, -1) / np.sum(edges, 0)[:, None]
    return np.concatenate([colours.reshape(count, -1), shares], -1)
