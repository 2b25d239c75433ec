import { ascii, joined, uint, vector } from "./bytes.ts";

/** ECDHE with ECDSA and RSA certificates, AES-GCM, ChaCha20 and AES-CBC: what a server of TLS 1.2 has. */
export const CIPHER_SUITES = [0xc02b, 0xc02f, 0xc02c, 0xc030, 0xcca9, 0xcca8, 0xc009, 0xc013, 0xc00a, 0xc014];
const GROUPS = [0x001d, 0x0017, 0x0018, 0x0019]; // x25519, P-256, P-384, P-521
const SIGNATURES = [0x0403, 0x0503, 0x0603, 0x0807, 0x0804, 0x0805, 0x0806, 0x0401, 0x0501, 0x0601];

/** Extensions by number (IANA). */
export const EXTENSION = {
  serverName: 0,
  groups: 10,
  pointFormats: 11,
  signatureAlgorithms: 13,
  alpn: 16,
  extendedMasterSecret: 23,
  renegotiationInfo: 0xff01,
} as const;

/** What is asked for. */
export interface Question {
  readonly serverName: string;
  /** The one protocol that is offered; no extension where undefined. */
  readonly alpn?: string;
  /** 32 bytes. */
  readonly random: Uint8Array;
}

/** A ClientHello of TLS 1.2 in one record (RFC 5246 §7.4.1.2). */
export function clientHello({ serverName, alpn, random }: Question): Uint8Array<ArrayBuffer> {
  const body = joined(
    uint(0x0303, 2),
    random,
    vector(1), // no session to resume: it would bring no certificate
    vector(2, ...CIPHER_SUITES.map((it) => uint(it, 2))),
    vector(1, uint(0, 1)),
    vector(
      2,
      extension("serverName", vector(2, uint(0, 1), vector(2, ascii(serverName)))), // RFC 6066 §3
      extension("groups", vector(2, ...GROUPS.map((it) => uint(it, 2)))),
      extension("pointFormats", vector(1, uint(0, 1))),
      extension("signatureAlgorithms", vector(2, ...SIGNATURES.map((it) => uint(it, 2)))),
      ...(alpn === undefined ? [] : [extension("alpn", vector(2, vector(1, ascii(alpn))))]), // RFC 7301 §3.1
      extension("extendedMasterSecret"),
      extension("renegotiationInfo", vector(1)),
    ),
  );
  return joined(uint(22, 1), uint(0x0301, 2), vector(2, uint(1, 1), vector(3, body)));
}

function extension(name: keyof typeof EXTENSION, ...data: readonly Uint8Array[]): Uint8Array {
  return joined(uint(EXTENSION[name], 2), vector(2, ...data));
}
