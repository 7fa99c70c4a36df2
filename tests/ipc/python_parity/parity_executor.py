"""ProcessPoolExecutor, Future, as_completed, wait."""

import multiprocessing as mp
import os
from concurrent.futures import (ALL_COMPLETED, FIRST_COMPLETED, FIRST_EXCEPTION,
                                ProcessPoolExecutor, as_completed, wait)

from parity import PATIENCE_S, SHORT_S, Flag, main, numbers, outcome, until, word


def _setup():
    """What workers inherit, new in each scenario."""
    global FLAGS, BEGUN, COUNT, COUNT_LOCK
    FLAGS = [Flag() for _ in range(4)]
    BEGUN = Flag()
    COUNT = numbers(16)
    COUNT_LOCK = mp.Lock()


def _square(x):
    return x * x


def _refuse_3(x):
    if x == 3:
        raise ValueError("three")
    return x


def _wait_for(i):
    BEGUN.up()
    FLAGS[i].wait()
    return i


def _wait_and_refuse(i):
    BEGUN.up()
    FLAGS[i].wait()
    raise ValueError("refused")


def _count(_x):
    COUNT[0] += 1
    return COUNT[0]


def _pid(_x):
    return os.getpid()


def _initialize(n):
    with COUNT_LOCK:
        COUNT[5] += n


def _staged(workers, n):
    """n tasks, each behind a flag; all of them have begun."""
    e = ProcessPoolExecutor(workers)
    futures = [e.submit(_wait_for, i) for i in range(n)]
    BEGUN.wait(n)
    return futures


def submit_gives_what_the_function_gave():
    return ProcessPoolExecutor(1).submit(_square, 7).result()


def results_in_order_of_submission():
    e = ProcessPoolExecutor(3)
    return [f.result() for f in [e.submit(_square, i) for i in range(10)]]


def map_is_in_order():
    return list(ProcessPoolExecutor(3).map(_square, range(10)))


def map_by_chunks_is_in_order():
    return list(ProcessPoolExecutor(2).map(_square, range(10), chunksize=4))


def map_of_nothing():
    return list(ProcessPoolExecutor(2).map(_square, []))


def map_gives_up_after_its_timeout():
    it = ProcessPoolExecutor(1).map(_wait_for, [0], timeout=SHORT_S)
    word = outcome(next, it)
    FLAGS[0].up()
    return word


def map_gives_what_came_before_an_error():
    it = ProcessPoolExecutor(2).map(_refuse_3, range(6))
    return [outcome(next, it) for _ in range(4)]


def as_completed_is_in_order_of_finishing():
    futures = _staged(3, 3)
    it = as_completed(futures)
    order = []
    for i in (2, 0, 1):
        FLAGS[i].up()
        order.append(futures.index(next(it)))
    return order, outcome(lambda: len(list(it)))


def as_completed_has_all_of_them_once():
    e = ProcessPoolExecutor(3)
    futures = [e.submit(_square, i) for i in range(12)]
    return sorted(f.result() for f in as_completed(futures))


def as_completed_of_those_that_are_done():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_square, i) for i in range(4)]
    wait(futures)
    return sorted(f.result() for f in as_completed(futures))


def as_completed_gives_up_after_its_timeout():
    futures = _staged(2, 2)
    FLAGS[1].up()
    futures[1].result()
    it = as_completed(futures, timeout=SHORT_S)
    seen = [futures.index(next(it)), outcome(next, it)]
    FLAGS[0].up()
    return seen


def wait_for_the_first():
    futures = _staged(3, 3)
    FLAGS[1].up()
    done, others = wait(futures, return_when=FIRST_COMPLETED)
    FLAGS[0].up()
    FLAGS[2].up()
    return [futures.index(f) for f in done], len(others)


def wait_for_all():
    futures = _staged(2, 2)
    FLAGS[1].up()
    futures[1].result()
    done, others = wait(futures, SHORT_S, ALL_COMPLETED)
    early = len(done), len(others)
    FLAGS[0].up()
    done, others = wait(futures)
    return early, len(done), len(others)


def wait_for_the_first_error():
    e = ProcessPoolExecutor(3)
    futures = [e.submit(_wait_for, 0), e.submit(_wait_and_refuse, 1), e.submit(_wait_for, 2)]
    BEGUN.wait(3)
    FLAGS[2].up()
    futures[2].result()
    early = [len(s) for s in wait(futures, SHORT_S, FIRST_EXCEPTION)]
    FLAGS[1].up()
    done, others = wait(futures, PATIENCE_S, FIRST_EXCEPTION)
    FLAGS[0].up()
    return early, sorted(futures.index(f) for f in done), len(others)


def wait_for_an_error_that_does_not_come():
    e = ProcessPoolExecutor(2)
    futures = [e.submit(_square, i) for i in range(5)]
    done, others = wait(futures, PATIENCE_S, FIRST_EXCEPTION)
    return len(done), len(others)


