"""Dialects: whole frames into deltas. One file for each wire format, named after the format."""
