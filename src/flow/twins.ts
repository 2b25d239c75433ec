import { attemptFailed } from "../model/attempt.ts";
import { InputError, SidecarError } from "../model/errors.ts";
import type { KeyTypes } from "../model/key_type.ts";
import type { AttemptRecord, CertificateRecord, Intent } from "../model/records.ts";
import type { SecretName } from "../model/secret_name.ts";
import { given } from "../model/shape.ts";
import { heldTwin, isChanged, mayHaveTwin, twinFor } from "../model/twins.ts";
import type { Call } from "../ports.ts";
import type { FlowParts } from "./parts.ts";
import type { HeldCertificate, Twin } from "./service.ts";

/**
 * Checks a second kind before anything is ordered for it; a first kind always passes.
 *
 * @throws {SidecarError} If its secret name is somebody else's, or its first kind was removed in the meantime.
 */
export async function checkTwin({ records }: FlowParts, { twinOf, secretName }: Intent, call: Call): Promise<void> {
  if (twinOf === undefined) return;
  const there = (await records.certificates.get(secretName, call))?.value.intent;
  if (there !== undefined && there.twinOf !== twinOf) {
    throw new InputError(
      "secret_name",
      `${secretName} holds the certificate for ${there.names[0]}`,
      "get that one under another secret name",
    );
  }
  if (await records.certificates.get(twinOf, call) !== undefined) return;
  throw new SidecarError("NOT_FOUND", `There is no certificate ${twinOf} any more`, { field: "certificate" });
}

/**
 * A second kind whose order waits for records that a person sets, where the first is held as it is wanted: the same command
 * goes on with that order, and does not order the first once more.
 */
export async function waitingTwin(
  { records, clock, settings }: FlowParts,
  intent: Intent,
  call: Call,
): Promise<{ readonly twin: Intent; readonly first: CertificateRecord } | undefined> {
  const twin = twinFor(intent, settings.keyTypes);
  const first = (await records.certificates.get(intent.secretName, call))?.value;
  if (twin === undefined || first === undefined || isChanged(first.intent, intent)) return undefined;
  const orders = (await records.orders.list(call)).map((entry) => entry.value);
  const waits = orders.some((it) =>
    it.step === "parked" && it.intent?.secretName === twin.secretName && !isChanged(it.intent, twin) &&
    (it.expires === undefined || it.expires > clock.now())
  );
  return waits ? { twin, first } : undefined;
}

/** Tells that a second kind did not come, and when it is tried again; the first kind is in use all the same. */
export async function noteTwinFailure(parts: FlowParts, twin: Intent, error: unknown, call: Call): Promise<void> {
  const { records: { attempts }, clock, events } = parts;
  const { secretName, names, keyType } = twin;
  const before = (await attempts.get(secretName, call).catch(() => undefined))?.value.failures ?? 0;
  const record = attemptFailed(error, before + 1, clock.now(), clock.random());
  const again = record.nextAt?.toISOString();
  events.emit({
    level: "warn",
    name: record.failures === before ? "certificate.waits" : "certificate.failed",
    text: `No ${keyType} certificate for ${names.join(", ")} beside the first: ${record.lastError}; again at ${again}`,
    fields: { subject: names[0], secret: secretName, code: record.lastCode ?? "" },
  });
  // The first kind is safe: that this could not be written down does not make a failure of it.
  await attempts.put(secretName, record, call).catch(() => {});
}

/** What a second kind is shown by. */
export interface TwinView {
  readonly all: readonly CertificateRecord[];
  readonly attempts: ReadonlyMap<SecretName, AttemptRecord>;
  readonly keyTypes: KeyTypes;
  readonly view: (record: CertificateRecord) => HeldCertificate;
}

/** Tells how it stands with the second kind of a certificate; undefined where there is none and none is wanted. */
export function twinStates(
  { all, attempts, keyTypes, view }: TwinView,
): (first: CertificateRecord) => Twin | undefined {
  const twins = Map.groupBy(all.filter((it) => it.intent.twinOf !== undefined), (it) => it.intent.twinOf);
  return (first) => {
    const record = heldTwin(first, twins.get(first.intent.secretName) ?? []);
    if (record !== undefined) {
      return { state: "held", certificate: view(record), ...failureOf(attempts.get(record.intent.secretName)) };
    }
    const wanted = mayHaveTwin(first) ? twinFor(first.intent, keyTypes) : undefined;
    if (wanted === undefined) return undefined;
    return { state: "missing", keyType: wanted.keyType, ...failureOf(attempts.get(wanted.secretName)) };
  };
}

function failureOf(attempt: AttemptRecord | undefined): Pick<Twin, "reason" | "until"> {
  if (attempt?.lastError === undefined) return {};
  return { reason: attempt.lastError, ...given("until", attempt.nextAt) };
}
