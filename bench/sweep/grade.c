/* See grade.h. */
#include "bench/sweep/grade.h"

#include "bench/base/append.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* The worst finding decides; each gives its reason and what would help. */
__attribute__((format(printf, 3, 4))) static void lower(
	struct grade *self, char letter, const char *format, ...)
{
	char reason[GRADE_VALUE_BYTES];
	va_list args;

	self->letter = letter > self->letter ? letter : self->letter;
	va_start(args, format);
	vsnprintf(reason, sizeof(reason), format, args);
	va_end(args);
	append(self->reasons, sizeof(self->reasons), "%s%c: %s",
		self->reasons[0] == '\0' ? "" : " ", letter, reason);
}

static void judge_settings(const struct grade_findings *f, struct grade *out)
{
	if (f->guest)
		lower(out, 'B',
			"this is a virtual machine, whose neighbours can't be seen; bare metal "
			"would be quieter.");
	if (f->governor[0] != '\0' && strcmp(f->governor, "performance") != 0)
		lower(out, 'B',
			"the frequency governor is '%s'; 'cpupower frequency-set -g performance' "
			"steadies it.",
			f->governor);
	if (f->no_turbo[0] == '0')
		lower(out, 'B',
			"turbo is on, so that the clock goes by heat and neighbours; 'echo 1 > "
			"/sys/devices/system/cpu/intel_pstate/no_turbo' steadies it.");
	if (f->boost[0] == '1')
		lower(out, 'B',
			"the clock is boosted, by as much as heat and neighbours allow; 'echo 0 > "
			"/sys/devices/system/cpu/cpufreq/boost' steadies it.");
	if (strcmp(f->smt, "on") == 0)
		lower(out, 'B',
			"CPUs share cores (SMT), so that what one does slows its sibling; 'echo "
			"off > /sys/devices/system/cpu/smt/control' leaves one a core.");
	if (strstr(f->huge_pages, "[always]") != NULL)
		lower(out, 'B',
			"the kernel gives huge pages where it finds room, which differs from "
			"process to process; 'echo madvise > "
			"/sys/kernel/mm/transparent_hugepage/enabled' leaves them to who asks.");
	if (strcmp(f->randomisation, "0") == 0)
		lower(out, 'B',
			"address randomisation is off, so every fork has the same layout; 'sysctl "
			"kernel.randomize_va_space=2' turns it on.");
	if (f->limit[0] != '\0')
		lower(out, 'C',
			"a control group limits the CPU time (%s) and stops threads when it is "
			"used up; run outside of it.",
			f->limit);
}

static void judge_noise(const struct grade_findings *f, struct grade *out)
{
	if (f->ready > 0)
		lower(out, f->ready >= f->cpus ? 'D' : 'C',
			"%u other task%s ready to run now; end what needs CPU time.", f->ready,
			f->ready == 1 ? " is" : "s are");
	else if (f->load > 0.5)
		lower(out, 'B', "the load of the last minute was %.1f; wait until it is below 0.5.",
			f->load);
	if (f->pressure > 1)
		lower(out, f->pressure > 20 ? 'D' : (f->pressure > 5 ? 'C' : 'B'),
			"for %.0f %% of the last ten seconds some task waited for a CPU; end what "
			"needs CPU time.",
			f->pressure);
	/* Measured on a 2-CPU guest: 1.1 % and 37 us when quiet, 3 to 17 % and up to 33 ms under load. */
	if (f->lost > 0.5)
		lower(out, f->lost > 5 ? 'D' : (f->lost > 2 ? 'C' : 'B'),
			"a spinning thread lost %.1f %% of its time, %.0f us at once; %s.", f->lost,
			f->lost_us,
			f->limit[0] != '\0'
				? "the control group stops it, or something else runs on its CPU"
				: "something else runs on its CPU");
	if (f->stolen > 0)
		lower(out, f->stolen > 5 ? 'D' : 'C',
			"the hypervisor gave %.0f %% of the time to other guests; choose another "
			"hour or host.",
			f->stolen);
}

void grade_judge(const struct grade_findings *findings, struct grade *out)
{
	*out = (struct grade){.letter = 'A'};
	judge_settings(findings, out);
	judge_noise(findings, out);
	if (out->letter == 'A')
		append(out->reasons, sizeof(out->reasons), "A: nothing disturbs.");
}
