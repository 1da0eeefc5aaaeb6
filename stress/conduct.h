/* Runs the layers, one program after another, and sums up what they recorded (trust.h). */
#ifndef STRESS_CONDUCT_H
#define STRESS_CONDUCT_H

#include "stress/options.h"

/* The exit status. */
int conduct(const struct options *options);

#endif
