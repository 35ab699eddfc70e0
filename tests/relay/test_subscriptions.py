"""Subscriptions at work on every store: webhooks to a receiver of our own, nodes that die, what is not let through.

The second log of a test is another node on the same store.
"""

import asyncio
import base64
import inspect
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import ClientSession, web
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from tests.relay.serving import serving
from tests.relay.stores import on_every_store, until

from streamfold.errors import CallerError
from streamfold.relay.app import create_app
from streamfold.relay.ending import end
from streamfold.relay.errors import RelayLimitError, SubscriptionError
from streamfold.relay.log import Log
from streamfold.relay.rules import waking
from streamfold.relay.rules.lifecycle import Creation
from streamfold.relay.rules.links import MAX_LINKS
from streamfold.relay.rules.subscription import Terms
from streamfold.relay.rules.waking import wake_id
from streamfold.relay.subscriptions import MAX_SUBSCRIPTIONS, Subscriptions, client_for
from streamfold.relay.webhooks import Webhooks

JSON = Creation("application/json")
LOOPBACK = "http://127.0.0.1:*"
PULL = Terms("pull-wake", pattern="events/*", wake_stream="wake", lease_ttl_ms=1_000)
Answer = Callable[[dict], web.Response | Awaitable[web.Response]]


def hook(url: str) -> Terms:
    return Terms("webhook", pattern="events/*", url=url, lease_ttl_ms=1_000)


def done(_: dict) -> web.Response:
    return web.json_response({"done": True})


