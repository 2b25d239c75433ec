import { answered } from "./by_hand.ts";
import type { CertificateFacts } from "./certificate.ts";
import { type DnsName, sameNames } from "./dns_name.ts";
import { dropped } from "./judge.ts";
import type { KeyType } from "./key_type.ts";
import { given } from "./shape.ts";
import type { CertificateOrigin, CertificateRecord, Intent } from "./records.ts";

/** A certificate that stands in the vault in the place of another one. */
export interface Found {
  /** What is read off it. */
  readonly facts: CertificateFacts;
  /** The kind of its key. */
  readonly keyType: KeyType;
  /** When it was written into the vault. */
  readonly storedAt: Date;
  /** Names of the former one that no certificate of ours is for any more. */
  readonly lost: readonly DnsName[];
  /** It is known to be of an order of ours. */
  readonly ours: boolean;
}

/**
 * What is written down once another certificate stands in the vault. Where it shall be served stays; that the former one was
 * revoked, what was to be known of it, and that a person waits for it, is not said of this one.
 *
 * @returns Of origin `ca` only if the one before was, and this one is ours, or just as that CA makes them for the same intent: a
 * version of ours perhaps, that came back. Any other one is a person's, as if it had been imported.
 */
export function followed(record: CertificateRecord, found: Found): CertificateRecord {
  const { facts, keyType, storedAt, ours } = found;
  const intent: Intent = { ...answered(record.intent), names: namesOf(facts, record.intent), keyType };
  const alike = ours || keyType === record.intent.keyType && sameNames(intent.names, record.intent.names) &&
      isSameIssuer(facts, record.facts);
  const warning = dropped(found.lost);
  return {
    intent,
    facts,
    storedAt,
    ...given("warnings", warning === undefined ? undefined : [warning]),
    ...alike ? originOf(record) : { origin: "imported" },
  };
}

/** Its own names, the subject first as long as it has it; one for addresses alone keeps the name that it is asked for by. */
function namesOf({ names }: CertificateFacts, { names: before }: Intent): Intent["names"] {
  const [subject = before[0]] = names.includes(before[0]) ? before : names;
  return [subject, ...names.filter((it) => it !== subject)];
}

/** By the key that has signed it: its identifier is the first half of the certID (RFC 9773 §4.1). */
function isSameIssuer({ certId }: CertificateFacts, { certId: before }: CertificateFacts): boolean {
  return certId !== undefined && before !== undefined && certId.split(".")[0] === before.split(".")[0];
}

function originOf(record: CertificateRecord): CertificateOrigin {
  if (record.origin === "imported") return { origin: "imported" };
  const { origin, directory, account, order } = record;
  return { origin, directory, account, order };
}
