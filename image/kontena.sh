#!/bin/sh
# The command line inside of the container: `docker compose exec sidecar kontena …`. It knows where the sidecar listens and
# where its token is from the sidecar's own variables, unless told.
set -eu

: "${KONTENA_URL:=http://127.0.0.1:${API_LISTEN##*:}}"
: "${KONTENA_TOKEN:=${API_TOKEN:-}}"
if [ -z "${KONTENA_TOKEN:-}" ]; then
  : "${KONTENA_TOKEN_FILE:=${API_TOKEN_FILE:-/data/token}}"
  export KONTENA_TOKEN_FILE
fi
export KONTENA_TOKEN KONTENA_URL KONTENA_GRID="${KONTENA_GRID:-${GRID:-default}}"

exec deno run --quiet --no-prompt --no-config --no-lock --no-npm --no-remote \
  --allow-env --allow-read --allow-net /app/kontena.js "$@"
