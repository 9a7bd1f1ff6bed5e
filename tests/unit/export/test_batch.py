"""A batch: records in order, its size, its segment on disk, and its halves."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from otel_telemetry.export.batch import Batch, BatchResult
from otel_telemetry.receipt import Outcome
from tests.support.spools import largest_file, open_segment, records_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from otel_telemetry.spool.spool import Spool

_RECORDS = st.lists(
    st.tuples(st.sampled_from([b"r1", b"r22"]), st.sampled_from([b"s1", b"s22"]), st.binary()),
    max_size=30,
)

Records = list[tuple[bytes, bytes, bytes]]


def batch_of(records: Records) -> Batch:
    """Make a batch in memory."""
    batch = Batch(0.0)
    for record in records:
        batch.append(*record)
    return batch


@given(_RECORDS)
def test_records_are_encoded_in_order_with_resource_and_scope(records: Records) -> None:
    """Each record keeps its own resource and scope."""
    batch = batch_of(records)

    assert list(batch.records()) == records
    assert batch.count == len(records)


@given(_RECORDS)
def test_batch_size_is_an_upper_bound_of_the_request_size(records: Records) -> None:
    """Each append returns by how many bytes the batch grew."""
    batch = Batch(0.0)

    grown = [batch.append(*record) for record in records]

    resources = {resource for resource, _, _ in records}
    expected = sum(len(scope) + len(record) for _, scope, record in records)
    assert batch.size == batch.memory_size == sum(grown) == expected + sum(map(len, resources))


def test_equal_resources_are_stored_once() -> None:
    """Each record brings bytes of its own."""
    batch = batch_of([(bytes([114, 49]), b"s", b"1"), (bytes([114, 49]), b"s", b"2")])

    (first, _, _), (second, _, _) = batch.records()
    assert first is second


@given(_RECORDS)
def test_halves_hold_every_record_in_order(records: Records) -> None:
    """Both halves share one receipt."""
    batch = batch_of(records)

    first, second = batch.split()

    assert [*first.records(), *second.records()] == records
    assert first.count == len(records) // 2
    assert first.result is second.result is batch.result
    assert batch.result.open_parts == 2


def test_append_writes_to_the_segment(make_spool: Callable[..., Spool]) -> None:
    """The write is immediate, and the batch is on disk once it is closed."""
    spool = make_spool()
    writer = open_segment(spool)
    batch = Batch(0.0, writer=writer)

    batch.append(b"r", b"s", b"1")
    before = batch.result.is_on_disk, records_of(spool, writer.path)
    batch.close()
    batch.close()

    assert before == (False, [b"1"])
    assert batch.result.is_on_disk
    assert batch.result.segments == (writer.path,)


def test_batch_on_disk_leaves_memory_and_is_loaded_again(make_spool: Callable[..., Spool]) -> None:
    """It returns the freed memory and keeps its count."""
    spool = make_spool()
    batch = Batch(0.0, writer=open_segment(spool))
    batch.append(b"r", b"s", b"1")
    batch.append(b"r", b"s", b"2")
    batch.close()

    assert batch.spill() == 5
    assert batch.spill() == 0
    assert (batch.is_in_memory, batch.count, batch.size, batch.memory_size) == (False, 2, 5, 0)
    assert list(batch.records()) == []

    batch.load([(b"r", b"s", b"2")])
    assert (batch.is_in_memory, batch.count, batch.size, batch.memory_size) == (True, 1, 3, 3)
    assert list(batch.records()) == [(b"r", b"s", b"2")]


def test_batch_partly_on_disk_stays_in_memory(
    make_spool: Callable[..., Spool], directory: Path
) -> None:
    """The disk was full."""
    batch = Batch(0.0, writer=open_segment(make_spool()))
    with largest_file(8):
        batch.append(b"r", b"s", b"1")
    batch.close()

    assert not batch.result.is_on_disk
    assert batch.spill() == 0
    assert list(batch.records()) == [(b"r", b"s", b"1")]
    assert directory.is_dir()


def test_half_of_a_batch_stays_in_memory() -> None:
    """The segment holds the whole batch, not the half."""
    batch = Batch(0.0, BatchResult(is_on_disk=True))
    batch.append(b"r", b"s", b"1")

    assert batch.spill() == 0
    assert batch.is_in_memory


@given(_RECORDS)
def test_waiting_batch_is_compressed_in_memory(records: Records) -> None:
    """Decompression restores the same bytes."""
    batch = batch_of([*records, *[(b"r", b"s", b"didCreateEntry" * 20)] * 20])
    before = batch.memory_size

    freed = batch.spill()

    assert batch.memory_size == before - freed < before / 4 + sum(len(r[2]) for r in records)
    assert batch.spill() == 0
    assert [*batch.records()][: len(records)] == records
    assert batch.is_in_memory


@pytest.mark.parametrize(
    ("delivered_count", "failed", "outcome"),
    [
        (2, None, Outcome.DELIVERED),
        (0, Outcome.REFUSED, Outcome.REFUSED),
        (0, Outcome.DROPPED, Outcome.DROPPED),
        (1, Outcome.DROPPED, Outcome.PARTIAL),
        (1, Outcome.PARTIAL, Outcome.PARTIAL),
    ],
)
def test_outcome_of_a_batch_combines_its_halves(
    delivered_count: int, failed: Outcome | None, outcome: Outcome
) -> None:
    """It is partial if some records were accepted and some were not."""
    result = BatchResult()
    result.delivered_count = delivered_count
    if failed is not None:
        result.fail(failed, "why")

    assert result.outcome is outcome
    assert result.reason == ("why" if failed else "")
