"""The judge of politeness: what may not be in a server's log.

A host is a name, whatever the schemes and ports that it was asked by; its rule
is what its owner may expect, from the facts of the test's own table; what the crawler says about itself is looked at, too, never instead.
"""

# Clocks of two processes: a request that left in time may be seen this early.
SLACK = 0.010
# A server that was scheduled away learns so late that a client has gone.
GONE = 0.2
# An answer this young when its crawler was killed may have been read by nobody.
UNREAD = 0.100


class Rule:
    """delay: seconds between two requests; private: paths that nobody may ask
    for, each a beginning, or whole when it ends in "$"; open: requests at a
    time; pages: False where robots.txt allows none at all."""

    def __init__(self, delay, private=(), open=1, pages=True):
        self.delay, self.private, self.open, self.pages = delay, private, open, pages

    def forbids(self, path):
        if path == "/robots.txt":
            return False
        return not self.pages or any(
            path == private[:-1] if private.endswith("$") else path.startswith(private)
            for private in self.private)


def in_order(arrivals):
    return sorted(arrivals, key=lambda one: one.when)


def too_soon(host, arrivals, rule):
    """Gaps from the end of what was asked before."""
    found = []
    for before, after in zip(arrivals, arrivals[1:]):
        start = before.end if before.end is not None and rule.open == 1 else before.when
        least = rule.delay
        if after.when - start < least - (SLACK if before.whole else GONE):
            found.append(f"{host}: {after!r} is {after.when - start:.3f} s after {before!r}, "
                         f"not {least:g}")
    return found


def too_many(host, arrivals, rule):
    """Requests that are answered at the same time."""
    steps = sorted([(one.when, 1) for one in arrivals] +
                   [(one.end, -1) for one in arrivals if one.end is not None])
    now = most = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return [f"{host}: {most} requests at a time, not {rule.open}"] if most > rule.open else []


def too_early(host, arrivals, pauses, kills):
    """Requests within a pause that an answer asked for: pauses[path] is a list
    of the seconds that its first, second … answer asks for (0: none)."""
    found, turns = [], {}
    for i, one in enumerate(arrivals):
        turn = turns[one.path] = turns.get(one.path, -1) + 1
        asked = pauses.get(one.path, [])
        pause = asked[turn] if turn < len(asked) else 0
        if not pause or one.end is None or not one.whole:
            continue
        if any(one.end <= kill < one.end + UNREAD for kill in kills):
            continue
        for after in arrivals[i + 1:]:
            if after.when < one.end + pause - SLACK:
                found.append(f"{host}: {after!r} is {after.when - one.end:.3f} s after {one!r}, "
                             f"which asked for {pause:g}")
    return found


def forbidden(host, arrivals, rule):
    return [f"{host}: {one!r} is forbidden" for one in arrivals if rule.forbids(one.path)]


def before_robots(host, arrivals):
    """Pages that were asked for before robots.txt was answered, by this origin."""
    read = {}
    for one in arrivals:
        if one.path == "/robots.txt" and one.end is not None:
            read[one.origin] = min(one.end, read.get(one.origin, one.end))
    return [f"{host}: {one!r} before its robots.txt was read" for one in arrivals
            if one.path != "/robots.txt" and
            (one.origin not in read or one.when < read[one.origin])]


def violations(arrivals, rules, pauses=None, kills=()):
    """Everything in the log that breaks a rule, as sentences.  A host without
    a rule is out of scope: nothing at all may be asked of it."""
    found = []
    by_host = {}
    for one in in_order(arrivals):
        by_host.setdefault(one.host, []).append(one)
    for host, of_host in by_host.items():
        rule = rules.get(host)
        if rule is None:
            found += [f"{host}: {one!r} is out of scope" for one in of_host]
            continue
        found += too_soon(host, of_host, rule)
        found += too_many(host, of_host, rule)
        found += too_early(host, of_host, (pauses or {}).get(host, {}), kills)
        found += forbidden(host, of_host, rule)
        found += before_robots(host, of_host)
    return found
