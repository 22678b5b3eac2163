"""Files of the Hugging Face hub, through its own client.

The client resumes a broken transfer, keeps the cache, and reads `HF_HOME`, `HF_TOKEN`,
`HF_ENDPOINT` and `HF_HUB_OFFLINE`.
"""

import contextlib
import pathlib
import re
import types
from collections.abc import Iterator
from typing import NamedTuple

from keras_hybrid.utils.errors import first_line
from keras_hybrid.weights.packages import is_readable, require_hub, require_reader
from keras_hybrid.weights.source import parts_of

SCHEME = "hf://"
KERAS_FILE = "model.keras"
CARD = "card.json"
FILES = (
    "model.safetensors",
    "model.safetensors.index.json",
    "pytorch_model.bin",
    KERAS_FILE,
)
"""Names of weights in a repository, in the order in which they are looked for."""

_INDEX = ".index.json"
_ADDRESS = re.compile(
    r"hf://(?P<repository>[^/@]+/[^/@]+)(@(?P<revision>[^/]+))?(/(?P<file>.+))?"
)


class Address(NamedTuple):
    """What `hf://owner/name[@revision][/file]` names; `file` may be empty."""

    repository: str
    revision: str | None
    file: str

    @classmethod
    def of(cls, text: str) -> "Address":
        """Reads the address.

        Raises:
            ValueError: If the text is none.
        """
        match = _ADDRESS.fullmatch(text)
        if match is None:
            raise ValueError(f"{text} is no hf://owner/name[@revision][/file].")
        return cls(match["repository"], match["revision"], match["file"] or "")


def fetch(repository: str, file: str, revision: str | None = None) -> pathlib.Path:
    """The path of a file of a repository; it is downloaded if the cache has none.

    The index of a file in parts brings its parts.

    Args:
        repository: `owner/name`.
        file: The file; "" looks for the first of `FILES`.
        revision: Branch, tag or commit; None for the newest of the main branch.

    Raises:
        ConnectionError: If the hub cannot be reached or fails.
        FileNotFoundError: If there is no such file, repository or revision, or no
            permission, or the hub is offline and the file not in the cache.
        ImportError: If `huggingface_hub`, or the package that reads the file, is not
            installed.
    """
    path = _fetch_first(repository, file, revision)
    if path.name.endswith(_INDEX):
        for part in sorted(set(parts_of(path).values())):
            folder = file.rpartition("/")[0]
            _fetch(repository, f"{folder}/{part}" if folder else part, revision)
    return path


def newest_revision(repository: str, file: str) -> str:
    """The commit of the main branch, which has the file.

    Raises:
        ConnectionError, FileNotFoundError, ImportError: As for `fetch`.
    """
    client = _client()
    with _explained(repository, file, None):
        url = client.hf_hub_url(repository, file)
        return client.get_hf_file_metadata(url).commit_hash


def _fetch_first(repository: str, file: str, revision: str | None) -> pathlib.Path:
    names = (file,) if file else FILES
    for name in names[:-1]:
        with contextlib.suppress(_NoSuchFile):
            return _fetch(repository, name, revision)
    return _fetch(repository, names[-1], revision)


class _NoSuchFile(FileNotFoundError):
    """The repository is there, but not the file."""


def _fetch(repository: str, file: str, revision: str | None) -> pathlib.Path:
    client = _client()
    if not is_readable(file):
        with _explained(repository, file, revision):  # or there is no such file
            client.get_hf_file_metadata(
                client.hf_hub_url(repository, file, revision=revision)
            )
        require_reader(file)
    with _explained(repository, file, revision):
        return pathlib.Path(client.hf_hub_download(repository, file, revision=revision))


def _client() -> types.ModuleType:
    require_hub()
    import huggingface_hub

    return huggingface_hub


@contextlib.contextmanager
def _explained(repository: str, file: str, revision: str | None) -> Iterator[None]:
    """Errors of the client, each in one line that says what to do."""
    from huggingface_hub import errors

    what = f"{file} of {repository}" + (f" at {revision}" if revision else "")
    by_hand = "or download it by hand and give its path"
    try:
        yield
    except errors.RepositoryNotFoundError as error:  # gated ones, too
        raise FileNotFoundError(
            f"The hub shows no {repository}: check the name; if it is private or "
            "gated, log in with `hf auth login` or set HF_TOKEN."
        ) from error
    except errors.RevisionNotFoundError as error:
        raise FileNotFoundError(
            f"{repository} has no revision {revision}; leave it out for the newest."
        ) from error
    except errors.RemoteEntryNotFoundError as error:
        raise _NoSuchFile(
            f"There is no {what}: name one with hf://{repository}/FILE."
        ) from error
    except errors.LocalEntryNotFoundError as error:
        raise _not_in_cache(what, error, by_hand) from error
    except errors.HFValidationError as error:
        raise ValueError(f"{repository}: {first_line(error)}") from error
    except errors.HfHubHTTPError as error:
        raise ConnectionError(
            f"{what}: the hub answers {error.response.status_code} "
            f"{error.response.reason_phrase}; {_cure(error)}, {by_hand}."
        ) from error
    except Exception as error:  # the client's transport has errors of its own
        raise ConnectionError(
            f"{what} did not arrive ({first_line(error)}); try again, {by_hand}."
        ) from error


def _not_in_cache(what: str, error: Exception, by_hand: str) -> OSError:
    cause = error.__cause__
    if cause is None or type(cause).__name__ == "OfflineModeIsEnabled":
        return FileNotFoundError(
            f"{what} is not in the cache and HF_HUB_OFFLINE is set; unset it once, "
            f"{by_hand}."
        )
    answer = getattr(cause, "response", None)
    if answer is not None:
        return ConnectionError(
            f"{what}: the hub answers {answer.status_code} {answer.reason_phrase}; "
            f"try again later, {by_hand}."
        )
    return ConnectionError(
        f"{what} is not in the cache and the hub cannot be reached "
        f"({first_line(cause)}); check the network and HF_ENDPOINT, {by_hand}."
    )


def _cure(error: Exception) -> str:
    denied = getattr(error, "response", None) is not None and (
        error.response.status_code in (401, 403)  # type: ignore[attr-defined]
    )
    return "check HF_TOKEN" if denied else "try again later"
