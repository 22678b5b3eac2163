"""When a run is timed, and with which backend and precision it goes on."""

import dataclasses
import os
from typing import Any

import keras

from keras_hybrid.data import Dataset
from keras_hybrid.train.more_epochs import may_be_longer
from keras_hybrid.train.multiprocess import is_one_of_several
from keras_hybrid.train.recipe import SPEED_TRIAL, Recipe
from keras_hybrid.train.speed_trial.cached import read_timings, write_timings
from keras_hybrid.train.speed_trial.choice import AUTO, FLOAT32, Choice, choose
from keras_hybrid.train.speed_trial.trials import (
    LIMIT,
    WORTH_IT,
    is_short,
    make_job,
    run_trials,
)
from keras_hybrid.train.workdir import CARD, SETTINGS, recipe_to_go_on
from keras_hybrid.utils.backend import BACKENDS, installed_backends
from keras_hybrid.utils.card import read_card
from keras_hybrid.utils.machine import may_have_bfloat16

_HOW = "set KERAS_BACKEND={} before Keras is imported"


class OtherBackend(Exception):
    """Training goes on in a process with another backend.

    Attributes:
        choice: What to go on with.
    """

    def __init__(self, choice: Choice):
        super().__init__(choice.backend)
        self.choice = choice


def check_fixed(recipe: Recipe, what: str) -> None:
    """Refuses backends and precisions that each of many networks would choose.

    Args:
        recipe: The settings of all.
        what: What trains them, for the message.

    Raises:
        ValueError: If one is left open, or Keras has another backend than the recipe.
    """
    if AUTO in (recipe.runtime.backend, recipe.optimization.precision):
        raise ValueError(
            f"{what} compares networks of one backend and precision: leave out "
            "--backend auto and --precision auto."
        )
    SpeedTrial().begin(recipe)


