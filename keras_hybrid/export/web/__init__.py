"""A model as a page that runs in a browser alone."""
