"""Which runs are timed, and how they go on. Timings are given, none is taken."""

import json
import os
import sys

import keras
import pytest

from keras_hybrid import restart
from keras_hybrid.cli import main
from keras_hybrid.data import Dataset
from keras_hybrid.program import run_recipe
from keras_hybrid.train import dry_run, run
from keras_hybrid.train.speed_trial import decide
from keras_hybrid.train.speed_trial.choice import Choice, Timing
from keras_hybrid.train.speed_trial.decide import OtherBackend, SpeedTrial
from tests.train.tiny import images, interrupting, recipe, run_on

pytestmark = pytest.mark.skipif(
    keras.backend.backend() != "torch", reason="one backend will do"
)
F, B = "float32", "mixed_bfloat16"
EVERY = ("tensorflow", "jax", "torch")


@pytest.fixture
def dataset():
    split = images(40, size=16)
    return Dataset("blobs", split, split, tuple("abc"))


@pytest.fixture
def timed(monkeypatch, tmp_path):
    """The backends of each trial; `timed.rows` is what it finds."""

    class Timed(list):
        rows = ()

    found = Timed()

    def run_trials(job, backends):
        found.append(tuple(backends))
        return tuple(x for x in found.rows if x.backend in backends)

    monkeypatch.setattr(decide, "run_trials", run_trials)
    monkeypatch.setattr(decide, "installed_backends", lambda: EVERY)
    monkeypatch.setattr(decide, "may_have_bfloat16", lambda: True)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("KERAS_BACKEND", raising=False)
    return found


def rows(**speeds):
    return [
        Timing(name, precision, float(speed))
        for name, pair in speeds.items()
        for precision, speed in zip((F, B), pair, strict=False)
    ]


def long(tmp_path, **fields):
    workdir = str(tmp_path / "run")
    return recipe(**{"epochs": 10**9, "workdir": workdir} | fields)


def test_without_auto_nothing_is_timed(timed, dataset, tmp_path):
    trial, settings = SpeedTrial(), long(tmp_path)
    assert trial.settle(settings, dataset) == settings
    assert timed == [] and trial.entry() == {}


def test_the_choice_is_made_once_and_kept(timed, dataset, tmp_path, capsys):
    timed.rows = rows(torch=(100, 150), jax=(90, 10), tensorflow=(20, 20))
    settings = long(tmp_path, backend="auto", precision="auto")
    trial = SpeedTrial(may_restart=True)
    for _ in range(2):  # as for two folds
        assert trial.settle(settings, dataset).optimization.precision == B
    assert timed == [EVERY]
    assert SpeedTrial().settle(settings, dataset).optimization.precision == B
    assert timed == [EVERY]  # the next run finds it in the cache
    assert "torch, mixed_bfloat16: no other backend" in capsys.readouterr().out
    assert trial.entry()["speed_trial"]["timings"][1]["images_per_second"] == 150


