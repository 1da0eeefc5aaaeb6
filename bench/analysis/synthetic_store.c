/* See synthetic_store.h. */
#include "bench/analysis/synthetic_store.h"

#include "alloc/machine/compiler.h"
#include "bench/analysis/stats.h"
#include "bench/analysis/synthetic_latency.h"
#include "bench/analysis/synthetic_random.h"
#include "bench/sweep/schema.h"
#include "bench/sweep/schema.sql.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { CPUS = 2, LABEL_BYTES = 64 };

/* A subject, and a crude model of its time: what an operation costs alone and on a shared line. */
struct model {
	const char *label, *progress, *cache, *summary;
	int exact, is_pool;
	double alone_ns, shared_ns, remote_ns, overhead_bytes;
};

static const struct model models[] = {
	{"null", "none", "none", "the harness itself", 1, 0, 0.6, 0.0, 3.0, 0},
	{"bare_cas", "none", "none", "one compare-and-swap each way", 0, 0, 13, 40, 60, 0},
	{"plain", "none", "none", "a list for one thread", 1, 1, 1.5, 0, 0, 8},
	{"mutex", "blocking", "none", "a list under a lock", 1, 1, 17, 60, 80, 8},
	{"ticket", "blocking", "none", "a list under a fair spin lock", 1, 1, 14, 75, 95, 8},
	{"treiber_tag", "lock-free", "none", "a tagged stack", 1, 1, 15, 44, 70, 4},
	{"treiber_dwcas", "lock-free", "none", "a stack with a 16-byte head", 1, 1, 19, 52, 78, 8},
	{"vyukov", "blocking", "none", "a bounded ring", 1, 1, 12, 38, 48, 16},
	{"scq", "lock-free", "none", "a ring of indices", 1, 1, 24, 55, 66, 24},
	{"idx_local", "lock-free", "cpu", "sharded tagged lists", 1, 1, 15, 4, 55, 6},
	{"urcu_lfs", "lock-free", "none", "liburcu's stack", 1, 1, 21, 50, 72, 16},
	{"urcu_wfs", "blocking", "none", "liburcu's wait-free push", 1, 1, 20, 47, 69, 16},
	{"urcu_wfcq", "blocking", "none", "liburcu's queue", 1, 1, 22, 58, 74, 16},
	{"mag_tls", "lock-free", "thread", "magazines over a depot", 0, 1, 2.0, 0.1, 6.4, 12},
	{"percpu_try", "lock-free", "cpu", "per-CPU with a try-lock", 0, 1, 9.5, 0.4, 14, 20},
	{"rseq_arr", "lock-free", "cpu", "per-CPU arrays", 0, 1, 2.5, 0.1, 7.6, 20},
	{"rseq_mag", "lock-free", "cpu", "per-CPU magazines", 0, 1, 2.04, 0.05, 5.1, 14},
	{"home_ret", "lock-free", "cpu", "objects go home in batches", 0, 1, 3.1, 0.1, 4.9, 18},
	{"malloc", "blocking", "thread", "glibc", 0, 0, 9.0, 0.8, 58, 16},
	{"jemalloc", "blocking", "thread", "preloaded", 0, 0, 7.2, 0.6, 34, 22},
	{"mimalloc", "lock-free", "thread", "preloaded", 0, 0, 6.1, 0.4, 22, 30},
	{"dpdk", "blocking", "cpu", "rte_mempool", 0, 0, 5.0, 0.3, 15, 64},
	{"mag_tls/table", "lock-free", "thread", "magazines over a depot", 0, 1, 3.3, 0.1, 7.9, 12},
	{"mag_tls (twin)", "lock-free", "thread", "magazines over a depot", 0, 1, 2.0, 0.1, 6.4,
		12},
};

struct load {
	const char *workload, *unit, *program;
	int threads, lane_threads, burst;
	double object_share; /* of the time of one get and put that a unit costs */
};

