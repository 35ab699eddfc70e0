"""Coverage-guided fuzzing. ``python -m fuzz`` runs every target for a bounded time; see `fuzz.invariant`."""
