"""Uploads a folder to the Hugging Face hub, with errors of one line."""

import contextlib
import pathlib
from collections.abc import Iterator

from keras_hybrid.utils.errors import first_line
from keras_hybrid.weights.packages import require_hub

_LOG_IN = "log in with `hf auth login`, or set HF_TOKEN, with a token that may write"


def upload(folder: str | pathlib.Path, repository: str, private: bool = False) -> str:
    """Uploads the files of a folder in one commit.

    `HF_TOKEN` and `HF_ENDPOINT` are read. Files that the repository has and the folder
    has not stay there.

    Args:
        folder: The folder.
        repository: `owner/name`; it is created if it does not exist.
        private: Whether only its owner may read it; without it the owner's default.

    Returns:
        The address of the repository.

    Raises:
        ConnectionError: If the hub cannot be reached or fails.
        FileNotFoundError: If the hub has no such owner or repository for this login.
        ImportError: If `huggingface_hub` is not installed.
        PermissionError: If the login is missing or may not write there.
        ValueError: If a private repository is asked for and there is a public one, or
            the hub refuses the model card.
    """
    require_hub()
    import huggingface_hub

    client = huggingface_hub.HfApi()
    with _explained(repository):
        url = client.create_repo(repository, private=private or None, exist_ok=True)
        public = private and not client.model_info(repository).private
    if public:
        raise ValueError(
            f"{repository} exists and is public: make it private on its page of "
            "settings, or choose another name."
        )
    with _explained(repository):
        client.upload_folder(
            repo_id=repository,
            folder_path=folder,
            commit_message="Upload a model of keras_hybrid",
        )
    return str(url)


@contextlib.contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Errors of the client, each in one line that says what to do."""
    from huggingface_hub import errors

    try:
        yield
    except errors.HFValidationError as error:
        raise ValueError(f"{repository}: {first_line(error)}") from error
    except errors.HfHubHTTPError as error:
        raise _refused(repository, error) from error
    except ValueError as error:  # what the hub says of the model card
        text = " ".join(str(error).split())
        raise ValueError(f"The hub refuses {repository}: {text}") from error
    except errors.LocalTokenNotFoundError as error:
        raise PermissionError(f"The hub needs to know you: {_LOG_IN}.") from error
    except Exception as error:  # the client's transport has errors of its own
        cause = error.__cause__
        if isinstance(cause, errors.HfHubHTTPError):  # of one large file
            raise _refused(repository, cause) from error
        raise ConnectionError(
            f"The upload to {repository} broke off ({first_line(error)}); check the "
            "network and HF_ENDPOINT, and try again."
        ) from error


def _refused(repository: str, error: Exception) -> OSError:
    answer = error.response  # type: ignore[attr-defined]
    status = f"{answer.status_code} {answer.reason_phrase}"
    if answer.status_code == 401:
        return PermissionError(
            f"The hub does not know who uploads to {repository} ({status}): {_LOG_IN}."
        )
    if answer.status_code == 403:
        return PermissionError(
            f"This login may not write to {repository} ({status}): {_LOG_IN}, or "
            "choose a repository of your own."
        )
    if answer.status_code == 404:
        owner = repository.partition("/")[0]
        return FileNotFoundError(
            f"The hub shows no {repository} to this login ({status}): check the name, "
            f"and that you may write for {owner}."
        )
    return ConnectionError(
        f"The hub answers {status} to the upload to {repository}; try again later."
    )
