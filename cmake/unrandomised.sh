#!/bin/sh
# unrandomised.sh COMMAND...: runs it without address randomisation, or with it where switching it off is not allowed.
if setarch -R true 2>/dev/null; then
	exec setarch -R "$@"
fi
exec "$@"
