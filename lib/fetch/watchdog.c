#include "lib/fetch/watchdog.h"

#include <stddef.h>

void
watchdog_init(struct watchdog *dog, int64_t period_ms)
{
	TAILQ_INIT(&dog->queue);
	dog->period_ms = period_ms;
}

void
watchdog_forget(struct watched *who)
{
	if (who->by != NULL)
		TAILQ_REMOVE(&who->by->queue, who, link);
	who->by = NULL;
}

void
watchdog_watch(struct watchdog *dog, struct watched *who, int64_t now_ms)
{
	watchdog_forget(who);
	if (dog->period_ms <= 0)
		return;
	who->by = dog;
	who->deadline_ms = now_ms + dog->period_ms;
	TAILQ_INSERT_TAIL(&dog->queue, who, link);
}

int64_t
watchdog_due_ms(const struct watchdog *dog)
{
	const struct watched *first = TAILQ_FIRST(&dog->queue);

	return first ? first->deadline_ms : WATCHDOG_NEVER;
}

struct watched *
watchdog_late(const struct watchdog *dog, int64_t now_ms)
{
	struct watched *first = TAILQ_FIRST(&dog->queue);

	return first != NULL && first->deadline_ms <= now_ms ? first : NULL;
}
