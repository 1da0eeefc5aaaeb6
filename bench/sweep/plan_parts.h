/* The steps of plan_make, for plan.c, plan_cells.c, plan_cost.c and plan_twins.c alone. */
#ifndef BENCH_SWEEP_PLAN_PARTS_H
#define BENCH_SWEEP_PLAN_PARTS_H

#include "bench/sweep/plan.h"

/*
 * The cells of the request: every combination of what its workloads' axes have. 0; -EINVAL or
 * -ENOMEM with a sentence in why (PLAN_WHY_BYTES).
 */
int plan_make_cells(struct plan *plan, const struct plan_request *request, char *why);

/*
 * Drops the cells in which nothing competes, if the defaults brought them in; a cell that was asked
 * for is refused instead. False with a sentence in why, also if no cell is left.
 */
bool plan_drop_empty_cells(struct plan *plan, const struct plan_request *request, char *why);

/* The length of each cell's slice and lead-in. Needs the subjects. */
void plan_set_slices(struct plan *plan, const struct plan_request *request);

/* Adds a subject. False with a sentence in why if there are too many. */
bool plan_add_subject(struct plan *plan, const struct pool_ops *pool,
	const struct context_ops *context, const char *dispatch, bool twin, char *why);

/* Enters some subjects a second time, when all others are there. Likewise. */
bool plan_add_twins(struct plan *plan, char *why);

/* Subjects that compete in the cell. */
size_t plan_subjects_of(const struct plan *plan, const struct plan_cell *cell);

/* The axes of a cell's group, and where they stand: "" on the command line. */
const struct plan_axes *plan_axes_of(const struct plan_request *request, size_t group);
const char *plan_place_of(const struct plan_request *request, size_t group);

/* Adds a sentence to why. */
__attribute__((format(printf, 3, 4))) void plan_refuse(
	char *why, const char *place, const char *format, ...);

bool plan_has_name(const struct options_names *names, const char *name);

#endif