def test_without_a_cache_folder_a_run_is_timed(timed, dataset, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    timed.rows = rows(torch=(100, 150))
    for _ in range(2):
        settings = long(tmp_path, precision="auto")
        assert SpeedTrial().settle(settings, dataset).optimization.precision == B
    assert timed == [("torch",)] * 2


def test_processors_without_bfloat16_are_not_asked(
    timed, dataset, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(decide, "may_have_bfloat16", lambda: False)
    settings = long(tmp_path, precision="auto")
    assert SpeedTrial().settle(settings, dataset).optimization.precision == F
    assert timed == [] and "no instructions for bfloat16" in capsys.readouterr().out


def test_what_no_backend_answered_is_not_kept(timed, dataset, tmp_path):
    timed.rows = rows(torch=(0, 0))
    for _ in range(2):  # the machine may have been busy
        settings = long(tmp_path, precision="auto")
        assert SpeedTrial().settle(settings, dataset).optimization.precision == F
    assert timed == [("torch",)] * 2


def test_another_backend_is_taken_by_the_program_alone(
    timed, dataset, tmp_path, capsys
):
    timed.rows = rows(torch=(100, 105), jax=(160, 170))
    settings = long(tmp_path, backend="auto", precision="auto")
    with pytest.raises(OtherBackend) as other:
        SpeedTrial(may_restart=True).settle(settings, dataset)
    assert other.value.choice.backend == "jax"
    trial = SpeedTrial()
    assert trial.settle(settings, dataset).optimization.precision == F
    assert trial.choice.backend == "torch" and len(trial.choice.timings) == 4
    out = capsys.readouterr().out
    assert "stays on torch: to change it, set KERAS_BACKEND=jax" in out


def test_the_backend_of_the_user_is_kept(timed, dataset, tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    timed.rows = rows(torch=(100, 150), jax=(900, 900))
    settings = long(tmp_path, backend="auto", precision="auto")
    found = SpeedTrial(may_restart=True).settle(settings, dataset)
    assert found.optimization.precision == B and timed == [("torch",)]
    assert "KERAS_BACKEND=torch is kept" in capsys.readouterr().out
    SpeedTrial(may_restart=True).settle(long(tmp_path, backend="auto"), dataset)
    assert len(timed) == 1  # one backend in one precision is no choice
    SpeedTrial(may_restart=True).begin(long(tmp_path, backend="jax"))
    assert "--backend jax: KERAS_BACKEND=torch is kept" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"minutes": 2.9}, "a run of less than 3 minutes"),
        ({"minutes": 60, "devices": 2}, "several devices"),
    ],
)
def test_runs_that_are_not_timed(fields, why, timed, dataset, tmp_path, capsys):
    by_time = {"epochs": 0, "warmup_epochs": None, "precision": "auto"}
    settings = long(tmp_path, **by_time | {"backend": "auto"} | fields)
    trial = SpeedTrial(may_restart=True)
    assert trial.settle(settings, dataset).optimization.precision == F
    assert timed == [] and why in capsys.readouterr().out
    assert trial.choice == Choice("torch", F, f"not timed, {why}")


def test_the_time_of_all_folds_counts(timed, dataset, tmp_path):
    timed.rows = rows(torch=(100, 150))
    fields = {"epochs": 0, "warmup_epochs": None, "precision": "auto", "folds": 5}
    trial = SpeedTrial()
    trial.begin(long(tmp_path, minutes=5, **fields))
    trial.settle(long(tmp_path, minutes=1, fold=1, **fields), dataset)
    assert timed == [("torch",)]


