"""What every part may use: files, figures, pages, memory, child processes."""