static const struct load loads[] = {
	{"pair", "objects", "A driver that answers each packet in place.", 1, 1, 0, 1},
	{"pair", "objects", "A driver that answers each packet in place.", 2, 1, 0, 1},
	{"pair", "objects", "A driver that answers each packet in place.", 8, 1, 0, 1},
	{"burst", "objects", "A miniport that fills a receive ring.", 1, 1, 32, 0.7},
	{"burst", "objects", "A miniport that fills a receive ring.", 2, 1, 32, 0.7},
	{"burst", "objects", "A miniport that fills a receive ring.", 8, 1, 32, 0.7},
	{"remote_free", "objects", "One side gets, the other puts.", 2, 2, 32, 1},
	{"wfp_inject", "packets", "A callout that injects & completes <elsewhere>.", 2, 2, 0, 2.5},
};

enum {
	SUBJECTS = sizeof(models) / sizeof(models[0]),
	CELLS = sizeof(loads) / sizeof(loads[0]),
};

struct synthetic_store synthetic_store_default(void)
{
	return (struct synthetic_store){
		.seed = 20260131, .forks = 10, .blocks = 20, .mag_tls_factor = 1, .noise = 0.02};
}

static void check(sqlite3 *db, int code)
{
	if (code == SQLITE_OK || code == SQLITE_DONE)
		return;
	fprintf(stderr, "synthetic store: %s\n", sqlite3_errmsg(db));
	abort();
}

static void run(sqlite3 *db, const char *sql)
{
	check(db, sqlite3_exec(db, sql, NULL, NULL, NULL));
}

/* Runs a statement that was printed with SQLite's own quoting, and frees it. */
static void run_printed(sqlite3 *db, char *sql)
{
	run(db, sql);
	sqlite3_free(sql);
}

static double true_ns(
	const struct synthetic_store *wanted, const struct model *m, const struct load *load)
{
	const double crowd = load->threads > CPUS ? 1.0 + 0.15 * load->threads : 1.0;
	const double shared = load->threads > 1 ? m->shared_ns * crowd : 0;
	const double one = load->lane_threads > 1 ? m->remote_ns : m->alone_ns + shared;

	/* More threads than CPUs take turns, so a unit takes each thread that much longer. */
	const double turns = load->threads > CPUS ? (double)load->threads / CPUS : 1;
	const double factor = strncmp(m->label, "mag_tls", 7) == 0 ? wanted->mag_tls_factor : 1;

	return one * load->object_share * turns * factor;
}

/* Which subject breaks in which cell, and how; else NULL. */
static const struct breakage {
	const char *label, *state, *detail;
	int cell; /* -1: all; -2: all with several threads */
} breakages[] = {
	{"scq", "crashed",
		"The worker died of SIGSEGV & left <script>alert(1)</script>.\n"
		"scq.h:120: invariant I3 \"tail\" <broken>\n#0 0x55d0 in scq_get\n",
		5},
	{"urcu_wfs", "hung", "The worker did not answer within 2.1 s and was ended by SIGABRT.", 2},
	{"vyukov", "lost", "1 of 4096 objects was missing after the slice.", 6},
	{"dpdk", "unsupported", "It can't run here; its traits or its library say so.", -1},
	{"plain", "unsupported", "It can't run here; its traits or its library say so.", -2},
};

static const struct breakage *broken(const struct model *m, int cell)
{
	for (size_t i = 0; i < sizeof(breakages) / sizeof(breakages[0]); i++) {
		const struct breakage *b = &breakages[i];

		if (strcmp(b->label, m->label) == 0 &&
			(b->cell == cell || b->cell == -1 ||
				(b->cell == -2 && loads[cell].threads > 1)))
			return b;
	}
	return NULL;
}