def test_one_of_several_processes_is_not_timed(timed, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_DISTRIBUTION_NUM_PROCESSES", "2")
    SpeedTrial().settle(long(tmp_path, precision="auto"), dataset)
    assert timed == []


def test_a_run_that_the_first_child_shows_to_be_short(timed, dataset, tmp_path):
    timed.rows = rows(torch=(100,))
    settings = recipe(precision="auto", workdir=str(tmp_path / "run"))
    for count in (1, 2):
        trial = SpeedTrial()
        assert trial.settle(settings, dataset).optimization.precision == F
        assert "less than 3 minutes" in trial.choice.reason
        assert len(timed) == count  # it says nothing of longer runs


def test_a_backend_by_name(timed, tmp_path):
    settings = long(tmp_path, backend="jax")
    with pytest.raises(ValueError, match=r"runs on torch here; set KERAS_BACKEND=jax"):
        SpeedTrial().begin(settings)
    with pytest.raises(OtherBackend):
        SpeedTrial(may_restart=True).begin(settings)
    SpeedTrial().begin(long(tmp_path, backend="torch"))
    handed = Choice("jax", F, "given")
    with pytest.raises(ValueError, match="runs on torch here"):  # never in a circle
        SpeedTrial(may_restart=True, handed=handed).begin(settings)


def test_a_backend_that_is_not_installed(timed, tmp_path, monkeypatch):
    monkeypatch.setattr(decide, "installed_backends", lambda: ("torch",))
    with pytest.raises(ValueError, match="--backend jax: it is not installed"):
        SpeedTrial(may_restart=True).begin(long(tmp_path, backend="jax"))


def test_what_was_handed_over_is_not_timed_again(timed, dataset, tmp_path, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")  # by the process before
    settings = long(tmp_path, backend="auto", precision="auto")
    handed = Choice("torch", B, "1.5 times as fast as jax")
    trial = SpeedTrial(may_restart=True, handed=handed)
    trial.begin(settings)
    assert trial.settle(settings, dataset).optimization.precision == B
    assert timed == [] and trial.choice is handed
    given = SpeedTrial(handed=Choice("torch", "auto", "given"))
    timed.rows = rows(torch=(100, 50))
    by_name = settings.replace(backend="torch")
    assert given.settle(by_name, dataset).optimization.precision == F
    assert timed == [("torch",)]


@pytest.fixture
def blobs(monkeypatch, tmp_path, dataset):
    """A run of two epochs, whose speed trial says that it is long."""
    monkeypatch.setattr(decide, "is_short", lambda *_: False)
    fields = {"epochs": 2, "warmup_epochs": 0, "batch_size": 4}

    def load_blobs(data_dir, image_size, corrupt):
        return dataset

    return run_on(
        load_blobs,
        monkeypatch,
        tmp_path / "run",
        **fields,
        backend="auto",
        precision="auto",
    )


def test_a_run_goes_on_as_it_began(timed, blobs, dataset):
    timed.rows = rows(torch=(100, 150), jax=(105,))
    with pytest.raises(KeyboardInterrupt):
        run(blobs, interrupting(1))
    begun = json.loads((blobs.directory / "recipe.json").read_text())
    assert begun["optimization"]["precision"] == B
    assert begun["runtime"]["backend"] == "auto"
    assert begun["speed_trial"]["backend"] == "torch"
    timed.rows = rows(torch=(100, 50))
    (blobs.directory.parent / "cache").rename(blobs.directory.parent / "gone")
    card = run(blobs).card
    assert card["recipe"]["optimization"]["precision"] == B
    assert card["speed_trial"] == begun["speed_trial"] and len(timed) == 1
    assert "jax" in (blobs.directory / "report.html").read_text()
    assert run(blobs).card == card  # complete
    assert run(blobs.replace(backend="configured")).card == card
    with pytest.raises(ValueError, match="precision"):
        run(blobs.replace(precision="float32"))
    assert len(timed) == 1
    anew = SpeedTrial().settle(blobs.replace(overwrite=True), dataset)
    assert anew.optimization.precision == F and len(timed) == 2


def stop_as_on_jax(timed, blobs):
    """A run that was stopped after an epoch, and says that it was on JAX."""
    timed.rows = rows(torch=(100, 150))
    with pytest.raises(KeyboardInterrupt):
        run(blobs, interrupting(1))
    file = blobs.directory / "recipe.json"
    begun = json.loads(file.read_text())
    begun["speed_trial"]["backend"] = "jax"
    file.write_text(json.dumps(begun))


def test_a_stopped_run_goes_back_to_its_backend(timed, blobs, dataset):
    stop_as_on_jax(timed, blobs)
    with pytest.raises(OtherBackend) as other:
        SpeedTrial(may_restart=True).settle(blobs, dataset)
    assert other.value.choice.backend == "jax" and len(timed) == 1
    stays = SpeedTrial()
    assert stays.settle(blobs, dataset).optimization.precision == B
    assert stays.choice.backend == "torch"


def test_a_stopped_run_goes_on_where_its_backend_is_not(
    timed, blobs, dataset, monkeypatch, capsys
):
    stop_as_on_jax(timed, blobs)
    monkeypatch.setattr(decide, "installed_backends", lambda: ("torch",))
    trial = SpeedTrial(may_restart=True)
    assert trial.settle(blobs, dataset).optimization.precision == B
    assert trial.choice.backend == "torch"
    assert "jax is not installed" in capsys.readouterr().out


def test_settings_alone_are_no_run(timed, dataset, tmp_path):
    timed.rows = rows(torch=(100, 90))
    settings = long(tmp_path, precision="auto")
    settings.directory.mkdir()
    begun = settings.replace(precision="mixed_float16").as_dict()
    (settings.directory / "recipe.json").write_text(json.dumps(begun))
    assert SpeedTrial().settle(settings, dataset).optimization.precision == F


def test_a_refit_whose_precision_was_chosen_is_complete(timed, blobs):
    timed.rows = rows(torch=(100, 150))
    refit = blobs.replace(keep_best="loss", refit=True, epochs=1, validation_split=0.5)
    card = run(refit).card
    assert card["recipe"]["optimization"]["precision"] == B
    assert run(refit).card == card


@pytest.mark.parametrize(
    ("process", "arguments", "may"),
    [
        (["python", "r.py", "--a", "1"], ["r.py", "--a", "1"], True),
        (["python", "r.py"], ["r.py"], True),
        (["python", "other.py"], ["r.py", "--a", "1"], False),
    ],
)
def test_only_the_process_of_the_program_starts_again(
    process, arguments, may, monkeypatch
):
    monkeypatch.setattr(sys, "orig_argv", process)
    monkeypatch.setattr(sys, "argv", arguments)
    monkeypatch.delitem(sys.modules, "IPython", raising=False)
    with restart.command_line(True):
        assert restart.may_restart() == may
        monkeypatch.setattr(sys, "ps1", ">>> ", raising=False)
        assert not restart.may_restart()


def test_a_dry_run_times_no_other_backend(timed, blobs, capsys):
    dry_run(blobs)
    assert timed == []
    assert "--dry-run takes float32; the run chooses" in capsys.readouterr().out


@pytest.mark.parametrize("command", ["tune", "curve"])
def test_networks_that_are_compared_have_one_precision(command, capsys):
    for option in ("--backend", "--precision"):
        with pytest.raises(SystemExit):
            main([command, option, "auto"])
        assert "leave out --backend auto" in capsys.readouterr().err


class Executed(BaseException):
    """Stands for a process that was replaced."""


@pytest.fixture
def executed(monkeypatch):
    """Command and environment with which the program starts again."""
    found = []

    def execve(program, command, environment):
        found.append((program, command, environment))
        raise Executed

    monkeypatch.setattr(restart.os, "execve", execve)
    return found


def test_the_program_starts_again_on_another_backend(
    timed, blobs, executed, monkeypatch
):
    timed.rows = rows(torch=(100, 100), jax=(200, 300))
    command = ["python", "-X", "dev", "recipe.py", "--padding", "1"]
    monkeypatch.setattr(sys, "orig_argv", command)
    monkeypatch.setattr(sys, "argv", command[3:])
    with pytest.raises(Executed):
        run_recipe(blobs, "doc")
    assert not blobs.directory.exists()
    program, again, environment = executed[0]
    assert program == sys.executable and again == [sys.executable, *command[1:]]
    assert environment["KERAS_BACKEND"] == "jax"
    for name in set(environment) - set(os.environ):
        monkeypatch.setenv(name, environment[name])
    handed = restart.handed_over()
    assert (handed.backend, handed.precision) == ("jax", B)
    assert len(handed.timings) == 4
    assert restart.handed_over() is None  # its own children have none


def test_a_program_within_another_does_not_start_again(timed, blobs, executed, capsys):
    """With arguments of its caller, the command of the process is another one."""
    timed.rows = rows(torch=(100, 100), jax=(200, 300))
    words = ["--dataset", "blobs", "--workdir", str(blobs.directory), "--epochs", "1"]
    words += ["--model", "resnet9", "--model-options", "widths=8,8,8", "stem_width=4"]
    words += ["--batch-size", "4", "--warmup-epochs", "0"]
    main(["train", *words, "--backend", "auto"])
    assert executed == [] and "stays on torch" in capsys.readouterr().out


def test_what_was_not_handed_over(monkeypatch):
    for text in ("", "{", "[]", '{"backend": "jax"}'):
        monkeypatch.setenv("KERAS_HYBRID_CHOICE", text)
        assert restart.handed_over() is None
