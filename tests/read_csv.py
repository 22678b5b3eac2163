"""Reads a CSV file that a test looks into."""

import csv


def rows_of(path):
    """The rows of a CSV file, each a mapping of strings."""
    with open(path, newline="") as file:
        return list(csv.DictReader(file))
