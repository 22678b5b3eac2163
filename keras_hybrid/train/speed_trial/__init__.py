"""`--backend auto` and `--precision auto`: a few timed training steps choose them.

- `trial`: the child process that takes the steps, on its backend
- `trials`: the children of all backends, within a limit of time
- `choice`: the rule by which timings choose
- `cached`: what was timed before on this machine
- `decide`: when a run is timed at all, and what it goes on with
"""
