/*
 * cut - the outputs hold a record if and only if the store says "done".
 *
 * The recorder (cmd/role/recorder.c: find_cut, close_group), its files
 * (lib/archive/sink.c), the scheduler (cmd/role/scheduler*.c: adopt, collect,
 * commit), recovery of one of them, the start after all were killed, and
 * power.  Between any two steps of a process it may be killed; a step is one
 * access to what others see, or outlives it.  Crawler and parser are left
 * out: they only take time, and a cell may lie in RECORDS for any time here.
 *
 * A position in the outputs is a number of records.  Files hold FILE_RECORDS
 * each, so position n is in file ceil(n / FILE_RECORDS), as lib/archive's
 * segment and byte are.
 */

/* The size of the world.  Budgets are spent or not: every smaller number of
 * disasters is covered by each run. */
#ifndef CELLS
#define CELLS 2 /* or 3 */
#endif
#ifndef URLS
#define URLS 3
#endif
#ifndef GROUP
#define GROUP 2 /* cells of one sync at the most */
#endif
#ifndef FILE_RECORDS
#define FILE_RECORDS 2
#endif
#ifndef KILLS
#define KILLS 0 /* SIGKILL to the recorder or the scheduler */
#endif
#ifndef ENDS
#define ENDS 0 /* SIGKILL to the supervisor: all die, one after the other */
#endif
#ifndef POWERS
#define POWERS 0
#endif
#ifndef FAULTS
#define FAULTS 0 /* a sync that fails */
#endif
#ifndef DAMAGES
#define DAMAGES 0 /* somebody shortens the outputs while nothing runs */
#endif
#ifndef RETRIES
#define RETRIES 0 /* URLs whose first fetch ends in a retry: no record */
#endif

/*
 * Wrong variants, one at a time.  The first five are those of protocol.md 5.
 *
 * MUTANT_OFFSET_FIRST    header.out is read before the cells
 * MUTANT_FREE_FIRST      cells are freed before header.out is published
 * MUTANT_GAPS            the commit is not the contiguous run
 * MUTANT_NO_SYNC         the recorder vouches for what is not durable
 * MUTANT_ANY_ORDER       cells are forwarded not in order of seq
 * MUTANT_SYNC_AGAIN      after a failed sync: once more, and believed
 * MUTANT_SYNC_FOR_EVER   after a failed sync: again until it succeeds
 * MUTANT_NO_FOLDER_SYNC  the name of a new file is not made durable
 * MUTANT_LEAVE_UNSYNCED  going on in a new file forgets to sync the old one
 * MUTANT_STRETCH         a file shorter than the cut is accepted
 * MUTANT_KEEP_TAIL       the recorder does not cut
 * MUTANT_NO_WAIT         it cuts before the scheduler has opened the store
 * MUTANT_TURN_FIRST      header.out's turn rises before its pair is there
 * MUTANT_STALE_SEQ       adoption believes a seq outside SETTLED
 * MUTANT_COMMIT_AGAIN    a cell that was committed is settled once more
 * MUTANT_NO_ADOPTION     a new scheduler does not look at the cells
 * MUTANT_NO_RECOVERY     the cells of the dead stay with them
 */

#define FILES ((URLS + FILE_RECORDS - 1) / FILE_RECORDS + 1)
#define FILE_OF(end) (((end) + FILE_RECORDS - 1) / FILE_RECORDS)
#define FILE_AT(i) ((i) / FILE_RECORDS + 1)
#define BEFORE(file) (((file) - 1) * FILE_RECORDS) /* records in those before */
#define BIT(n) (1 << (n))
#define MIN(a, b) ((a) < (b) -> (a) : (b))
#define MAX(a, b) ((a) > (b) -> (a) : (b))
#define TORN 255

/* The word of a cell. */
#define FREE 0
#define RECORDS 1
#define SETTLED 2
#define QUEUED 0 /* in the ring */
#define SENDING 1
#define HELD 2
#define NOBODY 0
#define RECORDER 1
#define SCHEDULER 2

