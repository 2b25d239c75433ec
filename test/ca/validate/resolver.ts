import { ask, type DnsServer } from "../dns/ask.ts";
import { type DnsRecord, type RecordType, TYPE } from "../dns/message.ts";

/** How the authority sees DNS. */
export interface Resolver {
  /** IPv6 first (RFC 6724); rejects with a {@linkcode DnsFailure}. */
  addresses(name: string, signal: AbortSignal): Promise<readonly string[]>;
  /** TXT values, aliases followed, strings of one record joined; none where there is no record. */
  txt(name: string, signal: AbortSignal): Promise<readonly string[]>;
}

/** DNS did not answer, or not with what was asked for. */
export class DnsFailure extends Error {
  override readonly name = "DnsFailure";
}

/** How many aliases are followed, as resolvers do. */
const MOST_ALIASES = 10;
const NXDOMAIN = 3;
const CODES = ["NOERROR", "FORMERR", "SERVFAIL", "NXDOMAIN", "NOTIMP", "REFUSED"];

/** Every name is this machine, and no name has a TXT record. */
export function loopback(): Resolver {
  return { addresses: () => Promise.resolve(["127.0.0.1"]), txt: () => Promise.resolve([]) };
}

/**
 * Asks one DNS server: whether a name does not exist, or a server fails, is told apart.
 *
 * @param server `address:port`, IPv6 in brackets.
 */
export function dnsServer(server: string): Resolver {
  const { hostname, port } = new URL(`dns://${server}`);
  const at: DnsServer = { address: hostname.replace(/^\[|\]$/g, ""), port: Number(port || "53") };
  return {
    async addresses(name, signal): Promise<readonly string[]> {
      const [v6, v4] = await Promise.all([lookUp(at, name, "AAAA", signal), lookUp(at, name, "A", signal)]);
      if (v4.exists || v6.exists) return [...v6.values, ...v4.values];
      const hint = "check that a DNS record exists for this domain";
      throw new DnsFailure(`DNS problem: NXDOMAIN looking up A for ${name} - ${hint}`);
    },
    txt: async (name, signal) => (await lookUp(at, name, "TXT", signal)).values,
  };
}

/** What is at a name. */
interface Found {
  readonly exists: boolean;
  readonly values: readonly string[];
}

/** A server that only knows its own zone leaves the following to us. */
async function lookUp(
  server: DnsServer,
  name: string,
  type: RecordType,
  signal: AbortSignal,
  aliases = 0,
): Promise<Found> {
  if (aliases > MOST_ALIASES) {
    throw new DnsFailure(`DNS problem: more than ${MOST_ALIASES} aliases looking up ${type} for ${name}`);
  }
  const { code, records } = await asked(server, name, type, signal);
  if (code !== 0 && code !== NXDOMAIN) {
    throw new DnsFailure(`DNS problem: ${CODES[code] ?? `RCODE ${code}`} looking up ${type} for ${name}`);
  }
  const end = followed(records, name.toLowerCase());
  const values = records.filter((it) => it.owner === end && it.type === TYPE[type]).map(({ value }) => value);
  if (values.length === 0 && end !== name.toLowerCase()) return await lookUp(server, end, type, signal, aliases + 1);
  return { exists: code === 0, values };
}

/** Where the aliases of one answer lead. */
function followed(records: readonly DnsRecord[], name: string): string {
  return records.reduce((end) => {
    const alias = records.find(({ owner, type }) => owner === end && type === TYPE.CNAME);
    return alias?.value ?? end;
  }, name);
}

async function asked(
  server: DnsServer,
  name: string,
  type: RecordType,
  signal: AbortSignal,
): Promise<Awaited<ReturnType<typeof ask>>> {
  try {
    return await ask(server, name, type, signal);
  } catch (cause) {
    const what = signal.aborted ? "query timed out" : "networking error";
    throw new DnsFailure(`DNS problem: ${what} looking up ${type} for ${name}`, { cause });
  }
}
