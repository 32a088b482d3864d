import pytest
from benchhost_ddnm.ladder import moves, places

from benchhost.nets import NoiseSchedule

SCHEDULE = NoiseSchedule()


def evaluations(*travel):
    return sum(after > before for before, after in moves(SCHEDULE, *travel))


@pytest.mark.parametrize(
    ("travel", "count"), [((100, 1, 1), 100), ((100, 2, 2), 198), ((100, 10, 3), 280), ((100, 1, 3), 298)]
)
def test_the_network_is_asked_as_often_as_in_the_authors_code(travel, count):
    assert evaluations(*travel) == count


def test_a_hundred_steps_are_every_tenth_of_the_schedule_and_the_last_leaves_no_noise():
    path = moves(SCHEDULE, 100)
    assert [a for a, _ in path] == [float(SCHEDULE.alpha_bar[t]) for t in range(990, -1, -10)]
    assert [b for _, b in path] == [a for a, _ in path[1:]] + [1.0]


def test_steps_that_do_not_divide_the_schedule_still_start_near_its_end():
    assert moves(SCHEDULE, 300)[0][0] == float(SCHEDULE.alpha_bar[996])


def test_time_travel_goes_back_up_from_every_multiple_of_its_length():
    assert list(places(7, 3, 2)) == [6, 5, 4, 3, 6, 5, 4, 3, 2, 1, 0, 3, 2, 1, 0, -1]


def test_travel_longer_than_the_ladder_is_no_travel():
    assert list(places(3, 5, 4)) == [2, 1, 0, -1]


def test_more_steps_than_the_schedule_has_are_refused():
    with pytest.raises(ValueError, match="steps must lie in 1 to 1000, got 1001"):
        moves(SCHEDULE, 1001)
