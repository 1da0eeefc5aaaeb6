#include "alloc/machine/memory.h"

#include "alloc/atomic.h"
#include "alloc/machine/compiler.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { HUGE_PAGE_BYTES_LOG2 = 21, HUGE_PAGE_BYTES = 1 << HUGE_PAGE_BYTES_LOG2 };

static const char *const pages_names[] = {
	[MEMORY_PAGES_ORDINARY] = "ordinary",
	[MEMORY_PAGES_TRANSPARENT] = "transparent",
	[MEMORY_PAGES_GROWING] = "growing",
	[MEMORY_PAGES_HUGE] = "huge",
};

static atom_u64 live_bytes;
static memory_fault_hook fault_hook;
static void *fault_arg;

const char *memory_pages_name(enum memory_pages pages)
{
	return pages_names[pages];
}

bool memory_pages_find(const char *name, enum memory_pages *out)
{
	for (size_t i = 0; i < array_count(pages_names); i++) {
		if (strcmp(pages_names[i], name) == 0) {
			*out = (enum memory_pages)i;
			return true;
		}
	}
	return false;
}

void memory_set_fault_hook(memory_fault_hook hook, void *arg)
{
	fault_arg = arg;
	fault_hook = hook;
}

bool memory_fault(size_t bytes)
{
	return unlikely(fault_hook != NULL) && fault_hook(fault_arg, bytes);
}

/* A statistic: no other memory is read on its account, so relaxed is enough. */
static void account(uint64_t delta)
{
	atom_add_relaxed(&live_bytes, delta);
}

uint64_t memory_live_bytes(void)
{
	return atom_load_relaxed(&live_bytes);
}

void *memory_alloc(size_t bytes)
{
	void *memory;

	if (memory_fault(bytes) || posix_memalign(&memory, CACHE_PAIR_BYTES, bytes) != 0)
		return NULL;
	account(bytes);
	return memset(memory, 0, bytes);
}

void memory_free(void *memory, size_t bytes)
{
	if (memory == NULL)
		return;
	account(-(uint64_t)bytes);
	free(memory);
}

size_t memory_page_bytes(enum memory_pages pages)
{
	return pages == MEMORY_PAGES_ORDINARY || pages == MEMORY_PAGES_GROWING
		       ? (size_t)sysconf(_SC_PAGESIZE)
		       : (size_t)HUGE_PAGE_BYTES;
}

static size_t rounded(size_t bytes, enum memory_pages pages)
{
	size_t unit = memory_page_bytes(pages);

	return (bytes + unit - 1) / unit * unit;
}

void *memory_map(size_t bytes, enum memory_pages pages)
{
	int flags = MAP_PRIVATE | MAP_ANONYMOUS;
	size_t want = rounded(bytes, pages);
	/* Where transparent huge pages begin; explicit ones are no advice. */
	const size_t huge_from = pages == MEMORY_PAGES_TRANSPARENT ? 0
				 : pages == MEMORY_PAGES_GROWING   ? (size_t)HUGE_PAGE_BYTES
								   : want;
	size_t slack = huge_from < want ? HUGE_PAGE_BYTES : 0;

	if (want < bytes || memory_fault(bytes))
		return NULL;
	/* A huge page that was not reserved is a SIGBUS at the first touch instead of a failure here. */
	if (pages == MEMORY_PAGES_HUGE)
		flags |= MAP_HUGETLB | HUGE_PAGE_BYTES_LOG2 << MAP_HUGE_SHIFT;
	else
		flags |= MAP_NORESERVE;
	char *memory = mmap(NULL, want + slack, PROT_READ | PROT_WRITE, flags, -1, 0);
	if (memory == MAP_FAILED)
		return NULL;
	if (slack) {
		/* Cut an aligned piece out of the middle and give the rest back. */
		size_t head = -(uintptr_t)memory % HUGE_PAGE_BYTES;
		if (head)
			munmap(memory, head);
		if (slack - head)
			munmap(memory + head + want, slack - head);
		memory += head;
		madvise(memory + huge_from, want - huge_from, MADV_HUGEPAGE);
	}
	if (pages != MEMORY_PAGES_HUGE && huge_from != 0)
		madvise(memory, huge_from < want ? huge_from : want, MADV_NOHUGEPAGE);
	account(want);
	return memory;
}

void memory_unmap(void *memory, size_t bytes, enum memory_pages pages)
{
	if (memory == NULL)
		return;
	account(-(uint64_t)rounded(bytes, pages));
	munmap(memory, rounded(bytes, pages));
}

size_t memory_resident(void *at, size_t bytes)
{
	enum { PORTION = 512 }; /* ordinary pages a look */
	const size_t page = memory_page_bytes(MEMORY_PAGES_ORDINARY);
	unsigned char present[PORTION];
	size_t resident = 0;

	for (size_t done = 0; done < bytes; done += PORTION * page) {
		size_t look = bytes - done < PORTION * page ? bytes - done : PORTION * page;

		if (mincore((char *)at + done, look, present) != 0)
			return 0;
		for (size_t i = 0; i < (look + page - 1) / page; i++)
			resident += (present[i] & 1) != 0 ? page : 0;
	}
	return resident;
}

bool memory_discard(void *at, size_t bytes)
{
	return madvise(at, bytes, MADV_DONTNEED) == 0;
}
