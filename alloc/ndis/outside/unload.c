/*
 * A host that loads a plugin with the library in it, or the library itself (the argument), uses it on
 * threads, unloads it, and goes on with those threads until they end. Restartable sequences leave the
 * kernel a pointer into the library, and each thread's end calls into it: so it has to stay.
 */
#define _GNU_SOURCE
#include <fwpsk.h>
#include <ndis.h>

#include <dlfcn.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

enum { THREADS = 4, ROUNDS = 3, AFTERWARDS = 2000 };

static const char *path;
static pthread_barrier_t all;
static void *library;
static NDIS_HANDLE pool;

static NDIS_HANDLE (*create)(NDIS_HANDLE, const NET_BUFFER_LIST_POOL_PARAMETERS *);
static void (*destroy)(NDIS_HANDLE);
static NET_BUFFER_LIST *(*allocate)(NDIS_HANDLE, USHORT, USHORT, MDL *, ULONG, SIZE_T);
static void (*release)(NET_BUFFER_LIST *);

static int load(void)
{
	const NET_BUFFER_LIST_POOL_PARAMETERS parameters = {
		.Header = {NDIS_OBJECT_TYPE_DEFAULT, NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1,
			NDIS_SIZEOF_NET_BUFFER_LIST_POOL_PARAMETERS_REVISION_1},
		.fAllocateNetBuffer = TRUE,
		.PoolTag = 0x6f6c6e55,
	};

	library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (library == NULL) {
		fprintf(stderr, "%s\n", dlerror());
		return -1;
	}
	*(void **)&create = dlsym(library, "NdisAllocateNetBufferListPool");
	*(void **)&destroy = dlsym(library, "NdisFreeNetBufferListPool");
	*(void **)&allocate = dlsym(library, "NdisAllocateNetBufferAndNetBufferList");
	*(void **)&release = dlsym(library, "NdisFreeNetBufferList");
	if (!create || !destroy || !allocate || !release)
		return -1;
	pool = create(NULL, &parameters);
	return pool ? 0 : -1;
}

static void *use(void *arg)
{
	NET_BUFFER_LIST *nbl = allocate(pool, 0, 0, NULL, 0, 0);

	if (nbl != NULL)
		release(nbl);
	pthread_barrier_wait(&all); /* every thread has used the pool */
	pthread_barrier_wait(&all); /* it is gone, and the library unloaded */
	/* The kernel looks at what a thread has left behind when it takes the CPU from it. */
	for (int i = 0; i < AFTERWARDS; i++)
		sched_yield();
	return nbl ? arg : NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS];
	int failed = 0;

	path = argc > 1 ? argv[1] : "libnblbench.so";
	pthread_barrier_init(&all, NULL, THREADS + 1);
	for (int round = 0; round < ROUNDS; round++) {
		if (load() != 0)
			return 1;
		for (int i = 0; i < THREADS; i++) {
			if (pthread_create(&threads[i], NULL, use, &all) != 0)
				return 1;
		}
		NET_BUFFER_LIST *nbl = allocate(pool, 0, 0, NULL, 0, 0);
		if (nbl == NULL)
			return 1;
		release(nbl);
		pthread_barrier_wait(&all);
		if (round % 2 == 0)
			destroy(pool); /* else it is freed when the threads have ended */
		failed |= dlclose(library) != 0;
		pthread_barrier_wait(&all);
		for (int i = 0; i < THREADS; i++) {
			void *used = NULL;

			failed |= pthread_join(threads[i], &used) != 0 || used == NULL;
		}
		if (round % 2 != 0)
			destroy(pool);
	}
	return failed;
}