/* --- shared memory ------------------------------------------------------- */

byte queue[CELLS], state[CELLS], owner[CELLS];
byte seq[CELLS], end[CELLS]; /* settle part */
byte url[CELLS];             /* order part */
bit again[CELLS];            /* what the fetch came to: a retry */
byte out_seq[2], out_end[2], out_turn; /* header.out; turn 0: unset */

/* --- disk ---------------------------------------------------------------- */

/* Files 1..FILES.  What a running program sees: the name is there, and so
 * many records of it.  What power leaves: the name surely or maybe, a length
 * between low and high.  Records below low are as written. */
bit there[FILES + 1], sure[FILES + 1], maybe[FILES + 1];
byte length[FILES + 1], low[FILES + 1], high[FILES + 1];
bit lied[FILES + 1]; /* a sync failed: its dirty pages are called clean */
byte record[URLS + FILE_RECORDS]; /* URL + 1, by position */

/* The store: as a program reads it, and as power leaves it. */
byte done, tried, x_seq, x_end;
byte disk_done, disk_tried, disk_seq, disk_end;

/* --- disasters ----------------------------------------------------------- */

byte kills = KILLS, ends = ENDS, powers = POWERS, faults = FAULTS;
byte damages = DAMAGES;
bit down;    /* the supervisor is dead: its children die */
bit off;     /* no power: nobody takes another step */
bit distrust; /* the segment goes, the store decides */
bit damaged, hurt; /* hurt: shorter than what the store says */
bit refused; /* "restore the file" */
byte alive;  /* bits of RECORDER and SCHEDULER */

/* One step of a worker; in its place it may be killed.  WHEN is a step that
 * waits for something. */
#define WHEN(guard, ...) \
	:: d_step { !off && (guard) -> __VA_ARGS__ }
#define OR_DIE \
	:: d_step { \
		kills > 0 || down || off -> \
		kills = (down || off -> kills : kills - 1); \
		DIE \
	   }; goto dead
#define STEP(...) if WHEN(true, __VA_ARGS__) OR_DIE fi

/* --- what must hold ------------------------------------------------------ */

hidden byte i_, n_, seen_; /* within one step */

/* The records that the store vouches for are those of the URLs that are done,
 * each once, none torn, whatever else the files hold. */
inline outputs_agree()
{
	if
	:: hurt
	:: else ->
		seen_ = 0;
		for (i_ : 1 .. x_end) {
			n_ = FILE_AT(i_ - 1);
			assert(there[n_] && length[n_] >= i_ - BEFORE(n_));
			n_ = record[i_ - 1];
			assert(n_ != 0 && n_ != TORN);
			assert((seen_ & BIT(n_ - 1)) == 0);
			seen_ = seen_ | BIT(n_ - 1);
		}
		assert(seen_ == done);
	fi
}

#define VOUCHED(c) \
	(queue[c] == SETTLED && url[c] == n_ && end[c] == i_ + 1)

/* After the cut nothing is in the files but what the store or a cell in
 * SETTLED vouches for, and nothing twice. */
inline all_is_vouched_for(at)
{
	assert(!hurt && x_end <= at);
	outputs_agree();
	seen_ = done;
	for (i_ : x_end + 1 .. at) {
		n_ = FILE_AT(i_ - 1);
		assert(there[n_] && length[n_] >= i_ - BEFORE(n_));
		n_ = record[i_ - 1];
		assert(n_ != 0 && n_ != TORN);
		assert((seen_ & BIT(n_ - 1)) == 0);
		seen_ = seen_ | BIT(n_ - 1);
		n_--;
		i_--;
		assert(VOUCHED(0) || VOUCHED(1) || VOUCHED(CELLS - 1));
		i_++;
	}
	for (i_ : 1 .. FILES) {
		assert(i_ <= FILE_OF(at) || !there[i_]);
	}
	assert(at == 0 || length[FILE_OF(at)] == at - BEFORE(FILE_OF(at)))
}

