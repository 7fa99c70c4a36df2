"""SharedMemory: bytes by name."""

import os
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory

from parity import Flag, ends, go, main, numbers, outcome

# It would unlink, when we are killed, what the scenario has unlinked itself.
resource_tracker.register = resource_tracker.unregister = lambda *_: None


NAME = f"parity-{os.getpid()}"


def _made(size):
    return SharedMemory(NAME, create=True, size=size)


def it_begins_with_zeros():
    m = _made(1000)
    m.unlink()
    return m.size, bytes(m.buf) == bytes(1000)


def a_child_sees_and_changes_it():
    m = _made(100)
    m.unlink()
    m.buf[:5] = b"hello"

    def child():
        m.buf[0] = m.buf[1]

    return ends(go(child)), bytes(m.buf[:5])


def it_is_attached_by_name():
    m = _made(100)
    count = numbers(1)

    def child():
        other = SharedMemory(NAME)
        count[0] = other.size
        other.buf[:4] = b"mine"
        other.close()

    code = ends(go(child))
    m.unlink()
    return code, count[0], bytes(m.buf[:4])


def two_views_in_one_process():
    m = _made(10)
    other = SharedMemory(NAME)
    m.unlink()
    other.buf[3] = 7
    return m.buf[3]


def a_name_that_is_taken():
    m = _made(10)
    second = outcome(_made, 10)
    m.unlink()
    return second


def a_name_that_nobody_has():
    return outcome(SharedMemory, NAME)


def a_size_of_nothing():
    return outcome(SharedMemory, None, True, 0)


def unlinked_it_is_there_for_those_who_have_it():
    m = _made(10)
    other = SharedMemory(NAME)
    m.unlink()
    other.buf[0] = 9
    return m.buf[0], outcome(SharedMemory, NAME)


def unlinked_its_name_is_free():
    m = _made(10)
    m.buf[0] = 1
    m.unlink()
    again = _made(20)
    again.unlink()
    return m.size, m.buf[0], again.size, again.buf[0]


def unlink_twice():
    m = _made(10)
    return outcome(m.unlink), outcome(m.unlink)


def closed_by_one_it_is_there_for_the_other():
    m = _made(10)
    other = SharedMemory(NAME)
    m.buf[0] = 5
    m.close()
    value = other.buf[0]
    other.unlink()
    return value


def without_a_name_each_gets_another():
    a, b = SharedMemory(create=True, size=10), SharedMemory(create=True, size=10)
    a.unlink()
    b.unlink()
    return a.name != b.name


main()
