/**
 * The health check of the container: ends with 0 if `GET /health` is answered with 200 soon, else with 1.
 *
 * @module
 */
import { parseListen } from "./net/listen.ts";

/** Docker ends a check after its own `--timeout`; this says before that what was wrong. */
const DEADLINE_MS = 3_000;

/** Where the sidecar says that it lives, from where it listens; who listens on all addresses is asked on loopback. */
export function healthUrl(apiListen: string): URL {
  const { hostname, port } = parseListen(apiListen, "API_LISTEN");
  const host = hostname === "0.0.0.0" ? "127.0.0.1" : /^[0:]+$/.test(hostname) ? "::1" : hostname;
  return new URL(`http://${host.includes(":") ? `[${host}]` : host}:${port}/health`);
}

/** Says what is wrong, or nothing. */
export async function complaint(url: URL, deadlineMs: number = DEADLINE_MS): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(deadlineMs), redirect: "manual" });
    await response.body?.cancel();
    return response.status === 200 ? undefined : `${url} answered ${response.status}`;
  } catch (error) {
    return `${url}: ${error instanceof Error ? error.message : error}`;
  }
}

if (import.meta.main) {
  const found = await complaint(healthUrl(Deno.env.get("API_LISTEN") || "127.0.0.1:9292"));
  if (found !== undefined) console.error(found);
  Deno.exit(found === undefined ? 0 : 1);
}
