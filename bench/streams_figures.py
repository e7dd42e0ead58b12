"""The figures of `bench.streams`, F1 to F8: ratios of what the rounds found, and what each is held to."""

import statistics
from collections.abc import Iterator, Sequence

from bench.ground import Figure
from bench.streams_round import Sums


def figures(rounds: Sequence[Sums], clients: Sequence[int]) -> Iterator[Figure]:
    """Return the ratios."""
    few, many = clients[0], clients[-1]

    def ratios(way: str, other: str, count: int) -> list[float]:
        return [
            statistics.median(one.ms[way, count]) / statistics.median(one.ms[other, count]) for one in rounds
        ]

    for way in ("product, shared", "product, own number"):
        yield Figure(f"F1 {way}, {few:,} streams / limit", ratios(way, "limit", few), 2.5, at_most=True)
    for way in ("product, shared", "product, own number"):
        yield Figure(f"F2 {way}, {few:,} streams / nchan", ratios(way, "nchan", few), 2.0, at_most=True)
    for way in ("product, shared", "product, own number"):
        yield Figure(
            f"F3 {way}, {few:,} streams / django-eventstream",
            ratios(way, "eventstream", few),
            0.55,
            at_most=True,
        )
    worst = [worst_to_median(one, "product, shared", many) for one in rounds]
    yield Figure(f"F4 worst message / the median, {many:,} streams", worst, 2, at_most=True)
    yield Figure(
        "F5 deliveries lost, and streams ended", [float(one.lost) for one in rounds], 0, at_most=True
    )
    yield Figure(
        f"F5 seconds from a kill until all {many:,} are back",
        [one.back_after for one in rounds],
        15,
        at_most=True,
    )
    yield Figure(
        "F6 streams opened per second / a plain Django view's",
        [
            statistics.median(one.opened["product", 0]) / statistics.median(one.opened["plain", 0])
            for one in rounds
        ],
        8,
    )
    memory = [one.memory["product"] / one.memory["nchan"] for one in rounds]
    yield Figure("F7 memory of a stream / nchan's", memory, 2, at_most=True)
    yield Figure(
        f"F7 threads added by {few:,} streams", [float(one.threads) for one in rounds], 0, at_most=True
    )
    yield Figure(
        f"F7 database connections added by {few:,} streams",
        [float(one.connections) for one in rounds],
        0,
        at_most=True,
    )
    pages = [one.page_p99["with"] / one.page_p99["without"] for one in rounds if one.page_p99]
    yield Figure(
        "F8 page's p99 with 1,000 streams and a message a second / without", pages, 1.5, at_most=True
    )


def besides(rounds: Sequence[Sums], clients: Sequence[int]) -> Iterator[str]:
    """Return what helps to read the figures, and is held to nothing."""
    for count in clients:
        for other in ("limit", "nchan"):
            ratios = [
                statistics.median(one.cpu["product, own number", count])
                / statistics.median(one.cpu[other, count])
                for one in rounds
            ]
            yield (
                f"server's processor time per message, own number, {count:,} streams / {other}: "
                + " / ".join(f"{ratio:.2f}" for ratio in ratios)
            )
    # What a machine with other work on it does to every server.
    for other in ("limit", "nchan"):
        ratios = [worst_to_median(one, other, clients[-1]) for one in rounds]
        yield f"F4 of the {other} itself in this run: " + " / ".join(f"{ratio:.2f}" for ratio in ratios)


def worst_to_median(one: Sums, way: str, count: int) -> float:
    """Return the worst message's time over the median's."""
    return max(one.ms[way, count]) / statistics.median(one.ms[way, count])
