"""Exported files as the folders that model servers read."""
