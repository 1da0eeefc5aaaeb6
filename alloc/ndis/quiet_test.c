/*
 * In steady state no call of the family makes a system call, over any lock-free strategy and under
 * any policy that needs no allocation then: shown with strace, which sees every one.
 *
 *	quiet_test STRACE                the test: starts itself under strace, once a subject
 *	quiet_test run POOL POLICY       the subject: two threads make every call until caches and
 *	                                 all objects are warm, then again between two marks each
 *	quiet_test noisy POOL POLICY     the control: the same with one system call too many
 *	quiet_test nothing               tells whether strace works here
 *
 * Steady state means here that every NBL of the pool has carried the deepest contexts before: a
 * policy that keeps a block with each NBL allocates it at the first need, and a thread that moves
 * to another CPU may meet NBLs that were not used for long.
 *
 * A mark is a write to no file, which strace shows with its text. What either thread asks of the
 * kernel between its marks fails the test. There the threads hand NBLs over by spinning, so that
 * this costs no system call either.
 *
 * Exempt, as ndis.h says: making and destroying pools, a thread's first call on a pool, and MDLs
 * over more than 64 KiB, whose memory comes from the C library, which now and then gives its heap's
 * end back; and strategies that free after a grace period, for which they wake a thread of their
 * library's. Retreats that need memory are not exempt: blocks of their size rest with the thread.
 * What this can't show: calls that a rare path would make and this run did not take.
 */
#include "alloc/atomic.h"
#include "alloc/nbl/nbl.h"
#include "alloc/ndis/fwpsk.h"
#include "alloc/ndis/ndis.h"
#include "alloc/ndis/parameters_test.h"

#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PASS = 0, FAIL = 1, SKIP = 77, NOT_FOUND = 127 };

#define MARK_BEGIN "nblbench: begin"
#define MARK_END   "nblbench: end"

enum { THREADS = 2 };

