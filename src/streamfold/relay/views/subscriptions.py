"""The subscriptions of the Durable Streams protocol, under the reserved ``__ds``: created, read, claimed, acked.

Terms of the protocol in, turns of a subscription out; what may happen is decided in `rules.waking`. Refusals are said
in the protocol's form: ``{"error": {"code", "message", ...}}``.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import wraps
from typing import Annotated, Any, Literal, TypeVar, cast

import msgspec
from msgspec import Meta
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from ..errors import RelayError, SubscriptionError
from ..http import body_of
from ..rules.links import MAX_LINKS
from ..rules.offsets import from_offset
from ..rules.stream import Stream
from ..rules.subscription import RESERVED, Subscription, Terms, reserved
from ..rules.waking import wake_id
from ..signing import Keys
from ..subscriptions import Subscriptions, stream_infos
from .durable_streams import ROOT

T = TypeVar("T")
Path = Annotated[str, Meta(min_length=1, max_length=1024)]
CONTROL = f"{ROOT}{RESERVED}/"


class _Webhook(msgspec.Struct):
    url: Annotated[str, Meta(min_length=1, max_length=2048)]


class _Creation(msgspec.Struct):
    type: Literal["webhook", "pull-wake"]
    pattern: Path | None = None
    streams: Annotated[list[Path], Meta(max_length=MAX_LINKS)] | None = None
    webhook: _Webhook | None = None
    wake_stream: Path | None = None
    lease_ttl_ms: Annotated[int, Meta(ge=1_000, le=600_000)] = 30_000
    description: Annotated[str, Meta(max_length=1024)] | None = None


class _Streams(msgspec.Struct):
    streams: Annotated[list[Path], Meta(min_length=1, max_length=MAX_LINKS)]


class _Claim(msgspec.Struct):
    worker: Annotated[str, Meta(min_length=1, max_length=256)]


class _Ack(msgspec.Struct):
    stream: Path
    offset: str


class _Answer(msgspec.Struct):
    wake_id: str
    generation: int
    acks: Annotated[list[_Ack], Meta(max_length=MAX_LINKS)] = []
    done: bool = False


Handler = Callable[[Request], Awaitable[Response]]


def _refusing(handler: Handler) -> Handler:
    """Say what is refused in the protocol's form."""

    @wraps(handler)
    async def wrapped(request: Request) -> Response:
        try:
            return await handler(request)
        except RelayError as error:
            said: dict[str, Any] = {"code": "INVALID_REQUEST" if error.status == 400 else type(error).__name__}
            if isinstance(error, SubscriptionError):
                said = {"code": error.code, **error.details}
            return _json(error.status, {"error": {**said, "message": str(error)}})

    return wrapped


@_refusing
async def jwks(request: Request) -> Response:
    """Answer with the public keys of webhooks (6.5)."""
    keys = await _of(request).keys()
    headers = {"Cache-Control": "public, max-age=300"}
    return Response(msgspec.json.encode(keys.jwks()), 200, headers, "application/jwk-set+json")


@_refusing
async def subscription(request: Request) -> Response:
    """Create, read or delete a subscription (6.2 and 6.3)."""
    subscriptions, id = _of(request), _id(request)
    if request.method == "DELETE":
        await subscriptions.remove(id)
        return Response(None, 204)
    status = 200
    if request.method == "PUT":
        turn = await subscriptions.create(id, _terms(await _body(request, _Creation)), f"{request.base_url}{ROOT[1:]}")
        stream, status = turn.stream, 201 if turn.new else 200
    else:
        stream = await subscriptions.get(id)
    signed = stream.subscription is not None and stream.subscription.terms.url is not None
    return _json(status, _told(request, id, stream, await subscriptions.keys() if signed else None))


@_refusing
async def streams(request: Request) -> Response:
    """Follow more streams (6.4)."""
    asked = await _body(request, _Streams)
    await _of(request).link(_id(request), [_named(path) for path in asked.streams])
    return Response(None, 204)


@_refusing
async def stream(request: Request) -> Response:
    """Follow a stream no longer (6.4)."""
    await _of(request).unlink(_id(request), request.path_params["path"].strip("/"))
    return Response(None, 204)


@_refusing
async def callback(request: Request) -> Response:
    """Take the acks of a webhook's worker (7.1)."""
    return await _acked(request, "webhook")


@_refusing
async def ack(request: Request) -> Response:
    """Take the acks of a worker that has claimed (7.2)."""
    return await _acked(request, "pull-wake")


@_refusing
async def claim(request: Request) -> Response:
    """Give the wake to a worker (7.2)."""
    asked, subscriptions = await _body(request, _Claim), _of(request)
    turn = await subscriptions.claim(_id(request), asked.worker)
    wake = wake_id(turn.stream)
    answer = {
        "wake_id": wake,
        "generation": turn.subscription.generation,
        "token": (await subscriptions.keys()).token(wake),
        "streams": stream_infos(turn.subscription),
        "lease_ttl_ms": turn.subscription.terms.lease_ttl_ms,
    }
    return _json(200, answer)


