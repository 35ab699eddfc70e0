"""Views over the log, one protocol a file: each makes requests into calls of `Log` and pages into responses."""
