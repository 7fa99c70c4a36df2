"""What becomes of the others when one is killed: Python's half of the table.

A row says "hangs: ...", "breaks: ..." or "goes on: ...".  Who is killed has
demonstrably come as far as the row says, so nothing here is left to chance:
where only a race would show it, a lock of the module itself is held meanwhile.
kills.c has the same rows by libmpipc.
"""

import multiprocessing as mp
import os
import signal
from concurrent.futures import ProcessPoolExecutor, wait

from parity import Flag, Stuck, go, main, numbers, outcome, until

# Who does not go on after that long hangs.
HANG_S = 1


def _kill(p):
    p.kill()
    p.join()
    if p.exitcode != -signal.SIGKILL:
        raise Stuck(f"it was not killed: {p.exitcode}")


def _die():
    os.kill(os.getpid(), signal.SIGKILL)


def _seen(fn, what):
    """The row, by what fn gives in a process of its own."""
    r, w = mp.Pipe(False)
    p = go(lambda: w.send(fn()))
    row = f"goes on: {r.recv()}" if r.poll(HANG_S) else f"hangs: {what}"
    p.kill()
    return row


def _is_held(lock):
    if lock.acquire(False):
        lock.release()
        return False
    return True


def _holder(lock, flag):
    lock.acquire()
    flag.up()
    Flag().wait()


def _killed_with(lock):
    flag = Flag()
    p = go(_holder, lock, flag)
    flag.wait()
    _kill(p)


def lock_holder():
    lock = mp.Lock()
    _killed_with(lock)
    return _seen(lock.acquire, "nobody ever has the lock again")


def rlock_holder():
    lock = mp.RLock()
    _killed_with(lock)
    return _seen(lock.acquire, "nobody ever has the lock again")


def semaphore_credits():
    s = mp.Semaphore(2)
    _killed_with(s)
    _killed_with(s)
    return _seen(s.acquire, "both credits are gone")


def bounded_semaphore_credit():
    s = mp.BoundedSemaphore(1)
    _killed_with(s)
    return _seen(s.acquire, "the credit is gone")


def value_lock_holder():
    v = mp.Value("q", 0)
    _killed_with(v.get_lock())

    def use():
        with v.get_lock():
            v.value += 1
            return "used"

    return _seen(use, "nobody ever uses the value again")


def array_lock_holder():
    a = mp.Array("q", 2)
    _killed_with(a.get_lock())

    def use():
        with a.get_lock():
            a[0] = 1
            return "used"

    return _seen(use, "nobody ever uses the array again")


def queue_reader_that_waits():
    q = mp.Queue()
    p = go(q.get)
    until(lambda: _is_held(q._rlock))
    _kill(p)
    q.put("next")
    return _seen(q.get, "nobody ever gets a message again")


def simplequeue_reader_that_waits():
    q = mp.SimpleQueue()
    p = go(q.get)
    until(lambda: _is_held(q._rlock))
    _kill(p)
    q.put("next")
    return _seen(q.get, "nobody ever gets a message again")


def queue_writer_in_its_put():
    q = mp.Queue()
    p = go(lambda: q.put(bytes(10000000)))
    until(q._reader.poll)
    _kill(p)

    def use():
        q.put("next")
        return q.get()

    return _seen(use, "half a message is waited for")


def queue_writer_after_its_put():
    q = mp.Queue()
    flag = Flag()
    q._wlock.acquire()

    def writer():
        q.put("done")
        flag.up()
        Flag().wait()

    p = go(writer)
    flag.wait()
    _kill(p)
    q._wlock.release()
    word = outcome(q.get, timeout=HANG_S)
    return f"breaks: what was put is lost, {word}" if word == "Empty" else f"goes on: {word}"


def queue_maxsize():
    q = mp.Queue(1)
    flag = Flag()
    q._wlock.acquire()

    def writer():
        q.put("lost")
        flag.up()
        Flag().wait()

    p = go(writer)
    flag.wait()
    _kill(p)
    q._wlock.release()
    word = outcome(q.put, "next", timeout=HANG_S)
    return (f"hangs: {word} for ever, though it is {outcome(q.get_nowait)}"
            if word == "Full" else f"goes on: {word}")


