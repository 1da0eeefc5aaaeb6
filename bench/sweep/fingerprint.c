/* What the machine is and how quiet it is: see fingerprint.h. */
#include "bench/sweep/fingerprint.h"

#include "alloc/machine/compiler.h"
#include "bench/base/append.h"
#include "bench/base/clock.h"
#include "bench/base/hash.h"
#include "bench/engine/counters.h"
#include "bench/engine/engine.h"
#include "bench/engine/offsets.h"
#include "bench/engine/topology.h"
#include "bench/sweep/build_id.h"
#include "bench/sweep/grade.h"
#include "bench/sweep/probe.h"
#include "bench/sweep/revision.h"

#include <ctype.h>
#include <errno.h>
#include <gnu/libc-version.h>
#include <hwloc.h>
#include <inttypes.h>
#include <limits.h>
#include <math.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

enum {
	TEXT_BYTES = 512,
	CPUINFO_BYTES = 16384, /* the first processor's paragraph is about 1.5 KiB */
	PROBE_MS = 200,        /* long enough for twenty ticks of /proc/stat */
	/* A gap in the spinning thread's own time that no cache miss explains, nanoseconds. */
	PROBE_GAP_NS = 2000,
};

/* The state while a fingerprint is made. */
struct sketch {
	json_t *json;
	uint64_t identity;
	struct grade_findings found;
};

/* The first `bytes` - 1 characters of a file; "" if it can't be read. Returns text. */
static const char *read_file(const char *path, char *text, size_t bytes)
{
	FILE *file = fopen(path, "re");
	size_t got = 0;

	if (file != NULL) {
		got = fread(text, 1, bytes - 1, file);
		fclose(file);
	}
	text[got] = '\0';
	return text;
}

/* The first line of a file without its end; "" if it can't be read. */
static const char *read_line(const char *path, char *text, size_t bytes)
{
	read_file(path, text, bytes);
	text[strcspn(text, "\n")] = '\0';
	return text;
}

/* The value of "name : value" in a text of such lines. */
static const char *find_value(
	const char *lines, const char *name, char separator, char *value, size_t bytes)
{
	size_t length = strlen(name);

	value[0] = '\0';
	for (const char *line = lines; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, name, length) != 0)
			continue;
		const char *at = line + length + strspn(line + length, " \t");
		if (*at != separator)
			continue;
		at += 1 + strspn(at + 1, " \t");
		snprintf(value, bytes, "%.*s", (int)strcspn(at, "\n"), at);
		break;
	}
	return value;
}

/* An empty value is left out. */
static void add_text(struct sketch *self, const char *name, const char *text)
{
	if (text[0] != '\0')
		json_object_set_new(self->json, name, json_string(text));
}

/* Adds what may change between two starts. */
__attribute__((format(printf, 3, 4))) static void add(
	struct sketch *self, const char *name, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	add_text(self, name, text);
}

/* Adds a part of the identity. */
__attribute__((format(printf, 3, 4))) static void add_identity(
	struct sketch *self, const char *name, const char *format, ...)
{
	char text[TEXT_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	if (text[0] == '\0')
		strcpy(text, "unknown");
	add_text(self, name, text);
	self->identity = hash_text(hash_text(self->identity, name), text);
}

/*
 * What it is.
 */

static void add_processor(struct sketch *self)
{
	char lines[CPUINFO_BYTES], value[CPUINFO_BYTES], vendor[TEXT_BYTES], product[TEXT_BYTES];
	struct utsname system;

	read_file("/proc/cpuinfo", lines, sizeof(lines));
	add_identity(self, "cpu", "%s", find_value(lines, "model name", ':', value, sizeof(value)));
	add_identity(
		self, "microcode", "%s", find_value(lines, "microcode", ':', value, sizeof(value)));
	find_value(lines, "flags", ':', value, sizeof(value));
	add_identity(self, "cpu flags digest", "%016" PRIx64, hash_text(0, value));

	bool guest = strstr(value, " hypervisor") != NULL;
	read_line("/sys/class/dmi/id/sys_vendor", vendor, sizeof(vendor));
	read_line("/sys/class/dmi/id/product_name", product, sizeof(product));
	add_identity(self, "virtual", "%s%s%.100s%s%.100s", guest ? "yes" : "no",
		vendor[0] ? ", " : "", vendor, product[0] ? " " : "", product);
	self->found.guest = guest;
	if (uname(&system) == 0)
		add_identity(self, "kernel", "%.60s %.60s %.60s", system.sysname, system.release,
			system.machine);
}

/* "1 package, 1 NUMA node, 2 cores, 2 threads; L1d 48 KiB x 2, L2 2048 KiB x 2". */
static void add_topology(struct sketch *self)
{
	static const struct {
		hwloc_obj_type_t type;
		const char *name;
	} caches[] = {
		{HWLOC_OBJ_L1CACHE, "L1d"}, {HWLOC_OBJ_L2CACHE, "L2"}, {HWLOC_OBJ_L3CACHE, "L3"}};
	hwloc_topology_t topology;
	char text[TEXT_BYTES];

	if (hwloc_topology_init(&topology) != 0)
		return;
	if (hwloc_topology_load(topology) == 0) {
		snprintf(text, sizeof(text), "packages %d, NUMA nodes %d, cores %d, threads %d",
			hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PACKAGE),
			hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_NUMANODE),
			hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_CORE),
			hwloc_get_nbobjs_by_type(topology, HWLOC_OBJ_PU));
		for (size_t i = 0; i < array_count(caches); i++) {
			hwloc_obj_t cache = hwloc_get_obj_by_type(topology, caches[i].type, 0);

			if (cache != NULL)
				append(text, sizeof(text), "; %s %" PRIu64 " KiB x %d",
					caches[i].name, (uint64_t)cache->attr->cache.size / 1024,
					hwloc_get_nbobjs_by_type(topology, caches[i].type));
		}
		add_identity(self, "topology", "%s", text);
	}
	hwloc_topology_destroy(topology);
}

