import { SidecarError } from "../../src/model/errors.ts";
import type { Call, DnsLookup } from "../../src/ports.ts";
import { type DnsServer, parseDnsServer } from "./dns_server.ts";

/** How {@linkcode dnsLookup} asks. */
export interface DnsLookupOptions {
  /** `ip` or `ip:port`, an IPv6 address with a port in brackets. When given, they alone are asked; none: the system's. */
  readonly servers: readonly string[];
  /** How long each server may take, in milliseconds; default 5000. */
  readonly timeoutMs?: number;
}

/** Deno alone would wait 15 s for a server that is silent. */
const TIMEOUT_MS = 5_000;

/**
 * Looks up DNS by Deno's resolver. The servers are asked in turn until one has records. Deno does not tell NXDOMAIN from
 * REFUSED or SERVFAIL: each of them is "no records" here.
 *
 * @throws {InputError} If a server's address is malformed.
 */
export function dnsLookup(options: DnsLookupOptions): DnsLookup {
  const servers = options.servers.map((text) => parseDnsServer(text));
  const timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  return {
    async txt(name: string, call: Call): Promise<readonly string[]> {
      const failures: unknown[] = [];
      for (const server of servers.length === 0 ? [undefined] : servers) {
        try {
          const values = await ask(name, server, timeoutMs, call);
          if (values.length > 0) return values;
        } catch (error) {
          call.signal.throwIfAborted();
          failures.push(error);
        }
      }
      if (failures.length < Math.max(1, servers.length)) return [];
      throw unanswered(name, failures);
    },
  };
}

async function ask(
  name: string,
  server: DnsServer | undefined,
  timeoutMs: number,
  call: Call,
): Promise<readonly string[]> {
  call.signal.throwIfAborted();
  const deadline = new AbortController();
  const timer = setTimeout(() => deadline.abort(late(server, timeoutMs)), timeoutMs);
  try {
    // The dot at the end keeps the search list of resolv.conf out.
    const records = await Deno.resolveDns(`${name.replace(/\.$/, "")}.`, "TXT", {
      ...(server === undefined ? {} : { nameServer: server }),
      signal: AbortSignal.any([call.signal, deadline.signal]),
    });
    return records.map((strings) => strings.join(""));
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function late(server: DnsServer | undefined, timeoutMs: number): Error {
  const who = server === undefined ? "the system's DNS servers" : `DNS server ${server.ipAddr} port ${server.port}`;
  return new Error(`${who} did not answer within ${timeoutMs / 1_000} s`);
}

function unanswered(name: string, failures: readonly unknown[]): SidecarError {
  const causes = failures.map((error) => error instanceof Error ? error.message : String(error));
  return new SidecarError("CHALLENGE_NOT_READY", `Cannot look up TXT records of ${name}: ${causes.join("; ")}`, {
    field: "dns_resolvers",
    todo: "check DNS_RESOLVERS and the way to port 53",
  });
}