class Receiver:
    """Notes what it is sent, and answers as it is told."""

    def __init__(self, answer: Answer) -> None:
        self.answer = answer
        self.signatures: list[tuple[str, bytes]] = []
        self.got: list[dict] = []
        self.url = ""

    async def take(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.signatures.append((request.headers["Webhook-Signature"], body))
        self.got.append(json.loads(body))
        answer = self.answer(self.got[-1])
        return await answer if inspect.isawaitable(answer) else answer


@asynccontextmanager
async def receiving(answer: Answer = done) -> AsyncIterator[Receiver]:
    receiver = Receiver(answer)
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", receiver.take)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=1.0)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    receiver.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield receiver
    finally:
        await runner.cleanup()


@asynccontextmanager
async def node(log: Log) -> AsyncIterator[Subscriptions]:
    """Follow the log and sweep it, as the application does."""

    async def sweep() -> None:
        while True:
            await log.sweep()
            await asyncio.sleep(0.02)

    async with Subscriptions(log, client_for([LOOPBACK])) as subscriptions:
        sweeping = asyncio.create_task(sweep())
        try:
            yield subscriptions
        finally:
            await end(sweeping)


async def acked(subscriptions: Subscriptions, id: str, path: str) -> int:
    state = (await subscriptions.get(id)).subscription
    assert state is not None
    return state.links[path].acked if path in state.links else -1


def is_signed(jwks: dict, header: str, body: bytes) -> bool:
    """Verify as a receiver does, with what the protocol says alone."""
    parts = dict(part.split("=", 1) for part in header.split(","))
    (key,) = [key for key in jwks["keys"] if key["kid"] == parts["kid"]]
    public = Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=="))
    try:
        public.verify(base64.urlsafe_b64decode(parts["ed25519"] + "=="), parts["t"].encode() + b"." + body)
    except InvalidSignature:
        return False
    return True


@on_every_store
async def test_a_webhook_is_signed_and_what_it_tells_is_acked(log: Log) -> None:
    async with receiving() as receiver, node(log) as subscriptions:
        await subscriptions.create("s", hook(receiver.url), "http://relay/v1/stream/")
        await log.create("events/a", JSON)
        await log.append("events/a", [b"1", b"2"])
        await until(lambda: _is(2, acked(subscriptions, "s", "events/a")))
        (told,) = receiver.got[-1]["streams"]
        assert (told["path"], told["has_pending"]) == ("events/a", True)
        jwks = (await subscriptions.keys()).jwks()
        assert all(is_signed(jwks, header, body) for header, body in receiver.signatures)
        header, body = receiver.signatures[0]
        assert not is_signed(jwks, header, body + b" ")


async def _is(expected: int, actual) -> bool:
    return await actual == expected


@on_every_store
async def test_the_events_of_a_generation_call_too(log: Log) -> None:
    async with receiving() as receiver, node(log) as subscriptions:
        await subscriptions.create("s", Terms("webhook", "generations/*", url=receiver.url), "http://relay/")
        stream = (await log.start("generations/g", [b'{"type":"start"}'])).stream
        await log.write("generations/g", 1, stream.tail, [b'{"type":"end"}'], status="done")
        await until(lambda: _is(2, acked(subscriptions, "s", "generations/g")))


def test_a_webhook_that_fails_is_sent_again(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "FIRST_RETRY", 0.05)

    @on_every_store
    async def run(log: Log) -> None:
        answers = iter([web.Response(status=500), web.Response(status=302, headers={"Location": "/elsewhere"})])

        async with receiving(lambda got: next(answers, None) or done(got)) as receiver, node(log) as subscriptions:
            await subscriptions.create("s", hook(receiver.url), "http://relay/")
            await log.create("events/a", Creation("application/json", [b"1"]))
            await until(lambda: _is(1, acked(subscriptions, "s", "events/a")))
            assert len(receiver.got) == 3  # the redirect was not followed
            assert {got["wake_id"] for got in receiver.got} == {receiver.got[0]["wake_id"]}
            state = (await subscriptions.get("s")).subscription
            assert state is not None
            assert state.failures == 0

    run(store_url)


@on_every_store
async def test_another_node_goes_on_where_one_died(log: Log, other: Log) -> None:
    """The first webhook is not answered: its node is gone, its lease runs out, and another node sends the next one."""
    reached = asyncio.Event()

    async def answer(told: dict) -> web.Response:
        if told["generation"] == 1:
            reached.set()
            await asyncio.Event().wait()
        return done(told)

    async with receiving(answer) as receiver:
        async with node(log) as subscriptions:
            await subscriptions.create("s", hook(receiver.url), "http://relay/")
            await log.create("events/a", Creation("application/json", [b"1"]))
            await reached.wait()
        async with node(other) as heir:
            await until(lambda: _is(1, acked(heir, "s", "events/a")))
    assert [told["generation"] for told in receiver.got] == [1, 2]


@on_every_store
async def test_any_node_calls_and_all_have_the_same_keys(log: Log, other: Log) -> None:
    async with receiving() as receiver, node(log) as one, node(other) as two:
        await one.create("s", hook(receiver.url), "http://relay/")
        await other.create("events/b", Creation("application/json", [b"1"]))
        await until(lambda: _is(1, acked(one, "s", "events/b")))
        assert (await one.keys()).jwks() == (await two.keys()).jwks()
        token = (await one.keys()).token("w_1_1")
        (await two.keys()).check(token, "w_1_1")
        with pytest.raises(SubscriptionError, match="token"):
            (await two.keys()).check(token, "w_1_2")


def test_what_nobody_told_is_found(store_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another node writes, and is gone before it tells."""
    monkeypatch.setattr(waking, "SOON", 0.2)

    @on_every_store
    async def run(log: Log, silent: Log) -> None:
        async with receiving() as receiver, node(log) as subscriptions:
            await silent.create("events/old", Creation("application/json", [b"1"]))
            await subscriptions.create("s", hook(receiver.url), "http://relay/")
            await silent.append("events/old", [b"2"])
            await silent.create("events/new", Creation("application/json", [b"1", b"2", b"3"]))
            await until(lambda: _is(2, acked(subscriptions, "s", "events/old")))
            await until(lambda: _is(3, acked(subscriptions, "s", "events/new")))

    run(store_url)


@on_every_store
async def test_workers_claim_on_any_node_and_after_a_restart(log: Log, other: Log) -> None:
    await log.create("wake", JSON)
    async with node(log) as subscriptions:
        await subscriptions.create("s", PULL, "http://relay/")
        await log.create("events/a", Creation("application/json", [b"1"]))
        await until(lambda: _is(1, _tail(log, "wake")))
        wake = wake_id((await subscriptions.claim("s", "one")).stream)
        token = (await subscriptions.keys()).token(wake)
    async with node(other) as subscriptions:
        with pytest.raises(SubscriptionError, match="holds the lease"):
            await subscriptions.claim("s", "two")
        turn = await subscriptions.ack("s", "pull-wake", token, wake, 1, {"events/a": 1}, True)
        assert not turn.subscription.pending
        await subscriptions.remove("s")
        with pytest.raises(SubscriptionError, match="no subscription"):
            await subscriptions.ack("s", "pull-wake", token, wake, 1, {"events/a": 1}, True)


async def _tail(log: Log, path: str) -> int:
    return (await log.head(path)).tail


@on_every_store
async def test_a_claim_finds_what_was_written_before_it(log: Log) -> None:
    await log.create("wake", JSON)
    await log.create("events/a", JSON)
    async with node(log) as subscriptions:
        await subscriptions.create("s", PULL, "http://relay/")
        for number in range(1, 6):
            await log.append("events/a", [b"1"])
            turn = await subscriptions.claim("s", "one")
            wake = wake_id(turn.stream)
            token = (await subscriptions.keys()).token(wake)
            generation = turn.subscription.generation
            await subscriptions.ack("s", "pull-wake", token, wake, generation, {"events/a": number}, True)


@on_every_store
async def test_the_number_of_subscriptions_is_bounded(log: Log) -> None:
    await log.create("wake", JSON)
    async with Subscriptions(log) as subscriptions:
        for number in range(MAX_SUBSCRIPTIONS):
            await subscriptions.create(f"s{number}", PULL, "http://relay/")
        await subscriptions.create("s0", PULL, "http://relay/")
        with pytest.raises(RelayLimitError, match="max_subscriptions"):
            await subscriptions.create("one more", PULL, "http://relay/")
        await subscriptions.remove("s0")
        await subscriptions.create("one more", PULL, "http://relay/")


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1:80/hook",
        "http://worker.example/hook",
        "https://worker.example:444/hook",
        "https://worker.example.evil.example/hook",
        "https://worker.example@10.0.0.1/hook",
        "https://user:password@worker.example/hook",
        "https://10.0.0.1\\@worker.example/hook",
        "ftp://worker.example/hook",
        "//worker.example/hook",
        "https:///hook",
        "https://worker.example:port/hook",
        "http://169.254.169.254/latest",
        "",
    ],
)
def test_webhooks_go_to_listed_origins_alone(url: str) -> None:
    webhooks = Webhooks(["https://worker.example"])
    assert webhooks.check("https://Worker.example/any?thing").host == "worker.example"
    with pytest.raises(SubscriptionError) as caught:
        webhooks.check(url)
    assert caught.value.code == "WEBHOOK_URL_REJECTED"


@pytest.mark.parametrize(
    "origin",
    ["http://worker.example", "https://worker.example/path", "https://u@worker.example", "*", "https://a:x"],
)
def test_what_is_no_origin_cannot_be_listed(origin: str) -> None:
    with pytest.raises(CallerError, match="no origin"):
        Webhooks([origin])
    with pytest.raises(CallerError, match="no origin"):
        client_for([origin])


def test_the_list_is_asked_again_before_each_request() -> None:
    async def main() -> None:
        async with receiving() as receiver:
            webhooks = Webhooks(["https://worker.example"])
            assert await webhooks.send(receiver.url, b"{}", "", 5.0) is None
            await webhooks.close()
            assert receiver.got == []

    asyncio.run(main())


@pytest.mark.parametrize("answer", [b"", b"[]", b'{"done": 1}', b'{"done": true', b'{"done": true}' + b" " * 100_000])
def test_an_answer_that_does_not_say_so_is_not_done(answer: bytes) -> None:
    async def main() -> None:
        async with receiving(lambda got: web.Response(body=answer)) as receiver:
            webhooks = Webhooks([LOOPBACK])
            assert await webhooks.send(receiver.url, b"{}", "", 20.0) is False
            await webhooks.close()

    asyncio.run(main())


def test_over_http(tmp_path) -> None:
    """What the protocol's suite does not ask: what is off, reserved, malformed, or not signed by us."""

    async def main(url: str) -> None:
        async with ClientSession(url) as session:

            async def ask(method: str, path: str, body: object = None, **headers: str) -> tuple[int, dict]:
                async with session.request(method, f"/v1/stream/{path}", json=body, headers=headers) as response:
                    text = await response.text()
                    return response.status, json.loads(text).get("error", {}) if text else {}

            def named(**more: object) -> dict:
                return {"type": "pull-wake", "wake_stream": "wake", **more}

            wanted = {"type": "webhook", "pattern": "*", "webhook": {"url": "https://a.example"}}
            refused = (400, "WEBHOOK_URL_REJECTED")
            assert await _code(ask("PUT", "__ds/subscriptions/s", wanted)) == refused  # off, unless switched on

            await ask("PUT", "wake", [])
            for body in (
                {},
                named(),
                named(pattern="/"),
                named(streams=["__ds/seed"]),
                named(streams=["wake"]),
                named(pattern="*", lease_ttl_ms=999),
                named(streams=["a"] * (MAX_LINKS + 1)),
                {"type": "pull-wake", "pattern": "*", "wake_stream": "__ds/index"},
                {"type": "pull-wake", "pattern": "*", "wake_stream": "nowhere"},
                {"type": "webhook", "pattern": "*"},
            ):
                assert await _code(ask("PUT", "__ds/subscriptions/s", body)) == (400, "INVALID_REQUEST"), body
            assert await _code(ask("GET", "__ds/subscriptions/s")) == (404, "SUBSCRIPTION_NOT_FOUND")

            assert (await ask("PUT", "__ds/subscriptions/s", named(pattern="events/*")))[0] == 201
            for secret in ("__ds/seed", "__ds/index", "__ds/subscriptions/s/x", "__ds"):
                for method in ("GET", "PUT", "POST", "DELETE"):
                    assert (await ask(method, secret, [1]))[0] in (404, 405), (method, secret)
            fork = {"Stream-Forked-From": "/v1/stream/__ds/seed"}
            assert (await ask("PUT", "fork", **fork))[0] == 404

            await ask("PUT", "events/a", [1])
            answer = {"wake_id": "w_1_1", "generation": 1}
            for path in ("ack", "release", "callback"):
                at = f"__ds/subscriptions/s/{path}"
                assert await _code(ask("POST", at, answer)) == (401, "TOKEN_INVALID")
                assert await _code(ask("POST", at, answer, Authorization="Bearer guess")) == (401, "TOKEN_INVALID")

    with serving(str(tmp_path / "streams.db")) as url:
        asyncio.run(main(url))


async def _code(asked) -> tuple[int, str]:
    status, error = await asked
    return status, error.get("code", "")


def test_a_wrong_list_is_told_before_anything_is_served(tmp_path) -> None:
    with pytest.raises(CallerError, match="no origin"):
        create_app(str(tmp_path / "streams.db"), webhooks=["http://worker.example"])