static void add_memory(struct sketch *self)
{
	const uint64_t bytes = (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE);
	char value[TEXT_BYTES];

	/* What the kernel keeps for itself differs from start to start: whole GiB are stable. */
	add_identity(self, "memory", "%" PRIu64 " GiB", (bytes + (1 << 29)) >> 30);
	add_text(self, "transparent huge pages",
		read_line("/sys/kernel/mm/transparent_hugepage/enabled", value, sizeof(value)));
	add_text(self, "huge pages", read_line("/proc/sys/vm/nr_hugepages", value, sizeof(value)));
}

/* "0-3,8" from the set. */
static void add_allowed_cpus(struct sketch *self)
{
	cpu_set_t set;
	char text[TEXT_BYTES] = "";

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return;
	for (int cpu = 0, last; cpu < CPU_SETSIZE; cpu = last + 1) {
		last = cpu;
		if (!CPU_ISSET((size_t)cpu, &set))
			continue;
		while (last + 1 < CPU_SETSIZE && CPU_ISSET((size_t)last + 1, &set))
			last++;
		append(text, sizeof(text), text[0] == '\0' ? "%d" : ",%d", cpu);
		if (last > cpu)
			append(text, sizeof(text), "-%d", last);
	}
	add_identity(self, "cpus allowed", "%s", text);
}

/* Of the kernel's command line, what bears on timing; the rest is the host's own business. */
static void add_boot_options(struct sketch *self)
{
	static const char *const names[] = {"isolcpus=", "nohz_full=", "rcu_nocbs=", "mitigations=",
		"idle=", "intel_pstate=", "amd_pstate=", "processor.max_cstate=", "nosmt",
		"transparent_hugepage=", "preempt="};
	char line[CPUINFO_BYTES], found[TEXT_BYTES] = "";

	read_line("/proc/cmdline", line, sizeof(line));
	for (char *word = strtok(line, " "); word != NULL; word = strtok(NULL, " ")) {
		for (size_t i = 0; i < array_count(names); i++) {
			if (strncmp(word, names[i], strlen(names[i])) == 0)
				append(found, sizeof(found), "%s%s", found[0] == '\0' ? "" : " ",
					word);
		}
	}
	add_text(self, "boot options", found);
}

/* The limit that stands in the folder of a control group, of version 2 or 1. */
static bool limit_in(const char *folder, char limit[FINGERPRINT_LIMIT_BYTES])
{
	char path[PATH_MAX + 32], quota[TEXT_BYTES], period[TEXT_BYTES];

	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	read_line(path, quota, sizeof(quota));
	if (quota[0] != '\0' && strncmp(quota, "max", 3) != 0) {
		snprintf(limit, FINGERPRINT_LIMIT_BYTES, "cpu.max %.60s", quota);
		return true;
	}
	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
	read_line(path, quota, sizeof(quota));
	if (atoll(quota) <= 0)
		return false;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
	read_line(path, period, sizeof(period));
	snprintf(limit, FINGERPRINT_LIMIT_BYTES, "cpu.cfs_quota_us %.30s of %.30s", quota, period);
	return true;
}

