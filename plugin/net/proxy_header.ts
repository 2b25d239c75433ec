/** The versions of the PROXY protocol. */
export type ProxyVersion = "v1" | "v2";

/** Signature, version 2 with command LOCAL, family and protocol unspecified, no addresses. */
// deno-fmt-ignore
const V2_LOCAL = [0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a, 0x20, 0x00, 0x00, 0x00];

/**
 * The header for a connection that the sender opened on its own behalf, as a health check does: `UNKNOWN` in version 1 and
 * `LOCAL` in version 2, with which the receiver keeps the connection's real addresses (PROXY protocol, sections 2.1, 2.2).
 */
export function proxyHeader(version: ProxyVersion): Uint8Array {
  return version === "v1" ? new TextEncoder().encode("PROXY UNKNOWN\r\n") : new Uint8Array(V2_LOCAL);
}
