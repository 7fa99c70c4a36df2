/*
 * now - the clocks, read here so that lib/ is given time as an argument.
 */
#ifndef CMD_NOW_H
#define CMD_NOW_H

#include <stdint.h>

/*
 * Unix time as it was at the first call, going on evenly from there (also
 * through a suspend): hosts are not asked early, nor a crawl held up for
 * hours, because somebody has set the clock.
 */
int64_t now_unix_ms(void);
/* For durations: never set back. */
int64_t now_mono_ms(void);
int64_t now_mono_us(void);

#endif
