"""The command `keras-hybrid push`."""

import pathlib
from typing import Annotated

import tyro


def push_command(
    run: Annotated[pathlib.Path, tyro.conf.Positional],
    repository: Annotated[str, tyro.conf.Positional],
    licence: str | None = None,
    private: bool = False,
    report: bool = False,
    folder: pathlib.Path | None = None,
) -> None:
    """Publish a run on the Hugging Face hub: model, card, recipe and a model card.

    Args:
        run: The folder of a complete run.
        repository: Its name on the hub, owner/name; created if it does not exist.
        licence: Licence of the weights by the hub's identifier, e.g. apache-2.0.
        private: Make a new repository that only its owner can read.
        report: Publish report.html, too, which shows images of the test split.
        folder: Only write the files to this empty folder, and upload nothing.
    """
    from keras_hybrid.publish.push import push
    from keras_hybrid.publish.repository import write_repository

    if folder:
        write_repository(run, repository, folder, licence, report)
        names = ", ".join(sorted(path.name for path in folder.iterdir()))
        print(f"Written to {folder}: {names}")
        return
    print(push(run, repository, licence, report, private))
    print(f"Load it with keras_hybrid.load('hf://{repository}').")
