"""Process: exit codes, join, names, daemons, sentinels."""

import multiprocessing as mp
import os
import select
import signal
import sys
from multiprocessing.connection import wait

from parity import SHORT_S, Flag, ends, go, main, numbers, outcome, until


def _nothing():
    pass


def _exit(code):
    sys.exit(code)


def exitcode_of_one_that_returns():
    return ends(go(_nothing))


def exitcode_of_exit_3():
    return ends(go(_exit, 3))


def exitcode_of_underscore_exit():
    return ends(go(os._exit, 7))


def exitcode_of_255():
    return ends(go(_exit, 255))


def exitcode_of_one_that_is_killed():
    p = go(Flag().wait)
    p.kill()
    return ends(p)


def exitcode_of_one_that_is_terminated():
    p = go(Flag().wait)
    p.terminate()
    return ends(p)


def _signal_itself(signum):
    os.kill(os.getpid(), signum)


def exitcode_of_a_signal_is_its_negative():
    return ends(go(_signal_itself, signal.SIGUSR1), go(_signal_itself, signal.SIGALRM))


def exitcode_is_none_until_it_has_ended():
    flag = Flag()
    p = mp.Process(target=flag.wait)
    before = p.exitcode
    p.start()
    during = p.exitcode
    flag.up()
    ends(p)
    return before, during, p.exitcode


def exitcodes_of_ten_at_once():
    return ends(*[go(_exit, i) for i in range(10)])


def is_alive_before_while_and_after():
    flag = Flag()
    p = mp.Process(target=flag.wait)
    before = p.is_alive()
    p.start()
    during = p.is_alive()
    flag.up()
    ends(p)
    return before, during, p.is_alive()


def is_alive_sees_the_end_without_join():
    p = go(_exit, 4)
    until(lambda: not p.is_alive())
    return p.is_alive(), p.exitcode


def join_gives_up_after_its_timeout():
    flag = Flag()
    p = go(flag.wait)
    p.join(SHORT_S)
    alive = p.is_alive()
    flag.up()
    return alive, ends(p)


def join_without_time_only_looks():
    flag = Flag()
    p = go(flag.wait)
    p.join(0)
    alive = p.is_alive()
    flag.up()
    return alive, ends(p)


def join_twice_is_fine():
    p = go(_exit, 2)
    p.join()
    return outcome(p.join), p.exitcode


def join_before_start():
    return outcome(mp.Process(target=_nothing).join)


def start_twice():
    flag = Flag()
    p = go(flag.wait)
    second = outcome(p.start)
    flag.up()
    return second, ends(p)


def start_again_after_the_end():
    p = go(_nothing)
    ends(p)
    return outcome(p.start)


def close_of_a_live_one():
    flag = Flag()
    p = go(flag.wait)
    closed = outcome(p.close)
    flag.up()
    return closed, ends(p), outcome(p.close)


def close_of_one_never_started():
    return outcome(mp.Process(target=_nothing).close)


def terminate_and_kill_after_the_end():
    p = go(_exit, 5)
    ends(p)
    return outcome(p.terminate), outcome(p.kill), p.exitcode


def _until_terminated(flag, caught, count):
    signal.signal(signal.SIGTERM, lambda *_: caught.up())
    flag.up()
    Flag().wait()
    count[0] = 1


def terminate_can_be_caught_and_kill_cannot():
    flag, caught, count = Flag(), Flag(), numbers(1)
    p = go(_until_terminated, flag, caught, count)
    flag.wait()
    p.terminate()
    caught.wait()
    alive = p.is_alive()
    p.kill()
    return alive, ends(p), count[0]


def name_by_default():
    return mp.Process().name, mp.Process().name, mp.Process().name


def name_that_was_given():
    return mp.Process(name="parse0").name, mp.Process().name


def _name_is(expected, count):
    count[0] = mp.current_process().name == expected


def name_seen_by_itself():
    count = numbers(2)
    ends(go(_name_is, "craw7", count, name="craw7"))
    return bool(count[0])


def name_of_the_one_that_began():
    return mp.current_process().name


def daemon_is_no_unless_asked_for():
    return mp.Process().daemon, mp.Process(daemon=True).daemon


def parent_of_the_one_that_began():
    return mp.parent_process() is None


