"""Speed trials: the rule, the children within their limit, the cache. No real timing."""

import json
import os

import keras
import pytest

from keras_hybrid.data import Dataset
from keras_hybrid.train import Recipe
from keras_hybrid.train.speed_trial import cached, trial, trials
from keras_hybrid.train.speed_trial.choice import Choice, Timing, choose
from keras_hybrid.utils.subprocesses import ChildProcessFailed
from tests.train.tiny import images, recipe

independent = pytest.mark.backend_independent
F, B = "float32", "mixed_bfloat16"


def timings(**speeds):
    """`jax=(100, 120)` as images per second in float32 and mixed_bfloat16."""
    return [
        Timing(name, precision, float(speed))
        for name, pair in speeds.items()
        for precision, speed in zip((F, B), pair, strict=False)
    ]


@independent
@pytest.mark.parametrize(
    ("speeds", "given", "expected"),
    [
        ({"jax": (100,), "torch": (109,)}, F, ("jax", F)),
        ({"jax": (100,), "torch": (111,)}, F, ("torch", F)),
        ({"jax": (100, 109)}, "auto", ("jax", F)),
        ({"jax": (100, 111)}, "auto", ("jax", B)),
        # 16 bits of another backend count, and those that are not faster do not
        ({"jax": (100, 90), "torch": (95, 150)}, "auto", ("torch", B)),
        ({"jax": (100, 120), "torch": (125, 130)}, "auto", ("jax", B)),
        ({"jax": (0,), "torch": (30, 20)}, "auto", ("torch", F)),
        ({"jax": (0, 0), "torch": (0,)}, "auto", ("jax", F)),
        ({"jax": (50,), "torch": (0,)}, "mixed_float16", ("jax", "mixed_float16")),
        ({}, "auto", ("jax", F)),
    ],
)
def test_the_rule(speeds, given, expected):
    found = choose(timings(**speeds), "jax", given)
    assert (found.backend, found.precision) == expected and found.reason


@independent
def test_a_choice_is_printed_and_kept():
    rows = (
        *timings(jax=(102.04, 98), tensorflow=(200,)),
        Timing("torch", F, 0.0, "ValueError: no"),
    )
    found = choose(rows, "jax", "auto")
    assert found.text().splitlines() == [
        "images/s    float32  mixed_bfloat16",
        "jax             102              98",
        "tensorflow      200               -",
        "torch             -               -",
        "torch, float32: ValueError: no",
        "tensorflow, float32: 2 times as fast as jax.",
    ]
    assert Choice.from_dict(json.loads(json.dumps(found.as_dict()))) == found


@pytest.fixture
def dataset():
    split = images(40, size=16)
    return Dataset("blobs", split, split, tuple("abc"))


@pytest.fixture
def job(dataset):
    """A long run of a thin network."""
    fields = {"model": "resnet9", "model_options": ("widths=8,8,8", "stem_width=4")}
    return trials.make_job(
        recipe(**fields, epochs=10**9, precision="auto", weights="imagenet"), dataset
    )


def line(precision, speed, finite=True):
    row = {"precision": precision, "images_per_second": speed, "finite": finite}
    return json.dumps(row) + "\n"


class Children:
    """Stands for the child processes: what each prints or raises, and how long."""

    def __init__(self, monkeypatch, **children):
        self.children, self.now, self.limits = children, 0.0, {}
        monkeypatch.setattr(trials, "clock", lambda: self.now)
        monkeypatch.setattr(trials, "run_module", self.run)

    def run(self, module, arguments, backend, timeout):
        assert module == trials.CHILD
        asked = json.loads(arguments[0])
        assert timeout <= asked["seconds"] <= timeout + 2
        self.limits[backend] = timeout
        seconds, printed, *error = self.children[backend]
        self.now += min(seconds, timeout)
        if seconds > timeout:
            raise ChildProcessFailed("late", -9, printed, True)
        if error:
            raise ChildProcessFailed(error[0], 1, printed)
        return printed


def as_pairs(found):
    return {(x.backend, x.precision): x.images_per_second for x in found}


