"""Runs a command line up to its parsed options: `python -m tests.docs.parse_only ...`.

The arguments are those of `python`: a recipe file or `-m MODULE`, then its options.
"""

import functools
import runpy
import sys

from benchmarks import __main__ as benchmarks
from keras_hybrid import cli, program


def nothing(function):
    """A function with the same options that does nothing."""
    return functools.wraps(function)(lambda *arguments, **options: None)


def main(arguments):
    run_program = program._run_program

    def parse(settings, doc, _, options, prog=None):
        run_program(settings, doc, lambda chosen: None, options)

    def without_file(options):
        for option in ("--recipe", "--from"):
            if option in options:
                i = options.index(option)
                del options[i : i + 2]

    program._run_program = parse
    program._given_recipe = without_file  # it need not exist
    commands = {name for name in vars(cli) if name.endswith("_command")}
    for name in commands - {"train_command"}:  # which parses its options itself
        setattr(cli, name, nothing(getattr(cli, name)))
    for name, function in benchmarks.COMMANDS.items():
        benchmarks.COMMANDS[name] = nothing(function)
    if arguments[0] != "-m":
        sys.argv = arguments
        runpy.run_path(arguments[0], run_name="__main__")
        return
    _, module, *options = arguments
    mains = {"keras_hybrid": cli.main, "benchmarks": benchmarks.main}
    if module in mains:
        mains[module](options)
    else:
        __import__(module)  # it has no options


if __name__ == "__main__":
    main(sys.argv[1:])
