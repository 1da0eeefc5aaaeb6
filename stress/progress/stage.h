/*
 * What the freezer's plays have in common: the script that a victim goes through, the survivor, and what is asked of it
 * where a victim has died. One a process.
 */
#ifndef STRESS_PROGRESS_STAGE_H
#define STRESS_PROGRESS_STAGE_H

#include "stress/progress/hand.h"

/* A call of the script. */
struct stage_call {
	enum actor_call call;
	uint32_t n;  /* objects of a bulk call */
	bool repeat; /* the same as the one before it */
	bool large;  /* only where caches are large */
};

enum { STAGE_CALLS_MAX = 128 };

struct stage {
	const struct stress *run;
	struct stage_call script[STAGE_CALLS_MAX];
	uint32_t calls; /* of the script */
	struct pool *pool;
	uint32_t crowd; /* handles that only have to be there */
	struct hand survivor;
	void (*blocked)(
		void); /* the survivor was kept waiting: ends the run, or says that it lags */
	bool lags; /* the survivor is not through with its last turn, and has no other before stage_catch_up */
};
extern struct stage stage;

/* Before anything else; starts the survivor. */
void stage_prepare(const struct stress *run);

/* A pool that is played with. */
struct stage_shape {
	uint32_t capacity;
	bool large;   /* caches; else they are as small as can be */
	bool crowded; /* so many threads are attached that no more magazines are to be had */
};

/* Makes it, and attaches the survivor to it on that CPU of kernel.h. */
void stage_begin(const struct stage_shape *shape, uint32_t survivor_cpu);

/* What the survivor does in a turn. */
enum stage_act {
	ACT_CHANGES, /* the pool, by a few calls */
	ACT_LAPS,    /* goes round all there is */
	ACT_TAKES,   /* a few, until it has many and gives them back */
	ACT_GIVES,   /* one, until it has none and takes a few */
	ACT_MOVES,   /* more than a magazine of the smallest, to itself and back */
	ACT_DRAINS,  /* takes all there is, and then gives all back */
	ACTS
};
void stage_survive(enum stage_act act);

/* Any work. */
void stage_let_survive(void (*work)(struct hand *self));

/* The survivor moves so many objects that whoever keeps what is put looks at it, and is stepped through that. */
void stage_survive_stepped(void);

/* The survivor sees to it that it has some, and swaps them with a victim, which is in no call. */
void stage_swap(struct actor *victim);

/* The survivor detaches and attaches again, with what it has. Beside a victim that is in no call. */
void stage_reattach(void);

/* The survivor comes to the end of its turn, which need not wait for anybody now. False: it does wait. */
bool stage_catch_up(void);

/* A crowd detaches. */
void stage_disperse(void);

/* The survivor gives back what it has and detaches, and so does a crowd. */
void stage_leave(void);

/*
 * What the strategy says a thread may take with it that dies in a call, beyond what that call is about.
 * STAGE_NO_BOUND: it promises nothing.
 */
enum { STAGE_NO_BOUND = ACTOR_HELD_MAX };
uint32_t stage_lost_most(void);

/* Of a pool in which so many threads die, who say that they take so much: so large that they can take more. */
uint32_t stage_capacity_for_deaths(uint32_t deaths, uint32_t lost_most);

/* After deaths: the survivor gets all that is left, each object once. How many are nowhere; victims hold some. */
uint32_t stage_missing(uint32_t held_by_victims);

/* The same, of a survivor that is alone in its process, and so may wait in a flush. */
uint32_t stage_missing_alone(struct hand *survivor, uint32_t held_by_victims);

/* What an actor has in its hands, outside of a call. */
uint32_t stage_held(const struct actor *actor);

#endif
