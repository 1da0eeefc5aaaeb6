/* See gbench_shim.h. The only C++ in the tree, and nothing but translation. */
#include "bench/command/gbench_shim.h"

#include <benchmark/benchmark.h>

namespace
{

benchmark::State &state_of(gb_state *state)
{
	return *reinterpret_cast<benchmark::State *>(state);
}

benchmark::internal::Benchmark *bench_of(gb_bench *bench)
{
	return reinterpret_cast<benchmark::internal::Benchmark *>(bench);
}

/* Runs f; an exception becomes the run's error. */
template <typename F> void guarded(gb_state *state, F f) noexcept
{
	try {
		f(state_of(state));
	} catch (const std::exception &e) {
		state_of(state).SkipWithError(e.what());
	} catch (...) {
		state_of(state).SkipWithError("an unknown exception");
	}
}

} // namespace

bool gb_initialize(int *argc, char **argv)
{
	try {
		benchmark::Initialize(argc, argv);
		return true;
	} catch (...) {
		return false;
	}
}

void gb_context(const char *key, const char *value)
{
	try {
		benchmark::AddCustomContext(key, value);
	} catch (...) {
		/* A context line less: every figure is still right. */
	}
}

gb_bench *gb_register(const char *name, void (*fn)(gb_state *, void *), void *arg)
{
	try {
		benchmark::internal::Benchmark *bench =
			benchmark::RegisterBenchmark(name, [fn, arg](benchmark::State &state) {
				fn(reinterpret_cast<gb_state *>(&state), arg);
			});
		return reinterpret_cast<gb_bench *>(bench->Unit(benchmark::kNanosecond));
	} catch (...) {
		return nullptr;
	}
}

void gb_manual(gb_bench *bench)
{
	bench_of(bench)->UseManualTime()->Iterations(1);
}

uint64_t gb_run(void)
{
	try {
		return benchmark::RunSpecifiedBenchmarks();
	} catch (...) {
		return 0;
	}
}

int64_t gb_begin(gb_state *state)
{
	int64_t n = 0;

	guarded(state, [&n](benchmark::State &s) {
		if (s.KeepRunningBatch(s.max_iterations))
			n = s.max_iterations;
	});
	return n;
}

void gb_end(gb_state *state)
{
	guarded(state, [](benchmark::State &s) { s.KeepRunningBatch(s.max_iterations); });
}

void gb_set_time(gb_state *state, double seconds)
{
	guarded(state, [seconds](benchmark::State &s) { s.SetIterationTime(seconds); });
}

void gb_counter(gb_state *state, const char *name, double value)
{
	guarded(state, [name, value](benchmark::State &s) { s.counters[name] = value; });
}

void gb_skip(gb_state *state, const char *message)
{
	guarded(state, [message](benchmark::State &s) { s.SkipWithError(message); });
}
