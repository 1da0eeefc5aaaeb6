/*
 * The worker: one process that holds one strategy, opens a cell, and runs slices when it is told
 * to. Started by the controller as
 *
 *	nblbench worker POOL DISPATCH
 *
 * with POOL a name of alloc/pools.def, or of instances.h where a context policy competes
 * ("mag_tls+sticky"), and DISPATCH `folded` or `table`, and with one end of a
 * SOCK_SEQPACKET socket pair as descriptor WORKER_FD. What it prints to standard output and error
 * is not part of the protocol. A malloc peer's worker is this same command with LD_PRELOAD set.
 *
 * One message is one JSON object (channel.h). The worker speaks first (hello), then answers each
 * request with exactly one reply, in order. It parks while it waits: no thread of it uses a CPU
 * between two requests. It ends with status 0 on quit or when the controller's end is closed, and
 * is killed when its parent dies. Anything else that ends it is a crash of the strategy.
 *
 * Members marked "opt" may be left out and then have the value after the equals sign. Unknown
 * members are ignored, so that either side may be newer. All times are integer nanoseconds, all
 * counts integers, memory is bytes.
 *
 *	(start) ->
 *	{"reply":"hello", "proto":1, "build_id":"3f0c..", "pid":4711,
 *	 "pool":"treiber_tag", "dispatch":"folded",
 *	 "supported":true, "reason":"",
 *	                                 false: reason is a sentence, and open will be refused
 *	 "allocator":"glibc 2.36", "cpus":[0,1],
 *	 "malloc_files":{"malloc":"/lib/x86_64-linux-gnu/libc.so.6", ...}}
 *	                                 which malloc answers; the CPUs this process may use; in
 *	                                 which file each of WORKER_MALLOC_NAMES is that answers
 *
 *	{"cmd":"open", "workload":"burst", "threads":2, "burst":32, "depth":1, "object_bytes":64,
 *	 "object_align":0,               opt = 0: the strategy's own; or a power of two
 *	 "pages":"ordinary",             opt = "ordinary"; or "transparent", "growing", "huge"
 *	 "capacity":0,                   opt = 0: sized by the engine, the same for every strategy
 *	 "seed":1} ->                    opt = 1
 *	{"reply":"ready", "capacity":1152, "rss_open":5242880, "pool_bytes":77824,
 *	 "cpus":[0,1], "oversubscribed":false}
 *	                                 one CPU per thread, in the order of the threads
 *
 *	{"cmd":"slice", "window_ns":2000000, "lead_in_ns":200000} ->
 *	                                 lead_in_ns: opt = window_ns / 10
 *	{"reply":"slice", "window_ns":2031000, "units":100000, "units_per_s":49236829.1, "failed":0,
 *	 "skew":0.004, "jain":0.998, "slowest_share":0.97, "flags":"",
 *	 "refill":0, "flush":0, "grow":0, "steal":0, "empty":0, "wait":0, "idle_cpu_ns":0,
 *	 "idle_ns":0,
 *	 "threads":[{"cpu":0, "units":50000, "window_ns":2031000, "cpu_ns":2030100, "nvcsw":0,
 *	             "nivcsw":0, "minflt":0}, ...]}
 *	                                 the columns of schema.h's tables slice and thread;
 *	                                 idle_cpu_ns: CPU time that this process used between the
 *	                                 reply before this one and this request; idle_ns: how long
 *	                                 that was
 *
 *	{"cmd":"slice", ..., "timed":true} ->
 *	                                 opt = false: a latency slice; the reply is the same.
 *	                                 "every", opt = false: with it all calls are timed
 *
 *	{"cmd":"times", "thread":0} ->
 *	{"reply":"times", "units":64, "paths":{"fast":{"sum":8192, "longest":512, "histogram":"4a01.."}},
 *	 "whole":{"window_ns":2031000, "waited_ns":0, "calls":30000, "sum":8400000, "own":0,
 *	          "own_sum":0, "pairs":256, "pairs_sum":49000, "pairs_ns":14000}}
 *	                                 what a thread timed in the last slice, which was timed: the
 *	                                 columns of schema.h's table latency, for the paths that a
 *	                                 call took, and for "probe"; units: timed_units of `timed`;
 *	                                 whole: the columns of schema.h's table balance, where every
 *	                                 call was timed
 *
 *	{"cmd":"load", "window_ns":2000000, "lead_in_ns":200000, "load":80, "arrivals":"poisson"} ->
 *	                                 a slice of an open loop at so many per cent of the capacity;
 *	                                 0: measures the capacity, and comes first; lead_in_ns and
 *	                                 arrivals (arrivals.h): opt
 *	{"reply":"load", "capacity_s":1e7, "wanted_s":8e6, "served_s":8e6, "arrived":16000,
 *	 "served":16000, "late":3, "sum":1024000, "longest":40000, "histogram":"4a01.."}
 *	                                 the columns of schema.h's table load
 *
 *	{"cmd":"mem"} ->
 *	{"reply":"mem", "rss":5242880, "rss_peak":5300224, "held":66000, "held_peak":70000,
 *	 "objects":64}                   the columns of schema.h's table memory, and what they are now
 *
 *	{"cmd":"close"} ->
 *	{"reply":"closed", "count":1152, "expected":1152, "check":"", "rss_settled":5242880,
 *	 "held_settled":66000}
 *	                                 count: free objects after every thread put back and left;
 *	                                 expected: what it must be. 0 and 0 for strategies that are
 *	                                 not pools. check: "" or the sentence of the broken
 *	                                 invariant. The cell is sound if count equals expected and
 *	                                 check is "". The worker can open another cell afterwards.
 *
 *	{"cmd":"quit"} -> no reply, status 0
 *
 * Any request may be answered instead by
 *
 *	{"reply":"error", "code":"usage", "text":"threads is 0; it must be 1..256."}
 *
 * code is one of: malformed (not one JSON object with a string "cmd"), unknown (no such request),
 * usage (a member is missing, of the wrong type or out of its range), state (not now: slice before
 * open, open twice), unsupported (not on this machine: no such pages, more memory than the strategy
 * can name), exhausted (the system has no memory or threads left now), failed (the strategy
 * refused). The worker's state is then as before the request, and it goes on.
 *
 * How long a reply may take: hello 30 s; open 10 s and 1 s per GiB; slice three times what
 * was asked for (a slice whose threads did not start together is repeated once) and 2 s; the
 * others 10 s. A worker that is late hangs if it was given another 3 s (watch.h); as long as the
 * machine does not let it go on, it is waited for.
 */
