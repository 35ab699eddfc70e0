"""The rules of subscriptions as pure functions: no store, no clock, no network."""

import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from streamfold.relay.errors import RelayLimitError, SubscriptionError
from streamfold.relay.rules import links, waking
from streamfold.relay.rules.stream import Stream, due
from streamfold.relay.rules.subscription import ROOT, Link, Subscription, Terms, literal_prefix, matches
from streamfold.relay.rules.waking import wake_id

PULL = Terms("pull-wake", pattern="events/*", wake_stream="wake", lease_ttl_ms=10_000)
HOOK = Terms("webhook", pattern="events/*", url="https://worker.example", lease_ttl_ms=10_000)
WAKE = Stream("wake", "application/json", id=7)


def stream(path="events/a", tail=0, id=1, **more):
    return Stream(path, "application/json", id=id, tail=tail, **more)


class Store:
    """One subscription and its wake stream; time stands still unless told."""

    def __init__(self, terms, found=()):
        self.now = 1000.0
        self.wake = WAKE if terms.wake_stream else None
        self.events = []
        self.at = Stream("", "", id=5)
        self.do(waking.create("s", terms, "http://relay/", {one.path: one for one in found}), at=None)
        self.at = replace(self.at, id=5)

    def do(self, rule, **state):
        before = [*([self.wake] if self.wake else []), state.get("at", self.at)]
        change = rule(self.now, tuple(before))
        self.events += map(msgspec.json.decode, change.records)
        self.at = change.streams[-1]
        if self.wake:
            self.wake = change.streams[0]
        return change.result

    @property
    def state(self) -> Subscription:
        return self.at.subscription

    def notice(self, *streams):
        return self.do(waking.notice("s", {one.path: one for one in streams}))

    def claim(self, worker="w"):
        return self.do(waking.claim("s", worker))

    def ack(self, acks=None, done=False, wake=None, generation=None):
        wake, generation = wake or wake_id(self.at), generation or self.state.generation
        return self.do(waking.ack("s", self.state.terms.type, wake, generation, acks or {}, done, {}))


def refused(code):
    return pytest.raises(SubscriptionError, check=lambda error: error.code == code)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("a/*", "a/b", True),
        ("a/*", "a", False),
        ("a/*", "a/b/c", False),
        ("a/**", "a", True),
        ("a/**", "a/b/c", True),
        ("**/c", "c", True),
        ("**/c", "a/b/c", True),
        ("**/c", "a/c/b", False),
        ("a/**/c/*", "a/c/c/d", True),
        ("a/b*", "a/bc", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern, path, expected):
    assert matches(pattern, path) is expected


segments = st.lists(st.sampled_from(["a", "b", "*", "**"]), min_size=1, max_size=6).map("/".join)
names = st.lists(st.sampled_from(["a", "b"]), min_size=1, max_size=6).map("/".join)


@given(segments, names)
def test_patterns_as_a_regular_expression_has_them(pattern, path):
    each = {"*": "[^/]+/", "**": "(?:[^/]+/)*"}
    expression = "".join(each.get(segment, segment + "/") for segment in pattern.split("/"))
    assert matches(pattern, path) == bool(re.fullmatch(expression, path + "/"))
    if matches(pattern, path):
        assert path.startswith(literal_prefix(pattern))


def test_a_pattern_of_many_wildcards_takes_no_time():
    """With each ``**`` tried everywhere, this would outlast the universe."""
    assert not matches("**/a/" * 100 + "b", "a/" * 1000 + "c")


def test_what_was_there_before_is_not_told():
    store = Store(HOOK, [stream(tail=5), stream("other", tail=9, id=2)])
    assert store.state.links == {"events/a": Link(1, 5, 5, matched=True)}
    assert not store.state.awake


def test_the_same_terms_again_change_nothing_and_others_are_refused():
    store = Store(HOOK)
    before = store.at
    assert not store.do(waking.create("s", HOOK, "http://else/", {})).new
    assert store.at == before
    with refused("SUBSCRIPTION_ALREADY_EXISTS"):
        store.do(waking.create("s", replace(HOOK, lease_ttl_ms=20_000), "http://relay/", {}))


@pytest.mark.parametrize("wake", [None, replace(WAKE, closed=True), replace(WAKE, content_type="text/plain")])
def test_workers_are_called_in_an_open_stream_of_json(wake):
    with refused("INVALID_REQUEST"):
        waking.create("s", PULL, "", {})(0.0, (wake, None))


def test_news_wake_once():
    store = Store(HOOK)
    assert store.notice(stream(tail=1)).issued
    assert not store.notice(stream(tail=2)).issued
    assert (store.state.generation, store.state.lease) == (1, store.now + 10)
    assert store.notice(stream("nobody/follows", tail=2)).subscription == store.state


def test_a_subscription_does_not_follow_what_it_writes_nor_what_is_reserved():
    store = Store(replace(PULL, pattern="**"))
    store.notice(replace(WAKE, tail=3), stream("__ds/seed", tail=1))
    assert store.state.links == {}


