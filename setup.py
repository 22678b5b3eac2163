"""The wheel holds the folder `recipes` as the package `keras_hybrid.recipes`."""

from setuptools import find_packages, setup

setup(
    packages=[
        *find_packages(include=["keras_hybrid", "keras_hybrid.*"]),
        "keras_hybrid.recipes",
    ],
    package_dir={"keras_hybrid.recipes": "recipes"},
)
