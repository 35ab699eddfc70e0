"""What is known of the recorded streams, one file for each dialect; `tests/test_corpus.py` runs them all.

A file has these tables:

- ``APIS``: the manifest's names of the APIs that speak the dialect, as ``(api, framing)``.
- ``COUNTS``: where in an expected usage report our five counts are: input, output, total, cached, reasoning; each a
  path, or ``None`` where the provider does not count it.
- ``OF_REASON``: the verdicts that each finish reason may lead to.
- ``DIFFERENCES``: for a recording's file, the fields in which we differ from the expectation on purpose, and what we
  say instead: a value, or a function of the expectation's value and the whole expectation.
- ``VERDICTS``: the verdict of a recording where it does not follow from the finish reason.
- ``ANOMALOUS``: recordings that have anomalies.
"""