@_refusing
async def release(request: Request) -> Response:
    """End a lease (7.2)."""
    token, said = _token(request), await _body(request, _Answer)
    await _of(request).release(_id(request), token, said.wake_id, said.generation)
    return Response(None, 204)


async def _acked(request: Request, kind: str) -> Response:
    token, said = _token(request), await _body(request, _Answer)
    acks = {_plain(item.stream): from_offset(item.offset) for item in said.acks}
    turn = await _of(request).ack(_id(request), kind, token, said.wake_id, said.generation, acks, said.done)
    return _json(200, {"ok": True, "next_wake": said.done and turn.subscription.awake})


def _of(request: Request) -> Subscriptions:
    return cast("Subscriptions", request.state.subscriptions)


def _id(request: Request) -> str:
    id = str(request.path_params["id"])
    if len(id) > 256:
        raise SubscriptionError("INVALID_REQUEST", "an id has at most 256 characters")
    return id


async def _body(request: Request, kind: type[T]) -> T:
    body = await body_of(request, _of(request).log.limits.max_body)
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.DecodeError as error:
        raise SubscriptionError("INVALID_REQUEST", str(error)) from error


def _token(request: Request) -> str:
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token:
        raise SubscriptionError("TOKEN_INVALID", "this needs the header `Authorization: Bearer TOKEN`")
    return token


def _terms(asked: _Creation) -> Terms:
    pattern = _plain(asked.pattern) if asked.pattern is not None else None
    named = tuple(sorted({_named(path) for path in asked.streams or ()}))
    if pattern is None and not named:
        raise SubscriptionError("INVALID_REQUEST", "a subscription needs a pattern or streams")
    if asked.type == "webhook":
        if asked.webhook is None:
            raise SubscriptionError("INVALID_REQUEST", "a webhook subscription needs webhook.url")
        return Terms("webhook", pattern, named, asked.webhook.url, None, asked.lease_ttl_ms, asked.description)
    if asked.wake_stream is None:
        raise SubscriptionError("INVALID_REQUEST", "a pull-wake subscription needs wake_stream")
    wake_stream = _named(asked.wake_stream)
    if wake_stream in named:
        raise SubscriptionError("INVALID_REQUEST", "a subscription cannot follow its own wake_stream")
    return Terms("pull-wake", pattern, named, None, wake_stream, asked.lease_ttl_ms, asked.description)


def _plain(path: str) -> str:
    if not (plain := path.strip("/")):
        raise SubscriptionError("INVALID_REQUEST", "an empty path")
    return plain


def _named(path: str) -> str:
    """Return the path of an application's stream."""
    if reserved(plain := _plain(path)):
        raise SubscriptionError("INVALID_REQUEST", f"{plain!r} is reserved")
    return plain


def _told(request: Request, id: str, stream: Stream, keys: Keys | None) -> dict[str, Any]:
    state = cast("Subscription", stream.subscription)
    terms = state.terms
    webhook = None
    if keys is not None:
        url = f"{request.base_url}{CONTROL[1:]}jwks.json"
        webhook = {"url": terms.url, "signing": {"alg": "ed25519", "kid": keys.kid, "jwks_url": url}}
    created = datetime.fromtimestamp(state.created, UTC).isoformat(timespec="milliseconds")
    shown = ("path", "link_type", "acked_offset")
    return {
        "id": id,
        "subscription_id": id,
        "type": terms.type,
        "pattern": terms.pattern,
        "streams": [{name: info[name] for name in shown} for info in stream_infos(state)],
        "webhook": webhook,
        "wake_stream": terms.wake_stream,
        "lease_ttl_ms": terms.lease_ttl_ms,
        "created_at": created.replace("+00:00", "Z"),
        "status": "failed" if state.failures else "active",
        "full": state.full,
        "description": terms.description,
    }


def _json(status: int, answer: dict[str, Any]) -> Response:
    return Response(msgspec.json.encode(answer), status, {"Cache-Control": "no-store"}, "application/json")


_ONE = CONTROL + "subscriptions/{id}"
ROUTES = [
    Route(_ONE, subscription, methods=["PUT", "GET", "DELETE"]),
    Route(_ONE + "/streams", streams, methods=["POST"]),
    Route(_ONE + "/streams/{path:path}", stream, methods=["DELETE"]),
    Route(_ONE + "/claim", claim, methods=["POST"]),
]
OPEN_ROUTES = [  # what a worker calls with the token of its wake, and the public keys
    Route(CONTROL + "jwks.json", jwks, methods=["GET"]),
    Route(_ONE + "/callback", callback, methods=["POST"]),
    Route(_ONE + "/ack", ack, methods=["POST"]),
    Route(_ONE + "/release", release, methods=["POST"]),
]
