#!/bin/sh
# Starts the sidecar as this very process, which in a container is the first: a signal for the container reaches the
# sidecar itself, which drains. It gets exactly the Deno permissions that the configuration needs; the launcher, which may
# read and nothing else, computes and prints them. A fault of the configuration ends this here, with the launcher's 1.
set -eu
alone='--quiet --no-prompt --no-config --no-lock --no-npm --no-remote'

# The first process of a container is not ended by a signal that it has no handler for.
trap 'exit 143' TERM
trap 'exit 130' INT
# shellcheck disable=SC2086 # these are several words
flags=$(deno run $alone --allow-env --allow-read /app/launch.js --flags)
trap - TERM INT

# One flag a line, taken as it is: no other white space divides, no * is looked up.
# shellcheck disable=SC2086
set -- $alone
set -f
IFS='
'
# shellcheck disable=SC2086
exec deno run "$@" $flags /app/kontena-certificates.js
