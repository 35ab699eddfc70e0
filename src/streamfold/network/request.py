"""What to ask for: a URL and what goes there, as a value. Nothing is sent here.

A key never shows: a `Request` tells the names of its headers, not their values, and leaves out of its URL what may be
one: the user's name and password, and the values of parameters that are named like a secret. `Request.redacted` does
the same to a text of somebody else's, such as a client library's error.
"""

from __future__ import annotations

import json as json_lib
import re
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from ..errors import CallerError

HIDDEN = "***"

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.6.2
_SECRET = re.compile(r"key|token|secret|sig|auth|pass|cred|session|code|conv_id", re.IGNORECASE)
_ACCEPT = "text/event-stream, application/x-ndjson, application/json;q=0.9, */*;q=0.1"
_SAFE_HEADERS = {"accept", "accept-encoding", "content-type", "content-length", "user-agent", "host"}
_MIN_SECRET = 6  # characters; a shorter value would be hidden wherever it stands by chance


@dataclass(frozen=True, slots=True, repr=False)
class Request:
    """A request whose response is a stream.

    Attributes:
        url: Where to, ``http`` or ``https``. A user name and password in it become an ``Authorization`` header.
        json: The body, as JSON-able values; sent as they are.
        headers: What else to send; ``Content-Type``, ``Accept``, ``User-Agent`` and ``Accept-Encoding`` are added
            where they are missing: the last one says ``identity``, for compressing holds back tokens. What comes
            compressed all the same is decompressed.
        method: The HTTP method.
        content: The body as bytes, instead of `json`.
        dialect: The name of the wire format, where it is known; otherwise the first frames tell.
        continuation: How a reply that broke off can be continued, a name of `continuing.WAYS`; ``None`` if it cannot.

    Raises:
        CallerError: One of them cannot be meant.
    """

    url: str
    json: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    method: str = "POST"
    content: bytes | None = None
    dialect: str | None = None
    continuation: str | None = None

    def __post_init__(self) -> None:
        _check_url(self.url)
        if not isinstance(self.method, str) or not _TOKEN.fullmatch(self.method):
            raise CallerError(f"the method is {self.method!r}, expected a word such as POST")
        if self.json is not None and self.content is not None:
            raise CallerError("json and content are both given, expected one body")
        if self.content is not None and not isinstance(self.content, bytes):
            raise CallerError(f"content is {type(self.content).__name__}, expected bytes")
        _check_headers(self.headers)
        if self.json is not None:
            _encode(self.json)  # now: what cannot be sent is the caller's mistake, not the network's

    @property
    def body(self) -> bytes | None:
        """The body as it is sent."""
        return self.content if self.json is None else _encode(self.json)

    @property
    def target(self) -> str:
        """The URL as it is sent: without a user name and password."""
        parts = urlsplit(self.url)
        return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2], fragment=""))

    @property
    def origin(self) -> str:
        """Scheme, host and port: what may be told."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"

    @property
    def sent_headers(self) -> dict[str, str]:
        """The headers as they are sent."""
        given = {name.lower() for name in self.headers}
        parts = urlsplit(self.url)
        added = {"Accept": _ACCEPT, "Accept-Encoding": "identity", "User-Agent": "streamfold"}
        if self.json is not None:
            added["Content-Type"] = "application/json"
        if parts.username is not None:
            user = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
            added["Authorization"] = f"Basic {b64encode(user.encode()).decode()}"
        return {name: value for name, value in added.items() if name.lower() not in given} | dict(self.headers)

    def redacted(self, text: str) -> str:
        """Return `text` without the values of headers and the parts of the URL that may be a key."""
        for secret in self._secrets():
            text = text.replace(secret, HIDDEN)
        return text

    def _secrets(self) -> set[str]:
        parts = urlsplit(self.url)
        values = [value for name, value in self.sent_headers.items() if name.lower() not in _SAFE_HEADERS]
        values += [word for value in values for word in value.split()]  # "Bearer" may be cut off
        values += [value for _, value in _secret_parameters(parts)]
        values += [value for value in (parts.username, parts.password) if value]
        values += [unquote(value) for value in values]
        return {value for value in values if len(value) >= _MIN_SECRET and value != "Bearer"}

    def __repr__(self) -> str:
        headers = ", ".join(self.headers) or "none"
        return f"Request({self.method} {_shown_url(self.url)}, headers: {headers})"


def _check_url(url: object) -> None:
    if not isinstance(url, str):
        raise CallerError(f"the url is {type(url).__name__}, expected str")
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError as error:
        raise CallerError(f"the url cannot be read: {error}") from None
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise CallerError(f"the url is {_shown_url(url)!r}, expected http:// or https:// and a host")
    if re.search(r"[\x00-\x20\x7f]", url):
        raise CallerError(f"the url {_shown_url(url)!r} has a space or a control character in it")


def _check_headers(headers: object) -> None:
    if not isinstance(headers, Mapping):
        raise CallerError(f"headers is {type(headers).__name__}, expected a mapping")
    for name, value in headers.items():
        if not isinstance(name, str) or not _TOKEN.fullmatch(name):
            raise CallerError(f"a header is called {name!r}, expected a word such as X-Title")
        if not isinstance(value, str):
            raise CallerError(f"the header {name} is {type(value).__name__}, expected str")
        if re.search(r"[\x00\r\n]", value) or value != value.strip():
            raise CallerError(f"the header {name} has a line break, or space around it: is it a key read from a file?")
        try:
            value.encode("latin-1")
        except UnicodeEncodeError:
            raise CallerError(f"the header {name} has a character that HTTP cannot send") from None


def _encode(value: Any) -> bytes:
    try:
        return json_lib.dumps(value, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise CallerError(f"json cannot be sent: {error}") from None


def _shown_url(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError:
        return HIDDEN
    user, at, host = parts.netloc.rpartition("@")
    shown = urlunsplit(parts._replace(netloc=f"{HIDDEN if user else user}{at}{host}"))
    for name, value in _secret_parameters(parts):
        shown = shown.replace(f"{name}={value}", f"{name}={HIDDEN}")
    return shown


def _secret_parameters(parts: SplitResult) -> list[tuple[str, str]]:
    pairs = [pair.partition("=") for pair in parts.query.split("&")]
    return [(name, value) for name, equals, value in pairs if equals and value and _SECRET.search(name)]