/* Somebody shortened the files; the scheduler cannot know it, and may still
 * commit what a cell in SETTLED vouched for: then, too, the recorder refuses. */
inline look_for_damage()
{
	i_ = FILE_OF(x_end);
	hurt = hurt || damaged && x_end > 0 &&
			  (!there[i_] || length[i_] < x_end - BEFORE(i_))
}

/* --- the recorder -------------------------------------------------------- */

#define DIE recorder_dies()
inline recorder_dies()
{
	c = 0; i = 0; f = 0; held = 0; cut_seq = 0; cut_end = 0; at = 0;
	turn = 0; pair_seq = 0; pair_end = 0; dirty_folder = 0;
	for (i : 0 .. GROUP - 1) { cell[i] = 0; cell_end[i] = 0; }
	i = 0;
	alive = alive & ~BIT(RECORDER)
}

/* A sync of one file, or none; fails: the pages are called clean. */
inline sync_file(f)
{
	if
	WHEN(!lied[f],
	    low[f] = length[f]; high[f] = length[f])
	WHEN(lied[f], skip)
	:: d_step {
		!off && faults > 0 &&
		(low[f] != length[f] || high[f] != length[f]) ->
		faults--;
		lied[f] = 1;
#if !defined(MUTANT_SYNC_AGAIN) && !defined(MUTANT_SYNC_FOR_EVER)
		DIE /* status 75 */
	   }
	   goto dead
#else
	   }
#endif
	OR_DIE
	fi
}

inline sync_folder()
{
	STEP(for (i : 1 .. FILES) {
		sure[i] = there[i];
		maybe[i] = there[i];
		high[i] = (there[i] -> high[i] : 0)
	}
	i = 0; dirty_folder = 0)
}

/* header.out, of which the copy in force may change meanwhile. */
inline read_out()
{
	do
	:: STEP(turn = out_turn);
	   STEP(pair_seq = out_seq[turn & 1]);
	   STEP(pair_end = out_end[turn & 1]);
	   if
	   WHEN(turn == out_turn,
	       turn = 0;
	       if
	       :: pair_seq >= cut_seq -> cut_seq = pair_seq; cut_end = pair_end
	       :: else
	       fi); break
	   WHEN(turn != out_turn, skip)
	   OR_DIE
	   fi
	od
}

inline read_cells()
{
	do
	:: c < CELLS ->
		STEP(turn = queue[c] * 4 + state[c]);
		STEP(pair_seq = seq[c]);
		STEP(pair_end = end[c]);
		/* The same word again, or the same cell again. */
		if
		WHEN(turn == queue[c] * 4 + state[c],
		    if
		    :: turn / 4 == SETTLED && pair_seq > cut_seq ->
			cut_seq = pair_seq;
			cut_end = pair_end
		    :: else
		    fi;
		    turn = 0;
		    c++)
		WHEN(turn != queue[c] * 4 + state[c], skip)
		OR_DIE
		fi
	:: else -> c = 0; break
	od
}

#define TAKE(n) \
	WHEN(held < GROUP && queue[n] == RECORDS && state[n] == QUEUED, \
	    state[n] = HELD; owner[n] = RECORDER; c = n)

proctype Recorder()
{
	byte c, i, f, held, cut_seq, cut_end, at, turn, pair_seq, pair_end;
	byte cell[GROUP], cell_end[GROUP];
	bit dirty_folder;

dead:
end_dead:
	(alive & BIT(RECORDER));

	/* find_cut: the scheduler has opened the store; then the cells, then
	 * header.out. */
#ifndef MUTANT_NO_WAIT
	if
	WHEN(out_turn != 0, skip)
	OR_DIE
	fi;
#endif
#ifdef MUTANT_OFFSET_FIRST
	read_out();
	read_cells();
#else
	read_cells();
	read_out();
#endif

	/* sink_open */
	f = FILE_OF(cut_end);
	if
	WHEN(cut_end == 0 ||
		(there[f] && length[f] >= cut_end - BEFORE(f)),
	    pair_seq = 0; pair_end = 0; c = f)
	:: d_step {
		!off && !down && cut_end > 0 &&
		!(there[f] && length[f] >= cut_end - BEFORE(f)) ->
#ifdef MUTANT_STRETCH
		there[f] = 1; maybe[f] = 1;
		length[f] = cut_end - BEFORE(f);
		high[f] = MAX(high[f], length[f]);
		c = f
	   }
#else
		assert(damaged);
		down = 1;
		if
		:: out_end[out_turn & 1] != cut_end ->
			distrust = 1 /* status 76 */
		:: else -> refused = 1
		fi;
		DIE
	   }
	   goto dead