@independent
def test_every_backend_is_timed_within_the_limit(job, monkeypatch):
    both = line(F, 10) + line(B, 12)
    of = {"jax": (30, both), "torch": (5, "noise\n" + both), "tensorflow": (9, both)}
    children = Children(monkeypatch, **of)
    found = trials.run_trials(job, ("tensorflow", "jax", "torch"))
    assert as_pairs(found) == {
        (name, x): y
        for name in ("torch", "tensorflow", "jax")
        for x, y in ((F, 10), (B, 12))
    }
    assert children.limits == {"torch": 36, "tensorflow": 43, "jax": 46}


@independent
def test_children_that_hang_or_die_count_as_slow(job, monkeypatch):
    of = {
        "torch": (1000, line(F, 10) + '{"precision": "mix'),  # ended within a line
        "tensorflow": (3, "", "ImportError: no"),
        "jax": (1000, ""),
    }
    children = Children(monkeypatch, **of)
    found = trials.run_trials(job, ("jax", "tensorflow", "torch"))
    assert children.now <= trials.LIMIT
    assert as_pairs(found) == {
        ("torch", F): 10,
        ("torch", B): 0,
        ("tensorflow", F): 0,
        ("jax", F): 0,
    }
    why = {x.backend: x.failure for x in found if not x.images_per_second}
    assert why["tensorflow"] == "ImportError: no"
    assert why["torch"] == "not timed within 36 seconds"
    assert "not timed within" in why["jax"]
    assert choose(found, "jax", "auto").backend == "torch"


@independent
def test_a_loss_that_is_not_finite_is_no_gain(job, monkeypatch):
    Children(monkeypatch, torch=(5, line(F, 10) + line(B, 99, finite=False)))
    found = trials.run_trials(job, ("torch",))
    assert found[1].failure == "the loss was not finite"
    assert choose(found, "torch", "auto").precision == F


@independent
def test_a_short_run_is_seen_by_the_first_child(dataset, monkeypatch):
    """36 training images 200 times are 7,200: 72 seconds at 100 per second."""
    short = trials.make_job(recipe(epochs=200, precision="auto"), dataset)
    children = Children(monkeypatch, torch=(5, line(F, 100)), jax=(5, line(F, 100)))
    found = trials.run_trials(short, ("jax", "torch"))
    assert as_pairs(found) == {("torch", F): 100} and list(children.limits) == ["torch"]
    assert trials.is_short(short, found)
    folds = trials.make_job(recipe(epochs=200, precision="auto"), dataset, networks=5)
    assert folds.images == 5 * short.images and not trials.is_short(folds, found)
    by_time = trials.make_job(recipe(minutes=60, epochs=0, warmup_epochs=None), dataset)
    assert not trials.is_short(by_time, found)


