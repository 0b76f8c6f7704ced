"""The simulator as an aiohttp application, and the function that serves it."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import time
from collections.abc import AsyncIterator, Callable

from aiohttp import web

from huntaze.simulator import control, endpoints
from huntaze.simulator.call import SIMULATOR, Simulator
from huntaze.simulator.cast import Cast
from huntaze.simulator.clock import Clock
from huntaze.simulator.options import FIRST_MOMENT, Options
from huntaze.simulator.webhooks import Webhooks
from huntaze.simulator.world import World

TICK = 0.25
"""Seconds between two looks at a running clock."""
LARGEST_BODY = 2**20
"""Bytes of a call; uploads are read in pieces and have a limit of their own."""


def create_app(options: Options) -> web.Application:
    """A simulator that nobody has called yet; all its state is in memory and ends with it."""
    clock = Clock(time.time() if options.live else FIRST_MOMENT, live=options.live)
    world = World(options, clock)
    simulator = Simulator(options, clock, world, Webhooks(options.seed), latency=options.latency)
    if options.webhook:
        simulator.webhooks.subscribe(options.webhook, options.webhook_secret or None, None, None)
    app = web.Application(client_max_size=LARGEST_BODY)
    app[SIMULATOR] = simulator
    app[control.CAST] = Cast(simulator)
    app.add_routes([*endpoints.ROUTES, *control.ROUTES])
    app.cleanup_ctx.append(_background)
    return app


def serve(options: Options, host: str, port: int, ready: Callable[[str], None] = lambda _: None) -> None:
    """Serve until SIGINT or SIGTERM. ready: is told the address. Raises OSError if the port can't be had."""
    asyncio.run(_serve(options, host, port, ready))


async def _serve(options: Options, host: str, port: int, ready: Callable[[str], None]) -> None:
    app = create_app(options)
    first = app[SIMULATOR].world.account(app[SIMULATOR].world.ids()[0])  # so that the first call does not wait for it
    if options.since and first:
        hooks, app[SIMULATOR].webhooks.hooks = app[SIMULATOR].webhooks.hooks, []  # what is past was told then
        app[control.CAST].actor(first)
        app[SIMULATOR].webhooks.hooks = hooks
    gc.freeze()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port, backlog=2_048)
        await site.start()
        stopped = asyncio.Event()
        for each in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(each, stopped.set)
        bound = runner.addresses[0]
        ready(f"http://{bound[0]}:{bound[1]}")
        await stopped.wait()
    finally:
        await runner.cleanup()


async def _background(app: web.Application) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(app[SIMULATOR].webhooks.run())]
    if app[SIMULATOR].clock.live and app[SIMULATOR].options.activity:
        tasks.append(asyncio.create_task(_let_time_pass(app[control.CAST])))
    yield
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _let_time_pass(cast: Cast) -> None:
    while True:
        await asyncio.sleep(TICK)
        cast.advance()
