"""Who is kept is decided by score, order and md5: nothing else may change it."""

import random

from batt.solver.selection import Contender, Held, select, unique_bodies


def contender(score: int, place: int, body: str = "", md5: str = "") -> Contender:
    return Contender(score, (place, 0), body or f"body{place}", md5 or f"{place:032x}")


def held(count: int, score: int = 1) -> list[Held]:
    return [Held(score, f"held{place:03d}") for place in range(count)]


def test_best_scores_are_kept() -> None:
    contenders = [contender(score, place) for place, score in enumerate([1, 5, 3, 4])]

    kept = select(contenders, [], keep=2).kept

    assert [one.score for one in kept] == [5, 4]


def test_equal_scores_keep_the_order_of_the_inputs() -> None:
    contenders = [contender(2, place, md5=f"{9 - place:032x}") for place in range(5)]

    kept = select(contenders, [], keep=3).kept

    assert [one.order for one in kept] == [(0, 0), (1, 0), (2, 0)]


def test_equal_scores_and_orders_go_by_md5() -> None:
    contenders = [Contender(2, (0, 0), body, body) for body in ("c", "a", "b")]

    kept = select(contenders, [], keep=2).kept

    assert [one.md5 for one in kept] == ["a", "b"]


def test_the_order_in_which_contenders_come_changes_nothing() -> None:
    contenders = [
        Contender(place % 4, (place, place % 3), f"body{place % 40}", f"md5-{place % 40}") for place in range(100)
    ]
    rng = random.Random(1)
    expected = select(contenders, held(40), keep=32)

    for _ in range(20):
        rng.shuffle(contenders)
        holding = held(40)
        rng.shuffle(holding)

        assert select(contenders, holding, keep=32) == expected


def test_of_equal_bodies_the_best_and_then_the_first_stands_for_all() -> None:
    contenders = [contender(1, 0, "same"), contender(3, 2, "same"), contender(3, 1, "same"), contender(2, 3, "other")]

    unique = unique_bodies(contenders)

    assert [one.order for one in unique] == [(1, 0), (3, 0)]


def test_unique_counts_bodies_that_are_not_kept() -> None:
    selection = select([contender(1, place) for place in range(10)], [], keep=3)

    assert len(selection.kept) == 3
    assert len(selection.unique) == 10


def test_nobody_makes_room_while_no_more_than_keep_are_held() -> None:
    selection = select([contender(0, place) for place in range(5)], held(32, score=9), keep=32)

    assert len(selection.kept) == 5
    assert selection.evicted == ()


def test_below_the_worst_held_score_nobody_enters_a_full_folder() -> None:
    selection = select([contender(1, 0), contender(2, 1), contender(3, 2)], held(33, score=2), keep=32)

    assert [one.score for one in selection.kept] == [3, 2]


def test_new_files_take_the_place_of_the_worst_held_ones() -> None:
    holding = [Held(3, "a"), Held(1, "b"), Held(1, "c"), Held(2, "d")]

    selection = select([contender(3, 0), contender(3, 1), contender(3, 2)], holding, keep=3)

    assert selection.evicted == (Held(1, "c"), Held(1, "b"), Held(2, "d"))


def test_a_file_that_is_held_already_evicts_nobody() -> None:
    holding = [*held(33), Held(1, "mine")]

    selection = select([contender(1, 0, md5="mine")], holding, keep=32)

    assert [one.md5 for one in selection.kept] == ["mine"]
    assert selection.evicted == ()


def test_a_kept_file_is_never_evicted() -> None:
    holding = [Held(1, "mine"), *held(33, score=1)]

    selection = select([contender(1, 0, md5="mine"), contender(4, 1)], holding, keep=33)

    assert selection.evicted == (Held(1, "held032"),)


def test_no_contender_leaves_everything_as_it_is() -> None:
    selection = select([], held(40), keep=32)

    assert selection.kept == ()
    assert selection.unique == ()
    assert selection.evicted == ()
