import type { DnsName } from "../model/dns_name.ts";
import type { AcmeProblemError } from "../model/errors.ts";
import { heldBy, nameFailed, type NameProblem, namesBlamed, nameText } from "../model/quarantine.ts";
import type { NameRecord } from "../model/records.ts";
import { nameId } from "../ledger/records.ts";
import type { Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";

type Parts = Pick<FlowParts, "authority" | "records" | "clock" | "events">;

/** Names that fail at the CA. */
export async function failingNames(
  { authority, records }: Pick<FlowParts, "authority" | "records">,
  call: Call,
): Promise<ReadonlyMap<DnsName, NameRecord>> {
  const all = (await records.names.list(call)).map((entry) => entry.value);
  return new Map(all.filter((it) => it.directory.href === authority.directory.href).map((it) => [it.name, it]));
}

/** Counts failures of names, and tells of each that is now let rest. */
export async function noteFailures(parts: Parts, failures: readonly NameProblem[], call: Call): Promise<void> {
  const { authority: { directory }, records, clock, events } = parts;
  for (const failure of failures) {
    const id = nameId(directory, failure.name);
    const before = (await records.names.get(id, call))?.value;
    const record = nameFailed(before, failure, { directory, now: clock.now(), random: clock.random() });
    if (record === undefined) continue;
    await records.names.put(id, record, call);
    if (record.state === "failing" || record.state === before?.state) continue;
    const { name, problem, state } = record;
    events.emit({
      level: "warn",
      name: "name.quarantined",
      text: `${nameText(record)}; certificates without it are not held up`,
      fields: { domain: name, problem, state },
    });
  }
}

/** Counts what a refused order says of its names. */
export function noteRefusal(
  parts: Parts,
  names: readonly DnsName[],
  error: AcmeProblemError,
  call: Call,
): Promise<void> {
  return noteFailures(parts, namesBlamed(error, names), call);
}

/** Why a name is tried although it failed: a person knows better. */
export const BY_COMMAND = "it is asked for by command";

/** Forgets how names failed: the CA was convinced of them, or a person says that it is worth another try. */
export async function releaseNames(parts: Parts, names: Iterable<DnsName>, why: string, call: Call): Promise<void> {
  const { authority: { directory }, records, events } = parts;
  for (const name of names) {
    const id = nameId(directory, name);
    const before = (await records.names.get(id, call))?.value;
    if (before === undefined) continue;
    await records.names.remove(id, call);
    if (before.state === "failing") continue;
    const text = `${name} is not held back any more: ${why}`;
    events.emit({ level: "info", name: "name.released", text, fields: { domain: name } });
  }
}

/** Forgets names that no certificate wants any more, and answers for the others. */
export async function wantedNames(
  parts: Parts,
  wanted: Iterable<DnsName>,
  call: Call,
): Promise<ReadonlyMap<DnsName, NameRecord>> {
  const failing = await failingNames(parts, call);
  if (failing.size === 0) return failing;
  const needed = new Set(wanted);
  await releaseNames(parts, [...failing.keys()].filter((name) => !needed.has(name)), "no certificate wants it", call);
  return new Map([...failing].filter(([name]) => needed.has(name)));
}

/** Says which of the names hold a certificate back; undefined where none does. */
export async function holdText(
  parts: Pick<FlowParts, "authority" | "records">,
  names: readonly DnsName[],
  now: Date,
  call: Call,
): Promise<string | undefined> {
  return heldBy(names, await failingNames(parts, call), now)?.names.map(nameText).join("; ");
}
