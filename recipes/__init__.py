"""Training recipes: each file is a program with its settings and its documentation."""
