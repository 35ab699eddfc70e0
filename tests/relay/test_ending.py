"""Tasks are ended, even those that lose a cancellation."""

import asyncio

import pytest

from streamfold.relay import ending


@pytest.mark.parametrize("deaf", [0, 1, 3])
def test_a_task_is_over_however_often_it_loses_a_cancellation(deaf: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ending, "AGAIN", 0.01)

    async def go_on() -> None:
        for _ in range(deaf):
            try:
                await asyncio.sleep(3600)
            except asyncio.CancelledError:
                continue
        await asyncio.sleep(3600)

    async def fail() -> None:
        raise ValueError

    async def main() -> None:
        tasks = asyncio.create_task(go_on()), asyncio.create_task(fail())
        await asyncio.sleep(0)
        await ending.end(*tasks)
        assert all(task.done() for task in tasks)
        await ending.end()

    asyncio.run(asyncio.wait_for(main(), 30))
