"""From one reading to the next: which pair of points the rate of a container is taken from.

The acceptance tables of metrics-server's storage hold; what they enshrine as accidents does not
(a pod listed without containers, a zero point as the earlier one).
"""

from array import array
from collections.abc import Mapping
from operator import ge, gt

import msgspec

from adapter.model.usage import MetricsPoint
from adapter.sources.kubelet.batch import Batch, Columns, ContainerKey, Layout
from adapter.sources.kubelet.decode import layout_equal

FRESH_MIN_SECONDS = 10.0
"""A container this old may be rated from its start (metrics-server pkg/storage/pod.go)."""

FRESH_MAX_SECONDS = 60.0
"""Beyond this age the average since the start says too little about now."""

RESTART_TOLERANCE_SECONDS = 1.0
"""Start times that differ by less are the same start, printed differently."""

NONE = 0
"""Timestamp of a point that does not exist."""


class Pairs(msgspec.Struct, gc=False):
    """The last two usable readings of one kubelet's containers; index = slot of *layout*.

    ``prev.timestamp_ms`` (or ``last.timestamp_ms``) of `NONE` means there is no such point, and the
    container cannot be rated.
    """

    layout: Layout
    prev: Columns
    last: Columns


def advance(pairs: Pairs | None, batch: Batch, resolution: float, oldest: float) -> Pairs:
    """Take *batch* in: what was last becomes prev, container by container.

    Args:
        pairs: What is known, or None at first.
        batch: The new reading.
        resolution: Seconds between scrapes; widens the age at which a container counts as fresh.
        oldest: Monotonic seconds; what was not seen since then is not kept.

    A batch that is not complete keeps the pairs of containers it does not mention.
    """
    fresh_max = max(resolution, FRESH_MAX_SECONDS)
    new = batch.columns
    if pairs is not None and batch.complete and batch.layout is pairs.layout:
        last = pairs.last
        if (
            (new.start is last.start or new.start == last.start)
            and all(map(gt, new.timestamp_ms, last.timestamp_ms))
            and all(map(ge, new.cpu, last.cpu))
            and NONE not in last.timestamp_ms
        ):
            return Pairs(pairs.layout, last, new)
    return _advance_each(pairs, batch, fresh_max, oldest)


def advance_node(
    prev: MetricsPoint | None, last: MetricsPoint | None, new: MetricsPoint
) -> tuple[MetricsPoint | None, MetricsPoint]:
    """The node's next pair: the point to rate *new* against, and *new*."""
    if last is None:
        return None, new
    if new.timestamp > last.timestamp:
        return (last if new.cpu_seconds >= last.cpu_seconds else None), new
    if prev and prev.timestamp < new.timestamp and prev.cpu_seconds <= new.cpu_seconds:
        return prev, new
    return None, new


def _advance_each(pairs: Pairs | None, batch: Batch, fresh_max: float, oldest: float) -> Pairs:
    slots: Mapping[ContainerKey, int] = {}
    if pairs is not None:
        slots = {key: slot for slot, key in enumerate(pairs.layout.containers)}
    layout = _merged_layout(pairs, batch, oldest)
    prev, last = _empty(len(layout.containers)), _empty(len(layout.containers))
    reported = {key: slot for slot, key in enumerate(batch.layout.containers)}
    for target, key in enumerate(layout.containers):
        source = reported.get(key)
        known = slots.get(key)
        if source is None:
            if pairs is not None and known is not None:
                _copy(pairs.prev, known, prev, target)
                _copy(pairs.last, known, last, target)
            continue
        _copy(batch.columns, source, last, target)
        if not _take_earlier(pairs, known, last, target, prev):
            _take_start(last, target, prev, fresh_max)
    return Pairs(layout, prev, last)


def _merged_layout(pairs: Pairs | None, batch: Batch, oldest: float) -> Layout:
    """The batch's layout, plus what it leaves out though it may well exist.

    Containers that came with one sample of two are kept always, as withheld ones when they have no
    pair yet: a pod is never served with a part of its containers, an autoscaler would take the sum
    for the whole. Others are kept while their pair may be served, or a kubelet whose answers are
    never complete would leave everything behind that ever ran there.
    """
    kept = [key for key in batch.layout.incomplete if key not in batch.layout.containers]
    if not batch.complete and pairs is not None:
        known = set(batch.layout.containers) | set(kept)
        kept += [
            key
            for key, seen in zip(pairs.layout.containers, pairs.last.seen, strict=True)
            if key not in known and seen >= oldest
        ]
    if not kept:
        return batch.layout
    merged = Layout([*batch.layout.containers, *kept], batch.layout.incomplete)
    if pairs is not None and layout_equal(pairs.layout, merged):
        return pairs.layout
    return merged


def _take_earlier(
    pairs: Pairs | None, known: int | None, last: Columns, slot: int, prev: Columns
) -> bool:
    """Set prev from what was known; False when no known point can be paired with the new one."""
    if pairs is None or known is None or pairs.last.timestamp_ms[known] == NONE:
        return False
    stamp = last.timestamp_ms[slot]
    for candidate in (pairs.last, pairs.prev):
        earlier = candidate.timestamp_ms[known]
        if earlier != NONE and earlier < stamp:
            if _restarted(candidate, known, last, slot):
                return False
            _copy(candidate, known, prev, slot)
            return True
    return False


def _restarted(earlier: Columns, known: int, later: Columns, slot: int) -> bool:
    if later.cpu[slot] < earlier.cpu[known]:
        return True
    was, now = earlier.start[known], later.start[slot]
    return NONE not in (was, now) and abs(now - was) > RESTART_TOLERANCE_SECONDS


def _take_start(last: Columns, slot: int, prev: Columns, fresh_max: float) -> None:
    """Rate a young container from its start, when its counter was zero."""
    start, stamp = last.start[slot], last.timestamp_ms[slot]
    if start != NONE and FRESH_MIN_SECONDS <= stamp / 1000 - start < fresh_max:
        prev.timestamp_ms[slot] = round(start * 1000)
        prev.start[slot] = start
        prev.seen[slot] = last.seen[slot]


def _empty(count: int) -> Columns:
    zeros = bytes(8 * count)
    return Columns(array("q", zeros), *(array("d", zeros) for _ in range(4)))


def _copy(source: Columns, at: int, target: Columns, to: int) -> None:
    target.timestamp_ms[to] = source.timestamp_ms[at]
    target.cpu[to] = source.cpu[at]
    target.memory[to] = source.memory[at]
    target.start[to] = source.start[at]
    target.seen[to] = source.seen[at]
