/*
 * fetch_table - from what ended a transfer to what is said of it.
 */
#ifndef LIB_FETCH_FETCH_TABLE_H
#define LIB_FETCH_FETCH_TABLE_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/message/reason.h"

/* What we ended ourselves, libcurl knows only as an error of a callback. */
enum fetch_end {
	FETCH_END_LIBCURL, /* its CURLcode says why */
	FETCH_END_LENGTH,
	FETCH_END_NO_ROOM,
	FETCH_END_FIRST_BYTE,
	FETCH_END_LOW_SPEED,
	FETCH_END_HEADERS, /* more of them than anybody needs */
	FETCH_END_NO_MEMORY,
	FETCH_END_REFUSED,  /* before anything was asked */
	FETCH_END_UNWANTED, /* by its headers */
	FETCH_ENDS
};

struct fetch_cause {
	uint8_t reason;    /* when there is no status */
	uint8_t truncated; /* when there is one */
	/* It may be that this process had no descriptor, or no memory. */
	bool maybe_short;
};

struct fetch_cause fetch_table_code(CURLcode code);
struct fetch_cause fetch_table_end(enum fetch_end end);

#endif
