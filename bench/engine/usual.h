/* The load that is meant unless another is asked for: the same for `sweep`, `run` and `micro`. */
#ifndef BENCH_ENGINE_USUAL_H
#define BENCH_ENGINE_USUAL_H

enum {
	USUAL_BURST = 32,         /* objects: DPDK's customary burst */
	USUAL_DEPTH = 4,          /* filter drivers on one stack */
	USUAL_OBJECT_BYTES = 256, /* an NBL with its NET_BUFFER and a context area */
};

#endif
