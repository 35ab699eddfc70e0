"""Dialects: whole frames into deltas. One file for each wire format, named after the format.

`DIALECTS` is the table of all: from the name, which is also the file's, to the class in it. Where a dialect is not
named, they are asked in this order whether they recognise the first frame.
"""

DIALECTS = {
    "openai_chat": "OpenAIChat",
}
