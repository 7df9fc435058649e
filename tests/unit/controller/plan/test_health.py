"""When many are ill at once it is not they who are to blame; and to tell that, an illness has to settle."""

from __future__ import annotations

import pytest
from status_state_controller.plan.health import Illness, Illnesses, Outbreak, Settling, Verdicts

WEB = ("id of web", "2026-11-23T11:00:00Z")


def ill(*names: str, counts: bool = True, mendable: bool = True, run: str = "first run") -> dict[str, Illness]:
    """Illnesses of these containers."""
    return {name: Illness(run, "is unhealthy", verdict=False, mendable=mendable, counts=counts) for name in names}


@pytest.mark.parametrize(
    ("number", "originals", "many"),
    [
        (0, 0, False),
        (1, 1, False),
        (2, 2, False),
        (2, 3, False),
        (3, 3, True),
        (3, 4, True),
        (3, 5, True),
        (3, 6, False),
        (4, 6, True),
        (3, 7, False),
        (4, 7, True),
        (5, 10, False),
        (6, 10, True),
        (10, 10, True),
    ],
    ids=str,
)
def test_more_than_half_of_the_originals_and_at_least_three_are_many(
    number: int, originals: int, *, many: bool
) -> None:
    illnesses = Illnesses(ill(*(f"c{count}" for count in range(number))))
    expected = f"{number} of {originals} originals are unhealthy at once" if many else None
    assert illnesses.many(originals) == expected


def test_those_that_have_just_failed_a_check_count_as_well() -> None:
    assert Illnesses(ill("a", "b")).many(4) is None
    assert Illnesses(ill("a", "b"), frozenset({"c"})).many(4) == "3 of 4 originals are unhealthy at once"
    assert Illnesses(ill("a", "b"), frozenset({"b"})).many(3) is None, "nobody counts twice"


def test_what_was_never_known_to_be_well_does_not_count() -> None:
    never_well = ill("c", "d", counts=False, mendable=False)
    assert Illnesses(ill("a", "b") | never_well).many(4) is None
    assert Illnesses(ill("a", "b", "e") | never_well).many(5) == "3 of 5 originals are unhealthy at once"


def test_what_was_well_before_its_last_start_counts_though_it_is_not_mended() -> None:
    assert Illnesses(ill("a") | ill("b", "c", mendable=False)).many(4) == "3 of 4 originals are unhealthy at once"


def test_while_nobody_is_ill_there_is_nothing_to_wait_for() -> None:
    settling = Settling()
    assert [settling.note(Illnesses(), now, many=False) for now in (0.0, 100.0)] == [0.0, 0.0]


def test_an_illness_is_acted_on_when_nobody_else_has_fallen_ill_for_five_seconds() -> None:
    settling = Settling()
    assert settling.note(Illnesses(ill("a")), 100.0, many=False) == 5
    assert settling.note(Illnesses(ill("a")), 103.0, many=False) == 2
    assert settling.note(Illnesses(ill("a", "b")), 104.0, many=False) == 5
    assert settling.note(Illnesses(ill("a", "b")), 108.5, many=False) == 0.5
    assert settling.note(Illnesses(ill("a", "b")), 109.0, many=False) == 0
    assert settling.note(Illnesses(ill("a", "b")), 200.0, many=False) == 0


def test_one_that_recovers_meanwhile_lets_nobody_wait_longer() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("a", "b")), 100.0, many=False)
    assert settling.note(Illnesses(ill("a")), 104.0, many=False) == 1


def test_who_falls_ill_again_in_another_run_has_fallen_ill_anew() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("a")), 100.0, many=False)
    assert settling.note(Illnesses(ill("a", run="second run")), 104.0, many=False) == 5


def test_however_many_fall_ill_one_after_the_other_nobody_waits_for_more_than_half_a_minute() -> None:
    settling = Settling()
    names, waits = list[str](), list[float]()
    for second in range(0, 32, 4):
        names.append(f"c{second}")
        waits.append(settling.note(Illnesses(ill(*names)), 100.0 + second, many=False))
    assert waits == [5, 5, 5, 5, 5, 5, 5, 2]
    assert settling.note(Illnesses(ill(*names, "last")), 129.5, many=False) == 0.5
    assert settling.note(Illnesses(ill(*names, "last")), 130.0, many=False) == 0


def test_when_all_are_well_again_the_half_minute_begins_anew() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("a")), 100.0, many=False)
    assert settling.note(Illnesses(), 120.0, many=False) == 0
    assert settling.note(Illnesses(ill("a")), 200.0, many=False) == 5


def test_what_is_not_mended_is_not_waited_for() -> None:
    settling = Settling()
    never_well = ill("db", mendable=False)
    assert settling.note(Illnesses(never_well), 100.0, many=False) == 0
    settling.note(Illnesses(never_well | ill("a")), 200.0, many=False)
    assert settling.note(Illnesses(never_well | ill("a")), 205.0, many=False) == 0
    assert settling.note(Illnesses(ill("a") | ill("db", "cache", mendable=False)), 206.0, many=False) == 0


def test_once_it_is_no_longer_many_the_rest_settles_anew() -> None:
    settling = Settling()
    for now in (100.0, 110.0, 200.0):
        assert settling.note(Illnesses(ill("a", "b", "c")), now, many=True) == 5
    assert settling.note(Illnesses(ill("a", "b")), 200.0, many=False) == 5
    assert settling.note(Illnesses(ill("a", "b", "d")), 204.0, many=False) == 5, "the half minute begins anew, too"
    assert settling.note(Illnesses(ill("a", "b", "d")), 209.0, many=False) == 0