/* Of a line of /proc/PID/cgroup: true if its controllers are all (version 2) or cpu among others. */
static bool is_about_cpu(const char *controllers, size_t length)
{
	for (size_t i = 0; i < length; i += strcspn(controllers + i, ",:") + 1) {
		if (strcspn(controllers + i, ",:") == 3 && strncmp(controllers + i, "cpu", 3) == 0)
			return true;
	}
	return length == 0;
}

bool fingerprint_cpu_limit(
	const char *groups, const char *mount, char limit[FINGERPRINT_LIMIT_BYTES])
{
	for (const char *line = groups; *line != '\0'; line += line[0] == '\n') {
		/* "4:cpu,cpuacct:/docker/ab", "0::/user.slice" */
		const char *controllers = strchr(line, ':');
		const char *group = controllers != NULL ? strchr(controllers + 1, ':') : NULL;
		char folder[PATH_MAX];

		if (group == NULL)
			return false;
		const size_t length = (size_t)(group - controllers - 1);
		const int known = (int)strcspn(group + 1, "\n");

		line = group + 1 + known;
		if (!is_about_cpu(controllers + 1, length))
			continue;
		snprintf(folder, sizeof(folder), "%s%s%.*s%.*s", mount, length > 0 ? "/" : "",
			(int)length, controllers + 1, known, group + 1);
		/* In a container a part of the way up is not to be seen, and the top is its own. */
		for (const size_t top = strlen(mount) + (length > 0 ? 1 + length : 0);;) {
			if (limit_in(folder, limit))
				return true;
			char *slash = strrchr(folder, '/');
			if (strlen(folder) <= top || slash == NULL)
				break;
			folder[(size_t)(slash - folder) > top ? (size_t)(slash - folder) : top] =
				'\0';
		}
	}
	return false;
}

static void add_settings(struct sketch *self)
{
	struct grade_findings *found = &self->found;
	char groups[CPUINFO_BYTES], value[TEXT_BYTES];

	read_line("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor", found->governor,
		GRADE_VALUE_BYTES);
	read_line("/sys/devices/system/cpu/intel_pstate/no_turbo", found->no_turbo,
		GRADE_VALUE_BYTES);
	read_line("/sys/devices/system/cpu/cpufreq/boost", found->boost, GRADE_VALUE_BYTES);
	read_line("/sys/devices/system/cpu/smt/control", found->smt, GRADE_VALUE_BYTES);
	read_line("/sys/kernel/mm/transparent_hugepage/enabled", found->huge_pages,
		GRADE_VALUE_BYTES);
	read_line("/proc/sys/kernel/randomize_va_space", found->randomisation, GRADE_VALUE_BYTES);
	add_text(self, "governor", found->governor);
	add_text(self, "turbo",
		found->no_turbo[0] == '\0' ? "" : (found->no_turbo[0] == '0' ? "on" : "off"));
	add_text(self, "boost",
		found->boost[0] == '\0' ? "" : (found->boost[0] == '1' ? "on" : "off"));
	add_text(self, "smt", found->smt);
	add_text(self, "address randomisation", found->randomisation);
	add_boot_options(self);
	counters_describe(value, sizeof(value));
	add_text(self, "hardware counters", value);
	read_file("/proc/self/cgroup", groups, sizeof(groups));
	if (!fingerprint_cpu_limit(groups, "/sys/fs/cgroup", found->limit))
		found->limit[0] = '\0';
	add_text(self, "cgroup cpu limit", found->limit);
}

static void add_build(struct sketch *self)
{
	/* What changes how allocators and the loader behave, and nothing private. */
	static const char *const variables[] = {"MALLOC_CONF", "MALLOC_ARENA_MAX",
		"MIMALLOC_VERBOSE", "GLIBC_TUNABLES", "LD_PRELOAD"};

	add_text(self, "compiler", revision_compiler);
	add_text(self, "compiler flags", revision_flags);
	add_text(self, "source revision", revision_text);
	add_text(self, "build id", build_id());
	add(self, "libc", "glibc %s", gnu_get_libc_version());
	for (size_t i = 0; i < array_count(variables); i++) {
		const char *value = getenv(variables[i]);

		if (value != NULL)
			add_text(self, variables[i], value);
	}
}

