import { InputError } from "./errors.ts";

/** Why a certificate is revoked: the reasons of RFC 5280 §5.3.1 that a subscriber may give. */
export type RevocationReason = "unspecified" | "keyCompromise" | "superseded" | "cessationOfOperation";

/** What is known of a reason. */
export interface RevocationKind {
  /** CRLReason. */
  readonly code: 0 | 1 | 4 | 5;
  /** Another certificate shall take its place. */
  readonly replaced: boolean;
}

/** All reasons that can be given. */
export const REVOCATION_REASONS: Readonly<Record<RevocationReason, RevocationKind>> = {
  unspecified: { code: 0, replaced: true },
  keyCompromise: { code: 1, replaced: true },
  superseded: { code: 4, replaced: true },
  cessationOfOperation: { code: 5, replaced: false },
};

/** A revocation that the CA has confirmed. */
export interface Revocation {
  /** When. */
  readonly at: Date;
  /** Why. */
  readonly reason: RevocationReason;
}

/** Reads a reason, or refuses it with the list of those that exist. */
export function parseRevocationReason(input: string, field = "reason"): RevocationReason {
  if (!Object.hasOwn(REVOCATION_REASONS, input)) {
    const shown = JSON.stringify(input.slice(0, 40));
    throw new InputError(
      field,
      `Reason isn't an option: ${shown}`,
      `use ${Object.keys(REVOCATION_REASONS).join(", ")}`,
    );
  }
  return input as RevocationReason;
}
