/**
 * What HAProxy serves, asked from outside and from inside.
 *
 * @module
 */
import { bundleFile, defaultSecretName } from "../../src/model/secret_name.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import type { Call } from "../../src/ports.ts";
import { readCertificate, readInfo } from "../../plugin/haproxy/replies.ts";
import { probe } from "../../plugin/net/tls_probe.ts";
import type { TestHaproxy } from "../../test/support/haproxy.ts";
import { NAMES, type Stage } from "./stage.ts";

/** Base of the three secrets' names. */
export const SECRET = defaultSecretName(parseDnsName(NAMES[0]));

/**
 * Probes each name: a TLS handshake that reads the certificate, checks that the server has its key, and hangs up.
 *
 * @returns The serial of the one certificate that all names are answered with.
 */
export async function probedSerial(stage: Stage, call: Call): Promise<string> {
  const [serial, ...others] = new Set(await Promise.all(NAMES.map((name) => serialFor(stage, name, call))));
  if (serial === undefined || others.length > 0) throw new Error(`the names are served by ${[serial, ...others]}`);
  return serial;
}

/** Probes any name, also one that no certificate is for. */
export async function serialFor({ haproxy }: Stage, serverName: string, call: Call): Promise<string> {
  return (await probe(httpsOf(haproxy), { serverName }, call)).serial;
}

/** Meets HAProxy as the CA will for tls-alpn-01 (RFC 8737 §3): the protocol that it chose. */
export async function challengeProtocol({ haproxy }: Stage, name: string, call: Call): Promise<string | undefined> {
  return (await probe(httpsOf(haproxy), { serverName: name, alpn: ["acme-tls/1"] }, call)).alpn;
}

/** The file that a sidecar gives HAProxy, and its serial as the runtime socket tells it. */
export async function loadedSerial(
  { haproxy }: Stage,
  secret = SECRET,
): Promise<{ readonly file: string; readonly serial: string | undefined }> {
  const file = `${haproxy.certs}/${bundleFile(secret)}`;
  return { file, serial: readCertificate(await haproxy.ask(`show ssl cert ${file}`), file)?.serial };
}

/** The process that answers on the runtime socket. */
export async function processOf({ haproxy }: Stage): Promise<number | undefined> {
  return readInfo(await haproxy.ask("show info"))?.pid;
}

function httpsOf({ httpsPort }: TestHaproxy): { readonly hostname: string; readonly port: number } {
  return { hostname: "127.0.0.1", port: httpsPort };
}
