/* The steps of plan_make, for plan.c, plan_cells.c and plan_cost.c alone. */
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

/* Subjects that compete in the cell. */
size_t plan_subjects_of(const struct plan *plan, const struct plan_cell *cell);

bool plan_has_name(const struct options_names *names, const char *name);

#endif
