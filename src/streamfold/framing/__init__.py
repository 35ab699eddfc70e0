"""Framings: bytes, cut anywhere, into whole frames. One file each, named after the format."""
