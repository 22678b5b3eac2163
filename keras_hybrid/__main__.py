"""`python -m keras_hybrid`."""

from keras_hybrid.cli import main

main()
