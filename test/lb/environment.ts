/**
 * What the environment of the container decides. It is read at boot and never again.
 *
 * @module
 */

/** The container's environment. */
export type Env = Readonly<Record<string, string>>;

/** Any name that begins so is one bundle, also OpenSSL's own `SSL_CERT_FILE` and `SSL_CERT_DIR`. */
export const CERTIFICATE_PREFIX = "SSL_CERT_";

const CHALLENGE_PREFIX = "ACME_CHALLENGE_";

/** Tells whether there is a TLS bind; whether there is a certificate for it is another question. */
export function sslOn(env: Env): boolean {
  return env["SSL_CERTS"] !== undefined || Object.keys(env).some((name) => name.startsWith(CERTIFICATE_PREFIX));
}

/** Key authorizations by token. */
export function challengesOf(env: Env): ReadonlyMap<string, string> {
  const own = Object.entries(env).filter(([name]) => name.startsWith(CHALLENGE_PREFIX));
  return new Map(own.map(([name, value]) => [name.slice(CHALLENGE_PREFIX.length), value]));
}