/* Ends the subject at a call that did not do what it should: then silence would prove nothing. */
#define must(x)                                                                             \
	do {                                                                                \
		if (!(x)) {                                                                 \
			fprintf(stderr, "quiet_test: %s:%d: %s\n", __FILE__, __LINE__, #x); \
			_exit(FAIL);                                                        \
		}                                                                           \
	} while (0)

/*
 * The subject.
 */

enum {
	PACKET_BYTES = 1500,
	CONTEXT_BYTES = 32,
	DATA_BYTES = 384,
	BURST = 32,
	CAPACITY = 1 << 14,
	WARM_ROUNDS = 100,
	QUIET_ROUNDS = 30, /* each may cost a time slice where other programs want the CPUs */
};

struct subject {
	NDIS_HANDLE lists;      /* with NB and context */
	NDIS_HANDLE bare;       /* without either */
	NDIS_HANDLE data_lists; /* with data */
	NDIS_HANDLE nbs;
	NDIS_HANDLE data_nbs;
	UCHAR packet[PACKET_BYTES];
	MDL *mdl; /* over it */
	/*
	 * A burst on its way from thread 0 to thread 1. R0 raises `sent`, meets A0: the NBLs are
	 * there; R1 raises `taken`, meets A1: the array may be filled again.
	 */
	CACHE_PAIR_ALIGNED atom_u64 sent;
	CACHE_PAIR_ALIGNED atom_u64 taken;
	NET_BUFFER_LIST *burst[BURST];
	atom_u32 met; /* how often a thread has come to a meeting */
	NET_BUFFER_LIST *all[CAPACITY];
	bool noisy;
};

static struct subject subject;

static NDIS_HANDLE must_make(NDIS_HANDLE pool)
{
	must(pool != NULL);
	return pool;
}

static MDL *allocate_mdl(PULONG bytes)
{
	static _Thread_local UCHAR memory[256];

	must(*bytes <= sizeof(memory));
	return NdisAllocateMdl(NULL, memory, *bytes);
}

static void free_mdl(MDL *mdl)
{
	NdisFreeMdl(mdl);
}

/* True between the thread's marks, where it waits without giving the CPU away. */
static _Thread_local bool is_marked;

/* A strategy may have nothing for a moment; the other thread may not have come yet. */
#define until(x)                               \
	do {                                   \
		while (!(x)) {                 \
			if (is_marked)         \
				atom_pause();  \
			else                   \
				sched_yield(); \
		}                              \
	} while (0)

static NET_BUFFER_LIST *allocate_list(void)
{
	struct subject *s = &subject;
	NET_BUFFER_LIST *nbl;

	until((nbl = NdisAllocateNetBufferAndNetBufferList(
		       s->lists, 16, 0, s->mdl, 64, PACKET_BYTES - 64)) != NULL);
	return nbl;
}

static void contexts_of(NET_BUFFER_LIST *nbl)
{
	/* Within the pool's block, then beyond it. */
	must(NdisAllocateNetBufferListContext(nbl, 16, 0, TEST_TAG) == NDIS_STATUS_SUCCESS);
	must(NdisAllocateNetBufferListContext(nbl, 64, 32, TEST_TAG) == NDIS_STATUS_SUCCESS);
	memset(NET_BUFFER_LIST_CONTEXT_DATA_START(nbl), 1, 64);
	NdisFreeNetBufferListContext(nbl, 64);
	NdisFreeNetBufferListContext(nbl, 16);
}

static void data_of(NET_BUFFER_LIST *nbl)
{
	NET_BUFFER *nb = NET_BUFFER_LIST_FIRST_NB(nbl);
	UCHAR storage[16];

	/* Into the headroom; beyond it, with memory of the system's and with the driver's. */
	must(NdisRetreatNetBufferDataStart(nb, 14, 0, NULL) == NDIS_STATUS_SUCCESS);
	must(NdisGetDataBuffer(nb, 16, storage, 1, 0) != NULL);
	NdisAdvanceNetBufferDataStart(nb, 14, FALSE, NULL);
	must(NdisRetreatNetBufferDataStart(nb, 128, 32, NULL) == NDIS_STATUS_SUCCESS);
	NdisAdvanceNetBufferDataStart(nb, 128, TRUE, NULL);
	must(NdisRetreatNetBufferListDataStart(nbl, 128, 32, NULL, NULL) == NDIS_STATUS_SUCCESS);
	NdisAdvanceNetBufferListDataStart(nbl, 128, TRUE, NULL);
	must(NdisRetreatNetBufferListDataStart(nbl, 128, 0, allocate_mdl, free_mdl) ==
		NDIS_STATUS_SUCCESS);
	NdisAdvanceNetBufferListDataStart(nbl, 128, TRUE, free_mdl);
	NdisAdjustNetBufferCurrentMdl(nb);
	must(NET_BUFFER_DATA_LENGTH(nb) == PACKET_BYTES - 64);
}

static void clones_of(NET_BUFFER_LIST *nbl)
{
	struct subject *s = &subject;
	NET_BUFFER_LIST *clone;

	until((clone = NdisAllocateCloneNetBufferList(nbl, s->bare, s->nbs, 0)) != NULL);
	NdisFreeCloneNetBufferList(clone, 0);
	until((clone = NdisAllocateCloneNetBufferList(
		       nbl, NULL, NULL, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS)) != NULL);
	NdisFreeCloneNetBufferList(clone, NDIS_CLONE_FLAGS_USE_ORIGINAL_MDLS);
	until(NT_SUCCESS(FwpsAllocateCloneNetBufferList(nbl, NULL, NULL, 0, &clone)));
	FwpsFreeCloneNetBufferList(clone, 0);
}

static void pools_of_other_kinds(void)
{
	struct subject *s = &subject;
	NET_BUFFER_LIST *nbl;
	NET_BUFFER *nb;

	until((nbl = NdisAllocateNetBufferList(s->bare, 0, 0)) != NULL);
	NdisFreeNetBufferList(nbl);
	until((nbl = NdisAllocateNetBufferList(s->data_lists, 0, 0)) != NULL);
	must(NdisRetreatNetBufferDataStart(nbl->FirstNetBuffer, DATA_BYTES, 0, NULL) ==
		NDIS_STATUS_SUCCESS);
	NdisFreeNetBufferList(nbl);
	until(NT_SUCCESS(FwpsAllocateNetBufferAndNetBufferList(
		s->lists, 0, 0, s->mdl, 0, PACKET_BYTES, &nbl)));
	FwpsFreeNetBufferList(nbl);
	until((nb = NdisAllocateNetBuffer(s->nbs, s->mdl, 0, PACKET_BYTES)) != NULL);
	NdisFreeNetBuffer(nb);
	until((nb = NdisAllocateNetBufferMdlAndData(s->data_nbs)) != NULL);
	NdisFreeNetBuffer(nb);
}

static void mdls(void)
{
	struct subject *s = &subject;
	MDL *mdl;

	until((mdl = IoAllocateMdl(s->packet, PACKET_BYTES, FALSE, FALSE, NULL)) != NULL);
	MmBuildMdlForNonPagedPool(mdl);
	IoBuildPartialMdl(s->mdl, mdl, s->packet + 10, 20);
	MmInitializeMdl(mdl, s->packet, PACKET_BYTES);
	IoFreeMdl(mdl);
	until((mdl = NdisAllocateMdl(NULL, s->packet, PACKET_BYTES)) != NULL);
	NdisFreeMdl(mdl);
}

/* Every call of the family, each as often as its pair. */
static void every_call(void)
{
	NET_BUFFER_LIST *nbl = allocate_list();

	contexts_of(nbl);
	data_of(nbl);
	clones_of(nbl);
	NdisFreeNetBufferList(nbl);
	pools_of_other_kinds();
	mdls();
}

/* Thread 0: NBLs with contexts, which thread 1 will pop and free. */
static void send_burst(void)
{
	struct subject *s = &subject;
	uint64_t sent = atom_load_relaxed(&s->sent); /* this thread's own */

	until(atom_load_acquire(&s->taken) == sent); /* A1 */
	for (int i = 0; i < BURST; i++) {
		s->burst[i] = allocate_list();
		must(NdisAllocateNetBufferListContext(s->burst[i], 64, 0, TEST_TAG) ==
			NDIS_STATUS_SUCCESS);
	}
	atom_store_release(&s->sent, sent + 1); /* R0 */
}

static void take_burst(void)
{
	struct subject *s = &subject;
	uint64_t taken = atom_load_relaxed(&s->taken); /* this thread's own */

	until(atom_load_acquire(&s->sent) == taken + 1); /* A0 */
	for (int i = 0; i < BURST; i++) {
		NdisFreeNetBufferListContext(s->burst[i], 64);
		NdisFreeNetBufferList(s->burst[i]);
	}
	atom_store_release(&s->taken, taken + 1); /* R1 */
}

/* Puts the deepest contexts on every NBL that this thread can get, all of them being out at once. */
static void warm_all(void)
{
	struct subject *s = &subject;
	int n = 0;

	while (n < CAPACITY && (s->all[n] = NdisAllocateNetBufferAndNetBufferList(
					s->lists, 16, 0, NULL, 0, 0)) != NULL)
		n++;
	for (int i = 0; i < n; i++)
		contexts_of(s->all[i]);
	for (int i = 0; i < n; i++)
		NdisFreeNetBufferList(s->all[i]);
}

/* Both threads come to meeting number `meeting`, from 1 on. R2 meets A2: what went before is seen. */
static void meet(uint32_t meeting)
{
	atom_add_release(&subject.met, 1);                           /* R2 */
	until(atom_load_acquire(&subject.met) >= THREADS * meeting); /* A2 */
}

static void mark(const char *text)
{
	if (write(-1, text, strlen(text)) != -1)
		_exit(FAIL);
}

static void *subject_main(void *arg)
{
	struct subject *s = &subject;
	const bool sends = arg == NULL;

	for (int i = 0; i < WARM_ROUNDS; i++) {
		every_call();
		(sends ? send_burst : take_burst)();
	}
	/* One after the other, so that both together have all: some rest in the other's cache. */
	meet(1);
	if (sends)
		warm_all();
	meet(2);
	if (!sends)
		warm_all();
	meet(3);
	mark(MARK_BEGIN);
	is_marked = true;
	for (int i = 0; i < QUIET_ROUNDS; i++) {
		every_call();
		(sends ? send_burst : take_burst)();
		if (s->noisy && !sends && i == QUIET_ROUNDS / 2)
			sched_yield();
	}
	is_marked = false;
	mark(MARK_END);
	return NULL;
}

static int run_subject(const char *pool, const char *policy, bool noisy)
{
	struct subject *s = &subject;
	char why[NBL_REASON_BYTES];
	pthread_t other;

	if (nbl_set_default_pool(pool, why) != 0 || nbl_set_default_context(policy, why) != 0) {
		fprintf(stderr, "quiet_test: %s\n", why);
		return FAIL;
	}
	nbl_set_default_capacity(CAPACITY);
	s->noisy = noisy;
	s->lists = must_make(try_list_pool(TRUE, 0, CONTEXT_BYTES));
	s->bare = must_make(try_list_pool(FALSE, 0, 0));
	s->data_lists = must_make(try_list_pool(TRUE, DATA_BYTES, 0));
	s->nbs = must_make(try_nb_pool(0));
	s->data_nbs = must_make(try_nb_pool(DATA_BYTES));
	until((s->mdl = NdisAllocateMdl(NULL, s->packet, PACKET_BYTES)) != NULL);
	must(pthread_create(&other, NULL, subject_main, s) == 0);
	subject_main(NULL);
	pthread_join(other, NULL);
	NdisFreeMdl(s->mdl);
	NdisFreeNetBufferPool(s->data_nbs);
	NdisFreeNetBufferPool(s->nbs);
	NdisFreeNetBufferListPool(s->data_lists);
	NdisFreeNetBufferListPool(s->bare);
	NdisFreeNetBufferListPool(s->lists);
	return nbl_release_defaults() ? PASS : FAIL;
}

/*
 * The test.
 */

/* Runs strace over this program with such arguments; its output, and stderr in it. */
static FILE *trace(const char *strace, const char *self, const char *const args[3], pid_t *child)
{
	int ends[2];

	if (pipe(ends) != 0 || (*child = fork()) < 0) {
		perror("quiet_test");
		return NULL;
	}
	if (*child == 0) {
		dup2(ends[1], STDERR_FILENO);
		close(ends[0]);
		close(ends[1]);
		execlp(strace, strace, "-f", self, args[0], args[1], args[2], (char *)NULL);
		perror(strace);
		_exit(NOT_FOUND);
	}
	close(ends[1]);
	return fdopen(ends[0], "r");
}

/* What was seen of one thread. */
struct seen {
	char thread[32];
	bool inside; /* between its marks */
};

/* A line of strace -f begins "[pid 1234] " once there are two threads. */
static struct seen *seen_of(struct seen *seen, int *count, const char *line)
{
	enum { SEEN_MAX = 16 };
	char thread[sizeof(seen[0].thread)] = "first";
	int i = 0;

	if (strncmp(line, "[pid", 4) == 0)
		snprintf(thread, sizeof(thread), "%.*s", (int)strcspn(line, "]"), line);
	while (i < *count && strcmp(seen[i].thread, thread) != 0)
		i++;
	if (i == *count && *count < SEEN_MAX) {
		snprintf(seen[i].thread, sizeof(seen[i].thread), "%s", thread);
		(*count)++;
	}
	return &seen[i < SEEN_MAX ? i : SEEN_MAX - 1];
}

/*
 * The system calls between the marks of a subject, or -1 with a message if it did not run through
 * with two threads. show: print them.
 */
static int calls_between(const char *strace, const char *self, const char *const args[3], bool show)
{
	struct seen seen[16] = {{{0}, false}};
	char line[1024];
	char last[1024] = "";
	pid_t child;
	int status;
	int count = 0;
	int begun = 0;
	int ended = 0;
	int calls = 0;

	FILE *output = trace(strace, self, args, &child);
	if (output == NULL)
		return -1;
	while (fgets(line, sizeof(line), output) != NULL) {
		struct seen *s = seen_of(seen, &count, line);

		if (strstr(line, "write(-1, \"" MARK_BEGIN) != NULL) {
			s->inside = true;
			begun++;
		} else if (strstr(line, "write(-1, \"" MARK_END) != NULL) {
			s->inside = false;
			ended++;
		} else if (s->inside && strstr(line, "resumed>") == NULL) {
			calls++;
			if (show)
				printf("  %s", line);
		}
		if (strchr(line, '(') == NULL || strstr(line, "quiet_test:") != NULL)
			snprintf(last, sizeof(last), "%s", line);
	}
	fclose(output);
	if (waitpid(child, &status, 0) == child && WIFEXITED(status) &&
		WEXITSTATUS(status) == PASS && begun == THREADS && ended == THREADS)
		return calls;
	printf("%s over %s under %s: it did not run through (%d of %d threads): %s\n", args[0],
		args[1], args[2], ended, THREADS, last);
	return -1;
}

static bool is_quiet(const char *strace, const char *self, const char *pool, const char *policy)
{
	int calls = calls_between(strace, self, (const char *const[3]){"run", pool, policy}, true);

	printf("%-8s %-14s %-10s %d system calls in %d rounds of every call by two threads\n",
		calls == 0 ? "quiet" : "NOISY", pool, policy, calls, QUIET_ROUNDS);
	fflush(stdout);
	return calls == 0;
}

/* The control must be found over the same subject, and exactly. */
static bool control_is_found(const char *strace, const char *self)
{
	const char *const args[3] = {"noisy", pool_default()->name, context_default()->name};
	int calls = calls_between(strace, self, args, false);

	printf("%-8s control: %d system call of 1 found\n", calls == 1 ? "caught" : "MISSED",
		calls);
	return calls == 1;
}

static const char *skip_reason(const char *strace, const char *self)
{
	pid_t child;
	char line[1024];
	int status;

	FILE *output = trace(strace, self, (const char *const[3]){"nothing", "", ""}, &child);
	if (output == NULL)
		return "no process could be started";
	while (fgets(line, sizeof(line), output) != NULL)
		;
	fclose(output);
	if (waitpid(child, &status, 0) != child)
		return "strace did not end";
	if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_FOUND)
		return "strace was not found (package strace)";
	if (status != 0)
		return "strace cannot trace here: ptrace is not allowed";
	return NULL;
}

