"""What every store must do; one suite for all of them. The second log of a test is another node on the same store."""

import asyncio
import subprocess
import sys
import time

import pytest
from msgspec.structs import replace
from tests.relay.stores import on_every_store, until

from streamfold.relay.errors import StoreError, StreamClosedError
from streamfold.relay.log import Log
from streamfold.relay.rules.appending import append
from streamfold.relay.rules.lifecycle import Creation, create, reap, remove
from streamfold.relay.rules.stream import Change, Page, trim
from streamfold.relay.stores import open_store

JSON = Creation("application/json")


async def filled(log: Log, path: str, count: int) -> None:
    await log.store.transact([path], create(path, JSON))
    for number in range(1, count + 1):
        await log.store.transact([path], append(path, [b"%d" % number]))


@on_every_store
async def test_a_free_path_has_no_stream(log: Log) -> None:
    assert await log.store.read("nobody", 0, 100) is None


@on_every_store
async def test_what_was_appended_is_read(log: Log) -> None:
    await filled(log, "a", 3)
    page = await log.store.read("a", 0, 100)
    assert page is not None
    assert (page.after, page.records, page.stream.tail) == (0, [b"1", b"2", b"3"], 3)


@on_every_store
async def test_every_start_and_every_limit(log: Log) -> None:
    """Whatever the position and the limit, a read goes on where it was told to, and gives at least one record."""
    await log.store.transact(["a"], create("a", JSON))
    records = [b"%d" % number * (number % 5 + 1) for number in range(20)]
    for start, end in ((0, 1), (1, 8), (8, 9), (9, 20)):
        await log.store.transact(["a"], append("a", records[start:end]))
    for after in range(21):
        for limit in (1, 7, 30, 10_000):
            page = await log.store.read("a", after, limit)
            assert page is not None
            assert list(page.records) == records[after : after + len(page.records)]
            assert bool(page.records) == (after < 20)
            assert sum(map(len, page.records)) <= limit or len(page.records) == 1
            if limit == 10_000:
                assert page.next == 20


@on_every_store
async def test_a_limit_of_nothing_gives_the_state(log: Log) -> None:
    await filled(log, "a", 2)
    page = await log.store.read("a", 0, 0)
    assert page is not None
    assert (page.records, page.stream.tail) == ([], 2)


@on_every_store
async def test_a_rule_that_raises_changes_nothing(log: Log) -> None:
    await filled(log, "a", 1)
    await log.store.transact(["a"], append("a", [], close=True))
    before = await log.store.read("a", 0, 100)
    with pytest.raises(StreamClosedError):
        await log.store.transact(["a"], append("a", [b"2"]))
    assert await log.store.read("a", 0, 100) == before


@on_every_store
async def test_any_error_of_a_rule_is_the_callers_and_harms_no_one_else(log: Log) -> None:
    def broken(now: float, streams: object) -> Change[None]:
        raise ZeroDivisionError

    await filled(log, "a", 0)
    jobs = [log.store.transact(["a"], append("a", [b"%d" % number])) for number in range(10)]
    failing = [log.store.transact(["a"], broken) for _ in range(10)]
    results = await asyncio.gather(*jobs, *failing, return_exceptions=True)
    assert [type(result) for result in results[10:]] == [ZeroDivisionError] * 10
    page = await log.store.read("a", 0, 100)
    assert page is not None
    assert sorted(page.records) == [b"%d" % number for number in range(10)]


@on_every_store
async def test_ids_are_never_used_again(log: Log) -> None:
    seen = []
    for _ in range(3):
        await filled(log, "a", 1)
        page = await log.store.read("a", 0, 0)
        assert page is not None
        seen.append(page.stream.id)
        await log.store.transact(["a"], remove("a", None))
        assert await log.store.read("a", 0, 100) is None
    assert sorted(set(seen)) == seen
    assert seen[0] > 0


@on_every_store
async def test_a_stream_made_anew_has_none_of_the_old_records(log: Log) -> None:
    await filled(log, "a", 5)
    await log.store.transact(["a"], remove("a", None))
    await filled(log, "a", 2)
    page = await log.store.read("a", 0, 100)
    assert page is not None
    assert page.records == [b"1", b"2"]


@on_every_store
async def test_trimmed_records_are_gone_and_the_rest_keeps_its_numbers(log: Log) -> None:
    await filled(log, "a", 10)
    await log.store.transact(["a"], trim("a", 4))
    page = await log.store.read("a", 4, 100)
    assert page is not None
    assert (page.stream.first, page.stream.tail) == (4, 10)
    assert page.records == [b"%d" % number for number in range(5, 11)]


@on_every_store
async def test_a_transaction_changes_several_streams_or_none(log: Log) -> None:
    """Money moves between two accounts in both directions at once; none is lost or made."""
    await filled(log, "a", 0)
    await filled(log, "b", 0)

    def move(source: str, target: str) -> object:
        def rule(now: float, streams: tuple) -> Change[None]:
            one, other = streams
            return Change((replace(one, forks=one.forks - 1), replace(other, forks=other.forks + 1)), None)

        return log.store.transact([source, target], rule)

    await asyncio.gather(*[move(*pair) for pair in [("a", "b"), ("b", "a"), ("b", "a")] * 20])
    a, b = await log.store.read("a", 0, 0), await log.store.read("b", 0, 0)
    assert a is not None
    assert b is not None
    assert (a.stream.forks, b.stream.forks) == (20, -20)