/* A label is the pool's name; with "/table" or " (twin)" behind it. */
static void write_subjects(sqlite3 *db)
{
	for (int i = 0; i < SUBJECTS; i++) {
		const struct model *m = &models[i];
		char pool[LABEL_BYTES];

		snprintf(pool, sizeof(pool), "%.*s", (int)strcspn(m->label, "/ "), m->label);
		run_printed(db, sqlite3_mprintf("INSERT INTO subject VALUES "
						"(%d,%Q,%Q,NULL,%Q,%d,%Q,%Q,%Q,%d,%d,NULL,NULL)",
					i + 1, m->label, pool,
					strchr(m->label, '/') == NULL ? "folded" : "table",
					strchr(m->label, '(') != NULL, m->summary, m->progress,
					m->cache, m->exact, m->is_pool));
	}
}

static void write_cell(sqlite3 *db, int c)
{
	const struct load *load = &loads[c];
	char label[LABEL_BYTES];

	if (load->burst > 0)
		snprintf(label, sizeof(label), "%s %d, %d thread%s", load->workload, load->burst,
			load->threads, load->threads == 1 ? "" : "s");
	else
		snprintf(label, sizeof(label), "%s, %d thread%s", load->workload, load->threads,
			load->threads == 1 ? "" : "s");
	run_printed(
		db, sqlite3_mprintf("INSERT INTO cell VALUES "
				    "(%d,%Q,%Q,%Q,%Q,%d,%d,%d,%d,1,256,0,'ordinary',0,'')",
			    c + 1, label, load->workload, load->unit, load->program, load->threads,
			    load->lane_threads, load->threads > CPUS, load->burst));
	for (int i = 0; i < SUBJECTS; i++) {
		const struct breakage *b = broken(&models[i], c);

		if (b != NULL)
			run_printed(db,
				sqlite3_mprintf(
					"INSERT INTO event(cell_id,subject_id,fork,state,detail,"
					"at_ns) VALUES (%d,%d,0,%Q,%Q,1767225600000000000)",
					c + 1, i + 1, b->state, b->detail));
	}
}

static void write_memory(sqlite3 *db, int c, const struct synthetic_store *wanted)
{
	for (int i = 0; i < SUBJECTS; i++) {
		const struct model *m = &models[i];
		const double bytes = 4096 * (256 + m->overhead_bytes);

		if (broken(m, c) != NULL)
			continue;
		for (unsigned f = 0; f < wanted->forks; f++)
			run_printed(db,
				sqlite3_mprintf("INSERT INTO memory VALUES (%d,%d,%u,2000000,%lld,"
						"2000000,%lld,%lld,%lld,4096,1024,4096,4096)",
					c + 1, i + 1, f, (long long)bytes + 2100000,
					(long long)bytes, (long long)bytes / 4,
					(long long)bytes / 4 - 1024));
	}
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
	return statement;
}

/* Binds n numbers and, if there is one, the text behind them. A column makes of a number what it holds. */
static void insert(sqlite3 *db, sqlite3_stmt *s, int n, const double *numbers, const char *text)
{
	sqlite3_reset(s);
	for (int i = 0; i < n; i++)
		sqlite3_bind_double(s, i + 1, numbers[i]);
	if (text != NULL)
		sqlite3_bind_text(s, n + 1, text, -1, SQLITE_STATIC);
	check(db, sqlite3_step(s));
}

/* The first fork of every cell comes before the second of any. */
static double block_started_ns(
	const struct synthetic_store *wanted, int c, unsigned fork, unsigned block)
{
	return 1767225600e9 + ((double)((fork * CELLS + (unsigned)c) * wanted->blocks + block)) *
				      SYNTHETIC_BLOCK_NS;
}

/* What all of a block takes so many times as long by. */
static double slowness(const struct synthetic_store *wanted, int c, unsigned fork, unsigned block)
{
	const bool slow = c == 0 && fork + 1 == wanted->forks && block >= SYNTHETIC_SLOW_FIRST &&
			  block < SYNTHETIC_SLOW_FIRST + SYNTHETIC_SLOW_BLOCKS;

	return slow && wanted->slow_factor > 0 ? wanted->slow_factor : 1;
}