class SpeedTrial:
    """Settles `backend` and `precision` of a run, for all of its networks alike.

    Args:
        may_restart: Whether another backend is taken, by raising `OtherBackend`.
            Without it the run stays on its backend, and a line says so.
        handed: What the process found that started this one for its backend.

    Attributes:
        choice: What the run computes with; None if nothing was left open.
    """

    def __init__(self, may_restart: bool = False, handed: Choice | None = None):
        self.may_restart = may_restart and not handed
        self.handed = handed
        self.networks = 1
        self.choice: Choice | None = None

    def begin(self, recipe: Recipe) -> None:
        """Sees to it that the run has the backend that is given by name.

        Args:
            recipe: The settings of the whole run, whatever networks it trains.

        Raises:
            ValueError: If it is not installed, or this process cannot change it.
            OtherBackend: If it is another than that of this process.
        """
        several = 1 if recipe.data.fold else recipe.data.folds
        self.networks = max(several, 1 + recipe.selection.refit)
        given, here = recipe.runtime.backend, keras.backend.backend()
        if given not in BACKENDS or given == here:
            return
        if given not in installed_backends():
            raise ValueError(f"--backend {given}: it is not installed.")
        if self._of_user:
            print(f"--backend {given}: KERAS_BACKEND={here} is kept.", flush=True)
            return
        if not self.may_restart:
            raise ValueError(
                f"--backend {given}: Keras runs on {here} here; {_HOW.format(given)}."
            )
        raise OtherBackend(Choice(given, recipe.optimization.precision, "given"))

    def settle(self, recipe: Recipe, dataset: Dataset) -> Recipe:
        """The recipe with a precision, after a speed trial if one is worth it.

        A run that is in the workdir goes on as it began. Call this before the backend
        computes: its children share the accelerator.

        Raises:
            OtherBackend: If another backend is chosen, and may be.
        """
        if AUTO not in (recipe.runtime.backend, recipe.optimization.precision):
            return recipe
        if self.choice is None:
            self.choice = self._begun(recipe) or self._handed(recipe)
        if self.choice is None:
            self.choice = self._timed(recipe, dataset)
        if recipe.optimization.precision != AUTO:
            return recipe
        return recipe.replace(precision=self.choice.precision)

    def entry(self) -> dict[str, Any]:
        """What `recipe.json` and `card.json` say of it; empty if nothing was open."""
        return {SPEED_TRIAL: self.choice.as_dict()} if self.choice else {}

    @property
    def _of_user(self) -> bool:
        """Whether the user has chosen the backend by `KERAS_BACKEND`."""
        return "KERAS_BACKEND" in os.environ and not self.handed

    def _handed(self, recipe: Recipe) -> Choice | None:
        handed, here = self.handed, keras.backend.backend()
        if handed and handed.backend == here and handed.precision != AUTO:
            return handed
        return None

    def _begun(self, recipe: Recipe) -> Choice | None:
        """What the run in the workdir began with; None if there is none."""
        directory, here = recipe.directory, keras.backend.backend()
        found = recipe_to_go_on(recipe)
        if found is None or found.optimization.precision == AUTO:
            return None
        choice = Choice(here, found.optimization.precision, "the run began with it")
        if entry := read_card(directory / SETTINGS).get(SPEED_TRIAL):
            try:
                choice = Choice.from_dict(entry)
            except (KeyError, TypeError, ValueError):
                return choice
        goes_on = not (directory / CARD).exists() or may_be_longer(recipe, found)
        if recipe.runtime.backend == AUTO and choice.backend != here and goes_on:
            if choice.backend in installed_backends():
                return self._or_stay(choice, choice)
            print(f"{choice.backend} is not installed: this run goes on with {here}.")
            return dataclasses.replace(choice, backend=here)
        return choice

    def _timed(self, recipe: Recipe, dataset: Dataset) -> Choice:
        """The choice by timings, of an earlier run or of this moment."""
        given: str = recipe.optimization.precision
        here = keras.backend.backend()
        if given == AUTO and not may_have_bfloat16():
            print("--precision auto: the processor has no instructions for bfloat16.")
            given, recipe = FLOAT32, recipe.replace(precision=FLOAT32)
        kept = Choice(here, FLOAT32 if given == AUTO else given, "nothing to choose")
        backends = self._candidates(recipe)
        if len(backends) == 1 and given != AUTO:
            return kept
        why = self._untimed(recipe)
        if why:
            return _say(dataclasses.replace(kept, reason=f"not timed, {why}"))
        job = make_job(recipe, dataset, self.networks)
        timings = read_timings(job, backends)
        if not timings:
            names = ", ".join(backends)
            print(f"Timing training on {names}, for up to {LIMIT:.0f} seconds ...")
            timings = run_trials(job, backends)
            if is_short(job, timings):
                why = f"a run of less than {WORTH_IT / 60:g} minutes"
                return _say(dataclasses.replace(kept, reason=why, timings=timings))
            if any(timing.images_per_second for timing in timings):
                write_timings(job, backends, timings)
        choice = choose(timings, here, given)
        if choice.backend == here:
            return _say(choice)
        there = [timing for timing in timings if timing.backend == here]
        stays = dataclasses.replace(choose(there, here, given), timings=timings)
        return self._or_stay(choice, stays)

    def _candidates(self, recipe: Recipe) -> tuple[str, ...]:
        """The backends to choose from; the one of this process is among them."""
        here, there = keras.backend.backend(), installed_backends()
        if recipe.runtime.backend != AUTO or len(there) < 2:
            return (here,)
        if self._of_user:
            print(f"--backend auto: KERAS_BACKEND={here} is kept.", flush=True)
            return (here,)
        return (here,) if recipe.runtime.remat else there

    def _untimed(self, recipe: Recipe) -> str:
        """Why a run is not timed; empty if it is."""
        runtime, budget = recipe.runtime, recipe.optimization.budget
        if is_one_of_several():
            return "several processes"
        if runtime.devices != 1 or runtime.model_parallel != 1:
            return "several devices"
        if budget and budget * self.networks < WORTH_IT:
            return f"a run of less than {WORTH_IT / 60:g} minutes"
        return ""

    def _or_stay(self, choice: Choice, stays: Choice) -> Choice:
        """Another backend; if this process cannot change to it, what it does instead.

        Raises:
            OtherBackend: If it can.
        """
        if self.may_restart and not self._of_user:
            _say(choice)
            raise OtherBackend(choice)
        here = keras.backend.backend()
        if not self._of_user:
            how = _HOW.format(choice.backend)
            _say(choice)
            print(f"This run stays on {here}: to change it, {how}.", flush=True)
        return dataclasses.replace(stays, backend=here)


def _say(choice: Choice) -> Choice:
    print(choice.text(), flush=True)
    return choice
