"""Publishing a run as a repository of the Hugging Face hub."""

from keras_hybrid.publish.push import push
from keras_hybrid.publish.repository import write_repository
from keras_hybrid.publish.upload import upload

__all__ = ["push", "upload", "write_repository"]