static void write_blocks(sqlite3 *db, int c, const struct synthetic_store *wanted,
	struct synthetic_random *rng, int64_t *block_id)
{
	const struct load *load = &loads[c];
	const double window = load->threads > CPUS ? 50000000 : 2000000;
	const double lanes = (double)load->threads / load->lane_threads;
	/* The last two are the frequency, which few machines show. */
	sqlite3_stmt *block =
		prepare(db, "INSERT INTO block VALUES (?,?,?,?,?,?,?,?,?,?,?,?,NULL,NULL)");
	sqlite3_stmt *slice = prepare(db,
		"INSERT INTO slice VALUES (?1,?2,?3,?4,?5,?6,0,0.001,?7,?7,?10,?8,?8,0,0,0,?9)");
	sqlite3_stmt *thread =
		prepare(db, "INSERT INTO thread VALUES (?1,?2,?3,?4,?5,?6,?6,1,0,0)");

	for (unsigned f = 0; f < wanted->forks; f++) {
		double luck[SUBJECTS];

		for (int i = 0; i < SUBJECTS; i++)
			luck[i] = 0.25 * wanted->noise * synthetic_normal(rng);
		for (unsigned b = 0; b < wanted->blocks; b++) {
			/* What hits all subjects of a block alike: pairing takes it out. */
			const double weather = 3 * wanted->noise * fabs(synthetic_normal(rng));
			const double id = (double)++*block_id;
			/* The probes are the least of some tries, which misses most of it. */
			const double machine = slowness(wanted, c, f, b);
			const double single = floor(100000 * machine * (1 + weather / 8));
			const double hand_overs = floor(20000 * machine * (1 + weather / 8));

			insert(db, block, 12,
				(double[]){id, c + 1, f, b, block_started_ns(wanted, c, f, b),
					single, single + 1, hand_overs, hand_overs + 1,
					SYNTHETIC_BLOCK_NS, 0, 2000},
				NULL);
			for (int i = 0; i < SUBJECTS; i++) {
				const struct model *m = &models[i];

				if (broken(m, c) != NULL)
					continue;

				const bool waits = m->progress[0] == 'b' && load->threads > 1;
				const double noise = waits ? 4 * wanted->noise : wanted->noise;
				const double ns =
					machine * true_ns(wanted, m, load) *
					exp(weather + luck[i] + noise * synthetic_normal(rng));
				const double units = floor(lanes * window / ns);
				const bool flagged = synthetic_uniform(rng) < wanted->flagged_share;

				insert(db, slice, 9,
					(double[]){id, i + 1, i, window, units, lanes * 1e9 / ns,
						waits ? 0.6 : 0.97,
						m->cache[0] == 'n' ? 0 : floor(units / 64),
						m->cache[0] == 'n' && m->is_pool
							? floor(units / 1024)
							: 0},
					flagged ? "nivcsw" : "");
				for (int t = 0; t < load->threads; t++)
					insert(db, thread, 6,
						(double[]){id, i + 1, t, t % CPUS,
							floor(units / load->threads), window},
						NULL);
			}
		}
	}
	sqlite3_finalize(block);
	sqlite3_finalize(slice);
	sqlite3_finalize(thread);
}

/* Calls a unit and thread: a get and a put, in bursts, which two threads of a lane share. */
static double calls_a_unit(const struct load *load)
{
	return 2.0 / load->lane_threads / (load->burst > 0 ? load->burst : 1);
}

/*
 * What a thread's calls take on each path: as long in all as true_ns has it, and as often as
 * write_blocks counts. A cache is refilled and flushed, a pool without one makes its callers wait.
 */
