/* See synthetic_store.h. */
#include "bench/analysis/synthetic_store.h"

#include "bench/analysis/stats.h"
#include "bench/sweep/schema.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CPUS = 2, LABEL_BYTES = 64 };

/* A subject, and a crude model of its time: what an operation costs alone and on a shared line. */
struct model {
	const char *label, *pool, *dispatch, *progress, *cache, *summary;
	int twin, exact, is_pool;
	double alone_ns, shared_ns, remote_ns, overhead_bytes;
};

static const struct model models[] = {
	{"null", "null", "folded", "none", "none", "the harness itself", 0, 1, 0, 0.6, 0.0, 3.0, 0},
	{"bare_cas", "bare_cas", "folded", "none", "none", "one compare-and-swap each way", 0, 0, 0,
		13, 40, 60, 0},
	{"plain", "plain", "folded", "none", "none", "a list for one thread", 0, 1, 1, 1.5, 0, 0,
		8},
	{"mutex", "mutex", "folded", "blocking", "none", "a list under a lock", 0, 1, 1, 17, 60, 80,
		8},
	{"ticket", "ticket", "folded", "blocking", "none", "a list under a fair spin lock", 0, 1, 1,
		14, 75, 95, 8},
	{"treiber_tag", "treiber_tag", "folded", "lock-free", "none", "a tagged stack", 0, 1, 1, 15,
		44, 70, 4},
	{"treiber_dwcas", "treiber_dwcas", "folded", "lock-free", "none",
		"a stack with a 16-byte head", 0, 1, 1, 19, 52, 78, 8},
	{"vyukov", "vyukov", "folded", "blocking", "none", "a bounded ring", 0, 1, 1, 12, 38, 48,
		16},
	{"scq", "scq", "folded", "lock-free", "none", "a ring of indices", 0, 1, 1, 24, 55, 66, 24},
	{"idx_local", "idx_local", "folded", "lock-free", "cpu", "sharded tagged lists", 0, 1, 1,
		15, 4, 55, 6},
	{"urcu_lfs", "urcu_lfs", "folded", "lock-free", "none", "liburcu's stack", 0, 1, 1, 21, 50,
		72, 16},
	{"urcu_wfs", "urcu_wfs", "folded", "blocking", "none", "liburcu's wait-free push", 0, 1, 1,
		20, 47, 69, 16},
	{"urcu_wfcq", "urcu_wfcq", "folded", "blocking", "none", "liburcu's queue", 0, 1, 1, 22, 58,
		74, 16},
	{"mag_tls", "mag_tls", "folded", "lock-free", "thread", "magazines over a depot", 0, 0, 1,
		2.0, 0.1, 6.4, 12},
	{"percpu_try", "percpu_try", "folded", "lock-free", "cpu", "per-CPU with a try-lock", 0, 0,
		1, 9.5, 0.4, 14, 20},
	{"rseq_arr", "rseq_arr", "folded", "lock-free", "cpu", "per-CPU arrays", 0, 0, 1, 2.5, 0.1,
		7.6, 20},
	{"rseq_mag", "rseq_mag", "folded", "lock-free", "cpu", "per-CPU magazines", 0, 0, 1, 2.04,
		0.05, 5.1, 14},
	{"home_ret", "home_ret", "folded", "lock-free", "cpu", "objects go home in batches", 0, 0,
		1, 3.1, 0.1, 4.9, 18},
	{"malloc", "malloc", "folded", "blocking", "thread", "glibc", 0, 0, 0, 9.0, 0.8, 58, 16},
	{"jemalloc", "jemalloc", "folded", "blocking", "thread", "preloaded", 0, 0, 0, 7.2, 0.6, 34,
		22},
	{"mimalloc", "mimalloc", "folded", "lock-free", "thread", "preloaded", 0, 0, 0, 6.1, 0.4,
		22, 30},
	{"dpdk", "dpdk", "folded", "blocking", "cpu", "rte_mempool", 0, 0, 0, 5.0, 0.3, 15, 64},
	{"mag_tls/table", "mag_tls", "table", "lock-free", "thread", "magazines over a depot", 0, 0,
		1, 3.3, 0.1, 7.9, 12},
	{"mag_tls (twin)", "mag_tls", "folded", "lock-free", "thread", "magazines over a depot", 1,
		0, 1, 2.0, 0.1, 6.4, 12},
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

static double uniform(struct stats_rng *rng)
{
	return ((double)(stats_rng_next(rng) >> 11) + 0.5) / 9007199254740992.0;
}

static double normal(struct stats_rng *rng)
{
	return sqrt(-2 * log(uniform(rng))) * cos(2 * M_PI * uniform(rng));
}

static double true_ns(
	const struct synthetic_store *wanted, const struct model *m, const struct load *load)
{
	const double crowd = load->threads > CPUS ? 1.0 + 0.15 * load->threads : 1.0;
	const double shared = load->threads > 1 ? m->shared_ns * crowd : 0;
	const double one = load->lane_threads > 1 ? m->remote_ns : m->alone_ns + shared;

	/* More threads than CPUs take turns, so a unit takes each thread that much longer. */
	const double turns = load->threads > CPUS ? (double)load->threads / CPUS : 1;
	const double factor = m->pool[0] == 'm' && m->pool[1] == 'a' && m->pool[2] == 'g'
				      ? wanted->mag_tls_factor
				      : 1;

	return one * load->object_share * turns * factor;
}

/* Which subject breaks in which cell. */
static const char *broken_state(const struct model *m, int cell)
{
	if (cell == 5 && sqlite3_stricmp(m->label, "scq") == 0)
		return "crashed";
	if (cell == 2 && sqlite3_stricmp(m->label, "urcu_wfs") == 0)
		return "hung";
	if (cell == 6 && sqlite3_stricmp(m->label, "vyukov") == 0)
		return "lost";
	if (sqlite3_stricmp(m->label, "dpdk") == 0)
		return "unsupported";
	if (loads[cell].threads > 1 && sqlite3_stricmp(m->label, "plain") == 0)
		return "unsupported";
	return NULL;
}

static const char *broken_detail(const char *state)
{
	switch (state[0]) {
	case 'c':
		return "The worker died of SIGSEGV & left <script>alert(1)</script>.\n"
		       "scq.h:120: invariant I3 \"tail\" <broken>\n#0 0x55d0 in scq_get\n";
	case 'h':
		return "The worker did not answer within 2.1 s and was ended by SIGABRT.";
	case 'l':
		return "1 of 4096 objects was missing after the slice.";
	default:
		return "It can't run here; its traits or its library say so.";
	}
}

static void write_subjects(sqlite3 *db)
{
	for (int i = 0; i < SUBJECTS; i++) {
		const struct model *m = &models[i];

		run_printed(db,
			sqlite3_mprintf(
				"INSERT INTO subject VALUES (%d,%Q,%Q,NULL,%Q,%d,%Q,%Q,%Q,%d,%d)",
				i + 1, m->label, m->pool, m->dispatch, m->twin, m->summary,
				m->progress, m->cache, m->exact, m->is_pool));
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
	run_printed(db,
		sqlite3_mprintf(
			"INSERT INTO cell VALUES (%d,%Q,%Q,%Q,%Q,%d,%d,%d,%d,1,256,0,'ordinary',0)",
			c + 1, label, load->workload, load->unit, load->program, load->threads,
			load->lane_threads, load->threads > CPUS, load->burst));
	for (int i = 0; i < SUBJECTS; i++) {
		const char *state = broken_state(&models[i], c);

		if (state != NULL)
			run_printed(db, sqlite3_mprintf("INSERT INTO event(cell_id,subject_id,fork,"
							"state,detail,at_ns) VALUES "
							"(%d,%d,0,%Q,%Q,1767225600000000000)",
						c + 1, i + 1, state, broken_detail(state)));
	}
}

static void write_memory(sqlite3 *db, int c, const struct synthetic_store *wanted)
{
	for (int i = 0; i < SUBJECTS; i++) {
		const struct model *m = &models[i];
		const double bytes = 4096 * (256 + m->overhead_bytes);

		if (broken_state(m, c) != NULL)
			continue;
		for (unsigned f = 0; f < wanted->forks; f++)
			run_printed(
				db, sqlite3_mprintf("INSERT INTO memory VALUES "
						    "(%d,%d,%u,2000000,%lld,%lld,4096,4096,4096)",
					    c + 1, i + 1, f, (long long)bytes + 2100000,
					    (long long)bytes));
	}
}

static sqlite3_stmt *prepare(sqlite3 *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	check(db, sqlite3_prepare_v2(db, sql, -1, &statement, NULL));
	return statement;
}

static void write_blocks(sqlite3 *db, int c, const struct synthetic_store *wanted,
	struct stats_rng *rng, int64_t *block_id)
{
	const struct load *load = &loads[c];
	const int64_t window = load->threads > CPUS ? 50000000 : 2000000;
	sqlite3_stmt *block = prepare(db, "INSERT INTO block VALUES (?,?,?,?,0,?)");
	sqlite3_stmt *slice =
		prepare(db, "INSERT INTO slice VALUES (?,?,?,?,?,?,0,0.001,?,?,?,?,?,0,?,0)");
	sqlite3_stmt *thread = prepare(db, "INSERT INTO thread VALUES (?,?,?,?,?,?,?,1,0,0)");

	for (unsigned f = 0; f < wanted->forks; f++) {
		double luck[SUBJECTS];

		for (int i = 0; i < SUBJECTS; i++)
			luck[i] = 0.25 * wanted->noise * normal(rng);
		for (unsigned b = 0; b < wanted->blocks; b++) {
			/* What hits all subjects of a block alike: pairing takes it out. */
			const double weather = 3 * wanted->noise * fabs(normal(rng));

			sqlite3_reset(block);
			sqlite3_bind_int64(block, 1, ++*block_id);
			sqlite3_bind_int64(block, 2, c + 1);
			sqlite3_bind_int64(block, 3, f);
			sqlite3_bind_int64(block, 4, b);
			sqlite3_bind_int64(block, 5, 1000 + (int64_t)(1000 * weather));
			check(db, sqlite3_step(block));
			for (int i = 0; i < SUBJECTS; i++) {
				const struct model *m = &models[i];

				if (broken_state(m, c) != NULL)
					continue;

				const double noise = m->progress[0] == 'b' && load->threads > 1
							     ? 4 * wanted->noise
							     : wanted->noise;
				const double ns = true_ns(wanted, m, load) *
						  exp(weather + luck[i] + noise * normal(rng));
				const double lanes = (double)load->threads / load->lane_threads;
				const int64_t units = (int64_t)(lanes * (double)window / ns);
				const double slowest =
					load->threads > 1 && m->progress[0] == 'b' ? 0.6 : 0.97;
				const int flagged = uniform(rng) < wanted->flagged_share;

				sqlite3_reset(slice);
				sqlite3_bind_int64(slice, 1, *block_id);
				sqlite3_bind_int64(slice, 2, i + 1);
				sqlite3_bind_int64(slice, 3, i);
				sqlite3_bind_int64(slice, 4, window);
				sqlite3_bind_int64(slice, 5, units);
				sqlite3_bind_double(slice, 6, lanes * 1e9 / ns);
				sqlite3_bind_double(slice, 7, slowest);
				sqlite3_bind_double(slice, 8, slowest);
				sqlite3_bind_text(
					slice, 9, flagged ? "nivcsw" : "", -1, SQLITE_STATIC);
				sqlite3_bind_int64(slice, 10, m->cache[0] == 'n' ? 0 : units / 64);
				sqlite3_bind_int64(slice, 11, m->cache[0] == 'n' ? 0 : units / 64);
				sqlite3_bind_int64(slice, 12, 0);
				check(db, sqlite3_step(slice));
				for (int t = 0; t < load->threads; t++) {
					sqlite3_reset(thread);
					sqlite3_bind_int64(thread, 1, *block_id);
					sqlite3_bind_int64(thread, 2, i + 1);
					sqlite3_bind_int64(thread, 3, t);
					sqlite3_bind_int64(thread, 4, t % CPUS);
					sqlite3_bind_int64(thread, 5, units / load->threads);
					sqlite3_bind_int64(thread, 6, window);
					sqlite3_bind_int64(thread, 7, window);
					check(db, sqlite3_step(thread));
				}
			}
		}
	}
	sqlite3_finalize(block);
	sqlite3_finalize(slice);
	sqlite3_finalize(thread);
}

void synthetic_store_write(const char *path, const struct synthetic_store *wanted)
{
	sqlite3 *db = NULL;
	struct stats_rng rng;
	int64_t block_id = 0;

	unlink(path);
	check(db, sqlite3_open(path, &db));
	run_printed(db, sqlite3_mprintf("PRAGMA application_id = %d; PRAGMA user_version = %d;",
				STORE_APPLICATION_ID, STORE_SCHEMA_VERSION));
	run(db, "PRAGMA synchronous = OFF; BEGIN");
	run(db, store_schema);
	run_printed(db, sqlite3_mprintf("INSERT INTO plan VALUES ('1f2e3d4c5b6a7980',"
					"'{\"cpus\":%d}','b01dfacef00d','v0.1-7-gabc1234',%lld,"
					"1767225600000000000,'nblbench sweep --pool ''a<b''')",
				(int)CPUS, (long long)wanted->seed));
	run(db, "INSERT INTO machine VALUES (1,1767225600000000000,'9a8b7c6d','B',"
		"'{\"cpu\":{\"model\":\"Example CPU 9000 @ 2.00GHz\",\"count\":2,\"smt\":false},"
		"\"kernel\":\"6.1.0-30-amd64\",\"hypervisor\":\"KVM\",\"governor\":\"none\","
		"\"thp\":\"madvise\",\"compiler\":\"gcc 12.2.0 -O3 -g\"}')");
	write_subjects(db);
	stats_rng_seed(&rng, wanted->seed);
	for (int c = 0; c < (wanted->cells > 0 ? (int)wanted->cells : CELLS); c++) {
		write_cell(db, c);
		write_memory(db, c, wanted);
		write_blocks(db, c, wanted, &rng, &block_id);
	}
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