@on_every_store
async def test_two_nodes_append_at_once_and_nothing_is_lost(one: Log, other: Log) -> None:
    await filled(one, "a", 0)
    jobs = [
        log.store.transact(["a"], append("a", [b'"%s%d"' % (name, number)]))
        for number in range(50)
        for name, log in ((b"x", one), (b"y", other))
    ]
    await asyncio.gather(*jobs)
    page = await one.store.read("a", 0, 10_000)
    assert page is not None
    assert page.stream.tail == len(page.records) == len(set(page.records)) == 100
    for name in (b"x", b"y"):
        assert [r for r in page.records if r[1:2] == name] == [b'"%s%d"' % (name, n) for n in range(50)]


@on_every_store
async def test_what_one_node_wrote_the_other_decides_by(one: Log, other: Log) -> None:
    """Neither a refusal nor a repetition is decided by what a node merely remembers."""
    await filled(one, "a", 1)
    await other.store.transact(["a"], append("a", [b"2"]))
    await one.store.transact(["a"], append("a", [], close=True))
    with pytest.raises(StreamClosedError):
        await other.store.transact(["a"], append("a", [b"3"]))
    await one.store.transact(["a"], remove("a", None))
    await filled(one, "a", 1)
    done = await other.store.transact(["a"], append("a", [b"2"]))
    assert done.stream.tail == 2


@on_every_store
async def test_watchers_are_told_on_every_node(one: Log, other: Log) -> None:
    told: dict[str, list[Page | None]] = {"one": [], "other": []}
    unwatch = [await log.store.watch("a", told[name].append) for name, log in (("one", one), ("other", other))]
    await filled(one, "a", 1)

    async def both_heard() -> bool:
        return bool(told["one"] and told["other"])

    await until(both_heard)
    for page in (*told["one"], *told["other"]):
        assert page is None or page.stream.path == "a"
        assert page is None or list(page.records) in ([], [b"1"])
    for end in unwatch:
        end()


@on_every_store
async def test_nobody_is_told_after_the_end(log: Log) -> None:
    told: list[Page | None] = []
    (await log.store.watch("a", told.append))()
    heard = asyncio.Event()
    unwatch = await log.store.watch("a", lambda page: heard.set())
    await filled(log, "a", 1)
    await heard.wait()
    unwatch()
    assert told == []


@on_every_store
async def test_what_is_due_is_found_and_reaped(log: Log) -> None:
    await log.store.transact(["soon"], create("soon", replace(JSON, expires_at=log.store.now() - 1)))
    await log.store.transact(["late"], create("late", replace(JSON, expires_at=log.store.now() + 1000)))
    await log.store.transact(["never"], create("never", JSON))
    assert await log.store.due(10) == ["soon"]
    await log.store.transact(["soon"], reap("soon", None))
    assert await log.store.due(10) == []
    assert await log.store.read("soon", 0, 0) is None
    assert await log.store.read("late", 0, 0) is not None


def test_it_is_there_after_closing(store_url: str) -> None:
    async def main() -> None:
        store = await open_store(store_url)
        await filled(Log(store), "a", 3)
        await store.close()
        store = await open_store(store_url)
        page = await store.read("a", 0, 100)
        assert page is not None
        assert page.records == [b"1", b"2", b"3"]
        await store.close()

    asyncio.run(main())


@pytest.mark.parametrize("url", ["/nowhere/at/all.db", __file__, "redis://127.0.0.1:1/0"])
def test_what_cannot_be_opened_is_an_error_of_ours(url: str) -> None:
    with pytest.raises(StoreError):
        asyncio.run(open_store(url))


def test_a_closed_store_says_so(tmp_path) -> None:
    async def main() -> None:
        store = await open_store(str(tmp_path / "streams.db"))
        await store.close()
        with pytest.raises(StoreError):
            await store.read("a", 0, 0)
        with pytest.raises(StoreError):
            await store.transact(["a"], create("a", JSON))

    asyncio.run(main())


def test_processes_may_make_the_same_file_at_once(tmp_path) -> None:
    """As the workers of one server do, each when it begins."""
    program = """
import asyncio, sys, time
from streamfold.relay.stores import open_store
async def main():
    for number in range(5):
        time.sleep(max(0, float(sys.argv[2]) + number * 0.1 - time.time()))
        await (await open_store(f"{sys.argv[1]}/{number}.db")).close()
asyncio.run(main())
"""
    begin = str(time.time() + 2)
    processes = [subprocess.Popen([sys.executable, "-c", program, tmp_path, begin]) for _ in range(4)]
    assert [process.wait(50) for process in processes] == [0] * 4


@on_every_store
async def test_streams_are_listed_by_what_their_paths_begin_with(log: Log) -> None:
    paths = ["a", "b", "b/1", "b/2", "b/ü", "b/\U0001f600", "c", "ü"]
    for path in reversed(paths):
        await filled(log, path, 1)
    await log.remove("b/2")
    await filled(log, "b/1", 0)
    for prefix in ("", "b", "b/", "b/1", "z", "ü"):
        expected = [path for path in paths if path.startswith(prefix) and path != "b/2"]
        listed: list[str] = []
        while page := await log.store.streams(prefix, listed[-1] if listed else "", 2):
            assert len(page) <= 2
            listed += [stream.path for stream in page]
        assert listed == expected
    (only,) = await log.store.streams("a", "", 10)
    assert only.tail == 1
