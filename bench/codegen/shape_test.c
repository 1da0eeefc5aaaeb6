/* Tests of what an instruction counts as, one of each kind that compilers and our assembly emit. */
#include "bench/codegen/shape.h"

#include "alloc/machine/cmocka.h"
#include "alloc/machine/compiler.h"

#include <string.h>

struct sample {
	const char *instruction, *relocation;
	struct shape shape;
};

static void each_kind_counts_as_what_it_is(NO_STATE)
{
	/* instructions, calls, loads, stores, locked, copies */
	static const struct sample samples[] = {
		{"mov    %rdi,%rax", "", {1, 0, 0, 0, 0, 0}},
		{"mov    0x30(%rdi),%rax", "", {1, 0, 1, 0, 0, 0}},
		{"mov    -0x4(%rcx,%rdx,4),%edi", "", {1, 0, 1, 0, 0, 0}},
		{"mov    %rcx,(%rdx,%rax,8)", "", {1, 0, 0, 1, 0, 0}},
		{"movl   $0x0,(%rdx)", "", {1, 0, 0, 1, 0, 0}},
		{"movzwl 0x10(%rax),%edx", "", {1, 0, 1, 0, 0, 0}},
		{"mov    %fs:0x28,%rax", "", {1, 0, 1, 0, 0, 0}},
		{"mov    0x0(%rip),%rax        # 1f <f+0x1f>", "nbl_pools-0x4", {1, 0, 1, 0, 0, 0}},
		{"movups %xmm0,(%rdi)", "", {1, 0, 0, 1, 0, 0}},
		{"movdqu (%rsi),%xmm0", "", {1, 0, 1, 0, 0, 0}},
		{"movsq  %ds:(%rsi),%es:(%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"rep movsq %ds:(%rsi),%es:(%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"rep stos %rax,%es:(%rdi)", "", {1, 0, 0, 1, 0, 0}},
		{"add    0x108(%r11),%rdx", "", {1, 0, 1, 0, 0, 0}},
		{"addq   $0x1,0x18(%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"sub    %eax,0x8(%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"incl   (%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"imul   $0x28,(%rax),%rdx", "", {1, 0, 1, 0, 0, 0}},
		{"divq   0x8(%rsi)", "", {1, 0, 1, 0, 0, 0}},
		{"sete   (%rdi)", "", {1, 0, 0, 1, 0, 0}},
		{"cmovne (%rdi),%rax", "", {1, 0, 1, 0, 0, 0}},
		{"cmp    %rax,0x8(%rdi)", "", {1, 0, 1, 0, 0, 0}},
		{"cmpl   $0x0,0x8(%rdi)", "", {1, 0, 1, 0, 0, 0}},
		{"testb  $0x1,0x8(%rdi)", "", {1, 0, 1, 0, 0, 0}},
		{"pextrq $0x1,%xmm0,0x8(%rdi)", "", {1, 0, 0, 1, 0, 0}},
		{"pinsrq $0x1,0x8(%rdi),%xmm0", "", {1, 0, 1, 0, 0, 0}},
		{"push   %rbx", "", {1, 0, 0, 1, 0, 0}},
		{"push   0x8(%rdi)", "", {1, 0, 1, 1, 0, 0}},
		{"pop    %rbx", "", {1, 0, 1, 0, 0, 0}},
		{"leave", "", {1, 0, 1, 0, 0, 0}},
		{"ret", "", {1, 0, 0, 0, 0, 0}},
		{"lea    0x8(%rdi,%rax,8),%rdx", "", {1, 0, 0, 0, 0, 0}},
		{"prefetcht0 0x40(%rdi)", "", {1, 0, 0, 0, 0, 0}},
		{"pause", "", {1, 0, 0, 0, 0, 0}},
		{"lock xadd %eax,(%r8)", "", {1, 0, 0, 0, 1, 0}},
		{"lock cmpxchg %rcx,(%r11)", "", {1, 0, 0, 0, 1, 0}},
		{"lock cmpxchg16b 0x0(%rbp)", "", {1, 0, 0, 0, 1, 0}},
		{"lock or %rax,(%rdx)", "", {1, 0, 0, 0, 1, 0}},
		{"lock addq $0x1,(%rax)", "", {1, 0, 0, 0, 1, 0}},
		{"xchg   %eax,(%rdx)", "", {1, 0, 0, 0, 1, 0}},
		{"xchg   %rax,%rdx", "", {1, 0, 0, 0, 0, 0}},
		{"cmpxchg %rcx,(%r11)", "", {1, 0, 1, 1, 0, 0}},
		{"nop", "", {0, 0, 0, 0, 0, 0}},
		{"nopw   0x0(%rax,%rax,1)", "", {0, 0, 0, 0, 0, 0}},
		{"data16 cs nopw 0x0(%rax,%rax,1)", "", {0, 0, 0, 0, 0, 0}},
		{"xchg   %ax,%ax", "", {0, 0, 0, 0, 0, 0}},
		{"endbr64", "", {0, 0, 0, 0, 0, 0}},
		{"jmp    20 <path_get+0x20>", "", {1, 0, 0, 0, 0, 0}},
		{"jne    10 <path_get>", "", {1, 0, 0, 0, 0, 0}},
		{"jmp    20 <path_get_bulk>", "", {1, 1, 0, 0, 0, 0}},
		{"je     25 <path_get+0x25>", ".text.unlikely+0x7c", {1, 0, 0, 0, 0, 0}},
		{"je     25 <path_get+0x25>", "path_get.cold-0x4", {1, 0, 0, 0, 0, 0}},
		{"jmp    25 <path_get+0x25>", "free-0x4", {1, 1, 0, 0, 0, 0}},
		{"jmp    25 <path_get+0x25>", "memcpy-0x4", {1, 1, 0, 0, 0, 1}},
		{"call   25 <path_get+0x25>", "memcpy-0x4", {1, 1, 0, 0, 0, 1}},
		{"call   25 <path_get+0x25>", ".text.unlikely+0x7c", {1, 1, 0, 0, 0, 0}},
		{"call   *0x30(%rax)", "", {1, 1, 1, 0, 0, 0}},
		{"jmp    *%rax", "", {1, 1, 0, 0, 0, 0}},
	};

	for (size_t i = 0; i < array_count(samples); i++) {
		struct listing at = {.instruction = samples[i].instruction,
			.relocation = samples[i].relocation,
			.function = "path_get"};
		const struct shape got = shape_of(&at).shape;

		if (memcmp(&got, &samples[i].shape, sizeof(got)) != 0)
			fail_msg("%s: counted %u instructions, %u calls, %u loads, %u stores, %u "
				 "locked, %u copies",
				samples[i].instruction, got.instructions, got.calls, got.loads,
				got.stores, got.locked, got.copies);
	}
}

/* A function as the listing gives it, two bytes an instruction. */
static size_t steps_of(const char *const *text, struct shape_step *step)
{
	size_t count = 0;

	for (; text[count] != NULL; count++) {
		struct listing at = {.at = 2 * count,
			.instruction = text[count],
			.relocation = "",
			.function = "path_get"};

		step[count] = shape_of(&at);
	}
	return count;
}

static void straight_path_follows_jumps_and_falls_through_branches(NO_STATE)
{
	static const char *const branches[] = {"mov    (%rdi),%rax", "je     c <path_get+0xc>",
		"jmp    8 <path_get+0x8>", "push   %rbx", /* 6: jumped over */
		"lock xadd %rax,(%rdi)", "ret", "call   c <path_put>", "ret", NULL};
	static const char *const circle[] = {
		"mov    (%rdi),%rax", "mov    %rax,(%rsi)", "jmp    0 <path_get>", "ret", NULL};
	static const char *const tail[] = {
		"mov    (%rdi),%rax", "jmp    0 <path_put>", "ret", NULL};
	struct shape_step step[8];
	struct shape got;

	size_t count = steps_of(branches, step);
	got = shape_whole(step, count);
	assert_memory_equal(&got, (&(struct shape){8, 1, 1, 1, 1, 0}), sizeof(got));
	got = shape_straight(step, count);
	assert_memory_equal(&got, (&(struct shape){5, 0, 1, 0, 1, 0}), sizeof(got));
	count = steps_of(circle, step);
	got = shape_straight(step, count);
	assert_memory_equal(&got, (&(struct shape){3, 0, 1, 1, 0, 0}), sizeof(got));
	count = steps_of(tail, step);
	got = shape_straight(step, count);
	assert_memory_equal(&got, (&(struct shape){2, 1, 1, 0, 0, 0}), sizeof(got));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_kind_counts_as_what_it_is),
		cmocka_unit_test(straight_path_follows_jumps_and_falls_through_branches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
