import type { Planned } from "../model/plan.ts";
import type { FlowParts } from "./parts.ts";
import type { HeldCertificate } from "./service.ts";

/** Tells of certificates that nobody but a person can renew. */
export interface ExpiryWatch {
  /** Looks at what the plan leaves to a person, and tells what has become more urgent since it was told last. */
  look(planned: readonly Planned[], held: readonly HeldCertificate[]): void;
}

const DAY_MS = 86_400_000;
/** Told when it is due, at each of these lengths of time before the end, and each day after it. */
const STAGES_MS = [30, 14, 7, 3, 2, 1, 0].map((days) => days * DAY_MS);

/** Makes an {@linkcode ExpiryWatch}; after a restart it tells once again. */
export function expiryWatch({ events, clock }: Pick<FlowParts, "events" | "clock">): ExpiryWatch {
  let quietUntil: ReadonlyMap<string, Date> = new Map(); // by fingerprint
  return {
    look(planned: readonly Planned[], held: readonly HeldCertificate[]): void {
      const now = clock.now();
      const bySecret = new Map(held.map((it) => [it.record.intent.secretName, it]));
      const quiet = new Map<string, Date>(); // what is asked for no more is forgotten
      for (const { intent, why } of planned.filter((it) => it.do === "ask")) {
        const found = bySecret.get(intent.secretName);
        if (found === undefined) continue;
        const { notAfter, serial, fingerprint } = found.record.facts;
        const until = quietUntil.get(fingerprint) ?? now;
        quiet.set(fingerprint, until > now ? until : nextStage(notAfter, now));
        if (until > now) continue;
        const expired = notAfter <= now;
        events.emit({
          level: expired ? "error" : "warn",
          name: expired ? "certificate.expired" : "certificate.expiring",
          text: `Certificate for ${intent.names.join(", ")} ${expired ? "expired" : "expires"} at ` +
            `${notAfter.toISOString()} and is not renewed by itself: ${todo(found, why)}`,
          fields: { subject: intent.names[0], serial, secret: intent.secretName },
        });
      }
      quietUntil = quiet;
    },
  };
}

function nextStage(notAfter: Date, now: Date): Date {
  const end = notAfter.getTime();
  const next = STAGES_MS.map((left) => end - left).find((at) => at > now.getTime());
  return new Date(next ?? now.getTime() + DAY_MS);
}

function todo(
  { byHand, record: { intent: { names: [subject] }, revoked } }: HeldCertificate,
  why: Planned["why"],
): string {
  if (why === "quarantine") return `the CA does not take one of its names; run kontena certificate explain ${subject}`;
  return byHand?.todo ?? `it was revoked (${revoked?.reason}); run kontena certificate remove ${subject}`;
}