@independent
def test_timings_are_kept_for_equal_steps(job, dataset, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    both, rows = ("jax", "torch"), tuple(timings(jax=(3, 4), torch=(5, 6)))
    assert cached.read_timings(job, both) == ()
    file = cached.write_timings(job, both, rows)
    assert file.is_relative_to(tmp_path / "keras_hybrid")
    assert cached.read_timings(job, both) == rows
    assert cached.read_timings(job, ("torch", "jax")) == rows
    assert cached.read_timings(job, ("jax",)) == ()

    def like(**fields):
        settings = Recipe.from_settings(job.recipe).replace(**fields)
        return trials.make_job(settings.replace(precision="auto"), dataset)

    same = like(learning_rate=0.5, epochs=7, seed=3, data_dir="elsewhere")
    assert cached.read_timings(same, both) == rows
    others = [{"batch_size": 8}, {"optimizer": "sgd"}, {"mixup": 0.2}, {"lora_rank": 2}]
    for fields in [*others, {"model": "atc3", "model_options": ()}]:
        assert cached.read_timings(like(**fields), both) == (), fields
    monkeypatch.setenv("XLA_FLAGS", "--other")
    assert cached.read_timings(job, both) == ()
    monkeypatch.delenv("XLA_FLAGS")
    monkeypatch.setattr(cached, "backend_version", lambda name: "99")
    assert cached.read_timings(job, both) == ()


@independent
@pytest.mark.parametrize(
    "content",
    ["", "[]", "{}", '{"key": 1, "timings": 2}', "{" * 10**5, "NaN"],
)
def test_a_damaged_cache_is_a_miss(content, job, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    rows = tuple(timings(torch=(5, 6)))
    file = cached.write_timings(job, ("torch",), rows)
    file.write_text(content)
    assert cached.read_timings(job, ("torch",)) == ()
    cached.write_timings(job, ("torch",), rows)
    assert cached.read_timings(job, ("torch",)) == rows


@independent
@pytest.mark.parametrize(
    "broken", [{"images_per_second": "fast"}, {"images_per_second": -1.0}, {"more": 1}]
)
def test_timings_of_another_kind_are_a_miss(broken, job, monkeypatch, tmp_path):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    file = cached.write_timings(job, ("torch",), timings(torch=(5, 6)))
    card = json.loads(file.read_text())
    card["timings"][0] |= broken
    file.write_text(json.dumps(card))
    assert cached.read_timings(job, ("torch",)) == ()


@independent
def test_a_cache_that_cannot_be_written(job, monkeypatch, tmp_path):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached.write_timings(job, ("torch",), timings(torch=(5, 6))) is None
    assert cached.read_timings(job, ("torch",)) == ()


def clock_of(monkeypatch, seconds):
    """Every call of `fit` in a trial takes the next of these, the last one for ever."""
    given, now = list(seconds), [0.0, False]

    def clock():
        if now[1]:
            now[0] += given.pop(0) if len(given) > 1 else given[0]
        now[1] = not now[1]
        return now[0]

    monkeypatch.setattr(trial, "clock", clock)


def test_a_child_times_the_steps_of_the_run(job, capsys, monkeypatch):
    """Compiling does not count, and the fastest of three rounds does."""
    clock_of(monkeypatch, [50, 0.5, 2, 1, 3])
    trial.run_job(job)
    rows = [json.loads(x) for x in capsys.readouterr().out.splitlines()]
    assert [(x["precision"], x["finite"]) for x in rows] == [(F, True), (B, True)]
    assert rows[0]["images_per_second"] == 2 * 4 / 1  # two steps of 4 images a round
    assert keras.config.dtype_policy().name == F


def test_a_child_leaves_out_what_a_short_run_does_not_need(job, capsys, monkeypatch):
    clock_of(monkeypatch, [1.0])
    trial.run_job(trial.dataclasses.replace(job, images=100.0))
    assert len(capsys.readouterr().out.splitlines()) == 1


@pytest.mark.skipif(keras.backend.backend() != "torch", reason="one backend will do")
@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_every_task_is_timed(task, dataset, monkeypatch):
    outputs = 1 if task == "regression" else 3
    labels = (dataset.train.labels[:, None] % 2).repeat(outputs, 1)
    split = type(dataset.train)(dataset.train.images, labels)
    numbers = Dataset("blobs", split, split, tuple("abc"[:outputs]), task)
    fields = {"model": "resnet9", "model_options": ("widths=8,8,8", "stem_width=4")}
    settings = recipe(task=task, dataset="folder", **fields, validation_split=0.0)
    clock_of(monkeypatch, [1.0])
    asked = trials.make_job(settings, numbers)
    speed, finite = trial.time_training(Recipe.from_settings(asked.recipe), asked)
    assert speed == 4 and finite


@independent
def test_the_program_of_a_child(job, monkeypatch):
    """It is given all as one argument, and ends by itself if nobody ends it."""
    alarms, jobs = [], []
    monkeypatch.setattr(trial.signal, "alarm", alarms.append)
    monkeypatch.setattr(trial, "run_job", jobs.append)
    asked = trial.dataclasses.replace(job, seconds=7)
    trial.main(json.dumps(trial.dataclasses.asdict(asked)))
    assert alarms == [7] and jobs == [asked]
    assert os.path.exists(trial.__file__) and trial.__name__ == trials.CHILD
