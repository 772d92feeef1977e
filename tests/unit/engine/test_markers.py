"""What a child noted last can be read when it is dead, and is never half written."""

import os
import signal

from batt.engine.markers import Standing, shared_markers


def test_a_dead_child_s_last_standing_is_read() -> None:
    markers = shared_markers(3)
    pid = os.fork()
    if pid == 0:
        markers[1].begin(2**40)
        markers[1].note(17)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(pid, 0)

    assert [marker.standing() for marker in markers] == [Standing(0, None), Standing(2**40, 17), Standing(0, None)]


def test_a_new_item_begins_nowhere() -> None:
    (marker,) = shared_markers(1)

    marker.begin(5)
    begun = marker.standing()
    marker.note(0)
    at_first = marker.standing()
    marker.note(-1)
    between = marker.standing()
    marker.note(3)
    marker.begin(6)

    assert (begun, at_first, between) == (Standing(5, None), Standing(5, 0), Standing(5, None))
    assert marker.standing() == Standing(6, None)
