"""The process: everything built from the flags, run until a signal."""

import asyncio
import contextlib
import gc
import logging
import os
import signal
from collections.abc import AsyncIterator, Iterable

from adapter.bootstrap.identity import Identity
from adapter.bootstrap.operations import recorded
from adapter.bootstrap.parts import Loop, Parts
from adapter.bootstrap.query_metrics import QueryMetrics
from adapter.bootstrap.resource_metrics import ResourceMetrics
from adapter.bootstrap.serving import Serving
from adapter.periodic import Clock, SystemClock
from adapter.server.app import RunningServer, build_app, start
from adapter.server.authn import leave_unasked
from adapter.server.probes import Checks
from adapter.settings import Settings

log = logging.getLogger(__name__)

_SIGNALS = (signal.SIGTERM, signal.SIGINT)


async def serve(settings: Settings) -> None:
    """Run the service until SIGTERM or SIGINT; a second one ends the process at once.

    Raises:
        ConfigError: Flags, rule file or credentials are wrong.
        OSError: The port cannot be taken.
    """
    stop = asyncio.Event()
    _heed_signals(stop)
    warm = 2 * settings.metric_resolution
    async with running(settings) as server, _looping([lambda: without_collections(warm)]):
        log.info("serving on https://%s:%d", settings.bind_address, server.port)
        await stop.wait()
        log.info("stopping")
        server.begin_shutdown()
        await asyncio.sleep(settings.shutdown_delay_duration)
    log.info("stopped")


def _heed_signals(stop: asyncio.Event) -> None:
    """Set *stop* at the first signal, exit at the second (apiserver ``pkg/server/signal.go``)."""

    def heed() -> None:
        if stop.is_set():  # both came while the loop was busy
            os._exit(1)
        stop.set()
        for number in _SIGNALS:
            # no longer by way of the loop, which may be what does not end
            signal.signal(number, lambda *_: os._exit(1))

    for number in _SIGNALS:
        asyncio.get_running_loop().add_signal_handler(number, heed)


async def without_collections(seconds: float) -> None:
    """Keep the garbage collector from the objects a service makes in its first *seconds*.

    They live as long as the process, and to look through them stops the loop: 0.1 s each time with
    500 kubelets, three times while they connect. Afterwards they are out of its sight.
    """
    gc.disable()
    try:
        await asyncio.sleep(seconds)
    finally:
        gc.freeze()
        gc.enable()


@contextlib.asynccontextmanager
async def running(settings: Settings, clock: Clock | None = None) -> AsyncIterator[RunningServer]:
    """Build everything and keep it running while the block runs.

    Raises:
        ConfigError: Flags, rule file or credentials are wrong.
        OSError: The port cannot be taken.
    """
    async with contextlib.AsyncExitStack() as stack:
        parts = await Parts.build(settings, clock or SystemClock(), stack)
        resource_metrics = ResourceMetrics(parts)
        query_metrics = QueryMetrics(parts)
        # in the order of prometheus-adapter's discovery
        groups = [*query_metrics.groups(), *resource_metrics.groups()]
        serving = Serving(parts, groups)
        identity = await Identity.build(parts)
        checked = (resource_metrics, parts, query_metrics, serving, identity)
        app = build_app(
            groups=groups,
            checks=Checks([check for each in checked for check in each.checks()]),
            telemetry=parts.telemetry,
            clock=parts.clock,
            request_seconds=settings.request_timeout,
            max_in_flight=settings.max_requests_inflight,
            identity=identity.middlewares(),
            recording=recorded(parts),
        )
        tls = await serving.prepare()
        await identity.prepare(tls.set_client_cas)
        app.on_response_prepare.append(leave_unasked)
        server = await start(
            app,
            host=settings.bind_address,
            port=settings.secure_port,
            tls=tls,
            limits=serving.limits,
        )
        stack.push_async_callback(server.close)
        await stack.enter_async_context(_looping(parts.loops))
        yield server


@contextlib.asynccontextmanager
async def _looping(loops: Iterable[Loop]) -> AsyncIterator[None]:
    """Run *loops* while the block runs; one that fails ends the block, and with it the process."""
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(loop()) for loop in loops]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
