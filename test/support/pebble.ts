/**
 * Pebble, the independent ACME CA, and its DNS, on free ports of 127.0.0.1.
 *
 * @module
 */
import { freePort, type Running, start, tempDir, until } from "./process.ts";

/** How the CA behaves. */
export interface PebbleOptions {
  /** Refuses what RFC 8555 does not allow but Pebble would let pass; true unless told. */
  readonly strict?: boolean;
  /** Percentage of good nonces that are refused; 0 unless told. */
  readonly nonceReject?: number;
  /** Percentage of authorizations that are used again; 0 unless told. */
  readonly authzReuse?: number;
  /** The most seconds that a validation sleeps before it looks; it does not sleep unless told. */
  readonly vaSleep?: number;
  /** Believes every challenge without looking. */
  readonly alwaysValid?: boolean;
  /** How many chains there are besides the first. */
  readonly alternateRoots?: number;
  /** Certificates of a chain besides the leaf. */
  readonly chainLength?: number;
  /** Orders on one page of the account's list; Pebble's own default is 3. */
  readonly ordersPerPage?: number;
  /** External account keys by kid, base64url: with any, newAccount demands a binding. */
  readonly externalAccounts?: Readonly<Record<string, string>>;
  /** Seconds that certificates are valid. */
  readonly validity?: number;
  /** The address that all of it listens on; 127.0.0.1 unless told. */
  readonly address?: string;
  /** The port of the DNS; a free one unless told. */
  readonly dnsPort?: number;
  /** What the DNS answers for every name that was not set; 127.0.0.1 unless told. */
  readonly anyName?: string;
  /** Where http-01 is looked for; a free port unless told. */
  readonly httpPort?: number;
  /** Where tls-alpn-01 is looked for; a free port unless told. */
  readonly tlsPort?: number;
}

/** A running CA. Disposing ends its processes and closes its client. */
export interface Pebble extends AsyncDisposable {
  readonly directory: URL;
  /** The certificate that its own HTTPS has to be trusted by. */
  readonly caFile: string;
  readonly caPem: string;
  /** Trusts {@linkcode caPem}, and nothing else does. */
  readonly fetch: typeof fetch;
  /** For example `https://127.0.0.1:15000`. */
  readonly management: URL;
  readonly httpPort: number;
  readonly tlsPort: number;
  /** `127.0.0.1:port`: every name is 127.0.0.1 there, unless told. */
  readonly dns: string;
  /** The root that issued certificates chain up to, PEM. */
  rootPem(index?: number): Promise<string>;
  /** Adds a TXT record; `name` without a final dot. */
  setTxt(name: string, value: string): Promise<void>;
  clearTxt(name: string): Promise<void>;
  setA(name: string, addresses: readonly string[]): Promise<void>;
  setCname(name: string, target: string): Promise<void>;
  /** All that both processes wrote. */
  output(): string;
}

/** The programs that are needed. */
export const PEBBLE_PROGRAMS = ["pebble", "pebble-challtestsrv", "openssl"] as const;

/** Starts the CA and waits until it answers. A port that somebody else took in between costs one more try. */
export async function startPebble(options: PebbleOptions = {}): Promise<Pebble> {
  try {
    return await startOnce(options);
  } catch (error) {
    if (!String(error).includes("address already in use")) throw error;
    return await startOnce(options);
  }
}

