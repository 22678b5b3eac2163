"""All measuring of this project, over one harness: `python -m benchmarks --help`."""