/* What times single calls, and how far apart it is on the CPUs that may be used. */
static void add_clocks(struct sketch *self)
{
	static struct offset offsets[ENGINE_THREADS_MAX];
	uint32_t cpus[ENGINE_THREADS_MAX];
	char text[OFFSETS_TEXT_BYTES(ENGINE_THREADS_MAX)], clock[TICKS_TEXT_BYTES];
	struct ticks ticks;
	int count = topology_cpus(cpus, ENGINE_THREADS_MAX);

	ticks_open(&ticks, HISTOGRAM_NS, true, ticks_now());
	ticks_describe(&ticks, clock);
	add(self, "clock of single calls", "%s", clock);
	if (count < 1)
		return;
	if (count > ENGINE_THREADS_MAX)
		count = ENGINE_THREADS_MAX;
	if (offsets_measure(&ticks, cpus, (uint32_t)count, offsets) != 0)
		return;
	offsets_describe(offsets, (uint32_t)count, text, sizeof(text));
	if (count > 1) {
		char name[TEXT_BYTES];

		snprintf(name, sizeof(name), "clocks ahead of CPU %u", (unsigned)cpus[0]);
		add_text(self, name, text);
	}
	add(self, FINGERPRINT_CLOCKS_APART, "%.0f",
		ceil(offsets_apart_ns(offsets, (uint32_t)count)));
}

/*
 * How quiet it is.
 */

/* What a spinning thread saw. */
struct gaps {
	double lost;         /* share of the time in which this thread did not run, per cent */
	uint64_t longest_ns; /* gap */
};

/* Reads the clock over and over and adds up the gaps. */
static struct gaps spin(uint64_t duration_ns)
{
	const uint64_t start = clock_now_ns();
	uint64_t last = start, lost = 0, longest = 0;

	while (last - start < duration_ns) {
		uint64_t now = clock_now_ns();
		uint64_t gap = now - last;

		if (gap > PROBE_GAP_NS) {
			lost += gap;
			if (gap > longest)
				longest = gap;
		}
		last = now;
	}
	return (struct gaps){100.0 * (double)lost / (double)(last - start), longest};
}

/* The per cent of "some avg10=5.77 ..."; 0: the kernel doesn't tell. */
static double pressure_share(const char *text)
{
	double share = 0;

	sscanf(text, "some avg10=%lf", &share);
	return share;
}

static void add_noise(struct sketch *self)
{
	struct grade_findings *found = &self->found;
	const long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct probe probe;
	char value[TEXT_BYTES];
	unsigned running = 0;

	/* Before the probe: it would count itself. */
	read_line("/proc/loadavg", value, sizeof(value));
	sscanf(value, "%lf %*f %*f %u", &found->load, &running);
	add_text(self, "load", value);
	found->ready = running > 1 ? running - 1 : 0;
	found->cpus = cpus > 0 ? (unsigned)cpus : 1;
	read_line("/proc/pressure/cpu", value, sizeof(value));
	add_text(self, "cpu pressure", value);
	found->pressure = pressure_share(value);

	probe_open(&probe);
	const int64_t stolen = probe_stolen_ns(&probe);
	const struct gaps gaps = spin((uint64_t)PROBE_MS * 1000000);
	const int64_t stolen_later = probe_stolen_ns(&probe);

	found->lost = gaps.lost;
	found->lost_us = (double)gaps.longest_ns / 1000;
	add(self, "spin probe", "lost %.2f %% of %d ms, longest gap %.0f us", found->lost, PROBE_MS,
		found->lost_us);
	const int64_t khz = probe.cpus > 0 ? probe_khz(probe.cpu[0]) : -1;

	add(self, "frequency", khz > 0 ? "%.2f GHz" : "not visible", (double)khz / 1e6);
	if (stolen < 0 || stolen_later < 0)
		return;
	found->stolen =
		100.0 * (double)(stolen_later - stolen) / (PROBE_MS * 1e6 * (double)probe.cpus);
	add(self, "steal", "%.1f %%", found->stolen);
}

int fingerprint_take(struct fingerprint *out)
{
	struct sketch self = {
		.json = json_object(),
		.identity = HASH_EMPTY,
	};
	struct grade grade;

	if (self.json == NULL)
		return -ENOMEM;
	add_processor(&self);
	add_topology(&self);
	add_memory(&self);
	add_allowed_cpus(&self);
	add_settings(&self);
	add_build(&self);
	add_clocks(&self);
	add_noise(&self);
	grade_judge(&self.found, &grade);
	*out = (struct fingerprint){.json = self.json, .grade = {grade.letter, '\0'}};
	snprintf(out->identity, sizeof(out->identity), "%016" PRIx64, self.identity);
	add(&self, "noise grade", "%c", grade.letter);
	add_text(&self, "noise reasons", grade.reasons);
	return 0;
}

void fingerprint_drop(struct fingerprint *self)
{
	json_decref(self->json);
	self->json = NULL;
}
