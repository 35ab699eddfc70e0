"""The error tree: the docstring draws the classes as they are."""

import inspect
import re

from streamfold import errors


def drawn():
    """Return each class of the docstring's tree with its bases: its parent, then those in parentheses."""
    tree, path = {}, []
    for line in errors.__doc__.splitlines():
        found = re.match(r"    ([│├└─ ]*)(\w+Error)(?: \((\w+)\))?", line)
        if found:
            branch, name, extra = found.groups()
            path = [*path[: len(branch) // 4], name]
            tree[name] = [*path[-2:-1], *([extra] if extra else [])] or ["Exception"]
    return tree


def defined():
    classes = inspect.getmembers(errors, inspect.isclass)
    return {
        name: [base.__name__ for base in cls.__bases__] for name, cls in classes if cls.__module__ == errors.__name__
    }


def test_docstring_draws_every_class():
    assert drawn() == defined()


def test_every_class_has_one_root():
    classes = [cls for _, cls in inspect.getmembers(errors, inspect.isclass) if cls.__module__ == errors.__name__]
    assert all(issubclass(cls, errors.StreamfoldError) for cls in classes)


def test_limit_error_names_the_number():
    error = errors.LimitError("line", 70_001, 65_536)
    assert str(error) == "line of 70,001 bytes, limit 65,536"
    assert (error.name, error.size, error.limit) == ("line", 70_001, 65_536)


def test_framing_error_names_the_offset():
    assert str(errors.FramingError("not a frame", 1234)) == "not a frame (at byte 1,234)"


def test_chunk_type_error_names_type_and_position():
    assert str(errors.ChunkTypeError(1.5, 3)) == "chunk 3 is float, expected str"
    assert str(errors.ChunkTypeError(None, expected="bytes")) == "a chunk is NoneType, expected bytes"


def test_dialect_error_shows_the_start_of_the_frame():
    error = errors.DialectError("openai_chat", b"x" * 1000, "not JSON")
    assert str(error).startswith("a frame is not openai_chat: not JSON: b'xxx")
    assert len(str(error)) < 200


def test_provider_error_is_its_words_and_its_labels():
    assert str(errors.ProviderError("no")) == "no"
    assert str(errors.ProviderError("no", type="t", code="c", status=429)) == "no (t, c, 429)"