def test_workers_are_called_once_for_each_generation():
    store = Store(PULL)
    assert store.notice(stream(tail=1)).called
    assert not store.notice(stream(tail=2)).called
    expected = {"type": "wake", "subscription_id": "s", "stream": "events/a", "generation": 1, "ts": 1_000_000}
    assert store.events == [expected]
    assert store.wake.tail == 1


def test_without_its_wake_stream_a_subscription_can_still_be_claimed():
    store = Store(PULL)
    rule = waking.notice("s", {"events/a": stream(tail=1)})
    change = rule(store.now, (None, store.at))
    assert (change.records, change.result.called, change.result.subscription.awake) == ((), False, True)


def test_one_worker_at_a_time():
    store = Store(PULL)
    with refused("NO_PENDING_WORK"):
        store.claim()
    store.notice(stream(tail=1))
    store.claim("one")
    with refused("ALREADY_CLAIMED"):
        store.claim("two")
    store.now += 10
    assert store.claim("two").subscription.generation == 2


def test_what_comes_while_a_worker_works_wakes_when_it_is_done():
    store = Store(PULL)
    store.notice(stream(tail=1))
    store.claim()
    store.notice(stream(tail=2))
    assert len(store.events) == 1
    assert store.ack({"events/a": 1}, done=True).subscription.awake
    assert [event["generation"] for event in store.events] == [1, 2]
    store.claim()
    assert not store.ack({"events/a": 2}, done=True).subscription.awake


def test_a_release_wakes_another():
    store = Store(PULL)
    store.notice(stream(tail=1))
    store.claim()
    store.do(waking.release("s", wake_id(store.at), 1))
    assert (store.state.generation, store.state.holder, len(store.events)) == (2, None, 2)


def test_a_sign_of_life_extends_the_lease():
    store = Store(PULL)
    store.notice(stream(tail=1))
    store.claim()
    for _ in range(3):
        store.now += 9
        store.ack()
    store.now += 10
    with refused("FENCED"):
        store.ack()


@pytest.mark.parametrize("claimed", [True, False])
def test_stale_workers_are_fenced(claimed):
    store = Store(PULL)
    store.notice(stream(tail=1))
    if claimed:
        store.claim()
        with refused("FENCED"):
            store.ack(wake="w_5_2")
        with refused("FENCED"):
            store.ack(generation=2)
    else:
        with refused("FENCED"):
            store.ack()
    with refused("FENCED"):
        store.do(waking.release("s", wake_id(store.at), 9))
    assert store.state.links["events/a"].acked == 0


def test_each_type_has_its_own_way_to_ack():
    store = Store(HOOK)
    store.notice(stream(tail=1))
    with refused("INVALID_REQUEST"):
        store.claim()
    with refused("INVALID_REQUEST"):
        store.do(waking.ack("s", "pull-wake", wake_id(store.at), 1, {}, True, {}))


def test_an_ack_neither_goes_beyond_the_end_nor_back():
    store = Store(PULL)
    store.notice(stream(tail=3))
    store.claim()
    with refused("INVALID_OFFSET"):
        store.ack({"events/a": 4})
    with refused("INVALID_OFFSET"):
        store.ack({"events/unknown": 1})
    store.ack({"events/a": 3})
    store.ack({"events/a": 1})
    assert store.state.links["events/a"].acked == 3


def test_retries_wait_longer_and_longer_and_end():
    store = Store(HOOK)
    store.notice(stream(tail=1))
    waits = []
    for _ in range(waking.MAX_ATTEMPTS - 1):
        store.do(waking.failed("s", store.at, 0.0))
        waits.append(due(store.at) - store.now)
        store.now = due(store.at) - 0.001
        assert not store.do(waking.look("s")).issued
        store.now += 0.001
        assert store.do(waking.look("s")).issued
        store.do(replace_check(store.now))
    assert waits[:7] == pytest.approx([1, 2, 4, 8, 16, 32, 60])
    assert set(map(round, waits[6:])) == {60}
    assert store.state.generation == 1
    store.do(waking.failed("s", store.at, 0.0))
    assert (store.state.awake, store.state.resting, store.state.pending) == (False, True, True)
    assert not store.notice(stream(tail=1)).issued
    assert store.notice(stream(tail=2)).issued


def replace_check(now):
    """Let no check be due before the retries, which are what is looked at here."""

    def rule(_, streams):
        at = streams[-1]
        at = replace(at, subscription=replace(at.subscription, check=now + 1000))
        return waking.Change((at,), None)

    return rule


def test_what_is_as_it_was_lets_nothing_rest():
    store = Store(HOOK)
    store.notice(stream(tail=1), stream("events/b", tail=1, id=2))
    store.ack({"events/a": 1, "events/b": 1}, done=True)
    assert store.notice(stream(tail=2), stream("events/b", tail=1, id=2)).issued


@pytest.mark.parametrize(("chance", "expected"), [(-1.0, 0.8), (1.0, 1.2)])
def test_retries_vary(chance, expected):
    store = Store(HOOK)
    store.notice(stream(tail=1))
    store.do(waking.failed("s", store.at, chance))
    assert store.state.next_attempt - store.now == pytest.approx(expected)