async function startOnce(options: PebbleOptions): Promise<Pebble> {
  await using parts = new AsyncDisposableStack();
  const dir = parts.use(tempDir()).path;
  const { address = "127.0.0.1", anyName = "127.0.0.1" } = options;
  const caPem = await makeListenerCertificate(dir, address);
  const ports = {
    acme: freePort(),
    management: freePort(),
    dns: options.dnsPort ?? freePort(),
    challenges: freePort(),
    http: options.httpPort ?? freePort(),
    tls: options.tlsPort ?? freePort(),
  };
  await Deno.writeTextFile(`${dir}/pebble.json`, JSON.stringify(toConfig(options, dir, address, ports)));
  const dnsServer = parts.use(start("pebble-challtestsrv", { args: dnsArguments(address, anyName, ports) }));
  const ca = parts.use(start("pebble", {
    args: [
      "-config",
      `${dir}/pebble.json`,
      "-dnsserver",
      `${address}:${ports.dns}`,
      ...(options.strict ?? true ? ["-strict"] : []),
    ],
    env: toEnvironment(options),
  }));
  const client = parts.adopt(Deno.createHttpClient({ caCerts: [caPem] }), (it) => it.close());
  const trusting = ((input: string | URL, init?: RequestInit) => fetch(input, { ...init, client })) as typeof fetch;
  const directory = new URL(`https://${address}:${ports.acme}/dir`);
  const management = new URL(`https://${address}:${ports.management}`);
  const challenges = `http://127.0.0.1:${ports.challenges}`;
  await answering("Pebble", ca, () => trusting(directory));
  await answering("its DNS", dnsServer, () => post(`${challenges}/clear-txt`, { host: "ready.example." }));

  const owned = parts.move();
  const set = (path: string, body: unknown): Promise<void> => post(`${challenges}/${path}`, body).then(() => {});
  return {
    directory,
    caFile: `${dir}/cert.pem`,
    caPem,
    fetch: trusting,
    management,
    httpPort: ports.http,
    tlsPort: ports.tls,
    dns: `${address}:${ports.dns}`,
    rootPem: async (index = 0) => await (await trusting(new URL(`/roots/${index}`, management))).text(),
    setTxt: (name, value) => set("set-txt", { host: `${name}.`, value }),
    clearTxt: (name) => set("clear-txt", { host: `${name}.` }),
    setA: (name, addresses) => set("add-a", { host: `${name}.`, addresses }),
    setCname: (name, target) => set("set-cname", { host: `${name}.`, target: `${target}.` }),
    output: () => `${ca.output()}\n${dnsServer.output()}`,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

interface Ports {
  readonly acme: number;
  readonly management: number;
  readonly dns: number;
  readonly challenges: number;
  readonly http: number;
  readonly tls: number;
}

function toConfig(options: PebbleOptions, dir: string, address: string, ports: Ports): unknown {
  const { externalAccounts, validity } = options;
  return {
    pebble: {
      listenAddress: `${address}:${ports.acme}`,
      managementListenAddress: `${address}:${ports.management}`,
      certificate: `${dir}/cert.pem`,
      privateKey: `${dir}/key.pem`,
      httpPort: ports.http,
      tlsPort: ports.tls,
      ocspResponderURL: "",
      externalAccountBindingRequired: externalAccounts !== undefined,
      externalAccountMACKeys: externalAccounts ?? {},
      ...(validity === undefined ? {} : { certificateValidityPeriod: validity }),
    },
  };
}

function toEnvironment(options: PebbleOptions): Readonly<Record<string, string>> {
  const { vaSleep, alternateRoots = 0, chainLength = 1, ordersPerPage = 3 } = options;
  return {
    PEBBLE_WFE_NONCEREJECT: String(options.nonceReject ?? 0),
    PEBBLE_AUTHZREUSE: String(options.authzReuse ?? 0),
    PEBBLE_WFE_ORDERS_PER_PAGE: String(ordersPerPage),
    PEBBLE_ALTERNATE_ROOTS: String(alternateRoots),
    PEBBLE_CHAIN_LENGTH: String(chainLength),
    ...(vaSleep === undefined ? { PEBBLE_VA_NOSLEEP: "1" } : { PEBBLE_VA_SLEEPTIME: String(vaSleep) }),
    ...(options.alwaysValid === true ? { PEBBLE_VA_ALWAYS_VALID: "1" } : {}),
  };
}

/** Only DNS: the challenges are answered by whoever is under test. */
function dnsArguments(address: string, anyName: string, ports: Ports): readonly string[] {
  return [
    ["-management", `127.0.0.1:${ports.challenges}`],
    ["-dns01", `${address}:${ports.dns}`],
    ["-defaultIPv4", anyName],
    ["-defaultIPv6", ""],
    ["-http01", ""],
    ["-https01", ""],
    ["-tlsalpn01", ""],
  ].flat();
}

const listenerConfig = (address: string): string =>
  `[req]
distinguished_name = name
x509_extensions = usage
prompt = no
[name]
CN = Pebble under test
[usage]
basicConstraints = critical, CA:FALSE
subjectAltName = DNS:localhost, IP:${address}
extendedKeyUsage = serverAuth
`;

/** Self-signed, and no CA: rustls takes no CA's certificate for a server's. */
async function makeListenerCertificate(dir: string, address: string): Promise<string> {
  await Deno.writeTextFile(`${dir}/openssl.cnf`, listenerConfig(address));
  await using openssl = start("openssl", {
    args: [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"],
      ...["-config", `${dir}/openssl.cnf`, "-keyout", `${dir}/key.pem`, "-out", `${dir}/cert.pem`],
    ],
  });
  if (await openssl.exit !== 0) throw new Error(`openssl: ${openssl.output()}`);
  return await Deno.readTextFile(`${dir}/cert.pem`);
}

async function post(url: string, body: unknown): Promise<Response> {
  const response = await fetch(url, { method: "POST", body: JSON.stringify(body) });
  await response.body?.cancel();
  if (!response.ok) throw new Error(`${url} answered ${response.status}`);
  return response;
}

async function answering(what: string, program: Running, ask: () => Promise<Response>): Promise<void> {
  let ended = false;
  program.exit.then(() => ended = true);
  await until(`${what} answers`, async () => {
    if (ended) return true;
    await (await ask()).body?.cancel();
    return true;
  });
  if (ended) throw new Error(`${what} ended: ${program.output()}`);
}
