"""A run, written as a repository and uploaded."""

import pathlib
import tempfile

from keras_hybrid.publish.repository import write_repository
from keras_hybrid.publish.upload import upload
from keras_hybrid.weights.packages import require_hub


def push(
    run: str | pathlib.Path,
    repository: str,
    licence: str | None = None,
    report: bool = False,
    private: bool = False,
) -> str:
    """Uploads a run to the Hugging Face hub.

    Args:
        run: The folder of a complete run.
        repository: `owner/name`; it is created if it does not exist.
        licence: Licence of the weights by the hub's identifier, e.g. `"apache-2.0"`.
        report: Whether `report.html` goes along, which shows test images.
        private: Whether only its owner may read the repository.

    Returns:
        The address of the repository.

    Raises:
        ConnectionError, FileNotFoundError, ImportError, PermissionError, ValueError: As
            `write_repository` and `upload`.

    Example:
        >>> push("saved_models/digits-atc3", "me/digits", licence="apache-2.0")
        'https://huggingface.co/me/digits'
    """
    require_hub()
    with tempfile.TemporaryDirectory() as name:
        folder = write_repository(run, repository, name, licence, report)
        return upload(folder, repository, private)