def test_done_acks_what_was_told_and_no_more():
    store = Store(HOOK)
    sent = store.notice(stream(tail=1)).stream
    store.notice(stream(tail=3))
    turn = store.do(waking.delivered("s", sent, True))
    assert (turn.issued, store.state.generation, store.state.links["events/a"].acked) == (True, 2, 1)


def test_the_answer_to_an_old_webhook_changes_nothing():
    store = Store(HOOK)
    sent = store.notice(stream(tail=1)).stream
    store.ack({"events/a": 1}, done=True)
    store.notice(stream(tail=2))
    before = store.at
    store.do(waking.delivered("s", sent, True))
    store.do(waking.failed("s", sent, 0.0))
    assert store.at == before


def test_a_worker_that_is_silent_is_woken_again():
    store = Store(HOOK)
    sent = store.notice(stream(tail=1)).stream
    store.do(waking.delivered("s", sent, False))
    store.now += 10
    turn = store.do(waking.look("s"))
    assert (turn.issued, turn.subscription.generation) == (True, 2)


def test_a_stream_that_is_gone_is_followed_no_longer_and_another_at_its_path_anew():
    store = Store(PULL, [stream(tail=5)])
    store.do(waking.link("s", {"named": None}))
    store.do(waking.notice("s", {"events/a": None, "named": None}))
    assert store.state.links == {"named": Link(explicit=True)}
    store.notice(stream(tail=2, id=8))
    assert store.state.links["events/a"] == Link(8, 0, 2, matched=True)


def test_a_stream_that_is_named_and_matches_goes_when_neither_holds():
    store = Store(PULL, [stream(tail=5)])
    store.do(waking.link("s", {"events/a": stream(tail=6)}))
    assert store.state.links["events/a"] == Link(1, 5, 5, explicit=True, matched=True)
    store.do(waking.unlink("s", "events/a"))
    assert store.state.links["events/a"] == Link(1, 5, 5, matched=True)
    store.do(waking.link("s", {"other": stream("other", tail=6, id=2)}))
    store.do(waking.unlink("s", "other"))
    assert list(store.state.links) == ["events/a"]


def test_the_number_of_streams_is_bounded(monkeypatch):
    monkeypatch.setattr(links, "MAX_LINKS", 2)
    many = [stream(f"events/{number}", tail=1, id=number) for number in range(1, 4)]
    with pytest.raises(RelayLimitError):
        Store(PULL, many)
    store = Store(PULL, many[:2])
    with pytest.raises(RelayLimitError):
        store.do(waking.link("s", {"other": None}))
    store.notice(many[2])
    assert store.state.full
    assert len(store.state.links) == 2


def test_a_subscription_that_was_replaced_meanwhile_is_not_found():
    store = Store(PULL)
    with refused("SUBSCRIPTION_NOT_FOUND"):
        waking.look("s")(0.0, (store.at,))
    with refused("SUBSCRIPTION_NOT_FOUND"):
        waking.look("s")(0.0, (replace(WAKE, path="another"), store.at))
    with refused("SUBSCRIPTION_NOT_FOUND"):
        waking.look("s")(0.0, (WAKE, None))


def test_registration_counts_and_keeps_nothing():
    rule = waking.registered(waking.create("s", HOOK, "", {}))
    index = None
    for count in (1, 2):
        made, index = rule(0.0, (None, index)).streams
        assert made.path == ROOT + "s"
        assert (index.tail, index.first) == (count, count)


actions = st.lists(
    st.one_of(
        st.tuples(st.just("grow"), st.sampled_from("ab"), st.integers(1, 3)),
        st.tuples(st.just("claim"), st.sampled_from(["one", "two"])),
        st.tuples(st.just("ack"), st.sampled_from("ab"), st.integers(0, 12), st.booleans()),
        st.tuples(st.just("release")),
        st.tuples(st.just("wait"), st.sampled_from([1.0, 11.0])),
    ),
    max_size=30,
)


@given(actions)
def test_whatever_happens_nothing_is_lost_and_nothing_goes_back(steps):
    """What is pending is under way after every step; acks and generations only grow; one call for each generation."""
    store, tails = Store(PULL), {"a": 0, "b": 0}
    for kind, *args in steps:
        before = store.state
        try:
            if kind == "grow":
                tails[args[0]] += args[1]
                store.notice(stream(f"events/{args[0]}", tail=tails[args[0]], id=ord(args[0])))
            elif kind == "claim":
                store.claim(args[0])
            elif kind == "ack":
                store.ack({f"events/{args[0]}": args[1]}, done=args[2])
            elif kind == "release":
                store.do(waking.release("s", wake_id(store.at), store.state.generation))
            else:
                store.now += args[0]
                store.do(waking.look("s"))
        except SubscriptionError:
            assert store.state == before
        after = store.state
        assert after.awake or not after.pending
        assert after.generation == len(store.events) == store.wake.tail
        for path, link in after.links.items():
            assert link.acked <= link.tail == tails[path[-1]]
            assert path not in before.links or before.links[path].acked <= link.acked
        assert after.holder is None or after.lease is not None