#endif
	OR_DIE
	fi;
	f = FILES;
	do
	:: f > c ->
		if
		WHEN(there[f], there[f] = 0; sure[f] = 0; length[f] = 0;
		    low[f] = 0; lied[f] = 0; dirty_folder = 1; f--)
		WHEN(!there[f], f--)
		OR_DIE
		fi
	:: else -> break
	od;
#ifdef MUTANT_KEEP_TAIL
	skip;
#else
	if
	:: cut_end > 0 ->
		STEP(length[f] = cut_end - BEFORE(f);
		    if
		    :: low[f] >= length[f] ->
			low[f] = length[f];
			lied[f] = 0
		    :: else
		    fi)
	:: else
	fi;
#endif
	d_step {
		at = cut_end;
		cut_end = 0;
		c = 0;
		/* By now the store may be ahead of what was read. */
		if
		:: off
		:: else -> all_is_vouched_for(at)
		fi
	}

end_idle:
	/* take: pop, and append the record */
	if
	TAKE(0)
	TAKE(1)
#if CELLS > 2
	TAKE(2)
#endif
	WHEN(held > 0, c = CELLS)
	OR_DIE
	fi;
	if
	:: c == CELLS -> c = 0; goto close_group
	:: else
	fi;
	STEP(seq[c] = 0);
	if
	:: again[c]
	:: else ->
		if
		:: f == 0 || at - BEFORE(f) == FILE_RECORDS ->
#ifndef MUTANT_LEAVE_UNSYNCED
			if
			:: f > 0 -> sync_file(f)
			:: else
			fi;
#endif
			STEP(f++; assert(!there[f]); there[f] = 1;
			    maybe[f] = 1; dirty_folder = 1)
		:: else
		fi;
		/* A write is cut short by a kill. */
		STEP(assert(at < URLS); record[at] = TORN;
		    length[f]++; high[f] = MAX(high[f], length[f]));
		STEP(record[at] = url[c] + 1; at++)
	fi;
	d_step { cell[held] = c; cell_end[held] = at; held++; c = 0 }
	goto end_idle;

close_group:
	/* Durable first; then the vouching, in the order of seq. */
#ifndef MUTANT_NO_SYNC
	if
	:: f > 0 -> sync_file(f)
	:: else
	fi;
#ifdef MUTANT_SYNC_AGAIN
	if
	:: f > 0 -> sync_file(f)
	:: else
	fi;
#endif
#ifdef MUTANT_SYNC_FOR_EVER
	do
	:: lied[f] -> sync_file(f)
	:: else -> break
	od;
#endif
#ifndef MUTANT_NO_FOLDER_SYNC
	if
	:: dirty_folder -> sync_folder()
	:: else
	fi;
#endif
#endif
	do
	:: c < held ->
		STEP(end[cell[c]] = cell_end[c]);
		STEP(cut_seq++; seq[cell[c]] = cut_seq; c++)
	:: else -> c = 0; break
	od;
	do
	:: c < held ->
#ifdef MUTANT_ANY_ORDER
		STEP(queue[cell[held - 1 - c]] = SETTLED;
		    state[cell[held - 1 - c]] = SENDING; c++)
#else
		STEP(queue[cell[c]] = SETTLED; state[cell[c]] = SENDING; c++)