def _is_parent(pid, count):
    count[0] = mp.parent_process().pid == pid


def parent_of_a_child():
    count = numbers(1)
    ends(go(_is_parent, os.getpid(), count))
    return bool(count[0])


def _tell_pid(count):
    count[0] = os.getpid()


def pid_before_and_after_start():
    count = numbers(1)
    p = mp.Process(target=_tell_pid, args=(count,))
    before = p.pid
    p.start()
    ends(p)
    return before, p.pid == count[0]


def active_children_are_those_that_live():
    flag = Flag()
    before = len(mp.active_children())
    ps = [go(flag.wait) for _ in range(3)]
    during = len(mp.active_children())
    flag.up()
    until(lambda: len(mp.active_children()) == 2)
    flag.up(2)
    until(lambda: not mp.active_children())
    return before, during, ends(*ps)


def active_children_joins_those_that_ended():
    p = go(_exit, 6)
    until(lambda: not mp.active_children())
    return p.exitcode


def _count_children(count):
    flag = Flag()
    before = len(mp.active_children())
    p = go(flag.wait)
    count[0], count[1] = before, len(mp.active_children())
    flag.up()
    ends(p)


def active_children_are_a_process_s_own():
    flag, count = Flag(), numbers(2)
    ps = [go(flag.wait) for _ in range(2)]
    ends(go(_count_children, count))
    flag.up(2)
    ends(*ps)
    return count[0], count[1]


def sentinel_is_ready_when_it_has_ended():
    flag = Flag()
    p = go(flag.wait)
    poll = select.poll()
    poll.register(p.sentinel, select.POLLIN)
    before = bool(poll.poll(0))
    flag.up()
    after = bool(poll.poll(10000))
    return before, after, ends(p)


def sentinels_are_waited_for_together():
    flags = [Flag() for _ in range(3)]
    ps = [go(flag.wait) for flag in flags]
    none = len(wait([p.sentinel for p in ps], SHORT_S))
    flags[1].up()
    ready = [p.sentinel for p in ps].index(wait([p.sentinel for p in ps])[0])
    flags[0].up()
    flags[2].up()
    return none, ready, ends(*ps)


def _add(count, *terms):
    count[0] = sum(terms)


def arguments_arrive():
    count = numbers(1)
    ends(go(_add, count, 40, 1, 1))
    return count[0]


_private = 1


def _change_private(count):
    global _private
    _private += 1
    count[0] = _private


def memory_is_not_shared():
    count = numbers(1)
    ends(go(_change_private, count))
    return _private, count[0]


def _copy_private(count):
    count[0] = _private


def memory_is_copied_when_it_starts():
    global _private
    count = numbers(1)
    p = mp.Process(target=_copy_private, args=(count,))
    _private = 5
    p.start()
    ends(p)
    _private = 1
    return count[0]


def _start_another(count):
    count[0] = ends(go(_exit, 9))
    sys.exit(8)


def child_of_a_child():
    count = numbers(1)
    return ends(go(_start_another, count)), count[0]


def _leave_behind(fd, flag, daemon):
    go(_hold, fd, flag, daemon=daemon)


def _hold(fd, flag):
    flag.wait()
    os.write(fd, b"done")


def daemon_is_ended_with_its_parent():
    read, write = os.pipe()
    code = ends(go(_leave_behind, write, Flag(), True))
    os.close(write)
    return code, os.read(read, 100) or "nothing"


def a_daemon_may_have_no_children():
    r, w = mp.Pipe(False)
    p = go(lambda: w.send(outcome(mp.Process(target=_nothing).start)), daemon=True)
    return r.recv(), ends(p)


def _am_i(count):
    count[0] = mp.current_process().daemon


def a_daemon_knows_it():
    count = numbers(2)
    ends(go(_am_i, count, daemon=True))
    seen = bool(count[0])
    ends(go(_am_i, count))
    return mp.current_process().daemon, seen, bool(count[0])


def other_children_are_waited_for_at_the_end():
    read, write = os.pipe()
    flag = Flag()
    p = go(_leave_behind, write, flag, False)
    p.join(SHORT_S)
    alive = p.is_alive()
    flag.up()
    code = ends(p)
    os.close(write)
    return alive, code, os.read(read, 100)


main()