static void paths_of(const struct synthetic_store *wanted, const struct model *m,
	const struct load *load, struct synthetic_path *paths)
{
	const double calls = 150000, often = calls_a_unit(load);
	const bool caches = m->cache[0] != 'n';
	const double moved = caches ? 1.0 / 64 / load->lane_threads / often : 0;
	const double waited = caches || !m->is_pool ? 0 : 1.0 / 1024 / load->lane_threads / often;
	const double mean = true_ns(wanted, m, load) / often;
	const double fast = mean / (1 - 2 * moved - waited + 8 * 2 * moved + 40 * waited);

	memset(paths, 0, LATENCY_HISTOGRAMS * sizeof(*paths));
	paths[LATENCY_FAST] = (struct synthetic_path){calls * (1 - 2 * moved - waited), fast, 0.3};
	paths[LATENCY_REFILL] = (struct synthetic_path){calls * moved, 8 * fast, 0.4};
	paths[LATENCY_FLUSH] = paths[LATENCY_REFILL];
	paths[LATENCY_WAIT] = (struct synthetic_path){calls * waited, 40 * fast, 0.8};
	for (int path = 0; path < LATENCY_CLASSES; path++)
		paths[path].median_ns *= exp(-paths[path].sigma * paths[path].sigma / 2);
	if (strcmp(m->label, "mag_tls") == 0)
		paths[LATENCY_STEAL] = (struct synthetic_path){
			calls * wanted->stall_share, wanted->stall_ns, 0.01};
	paths[LATENCY_PROBE] =
		(struct synthetic_path){4096, SYNTHETIC_PROBE_NS, SYNTHETIC_PROBE_SIGMA};
	if (load->lane_threads > 1) /* an object comes back after a hundred units */
		paths[LATENCY_AGE] =
			(struct synthetic_path){4000, 100 * true_ns(wanted, m, load), 0.5};
}

/* Of what is left for calls so much is spent in them, where every call is timed. */
static const double in_calls = 0.97;

/*
 * A slice in which every call is timed. Where two threads share the work, each moves as many objects
 * through a ring as it makes calls, and waits for the other.
 */
static void write_balance(
	sqlite3 *db, sqlite3_stmt *s, const int64_t *key, const struct load *load, double call_ns)
{
	enum { PAIRS = 256, PAIR_NS = 60, OWN_NS = 100, CALLS = 10000 };
	const double own = load->lane_threads > 1 ? CALLS : 0, waited = 1000 * own / CALLS;

	sqlite3_reset(s);
	for (int k = 0; k < 4; k++)
		sqlite3_bind_int64(s, k + 1, key[k]);
	for (int k = 0; k < 9; k++)
		sqlite3_bind_double(s, k + 5,
			floor((double[]){CALLS * call_ns / in_calls + (CALLS + own) * PAIR_NS +
						 own * OWN_NS + waited,
				waited, CALLS,
				CALLS * (call_ns + SYNTHETIC_PROBE_NS) * HISTOGRAM_NS, own,
				own * (OWN_NS + SYNTHETIC_PROBE_NS) * HISTOGRAM_NS, PAIRS,
				PAIRS * SYNTHETIC_PROBE_NS * HISTOGRAM_NS, PAIRS * PAIR_NS}[k]));
	check(db, sqlite3_step(s));
}

static void write_latency(
	sqlite3 *db, int c, const struct synthetic_store *wanted, struct synthetic_random *rng)
{
	const struct load *load = &loads[c];
	const double window = 40000000;
	sqlite3_stmt *timed = prepare(db, "INSERT INTO timed VALUES (?,?,?,?,20,0,?,?,?)");
	sqlite3_stmt *latency = prepare(db, "INSERT INTO latency VALUES (?,?,?,?,?,?,?,?,?)");
	sqlite3_stmt *balance =
		prepare(db, "INSERT INTO balance VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)");

	for (int i = 0; i < SUBJECTS; i++) {
		struct synthetic_path paths[LATENCY_HISTOGRAMS];

		if (broken(&models[i], c) != NULL)
			continue;
		paths_of(wanted, &models[i], load, paths);
		for (unsigned f = 0; f < wanted->forks; f++) {
			const double luck = exp(wanted->noise * synthetic_normal(rng));
			/* Timing costs two per cent; the weather is what it is in the mean. */
			const double units = 0.98 * window / true_ns(wanted, &models[i], load) /
					     exp(3 * wanted->noise * sqrt(2 / M_PI));

			for (int t = 0; t < load->threads; t++) {
				insert(db, timed, 7,
					(double[]){c + 1, i + 1, f, t, floor(units), window,
						floor(150000 / calls_a_unit(load))},
					NULL);
				write_balance(db, balance, (int64_t[]){c + 1, i + 1, f, t}, load,
					luck * true_ns(wanted, &models[i], load) /
						calls_a_unit(load));
				for (int path = 0; path < LATENCY_HISTOGRAMS; path++) {
					/* The thread that gets knows the ages. */
					if (paths[path].calls < 1 || (path == LATENCY_AGE && t > 0))
						continue;
					sqlite3_reset(latency);
					for (int k = 0; k < 4; k++)
						sqlite3_bind_int64(latency, k + 1,
							(int64_t[]){c + 1, i + 1, f, t}[k]);
					synthetic_path_bind(latency, (enum latency_class)path,
						&paths[path], luck);
					check(db, sqlite3_step(latency));
				}
			}
		}
	}
	sqlite3_finalize(timed);
	sqlite3_finalize(latency);
	sqlite3_finalize(balance);
}

