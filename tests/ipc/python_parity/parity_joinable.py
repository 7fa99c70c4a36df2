"""JoinableQueue: what is not done yet."""

import multiprocessing as mp

from parity import Flag, ends, go, main, numbers, outcome


def _join_and_tell(q, begun, joined):
    begun.up()
    q.join()
    joined.up()


def a_new_one_is_joined_at_once():
    return outcome(mp.JoinableQueue().join)


def join_waits_for_task_done():
    q, begun, joined = mp.JoinableQueue(), Flag(), Flag()
    q.put("a")
    p = go(_join_and_tell, q, begun, joined)
    begun.wait()
    early = joined.seen()
    q.get()
    taken = joined.seen()
    q.task_done()
    joined.wait()
    return early, taken, ends(p)


def join_waits_for_all_of_them():
    q, begun, joined = mp.JoinableQueue(), Flag(), Flag()
    for i in range(3):
        q.put(i)
    p = go(_join_and_tell, q, begun, joined)
    begun.wait()
    early = []
    for _ in range(3):
        early.append(joined.seen())
        q.get()
        q.task_done()
    joined.wait()
    return early, ends(p)


def task_done_once_too_often():
    q = mp.JoinableQueue()
    q.put("a")
    q.get()
    return outcome(q.task_done), outcome(q.task_done)


def task_done_of_nothing():
    return outcome(mp.JoinableQueue().task_done)


def task_done_is_counted_not_named():
    q = mp.JoinableQueue()
    q.put("a")
    q.put("b")
    q.get()
    q.get()
    return outcome(q.task_done), outcome(q.task_done), outcome(q.join)


def _work(q, done):
    while (item := q.get()) is not None:
        done[item] += 1
        q.task_done()
    q.task_done()


def workers_are_done_with_all_when_join_returns():
    q, done = mp.JoinableQueue(), numbers(30)
    ps = [go(_work, q, done) for _ in range(3)]
    for i in range(30):
        q.put(i)
    q.join()
    finished = list(done) == [1] * 30
    for _ in ps:
        q.put(None)
    q.join()
    return finished, ends(*ps)


def it_is_joined_again_after_more():
    q, begun, joined = mp.JoinableQueue(), Flag(), Flag()
    q.put("a")
    q.get()
    q.task_done()
    q.join()
    q.put("b")
    p = go(_join_and_tell, q, begun, joined)
    begun.wait()
    early = joined.seen()
    q.get()
    q.task_done()
    joined.wait()
    return early, ends(p)


def two_that_join_both_go_on():
    q, begun, joined = mp.JoinableQueue(), Flag(), Flag()
    q.put("a")
    ps = [go(_join_and_tell, q, begun, joined) for _ in range(2)]
    begun.wait(2)
    q.get()
    q.task_done()
    joined.wait(2)
    return ends(*ps)


def _put_three(q):
    for i in range(3):
        q.put(i)


def puts_of_a_child_count():
    q = mp.JoinableQueue()
    ends(go(_put_three, q))
    got = []
    for _ in range(3):
        got.append(q.get())
        q.task_done()
    return got, outcome(q.join), outcome(q.task_done)


def it_has_a_maxsize_too():
    q = mp.JoinableQueue(1)
    q.put("a")
    full = outcome(q.put_nowait, "b")
    q.get()
    q.task_done()
    return full, outcome(q.put_nowait, "b"), q.qsize()


def task_put_by_a_task_is_waited_for():
    q = mp.JoinableQueue()
    done = numbers(1)

    def worker():
        for _ in range(4):
            left = q.get()
            if left > 0:
                q.put(left - 1)
            done[0] += 1
            q.task_done()

    p = go(worker)
    q.put(3)
    q.join()
    return done[0], ends(p)


main()
