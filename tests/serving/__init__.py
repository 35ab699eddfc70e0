"""The server that tests talk to: `server` on the loopback, `steps` of what it says."""