def test_after_many_were_ill_those_that_recover_one_by_one_are_waited_for() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("a", "b", "c")), 100.0, many=True)
    assert settling.note(Illnesses(ill("a", "b")), 105.0, many=False) == 5
    assert settling.note(Illnesses(ill("a")), 108.0, many=False) == 5
    assert settling.note(Illnesses(ill("a")), 113.0, many=False) == 0
    settling.note(Illnesses(ill("a", "b")), 200.0, many=False)
    assert settling.note(Illnesses(ill("a")), 203.0, many=False) == 2, "and only then"


def test_after_many_were_ill_nobody_waits_for_more_than_half_a_minute_either() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("a", "b", "c")), 100.0, many=True)
    for second in range(4, 28, 4):
        names = ("a", "b") if second % 8 else ("a", "c")
        assert settling.note(Illnesses(ill(*names)), 100.0 + second, many=False) == 5
    assert settling.note(Illnesses(ill("a", "c", "d")), 128.0, many=False) == 2


def test_those_that_fall_ill_together_settle_though_another_has_been_ill_for_long() -> None:
    settling = Settling()
    settling.note(Illnesses(ill("stays-sick")), 100.0, many=False)
    assert settling.note(Illnesses(ill("stays-sick")), 105.0, many=False) == 0
    assert settling.note(Illnesses(ill("stays-sick", "a")), 400.0, many=False) == 5
    assert settling.note(Illnesses(ill("stays-sick", "a", "b")), 404.0, many=False) == 5
    assert settling.note(Illnesses(ill("stays-sick", "a", "b")), 409.0, many=False) == 0


def test_the_runs_that_may_be_mended_are_told_by_id_and_start() -> None:
    assert Illnesses(ill("a") | ill("b", mendable=False)).mendable == {("a", "first run")}


def by_verdict(*names: str) -> Illnesses:
    """Illnesses that the SSA tells of."""
    return Illnesses({name: Illness("first run", "is unhealthy", verdict=True) for name in names})


def test_an_outbreak_is_told_as_it_was_at_its_beginning_until_it_is_over() -> None:
    outbreak, told = Outbreak(), list[str | None]()
    for names in ("ab", "abc", "abcd", "abc", "ab", "abcd"):
        outbreak.note(Illnesses(ill(*names)), 4, 100.0, verdicts_known=True)
        told.append(outbreak.sentence)
    three, four = (f"{number} of 4 originals are unhealthy at once" for number in (3, 4))
    assert told == [None, three, three, three, None, four]


@pytest.mark.parametrize("known", [False, True])
def test_an_outbreak_that_the_health_checks_tell_of_is_over_when_they_say_so_whatever_the_ssa_does(
    *, known: bool
) -> None:
    outbreak = Outbreak()
    outbreak.note(Illnesses(ill("a", "b", "c")), 4, 100.0, verdicts_known=known)
    assert outbreak.sentence is not None
    outbreak.note(Illnesses(ill("a")), 4, 101.0, verdicts_known=False)
    assert outbreak.sentence is None


def test_an_outbreak_that_the_ssa_tells_of_is_not_over_before_it_can_know() -> None:
    outbreak = Outbreak()
    outbreak.note(by_verdict("a", "b", "c"), 4, 100.0, verdicts_known=True)
    for now, known in ((200.0, False), (210.0, False), (211.0, True), (269.9, True)):
        outbreak.note(Illnesses(), 4, now, verdicts_known=known)
        assert outbreak.sentence is not None, now
    outbreak.note(Illnesses(), 4, 270.0, verdicts_known=True)
    assert outbreak.sentence is None


def test_an_outbreak_that_both_tell_of_is_not_over_while_the_ssa_is_silent() -> None:
    outbreak = Outbreak()
    outbreak.note(by_verdict("a", "b", "c", "d"), 4, 100.0, verdicts_known=True)
    outbreak.note(Illnesses(ill("a", "b", "c")), 4, 101.0, verdicts_known=False)
    outbreak.note(Illnesses(ill("a")), 4, 102.0, verdicts_known=False)
    assert outbreak.sentence is not None


def test_an_outbreak_that_the_ssa_tells_of_is_over_when_it_says_so() -> None:
    outbreak = Outbreak()
    outbreak.note(by_verdict("a", "b", "c"), 4, 100.0, verdicts_known=True)
    outbreak.note(by_verdict("a"), 4, 101.0, verdicts_known=True)
    assert outbreak.sentence is None


def test_while_the_ssa_is_silent_nobody_is_called_ill_for_that() -> None:
    outbreak = Outbreak()
    outbreak.note(by_verdict("a", "b"), 4, 100.0, verdicts_known=True)
    outbreak.note(Illnesses(), 4, 101.0, verdicts_known=False)
    assert outbreak.sentence is None


def test_a_verdict_is_about_one_run_of_one_container() -> None:
    verdicts = Verdicts({WEB: "its probe answered 500"})
    assert verdicts.reason(*WEB) == "its probe answered 500"
    assert verdicts.reason(WEB[0], "2026-11-23T12:00:00Z") is None
    assert verdicts.reason("id of db", WEB[1]) is None
    assert Verdicts().reason(*WEB) is None