/* Objects that were put wait for something else than the next get: a grace period. */
static bool frees_late(const struct pool_ops *ops)
{
	return !ops->traits.exact && ops->traits.cache == POOL_CACHE_NONE;
}

static int test(const char *strace, const char *self)
{
	const char *reason = skip_reason(strace, self);
	int result = PASS;

	if (reason != NULL) {
		printf("skipped: %s\n", reason);
		return SKIP;
	}
	for (size_t i = 0; pools[i] != NULL; i++) {
		char why[POOL_REASON_BYTES];

		if (pools[i]->traits.progress < POOL_LOCK_FREE)
			continue;
		if (!pools[i]->supported(why)) {
			printf("absent   %s: %s\n", pools[i]->name, why);
			continue;
		}
		if (frees_late(pools[i])) {
			printf("exempt   %s: a put may wake the thread that waits for the grace "
			       "period\n",
				pools[i]->name);
			continue;
		}
		if (!is_quiet(strace, self, pools[i]->name, context_default()->name))
			result = FAIL;
	}
	for (size_t i = 0; contexts[i] != NULL; i++) {
		if (contexts[i]->traits.in_place && contexts[i] != context_default() &&
			!is_quiet(strace, self, pool_default()->name, contexts[i]->name))
			result = FAIL;
	}
	if (!control_is_found(strace, self))
		result = FAIL;
	return result;
}

int main(int argc, char **argv)
{
	if (argc == 4 && strcmp(argv[1], "run") == 0)
		return run_subject(argv[2], argv[3], false);
	if (argc == 4 && strcmp(argv[1], "noisy") == 0)
		return run_subject(argv[2], argv[3], true);
	if (argc == 4 && strcmp(argv[1], "nothing") == 0)
		return PASS;
	if (argc == 2)
		return test(argv[1], argv[0]);
	fprintf(stderr, "usage: quiet_test STRACE\n");
	return FAIL;
}
