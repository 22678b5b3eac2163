"""Speed, memory and cost of models and operations: `python -m benchmarks --help`."""
