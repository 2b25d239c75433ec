/** From when on a certificate is renewed where the CA names no window, and from when on nothing may hold it back. */
export interface RenewalTimes {
  /** 1/3 of the lifetime left, 1/2 under ten days (where Let's Encrypt centres its own windows). */
  readonly renewAt: Date;
  /** 1/20 of the lifetime left. */
  readonly emergencyAt: Date;
}

const TEN_DAYS = 10 * 86_400_000;

/** Computes {@linkcode RenewalTimes} from the certificate's own dates alone: its lifetime may differ from the last one. */
export function renewalTimes(facts: { readonly notBefore: Date; readonly notAfter: Date }): RenewalTimes {
  const end = facts.notAfter.getTime();
  const lifetime = Math.max(0, end - facts.notBefore.getTime());
  return {
    renewAt: new Date(end - lifetime / (lifetime < TEN_DAYS ? 2 : 3)),
    emergencyAt: new Date(end - lifetime / 20),
  };
}
