"""Phase statistics add up, whoever collected them; the summary has the form people know, byte for byte."""

import json
import random
from pathlib import Path

import pytest

from batt.solver.verdicts import time_class
from batt.timing import (
    EDGES,
    PHASES,
    PhaseClock,
    PhaseStats,
    covered_seconds,
    stats_from_json,
    stats_to_json,
    timing_summary,
)


def stats_of(*durations: float) -> PhaseStats:
    stats = PhaseStats()
    for duration in durations:
        stats = stats.with_duration(duration)
    return stats


def random_durations(seed: int, count: int = 200) -> list[float]:
    rng = random.Random(seed)
    return [10 ** rng.uniform(-5, 3.5) for _ in range(count)]


def test_statistics_of_durations() -> None:
    stats = stats_of(0.5, 2.0, 0.25)

    assert (stats.number, stats.total, stats.least, stats.most) == (3, 2.75, 0.25, 2.0)
    assert sum(stats.buckets) == 3


def test_every_duration_falls_into_the_bucket_whose_edge_is_not_below_it() -> None:
    for place, edge in enumerate(EDGES):
        assert stats_of(edge).buckets[place] == 1
        assert stats_of(edge * 1.001).buckets[place + 1] == 1
    assert stats_of(0.0).buckets[0] == 1


def test_merging_parts_gives_the_statistics_of_the_whole() -> None:
    durations = random_durations(1)

    merged = stats_of(*durations[:50]).merged(stats_of(*durations[50:51])).merged(stats_of(*durations[51:]))

    whole = stats_of(*durations)
    assert merged._replace(total=0) == whole._replace(total=0)
    assert merged.total == pytest.approx(whole.total)


def test_merging_with_nothing_changes_nothing() -> None:
    stats = stats_of(3.0, 4.0)

    assert stats.merged(PhaseStats()) == stats
    assert PhaseStats().merged(stats) == stats
    assert PhaseStats().merged(PhaseStats()) == PhaseStats()


def test_json_form_returns_equal_statistics() -> None:
    stats = {"a": stats_of(*random_durations(2)), "b": stats_of()}

    value = json.loads(json.dumps(stats_to_json(stats)))

    assert stats_from_json(value) == stats


def test_quantiles_are_exact_at_the_ends() -> None:
    durations = random_durations(3)
    stats = stats_of(*durations)

    assert stats.quantile(0.0) == pytest.approx(min(durations))
    assert stats.quantile(1.0) == pytest.approx(max(durations))


@pytest.mark.parametrize("part", [0.01, 0.25, 0.5, 0.75, 0.95, 0.99])
@pytest.mark.parametrize("seed", range(4))
def test_a_quantile_lies_in_the_bucket_of_the_true_one(part: float, seed: int) -> None:
    durations = sorted(random_durations(seed, 500))
    true = durations[max(0, round(part * len(durations)) - 1)]

    estimate = stats_of(*durations).quantile(part)

    edges = [0.0, *EDGES, max(durations)]
    place = next(place for place, edge in enumerate(edges[1:]) if true <= edge)
    assert edges[place] <= estimate <= edges[place + 1]


def test_a_quantile_of_equal_durations_is_their_value() -> None:
    assert stats_of(0.5, 0.5, 0.5).quantile(0.5) == pytest.approx(0.5)


def test_a_quantile_of_nothing_is_zero() -> None:
    assert PhaseStats().quantile(0.5) == 0.0


def test_a_clock_adds_up_what_it_is_told() -> None:
    clock = PhaseClock()
    clock.add("a", 1.0)
    clock.merge({"a": stats_of(2.0), "b": stats_of(0.5)})

    assert clock.stats == {"a": stats_of(1.0, 2.0), "b": stats_of(0.5)}


def test_a_phase_that_raises_is_counted_all_the_same() -> None:
    clock = PhaseClock()

    with pytest.raises(ValueError, match="stop"), clock.phase("a"):
        raise ValueError("stop")

    assert clock.stats["a"].number == 1


def test_the_summary_is_byte_for_byte_what_users_know() -> None:
    stats = {
        "run_batt.phase1_filter": stats_of(0.018),
        "main.run_batt": stats_of(2.8125),
        "run_batt.check_batt": stats_of(1.25, 0.65),
        "a_name_of_more_than_thirty_two_characters": stats_of(12345.6785),
    }

    assert timing_summary(stats) == (
        "Timing summary (seconds):\n"
        "  a_name_of_more_than_thirty_two_characters 12345.678\n"
        "  main.run_batt                       2.812\n"
        "  run_batt.check_batt                 1.900\n"
        "  run_batt.phase1_filter              0.018"
    )


def test_equal_sums_are_listed_by_name() -> None:
    lines = timing_summary({"b": stats_of(1.0), "a": stats_of(1.0), "c": stats_of(2.0)}).splitlines()

    assert [line.split()[0] for line in lines[1:]] == ["c", "a", "b"]


def test_a_summary_of_nothing_is_its_heading() -> None:
    assert timing_summary({}) == "Timing summary (seconds):"


def test_every_phase_is_described_in_the_docs() -> None:
    told = (Path(__file__).parents[2] / "docs" / "results.md").read_text()

    assert [name for name in PHASES if f"`{name}`" not in told] == []


def test_phase_names_fit_the_summary_and_are_described() -> None:
    assert max(map(len, PHASES)) <= 32
    assert all(PHASES.values())


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (0.0, 10),  # no time that can be measured: a class of its own
        (5e-324, 755),
        (1e-9, 31),
        (0.000_5, 18),
        (0.367_88, 11),  # just above 1/e: int() cuts toward zero on both sides of a second
        (0.367_87, 12),
        (0.999_999, 11),
        (1.0, 11),
        (2.718_28, 11),
        (2.718_29, 10),
        (3600.0, 3),
        (1e6, -2),
    ],
)
def test_t_log_of_check_times(seconds: float, expected: int) -> None:
    assert time_class(seconds) == expected


def test_time_that_spans_share_counts_once() -> None:
    assert covered_seconds([]) == 0.0
    assert covered_seconds([(5.0, 7.0), (1.0, 3.0), (2.0, 4.0), (2.5, 2.75), (7.0, 7.5)]) == 5.5


def test_statistics_of_fewer_edges_are_read_and_add_up() -> None:
    """As batts before this one have stored them."""
    old: dict[str, list[float | list[int]]] = {"agent": [2, 1200.0, 200.0, 1000.0, [*[0] * 13, 1, 1, 0]]}

    read = stats_from_json(old)["agent"]

    assert len(read.buckets) == len(EDGES) + 1
    assert read.merged(PhaseStats().with_duration(5000.0)).number == 3