/* The loads of the open loop, in per cent of the capacity, which is that share of the throughput. */
static const int offered[] = {50, 70, 80, 90, 95};
static const double capacity_share = 0.9;

/* What SYNTHETIC_UNKEPT serves of what arrives at the heaviest load. */
static const double unkept_share = 0.9;

/*
 * An open loop: the response time is a unit's of a thread, and grows as 1 / (1 - load). Where
 * callers wait for each other, the tail is a wider one.
 */
static void write_loads(
	sqlite3 *db, int c, const struct synthetic_store *wanted, struct synthetic_random *rng)
{
	const struct load *load = &loads[c];
	const double slices = 20, arrived = 25000;
	sqlite3_stmt *s = prepare(db, "INSERT INTO load VALUES (?,?,?,?,?15,?5,?6,?7,?8,?9,?10,?11,"
				      "?12,?13,?14)");

	for (int i = 0; i < SUBJECTS; i++) {
		const struct model *m = &models[i];
		const double ns = true_ns(wanted, m, load);
		const double capacity =
			capacity_share * 1e9 * load->threads / load->lane_threads / ns;

		for (size_t k = 0; broken(m, c) == NULL && k < array_count(offered); k++) {
			const double share = offered[k] / 100.0;
			const double served =
				k + 1 == array_count(offered) &&
						strcmp(m->label, SYNTHETIC_UNKEPT) == 0
					? unkept_share
					: 1;
			const struct synthetic_path times = {served * arrived, ns,
				m->progress[0] == 'b' ? SYNTHETIC_BLOCKED_SIGMA : SYNTHETIC_SIGMA};

			for (unsigned f = 0; f < wanted->forks; f++) {
				const double luck = exp(wanted->noise * synthetic_normal(rng));

				sqlite3_reset(s);
				for (int n = 0; n < 11; n++)
					sqlite3_bind_double(s, n + 1,
						(double[]){c + 1, i + 1, f, offered[k], slices,
							slices * capacity,
							slices * share * capacity,
							slices * share * capacity * served, arrived,
							served * arrived,
							(double)k * arrived / 200}[n]);
				sqlite3_bind_text(s, 15, "poisson", -1, SQLITE_STATIC);
				synthetic_times_bind(s, 12, &times, 0, luck / (1 - share));
				check(db, sqlite3_step(s));
			}
		}
	}
	sqlite3_finalize(s);
}