def wait_gives_up_after_its_timeout():
    futures = _staged(1, 1)
    done, others = wait(futures, SHORT_S)
    FLAGS[0].up()
    return len(done), len(others)


def wait_for_those_that_are_done():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_square, i) for i in range(3)]
    for f in futures:
        f.result()
    return [len(s) for s in wait(futures, 0)]


def result_gives_up_after_its_timeout():
    f, = _staged(1, 1)
    early = outcome(f.result, SHORT_S)
    FLAGS[0].up()
    return early, f.result(PATIENCE_S)


def result_twice():
    f = ProcessPoolExecutor(1).submit(_square, 4)
    return f.result(), f.result()


def running_and_done():
    f, = _staged(1, 1)
    until(f.running)
    early = f.running(), f.done()
    FLAGS[0].up()
    f.result()
    return early, f.running(), f.done(), f.cancelled()


def an_error_comes_out_of_result():
    f = ProcessPoolExecutor(1).submit(_refuse_3, 3)
    return outcome(f.result), outcome(f.result), f.done(), f.cancelled()


def exception_of_each_kind_of_end():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_wait_for, 0), e.submit(_refuse_3, 3)]
    futures += [e.submit(_square, i) for i in range(5)]
    BEGUN.wait()
    early = outcome(futures[0].exception, SHORT_S)
    futures[-1].cancel()
    FLAGS[0].up()
    return (early, futures[0].exception() is None, word(futures[1].exception()),
            outcome(futures[-1].exception))


def an_error_leaves_the_worker_at_work():
    e = ProcessPoolExecutor(1)
    return outcome(e.submit(_refuse_3, 3).result), e.submit(_refuse_3, 4).result()


def cancel_of_one_that_waits():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_wait_for, 0)] + [e.submit(_square, i) for i in range(5)]
    BEGUN.wait()
    last = futures[-1]
    seen = last.cancel(), last.cancelled(), last.done(), outcome(last.result)
    FLAGS[0].up()
    return seen, [f.result() for f in futures[:-1]]


def cancel_of_one_that_runs():
    f, = _staged(1, 1)
    until(f.running)
    seen = f.cancel(), f.cancelled()
    FLAGS[0].up()
    return seen, f.result()


def cancel_of_one_that_is_done():
    f = ProcessPoolExecutor(1).submit(_square, 2)
    f.result()
    return f.cancel(), f.cancelled(), f.result()


def cancel_twice():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_wait_for, 0)] + [e.submit(_square, i) for i in range(5)]
    BEGUN.wait()
    seen = futures[-1].cancel(), futures[-1].cancel()
    FLAGS[0].up()
    return seen


def a_callback_is_told_when_it_is_done():
    f, = _staged(1, 1)
    seen = []
    f.add_done_callback(lambda f: seen.append(f.result()))
    early = list(seen)
    FLAGS[0].up()
    until(lambda: seen)
    return early, seen


def a_callback_of_one_that_is_done():
    f = ProcessPoolExecutor(1).submit(_square, 3)
    f.result()
    seen = []
    f.add_done_callback(lambda f: seen.append(f.result()))
    return seen


def shut_down_it_takes_no_more():
    e = ProcessPoolExecutor(1)
    e.shutdown()
    return outcome(e.submit, _square, 1)


def shutdown_waits_for_what_it_has():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_square, i) for i in range(6)]
    e.shutdown()
    return [f.done() for f in futures], [f.result() for f in futures]


def shutdown_twice():
    e = ProcessPoolExecutor(1)
    return outcome(e.shutdown), outcome(e.shutdown)


def shutdown_without_waiting():
    e = ProcessPoolExecutor(1)
    f = e.submit(_wait_for, 0)
    BEGUN.wait()
    e.shutdown(wait=False)
    early = f.done(), outcome(e.submit, _square, 1)
    FLAGS[0].up()
    return early, f.result()


def shutdown_cancels_if_asked_to():
    e = ProcessPoolExecutor(1)
    futures = [e.submit(_wait_for, 0)] + [e.submit(_square, i) for i in range(5)]
    BEGUN.wait()
    e.shutdown(wait=False, cancel_futures=True)
    until(futures[-1].cancelled)
    FLAGS[0].up()
    return futures[0].result(), outcome(futures[-1].result)


def two_workers_work_at_the_same_time():
    futures = _staged(2, 2)
    FLAGS[0].up()
    FLAGS[1].up()
    return [f.result() for f in futures]


def one_worker_does_all_in_order():
    e = ProcessPoolExecutor(1)
    return [f.result() for f in [e.submit(_count, i) for i in range(5)]]


def its_workers_are_other_processes():
    e = ProcessPoolExecutor(2)
    pids = {f.result() for f in [e.submit(_pid, i) for i in range(20)]}
    return os.getpid() in pids, len(pids) <= 2


def initializer_runs_before_the_first_task():
    e = ProcessPoolExecutor(1, initializer=_initialize, initargs=(10,))
    e.submit(_square, 1).result()
    e.submit(_square, 1).result()
    return COUNT[5]


main(_setup)