#endif
	:: else -> c = 0; break
	od;
	do
	:: c < held ->
		STEP(state[cell[c]] = QUEUED; owner[cell[c]] = NOBODY;
		    cell[c] = 0; cell_end[c] = 0; c++)
	:: else -> c = 0; held = 0; break
	od;
	goto end_idle
}

/* --- the scheduler ------------------------------------------------------- */

#undef DIE
#define DIE scheduler_dies()
inline scheduler_dies()
{
	c = 0; s = 0; u = 0; batch = 0; leased = 0;
	cut_seq = 0; next_seq = 0; next_end = 0; turn = 0;
	for (s : 0 .. CELLS - 1) { line[s] = 0; }
	s = 0;
	alive = alive & ~BIT(SCHEDULER)
}

inline publish_out(seq_, end_)
{
#ifdef MUTANT_TURN_FIRST
	STEP(out_turn++; turn = out_turn);
	STEP(out_seq[turn & 1] = seq_);
	STEP(out_end[turn & 1] = end_; turn = 0)
#else
	STEP(turn = out_turn + 1; out_seq[turn & 1] = seq_);
	STEP(out_end[turn & 1] = end_);
	STEP(out_turn = turn; turn = 0)
#endif
}

inline free_cells()
{
	do
	:: c < CELLS ->
		if
		:: batch & BIT(c) ->
			STEP(queue[c] = FREE; state[c] = QUEUED;
			    owner[c] = NOBODY; c++)
		:: else -> c++
		fi
	:: else -> c = 0; break
	od;
	batch = 0
}

#define COLLECT(n) \
	WHEN(queue[n] == SETTLED && state[n] == QUEUED, \
	    state[n] = HELD; owner[n] = SCHEDULER; c = n)

