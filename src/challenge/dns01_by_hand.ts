import type { SidecarError } from "../model/errors.ts";
import type { Call, ChallengeAnswer, ChallengeSolver, DnsLookup, Presented } from "../ports.ts";
import { dnsContent, recordName } from "./dns_record.ts";
import { look, notReady } from "./not_ready.ts";

/**
 * Answers dns-01 (RFC 8555 §8.4) by a person, who is told the record and sets it. Here it is only looked for: any of the TXT
 * values at the name may be the one, because a wildcard and its base name need two at once.
 */
export function dns01ByHandSolver({ dns }: { readonly dns: DnsLookup }): ChallengeSolver {
  return {
    type: "dns-01",
    present: (answer: ChallengeAnswer): Promise<Presented> =>
      Promise.resolve({
        settled: (call: Call) => lookUp(dns, answer, call),
        [Symbol.asyncDispose]: () => Promise.resolve(), // who has set the record takes it away
      }),
    record: async ({ name, keyAuthorization }) => ({
      name: recordName(name),
      content: await dnsContent(keyAuthorization),
    }),
  };
}

async function lookUp(dns: DnsLookup, { name, keyAuthorization }: ChallengeAnswer, call: Call): Promise<void> {
  const record = recordName(name);
  const content = await dnsContent(keyAuthorization);
  const refuse = (cause: unknown, todo: string): SidecarError =>
    notReady(`Expected DNS record not present for domain ${name}`, { field: "dns_record", cause, todo });
  const found = await look(
    call,
    () => dns.txt(record, call),
    (cause) => refuse(cause, "check that the servers in DNS_RESOLVERS, or the system's, can be reached"),
  );
  if (found.includes(content)) return;
  const values = found.length === 0 ? "no TXT record" : `${found.length} TXT value(s) and not the expected one`;
  throw refuse(new Error(`found ${values} at ${record}`), `set the TXT record ${record} to ${content}, then try again`);
}
