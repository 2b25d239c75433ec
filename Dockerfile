# The sidecar in a container. It runs with a read-only root (`docker run --read-only`); what it writes is in /data, and in
# the folders that it shares with HAProxy.

FROM denoland/deno:2.9.6 AS build
WORKDIR /src
COPY deno.json deno.lock ./
RUN deno install --frozen
COPY . .
RUN deno task build

# A fresh named volume gets content, owner and mode of the folder that it is mounted on, so they are made here. They are
# copied into folders that exist: a folder that COPY itself makes does not keep its source's mode.
# - certificates and the challenge list: HAProxy's group may read; the set-gid bit hands that group on to every new file
# - the runtime socket's folder: HAProxy makes the socket, the group may pass
# - the vault: nobody else's
RUN mkdir -p shared/etc shared/run shared/root \
  && mkdir -m 2750 shared/etc/haproxy shared/etc/haproxy/certs \
  && mkdir -m 0750 shared/run/haproxy \
  && mkdir -m 0700 shared/root/data

# Deno needs glibc.
FROM debian:13-slim
COPY --from=build /usr/bin/deno /usr/local/bin/deno
COPY --from=build --chmod=0755 /src/image/kontena.sh /usr/local/bin/kontena
COPY --from=build --chmod=0755 /src/image/entrypoint.sh /app/entrypoint.sh
COPY --from=build /src/dist/ /app/
# 99 is user and group of the official HAProxy image.
COPY --from=build --chown=10001:99 /src/shared/etc/ /etc/
COPY --from=build --chown=99:99 /src/shared/run/ /run/
COPY --from=build --chown=10001:10001 /src/shared/root/ /

# Deno's own cache can be nowhere on a read-only root, and does without. The API stays on the container's loopback, where
# the command `kontena` in the container finds it; the http-01 answers are for the balancer.
ENV DENO_DIR=/nonexistent DENO_NO_UPDATE_CHECK=1
ENV VAULT_URL=sqlite:/data/vault.db API_LISTEN=127.0.0.1:9292 CHALLENGE_HTTP_LISTEN=0.0.0.0:54322

USER 10001:10001
WORKDIR /
EXPOSE 54322
VOLUME /data
HEALTHCHECK --interval=15s --timeout=5s --start-period=60s --start-interval=1s --retries=3 \
  CMD ["deno", "run", "--quiet", "--no-prompt", "--no-config", "--no-lock", "--allow-env=API_LISTEN", "--allow-net", "/app/health-check.js"]
ENTRYPOINT ["/app/entrypoint.sh"]
