/* See channel.h. */
#include "bench/sweep/channel.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

int channel_send(int fd, json_t *message)
{
	char *text = message ? json_dumps(message, JSON_COMPACT) : NULL;
	size_t bytes = text ? strlen(text) : 0;
	int rc = 0;

	if (text == NULL)
		rc = -ENOMEM;
	else if (bytes > CHANNEL_MESSAGE_BYTES)
		rc = -EMSGSIZE;
	while (rc == 0 && send(fd, text, bytes, MSG_NOSIGNAL) < 0) {
		if (errno != EINTR)
			rc = errno == ECONNRESET ? -EPIPE : -errno;
	}
	free(text);
	json_decref(message);
	return rc;
}

/* 0 when there is something to read. */
static int await(int fd, int timeout_ms)
{
	struct pollfd poller = {.fd = fd, .events = POLLIN};
	int ready;

	/* A signal starts the time limit again: it bounds a hang, it is no clock. */
	do {
		ready = poll(&poller, 1, timeout_ms);
	} while (ready < 0 && errno == EINTR);
	if (ready < 0)
		return -errno;
	return ready == 0 ? -ETIMEDOUT : 0;
}

int channel_receive(int fd, int timeout_ms, json_t **out)
{
	int rc = await(fd, timeout_ms);

	if (rc != 0)
		return rc;
	char *text = malloc(CHANNEL_MESSAGE_BYTES);
	if (text == NULL)
		return -ENOMEM;
	/* MSG_TRUNC makes recv tell the message's true length even if it did not fit. */
	ssize_t bytes;
	do {
		bytes = recv(fd, text, CHANNEL_MESSAGE_BYTES, MSG_TRUNC);
	} while (bytes < 0 && errno == EINTR);

	json_t *message = NULL;
	if (bytes < 0) {
		rc = errno == ECONNRESET ? 0 : -errno;
	} else if (bytes > 0) {
		if (bytes <= CHANNEL_MESSAGE_BYTES)
			message = json_loadb(text, (size_t)bytes, JSON_REJECT_DUPLICATES, NULL);
		rc = json_is_object(message) ? 1 : -EBADMSG;
	}
	free(text);
	if (rc == 1)
		*out = message;
	else
		json_decref(message);
	return rc;
}
