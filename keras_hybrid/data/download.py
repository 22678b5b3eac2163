"""Published dataset files, on disk or downloaded."""

import dataclasses
import pathlib


@dataclasses.dataclass(frozen=True)
class Download:
    """A file with a known URL and checksum.

    Attributes:
        url: Address of the file.
        algorithm: `"md5"` or `"sha256"`.
        digest: Checksum of the file, in hexadecimal.
    """

    url: str
    algorithm: str
    digest: str

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.url.rsplit("/", 1)[1]

    @property
    def advice(self) -> str:
        """What to download and where to put it."""
        return (
            f"Download {self.url} ({self.algorithm.upper()} {self.digest}) and give "
            f"--data-dir the folder that holds {self.name}."
        )

    def in_folder(self, folder: pathlib.Path | None) -> pathlib.Path | None:
        """Path of the file in a folder; None if it is not there."""
        path = folder and folder / self.name
        return path if path and path.is_file() else None

    def fetch(self, folder: pathlib.Path | None) -> pathlib.Path:
        """Downloads the file into the folder, or into Keras' cache without a folder.

        A complete file is not downloaded again.

        Raises:
            FileNotFoundError: If the download fails; the message says what to download
                by hand.
        """
        import keras

        try:
            path = keras.utils.get_file(
                self.name,
                self.url,
                file_hash=self.digest,
                hash_algorithm=self.algorithm,
                cache_dir=folder and str(folder),
                cache_subdir="." if folder else "datasets",
            )
        except Exception as error:  # any failure of the network
            raise FileNotFoundError(
                f"{self.name} is not on this machine and could not be downloaded "
                f"({type(error).__name__}). {self.advice}"
            ) from error
        return pathlib.Path(path)
