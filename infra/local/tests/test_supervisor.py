"""What dies comes back; what is stopped stays away."""

import asyncio
from pathlib import Path

import pytest

from local_stack.supervisor import LoopThread, SupervisedPart, Supervisor


class Lamp:
    """A part that runs while it is lit."""

    name = "lamp"
    log_path = Path("lamp.log")
    port = None

    def __init__(self) -> None:
        self.lives = 0
        self.broken = False
        self._lit = False

    @property
    def pid(self) -> int | None:
        return self.lives if self._lit else None

    @property
    def is_running(self) -> bool:
        return self._lit

    async def start(self) -> None:
        self.lives += 1
        if self.broken:
            raise RuntimeError("no current")
        self._lit = True

    async def stop(self) -> None:
        self._lit = False

    async def kill(self) -> None:
        self._lit = False


async def _until(lives: int, lamp: Lamp) -> None:
    async with asyncio.timeout(5):
        while lamp.lives < lives:  # noqa: ASYNC110 -- the lamp is watched from outside, as the supervisor does
            await asyncio.sleep(0.01)


async def test_what_dies_is_started_again_and_counted() -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append, lambda: None)
    lamp = Lamp()
    await supervisor.keep(lamp)
    await supervisor.kill("lamp")
    await _until(2, lamp)
    assert supervisor.restarts("lamp") == 1
    assert said == ["lamp ended; starting it again in 0.1 s"]
    await supervisor.close()


async def test_what_does_not_start_is_tried_again_later_each_time() -> None:
    said: list[str] = []
    supervisor = Supervisor(said.append, lambda: None)
    lamp = Lamp()
    await supervisor.keep(lamp)
    lamp.broken = True
    await supervisor.kill("lamp")
    await _until(3, lamp)
    lamp.broken = False
    await _until(4, lamp)
    assert "lamp did not start: no current" in said
    assert [line for line in said if "again" in line] == [
        f"lamp ended; starting it again in {seconds} s" for seconds in ("0.1", "0.5", "1")
    ]
    await supervisor.close()


async def test_what_is_stopped_stays_away_until_it_is_started() -> None:
    thread = LoopThread()
    supervisor = Supervisor(lambda _: None, lambda: None)
    lamp = Lamp()
    await thread.run(supervisor.keep(lamp))
    hand = SupervisedPart(supervisor, thread, lamp)
    await hand.stop()
    await asyncio.sleep(0.5)
    assert lamp.lives == 1
    assert hand.pid is None
    await hand.start()
    assert hand.is_running
    await hand.kill(comes_back=False)
    await asyncio.sleep(0.5)
    assert lamp.lives == 2
    with pytest.raises(KeyError, match="there is no candle here; there are lamp"):
        await thread.run(supervisor.stop("candle"))
    await thread.run(supervisor.close())
    await thread.close()
