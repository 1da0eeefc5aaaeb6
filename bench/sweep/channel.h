/*
 * One JSON object a message over a SOCK_SEQPACKET socket: what the controller and its workers say
 * to each other.
 */
#ifndef BENCH_SWEEP_CHANNEL_H
#define BENCH_SWEEP_CHANNEL_H

#include <jansson.h>

/* Room for the longest message: a slice reply of 256 threads is some 40 KiB. */
enum { CHANNEL_MESSAGE_BYTES = 128 * 1024 };

/*
 * Sends message and drops the caller's reference to it, whatever happens. Returns 0; -EPIPE: the
 * other end is closed; -EMSGSIZE: longer than CHANNEL_MESSAGE_BYTES; -ENOMEM (also for message
 * NULL, so that a json_pack can be passed without a check); or another errno of send. No SIGPIPE.
 */
int channel_send(int fd, json_t *message);

/*
 * Waits for the next message, at most timeout_ms (-1: for ever). Returns 1 and *out, which the
 * caller owns; 0: the other end is closed; -ETIMEDOUT; -EBADMSG: what came is not one JSON object
 * or was longer than CHANNEL_MESSAGE_BYTES (the channel stays usable); -ENOMEM; or another errno of
 * recv. *out is untouched unless 1 is returned.
 */
int channel_receive(int fd, int timeout_ms, json_t **out);

#endif
