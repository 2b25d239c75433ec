/**
 * An earlier version of a certificate that a balancer serves in the newest one's stead, as long as that is held there.
 *
 * @module
 */
import type { DeploymentRecord, ServedVersion } from "./records.ts";
import { given } from "./shape.ts";

type Held = DeploymentRecord & { readonly state: "held" };

/** Tells whether the balancer has refused the version that is held. Else nothing was begun, and it is soon tried again. */
export function isRefused({ fingerprint, refused = [] }: Held): boolean {
  return refused.includes(fingerprint);
}

/**
 * Chooses the version that stands in: the newest that the balancer has not refused as well, and that has not expired.
 *
 * @param earlier Newest first.
 */
export function chooseStandIn<V extends { readonly fingerprint: string; readonly notAfter: Date }>(
  { refused = [] }: Held,
  earlier: readonly V[],
  now: Date,
): V | undefined {
  return earlier.find((it) => !refused.includes(it.fingerprint) && it.notAfter > now);
}

/** The version that clients got last, by what is written down. */
export function lastServed(known: DeploymentRecord | undefined): ServedVersion | undefined {
  return known?.state === "held" ? known.standIn : known;
}

/**
 * What goes from the record before into that of a version which is held now. As long as something stands in, what was refused
 * beside the newest is not tried again: clients are well served. Where nothing does, each gets another chance with the newest.
 */
export function heldOver(
  before: DeploymentRecord | undefined,
  fingerprint: string,
  wasRefused: boolean,
): Pick<Held, "refused" | "standIn"> {
  const served = lastServed(before);
  const standIn = served === undefined || served.fingerprint === fingerprint ? undefined : version(served);
  const again = before?.fingerprint === fingerprint;
  const former = before?.state !== "held" || (again && wasRefused && standIn === undefined) ? [] : before.refused ?? [];
  const refused = [...new Set([...former, ...wasRefused ? [fingerprint] : []])];
  return { ...given("refused", refused.length === 0 ? undefined : refused), ...given("standIn", standIn) };
}

/** What becomes of the hold when a version was tried in its stead. */
export function standInRefused({ standIn, refused = [], ...held }: Held, fingerprint: string): Held {
  const other = standIn?.fingerprint === fingerprint ? undefined : standIn;
  return { ...held, refused: [...refused, fingerprint], ...given("standIn", other) };
}

function version({ fingerprint, at, shadowed }: ServedVersion): ServedVersion {
  return { fingerprint, at, shadowed };
}