void synthetic_store_write(const char *path, const struct synthetic_store *wanted)
{
	sqlite3 *db = NULL;
	struct synthetic_random rng, latency_rng, load_rng;
	int64_t block_id = 0;
	const int version = wanted->schema == 0 ? STORE_SCHEMA_VERSION : wanted->schema;

	unlink(path);
	check(db, sqlite3_open(path, &db));
	run_printed(db, sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
				STORE_APPLICATION_ID, version));
	run(db, "PRAGMA synchronous = OFF; BEGIN");
	run(db, schema_sql);
	run_printed(db, sqlite3_mprintf("INSERT INTO plan VALUES ('1f2e3d4c5b6a7980',"
					"'{\"cpus\":%d}','b01dfacef00d','v0.1-7-gabc1234',%lld,"
					"1767225600000000000,'nblbench sweep --pool ''a<b''')",
				(int)CPUS, (long long)wanted->seed));
	run(db, "INSERT INTO machine VALUES (1,1767225600000000000,'9a8b7c6d','B',"
		"'{\"cpu\":{\"model\":\"Example CPU 9000 @ 2.00GHz\",\"count\":2,\"smt\":false},"
		"\"kernel\":\"6.1.0-30-amd64\",\"hypervisor\":\"KVM\",\"governor\":\"none\","
		"\"thp\":\"madvise\",\"clocks apart, at most ns\":\"60\","
		"\"compiler\":\"gcc 12.2.0 -O3 -g\"}')");
	write_subjects(db);
	rng = synthetic_random(wanted->seed);
	latency_rng = synthetic_random(wanted->seed + 1);
	load_rng = synthetic_random(wanted->seed + 2);

	const int end = wanted->cells > 0 ? (int)(wanted->first + wanted->cells) : CELLS;

	for (int c = (int)wanted->first; c < end; c++) {
		write_cell(db, c);
		write_memory(db, c, wanted);
		write_blocks(db, c, wanted, &rng, &block_id);
		write_latency(db, c, wanted, &latency_rng);
		write_loads(db, c, wanted, &load_rng);
	}
	/* What the versions before did not have. */
	if (version < 7)
		run(db, "ALTER TABLE block DROP COLUMN khz; ALTER TABLE block DROP COLUMN khz_end;"
			"DROP TABLE counted; DROP TABLE scarcity");
	if (version < 6)
		run(db, "DROP VIEW results; DROP VIEW forks; DROP VIEW latencies; DROP VIEW loads;"
			"DROP VIEW memories; DROP VIEW events;"
			"CREATE TABLE old AS SELECT * FROM cell; DROP TABLE cell; ALTER TABLE old "
			"RENAME TO cell; ALTER TABLE cell DROP COLUMN machine;"
			"ALTER TABLE memory DROP COLUMN rss_settled;"
			"ALTER TABLE memory DROP COLUMN held_peak;"
			"ALTER TABLE memory DROP COLUMN held_settled;"
			"ALTER TABLE memory DROP COLUMN objects;"
			"ALTER TABLE subject DROP COLUMN build;"
			"ALTER TABLE subject DROP COLUMN library; DROP TABLE build");
	if (version < 5)
		run(db, "ALTER TABLE block DROP COLUMN calibration_end_ns;"
			"ALTER TABLE block DROP COLUMN hand_overs_ns;"
			"ALTER TABLE block DROP COLUMN hand_overs_end_ns;"
			"ALTER TABLE block DROP COLUMN took_ns;"
			"ALTER TABLE block DROP COLUMN stolen_ns;"
			"ALTER TABLE block DROP COLUMN pressure_ns");
	if (version < 4)
		run(db, "DROP TABLE balance");
	if (version < 3)
		run(db, "DROP TABLE timed; DROP TABLE latency; DROP TABLE load;"
			"ALTER TABLE slice DROP COLUMN wait");
	run(db, "COMMIT");
	check(db, sqlite3_close(db));
}

void synthetic_store_execute(const char *path, const char *sql)
{
	sqlite3 *db = NULL;

	check(db, sqlite3_open(path, &db));
	run(db, sql);
	check(db, sqlite3_close(db));
}

int synthetic_folder_make(char path[SYNTHETIC_FOLDER_BYTES])
{
	snprintf(path, SYNTHETIC_FOLDER_BYTES, "/tmp/nblbench-test-XXXXXX");
	return mkdtemp(path) == NULL ? -1 : 0;
}

int synthetic_folder_remove(const char *path)
{
	char command[2 * SYNTHETIC_FOLDER_BYTES];

	snprintf(command, sizeof(command), "rm -rf '%s'", path);
	return system(command);
}
