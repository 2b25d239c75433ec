/** What certificates of a profile are like (draft-ietf-acme-profiles). */
export interface Profile {
  /** Shown in the directory. */
  readonly description: string;
  /** From notBefore, the last second included. */
  readonly lifetimeMs: number;
  /** The first name that fits is the subject as well. */
  readonly commonName: boolean;
}

const HOUR = 3_600_000;

/** The profiles of Let's Encrypt at the end of 2026; the first is the default. */
export const PROFILES: Readonly<Record<string, Profile>> = {
  classic: { description: "90 days, with a common name", lifetimeMs: 90 * 24 * HOUR, commonName: true },
  tlsserver: { description: "45 days, without a common name", lifetimeMs: 45 * 24 * HOUR, commonName: false },
  shortlived: { description: "160 hours, without a common name", lifetimeMs: 160 * HOUR, commonName: false },
};