proctype Scheduler()
{
	byte c, s, u, batch, leased, cut_seq, next_seq, next_end, turn;
	byte line[CELLS]; /* cell + 1, by seq */

dead:
end_dead:
	(alive & BIT(SCHEDULER));

	/* Opening the store makes durable what it replays. */
	STEP(disk_done = done; disk_tried = tried; disk_seq = x_seq;
	    disk_end = x_end;
	    cut_seq = x_seq; next_seq = x_seq; next_end = x_end);
	publish_out(cut_seq, next_end);
#ifndef MUTANT_NO_ADOPTION
	do
	:: c < CELLS ->
		/* Only the scheduler changes the order part, and the settle
		 * part of a cell in SETTLED: one step. */
		STEP(if
		    :: queue[c] == FREE
#ifdef MUTANT_STALE_SEQ
		    :: queue[c] != FREE && seq[c] > 0 && seq[c] <= cut_seq
#else
		    :: queue[c] == SETTLED && seq[c] > 0 && seq[c] <= cut_seq
#endif
		    :: else ->
			assert((leased & BIT(url[c])) == 0);
			assert((done & BIT(url[c])) == 0);
			leased = leased | BIT(url[c])
		    fi;
		    c++)
	:: else -> c = 0; break
	od;
#endif

end_idle:
	if
	COLLECT(0)
	COLLECT(1)
#if CELLS > 2
	COLLECT(2)
#endif
	WHEN(batch != 0, c = CELLS)
	WHEN((queue[0] == FREE || queue[1] == FREE ||
		queue[CELLS - 1] == FREE) &&
		(done | leased) != BIT(URLS) - 1,
	    c = CELLS + 1)
	OR_DIE
	fi;
	if
	:: c == CELLS -> c = 0; goto commit
	:: c > CELLS -> c = 0; goto order
	:: else
	fi;

	/* collect: a seq of the cut or before was committed by one before us. */
	d_step {
		if
		:: off
#ifndef MUTANT_COMMIT_AGAIN
		:: !off && seq[c] <= cut_seq ->
			assert(seq[c] > 0);
			s = 1
#endif
		:: else ->
#ifdef MUTANT_GAPS
			batch = batch | BIT(c);
			next_seq = MAX(next_seq, seq[c]);
			next_end = MAX(next_end, end[c])
#else
#ifdef MUTANT_COMMIT_AGAIN
			next_seq = MIN(next_seq, seq[c] - 1);
#endif
			assert(seq[c] > next_seq);
			assert(seq[c] - next_seq <= CELLS);
			assert(line[seq[c] % CELLS] == 0);
			line[seq[c] % CELLS] = c + 1;
			do
			:: line[(next_seq + 1) % CELLS] != 0 ->
				u = line[(next_seq + 1) % CELLS] - 1;
				line[(next_seq + 1) % CELLS] = 0;
				next_seq++;
				next_end = end[u];
				batch = batch | BIT(u)
			:: else -> break
			od;
			u = 0
#endif
		fi
	}
	if
	:: s ->
		s = 0;
		STEP(queue[c] = FREE; state[c] = QUEUED; owner[c] = NOBODY;
		    c = 0)
	:: else -> c = 0
	fi;
	goto end_idle;

commit:
	/* One batch: written, then synced. */
	STEP(for (u : 0 .. CELLS - 1) {
		if
		:: batch & BIT(u) ->
			assert((done & BIT(url[u])) == 0);
			leased = leased & ~BIT(url[u]);
			if
			:: again[u] -> tried = tried | BIT(url[u])
			:: else -> done = done | BIT(url[u])
			fi
		:: else
		fi
	    }
	    u = 0;
	    x_seq = next_seq;
	    x_end = next_end;
	    look_for_damage();
	    outputs_agree());
	STEP(disk_done = done; disk_tried = tried; disk_seq = x_seq;
	    disk_end = x_end; cut_seq = next_seq);
#ifdef MUTANT_FREE_FIRST
	free_cells();
	publish_out(next_seq, next_end);
#else
	publish_out(next_seq, next_end);
	free_cells();
#endif
	goto end_idle;

order:
	/* Fetched and parsed at once. */
	STEP(do
	    :: queue[c] != FREE -> c++
	    :: else -> break
	    od;
	    do
	    :: (done | leased) & BIT(u) -> u++
	    :: else -> break
	    od;
	    leased = leased | BIT(u);
	    seq[c] = 0);
	STEP(end[c] = 0);
	if
	WHEN(true, url[c] = u; again[c] = 0)
#if RETRIES > 0
	WHEN(u < RETRIES && (tried & BIT(u)) == 0, url[c] = u; again[c] = 1)
#endif
	OR_DIE
	fi;
	STEP(queue[c] = RECORDS; state[c] = SENDING; owner[c] = SCHEDULER);
	STEP(state[c] = QUEUED; owner[c] = NOBODY; c = 0; u = 0);
	goto end_idle
}

/* --- the supervisor, and the world --------------------------------------- */

inline segment_is_new()
{
	for (i : 0 .. CELLS - 1) {
		queue[i] = FREE; state[i] = QUEUED; owner[i] = NOBODY;
		seq[i] = 0; end[i] = 0; url[i] = 0; again[i] = 0
	}
	out_seq[0] = 0; out_seq[1] = 0; out_end[0] = 0; out_end[1] = 0;
	out_turn = 0; i = 0
}

/* What no file holds is forgotten, so that equal worlds are equal. */
inline tidy_up()
{
	for (i : 0 .. URLS - 1) {
		f = FILE_AT(i);
		if
		:: i >= BEFORE(f) + high[f] -> record[i] = 0
		:: else
		fi
	}
	i = 0; f = 0
}

inline recover(who)
{
	do
	:: i < CELLS ->
		if
		:: d_step {
			!down && !off ->
#ifndef MUTANT_NO_RECOVERY
			if
			:: owner[i] == who ->
				state[i] = QUEUED;
				owner[i] = NOBODY
			:: else
			fi;
#endif
			i++
		}
		:: down || off -> break
		:: atomic { !down && !off && ends > 0 -> ends--; down = 1 }
		:: atomic { !off && powers > 0 -> power_fails() }
		fi
	:: else -> alive = alive | BIT(who); break
	od;
	i = 0
}

