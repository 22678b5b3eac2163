"""A run records this package's own revision, or nothing."""

import shutil
import subprocess
import sys

import pytest

from keras_hybrid.utils import git

pytestmark = pytest.mark.backend_independent


def commit(folder):
    settings = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    for command in (
        ("init", "-q"),
        ("add", "."),
        (*settings, "commit", "-q", "-m", "one"),
    ):
        subprocess.run(["git", *command], cwd=folder, check=True)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A copy of the package's folder, where `git.revision` then looks."""
    if shutil.which("git") is None:
        pytest.skip("there is no git")
    folder = tmp_path / "checkout" / "keras_hybrid"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    monkeypatch.setattr(git, "_PACKAGE", folder)
    return folder


def test_own_checkout(package):
    commit(package.parent)
    revision = git.revision()
    assert len(revision) == 12 and int(revision, 16)
    (package / "__init__.py").write_text("changed")
    assert git.revision() == f"{revision}-dirty"


def test_a_foreign_repository_around_an_installed_package(package):
    commit(package.parents[1])
    assert git.revision() is None


def test_an_untracked_package_in_a_foreign_repository(package):
    (package.parent / ".gitignore").write_text("keras_hybrid\n")
    commit(package.parent)
    assert git.revision() is None


def test_no_repository(package):
    assert git.revision() is None


def test_no_git(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert git.revision() is None
    assert sys.executable  # the process itself goes on
