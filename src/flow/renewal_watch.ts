import { describe, SidecarError } from "../model/errors.ts";
import type { CertificateRecord } from "../model/records.ts";
import { isRecalled } from "../model/renewal.ts";
import { isAskDue, renewalAnswered, type RenewalRecord, renewalUnanswered } from "../model/renewal_record.ts";
import type { Call } from "../ports.ts";
import type { CaClock } from "./ca_clock.ts";
import type { FlowParts } from "./parts.ts";

/** Keeps what the CA says about renewal up to date. */
export interface RenewalWatch {
  /** Asks about every certificate whose time has come; what is under way already goes on. Never holds up a renewal. */
  ask(held: readonly CertificateRecord[], call: Call): Promise<void>;
}

/** Questions under way at the same time. */
const AT_ONCE = 4;
/** After a question without an answer nobody is asked about for so long: the CA has trouble. */
const REST_MS = 60_000;
/** Where it does not even tell the time, it is away. */
const AWAY_MS = 600_000;
/** From this many questions in a row without an answer on, about a day, it is worth a warning. */
const UNUSUAL = 10;

type Certified = CertificateRecord & { readonly facts: { readonly certId: string } };

/** Makes a {@linkcode RenewalWatch}. */
export function renewalWatch(parts: FlowParts, ca: CaClock): RenewalWatch {
  let underWay = false;
  let restsUntil: Date | undefined;

  const round = async (held: readonly CertificateRecord[], call: Call): Promise<void> => {
    const known = new Map((await parts.records.renewals.list(call)).map((entry) => [entry.id, entry.value]));
    const due = held.filter((it) => isOurs(parts, it) && isAskDue(it, known.get(it.intent.secretName), ca.now()));
    const queue = due.sort((a, b) => a.facts.notAfter.getTime() - b.facts.notAfter.getTime()).values();
    const work = async (): Promise<void> => {
      for (const record of queue) {
        if (restsUntil !== undefined) return;
        const answered = await askOne(parts, ca, record as Certified, known.get(record.intent.secretName), call);
        if (!answered) restsUntil = new Date(parts.clock.now().getTime() + REST_MS);
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
  };

  return {
    async ask(held: readonly CertificateRecord[], call: Call): Promise<void> {
      const now = parts.clock.now();
      const doubtful = restsUntil !== undefined && restsUntil.getTime() > now.getTime() + AWAY_MS; // the clock went back
      if (underWay || (restsUntil !== undefined && restsUntil > now && !doubtful)) return;
      if (!held.some((record) => isOurs(parts, record))) return;
      underWay = true;
      restsUntil = undefined;
      try {
        if (await ca.sure(call).then(() => true, () => false)) await round(held, call);
        else restsUntil = new Date(parts.clock.now().getTime() + AWAY_MS); // whoever needs the CA for more than this tells
      } finally {
        underWay = false;
      }
    },
  };
}

/** Only the CA that issued a certificate knows it. */
function isOurs({ authority }: FlowParts, record: CertificateRecord): boolean {
  return record.origin === "ca" && record.directory.href === authority.directory.href;
}

/** Asks about one certificate and writes the answer down; false where there was none. */
async function askOne(
  parts: FlowParts,
  ca: CaClock,
  record: Certified,
  known: RenewalRecord | undefined,
  call: Call,
): Promise<boolean> {
  const { certId } = record.facts;
  const random = parts.clock.random();
  try {
    const answer = await parts.authority.renewalInfo(certId, call);
    ca.note(answer?.clockOffsetMs);
    const now = renewalAnswered(certId, known, answer, { now: ca.now(), random });
    await write(parts, record, now, call);
    tell(parts, record, known, now);
    return true;
  } catch (error) {
    call.signal.throwIfAborted();
    const retryAt = error instanceof SidecarError ? error.retryAt : undefined;
    const retryAfterMs = retryAt === undefined ? undefined : retryAt.getTime() - parts.clock.now().getTime();
    const now = renewalUnanswered(certId, known, retryAfterMs, { now: ca.now(), random });
    await write(parts, record, now, call);
    parts.events.emit({
      level: now.failures === UNUSUAL ? "warn" : "debug",
      name: "renewal.unanswered",
      text:
        `The CA does not say when ${record.intent.names[0]} is to be renewed: ${describe(error)}; it is renewed by ` +
        (now.draw === undefined ? "its lifetime" : "the window that is known"),
      fields: { subject: record.intent.names[0], failures: now.failures },
    });
    return false;
  }
}

/** What was replaced or removed in the meantime is left alone. */
async function write(
  { records }: FlowParts,
  { intent, facts }: Certified,
  now: RenewalRecord,
  call: Call,
): Promise<void> {
  const current = (await records.certificates.get(intent.secretName, call))?.value;
  if (current?.facts.certId === facts.certId) await records.renewals.put(intent.secretName, now, call);
}

function tell({ events }: FlowParts, record: Certified, before: RenewalRecord | undefined, now: RenewalRecord): void {
  const { draw } = now;
  const [subject] = record.intent.names;
  if (draw === undefined || (before?.certId === now.certId && before.draw?.at.getTime() === draw.at.getTime())) return;
  const recalled = isRecalled(draw);
  const see = draw.explanationUrl === undefined ? "" : `; see ${draw.explanationUrl}`;
  const wish = recalled
    ? "be replaced at once"
    : `be renewed from ${text(draw.window.start)} to ${text(draw.window.end)}`;
  events.emit({
    level: recalled ? "warn" : "info",
    name: recalled ? "renewal.recalled" : "renewal.window",
    text: `The CA wants the certificate for ${subject} to ${wish}, planned at ${text(draw.at)}${see}`,
    fields: { subject, secret: record.intent.secretName, serial: record.facts.serial, at: text(draw.at) },
  });
}

function text(at: Date): string {
  return at.toISOString();
}