#ifndef BENCH_SWEEP_WORKER_H
#define BENCH_SWEEP_WORKER_H

#include <stddef.h>

/*
 * Workers of another build may be asked, so the number grows with each member of a reply that the
 * controller can't do without, and with each of a request that changes what is measured: an older
 * worker would ignore it.
 */
enum {
	WORKER_PROTO = 3,
	WORKER_FD = 3,
};

/*
 * What a library must replace to take over malloc: memory that one of them gave goes to another. The
 * last is what objects with an alignment of their own come from. The list ends in NULL.
 */
#define WORKER_MALLOC_NAMES "malloc, free, calloc, realloc and aligned_alloc"
extern const char *const worker_malloc_names[];

/* What `code` in an error reply can be. */
#define WORKER_CODE_MALFORMED "malformed"
#define WORKER_CODE_UNKNOWN   "unknown"
#define WORKER_CODE_USAGE     "usage"
#define WORKER_CODE_STATE     "state"
#define WORKER_CODE_ABSENT    "unsupported"
#define WORKER_CODE_EXHAUSTED "exhausted"
#define WORKER_CODE_FAILED    "failed"

/*
 * Which malloc answers in this process: the one that is preloaded, if it can be told by a name that
 * only it has; the system's, as "glibc 2.36"; else the name of the file that it is in.
 */
void worker_allocator_name(char *text, size_t bytes);

/*
 * Serves requests on the socket fd until quit or end of file. subject and dispatch are as on the
 * command line. Returns the exit status; a usage error is told on standard error before anything is
 * sent. For `nblbench worker` and for tests, which call it on a thread of theirs.
 */
int worker_serve(int fd, const char *subject, const char *dispatch);

#endif