inline power_fails()
{
	powers--;
	off = 1;
	f = 1;
	do
	:: f <= FILES ->
		/* The name ... */
		if
		:: sure[f] -> there[f] = 1
		:: !sure[f] && maybe[f] -> there[f] = 1
		:: !sure[f] -> there[f] = 0
		fi;
		/* ... so much of it ... */
		n = low[f];
		if
		:: there[f] ->
			do
			:: n < high[f] -> n++
			:: break
			od
		:: else -> n = 0; low[f] = 0
		fi;
		/* ... and the last of what no sync covered is half there. */
		if
		:: n > low[f] -> record[BEFORE(f) + n - 1] = TORN
		:: true
		fi;
		length[f] = n; low[f] = n; high[f] = n;
		sure[f] = there[f]; maybe[f] = there[f]; lied[f] = 0;
		f++
	:: else -> break
	od;
	/* A batch that was written, and not synced yet: kept or not. */
	if
	:: done = disk_done; tried = disk_tried; x_seq = disk_seq;
	   x_end = disk_end
	:: x_seq != disk_seq -> disk_done = done; disk_tried = tried;
	   disk_seq = x_seq; disk_end = x_end
	fi;
	d_step {
		n = 0; f = 0;
		segment_is_new();
		tidy_up();
		outputs_agree()
	}
}

/* Nobody is alive: the segment is rebuilt, or a new one is made. */
inline start()
{
	if
	:: damages > 0 -> atomic { shorten_outputs() }
	:: true
	fi;
	if
	:: distrust -> d_step { segment_is_new(); distrust = 0 }
	:: else
	fi;
	do
	:: i < CELLS ->
		if
		:: d_step { state[i] = QUEUED; owner[i] = NOBODY; i++ }
		:: atomic { powers > 0 -> power_fails(); break }
		:: atomic { ends > 0 -> ends--; i = 0; break }
		fi
	:: else ->
		d_step {
			i = 0;
			out_turn = 0; out_seq[0] = 0; out_seq[1] = 0;
			out_end[0] = 0; out_end[1] = 0;
			down = 0;
			off = 0;
			alive = BIT(RECORDER) | BIT(SCHEDULER)
		}
		break
	od
}

inline shorten_outputs()
{
	damages--;
	damaged = 1;
	f = FILES;
	do
	:: length[f] > 0 -> length[f]--
	:: f > 1 && length[f] == 0 -> there[f] = 0; f--
	:: damaged -> break
	od;
	d_step {
		for (f : 1 .. FILES) {
			low[f] = length[f]; high[f] = length[f];
			sure[f] = there[f]; maybe[f] = there[f]; lied[f] = 0
		}
		f = 0;
		look_for_damage();
		tidy_up()
	}
}

inline everything_is_settled()
{
	d_step {
		assert(refused == hurt);
		if
		:: refused
		:: else ->
			assert(done == BIT(URLS) - 1);
			for (i : 0 .. CELLS - 1) {
				assert(queue[i] == FREE)
			}
			all_is_vouched_for(x_end)
		fi
	}
}

init
{
	byte i, f, n;

	atomic {
		do :: kills > 0 -> kills-- :: break od;
		do :: ends > 0 -> ends-- :: break od;
		do :: powers > 0 -> powers-- :: break od;
		do :: faults > 0 -> faults-- :: break od;
		do :: damages > 0 -> damages-- :: break od;
		alive = BIT(RECORDER) | BIT(SCHEDULER);
		run Recorder();
		run Scheduler()
	}
	do
	:: !down && !off && !(alive & BIT(RECORDER)) -> recover(RECORDER)
	:: !down && !off && !(alive & BIT(SCHEDULER)) -> recover(SCHEDULER)
	:: atomic { !down && !off && ends > 0 -> ends--; down = 1 }
	:: atomic { !off && powers > 0 -> power_fails() }
	:: (down || off) && alive == 0 && !refused -> start()
	:: timeout -> everything_is_settled(); break
	od
}