def joinable_worker_with_a_task():
    q = mp.JoinableQueue()
    q.put("task")
    flag = Flag()

    def worker():
        q.get()
        flag.up()
        Flag().wait()

    p = go(worker)
    flag.wait()
    _kill(p)
    return _seen(lambda: q.join() or "joined", "join waits for a task that nobody has")


def _in_wait(c, flag):
    with c:
        flag.up()
        c.wait()


def _killed_in_wait(c):
    flag = Flag()
    p = go(_in_wait, c, flag)
    flag.wait()
    with c:  # it is in wait() now
        pass
    _kill(p)


def condition_waiter():
    c = mp.Condition()
    _killed_in_wait(c)

    def use():
        with c:
            c.notify()
        return "notified"

    return _seen(use, "notify waits for the dead to wake")


def condition_lock_holder():
    c = mp.Condition()
    _killed_with(c)
    return _seen(c.acquire, "nobody ever has its lock again")


def event_waiter():
    e = mp.Event()
    flag = Flag()

    def waiter():
        flag.up()
        e.wait()

    p = go(waiter)
    flag.wait()
    # It counts itself among those who sleep.
    until(lambda: not e._cond._sleeping_count._semlock._is_zero())
    _kill(p)
    return _seen(lambda: e.set() or "set", "set waits for the dead to wake")


def barrier_party_that_waits():
    b = mp.Barrier(2)
    p = go(b.wait)
    until(lambda: b.n_waiting == 1)
    _kill(p)
    return _seen(lambda: outcome(b.wait), "wait waits for the dead to wake")


def barrier_party_between_rounds():
    b = mp.Barrier(2)
    flag = Flag()

    def party():
        b.wait()
        flag.up()
        Flag().wait()

    p = go(party)
    b.wait()
    flag.wait()
    _kill(p)
    return _seen(lambda: outcome(b.wait), "the dead is waited for")


def pipe_sender_in_its_send():
    r, w = mp.Pipe(False)
    p = go(w.send_bytes, bytes(10000000))
    until(r.poll)
    _kill(p)

    def use():
        w.send_bytes(b"next")
        return r.recv_bytes().decode()

    return _seen(use, "half a message is waited for")


def _setup():
    global COUNT
    COUNT = numbers(1)


def _die_at_first(x):
    COUNT[0] += 1
    if COUNT[0] == 1:
        _die()
    return x


def _square(x):
    return x * x


def pool_worker_in_its_task():
    pool = mp.Pool(2)
    word = outcome(pool.apply_async(_die_at_first, (7,)).get, HANG_S)
    return "hangs: its result never comes" if word == "Timeout" else f"goes on: {word}"


def pool_worker_that_waits_for_one():
    pool = mp.Pool(1)
    until(lambda: _is_held(pool._inqueue._rlock))
    first = pool._pool[0]
    os.kill(first.pid, signal.SIGKILL)
    until(lambda: pool._pool and pool._pool[0] is not first)
    word = outcome(pool.apply_async(_square, (7,)).get, HANG_S)
    return "hangs: no task is ever done again" if word == "Timeout" else f"goes on: {word}"


def _die_if_3(x):
    if x == 3:
        COUNT[0] += 1
        if COUNT[0] == 1:
            _die()
    return x


def executor_worker_in_its_task():
    begun, on = Flag(), Flag()

    e = ProcessPoolExecutor(1, initializer=lambda: (begun.up(), on.wait()))
    futures = [e.submit(_die_if_3, x) for x in (3, 1, 2)]
    begun.wait()
    on.up()
    wait(futures)
    words = [outcome(f.result) for f in futures]
    words.append(outcome(lambda: e.submit(_square, 2).result()))
    return f"{'breaks' if 'Broken' in words else 'goes on'}: {','.join(map(str, words))}"


main(_setup)
