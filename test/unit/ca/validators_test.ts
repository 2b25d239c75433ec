import "reflect-metadata";
import { generateKeyPairSync, sign } from "node:crypto";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createPlainServer, type Socket } from "node:net";
import { createSecureContext, createServer as createTlsServer } from "node:tls";
import { SubjectAlternativeNameExtension, X509CertificateGenerator } from "@peculiar/x509";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  alpnFault,
  type AuthorityOptions,
  dnsServer,
  type Resolver,
  startAuthority,
  tlsSniName,
} from "../../ca/mod.ts";
import { Problem } from "../../ca/problem.ts";
import { firstReachable } from "../../ca/validate/look.ts";
import { isProven } from "../../ca/tls/signature.ts";
import { visit } from "../../ca/tls/visit.ts";
import { TlsError } from "../../ca/tls/server_flight.ts";
import { element, elements, onlyElement } from "../../ca/x509/der.ts";
import { dnsNames, readCertificate, shownNames } from "../../ca/x509/read_certificate.ts";
import { toPem } from "../../ca/x509/pem.ts";
import { alpnCertificate, type OddAlpn } from "../../support/alpn_certificates.ts";
import type { ByHand, Reply } from "../../support/by_hand.ts";
import { certificateKeys } from "../../support/csr_by_hand.ts";
import { fakeDnsServer } from "../../support/fake_dns_server.ts";
import { authorize, order, registered } from "../../support/order_by_hand.ts";
import { freePort } from "../../support/process.ts";

type Bytes = Uint8Array<ArrayBuffer>;

const NAME = "www.example.com";
const KEY_AUTHORIZATION = "token123.thumbprint456";

// --- The whole way: a challenge of one type, answered as the test has it -----------------------------------------------

/** What the CA says in the end: the statuses of authorization and order, and the challenge's problem. */
interface Verdict {
  readonly authorization: string;
  readonly order: string;
  readonly problem: string;
  readonly detail: string;
}

async function validate(
  type: string,
  options: AuthorityOptions,
  answer: (token: string, keyAuthorization: string) => void = () => {},
): Promise<Verdict> {
  await using authority = await startAuthority(options);
  const client = await registered(authority.directory);
  const made = await order(client, [NAME]);
  const { json: { challenges } } = await client.post(made.json.authorizations[0]);
  const { token } = challenges.find((it: { type: string }) => it.type === type);
  answer(token, `${token}.${await thumbprintOf(client)}`);
  const decided = await authorize(client, made, type);
  return await verdictOf(client, made, decided);
}

async function verdictOf(client: ByHand, made: Reply, decided: Reply): Promise<Verdict> {
  const { json: { status, challenges: [{ error }] } } = await client.post(made.json.authorizations[0]);
  return {
    authorization: status,
    order: decided.json.status,
    problem: String(error?.type ?? "").split(":").at(-1)!,
    detail: error?.detail ?? "",
  };
}

/** RFC 7638 by hand: the members by name, without white space. */
async function thumbprintOf({ key }: ByHand): Promise<string> {
  const { crv, kty, x, y } = key.export({ format: "jwk" });
  const json = JSON.stringify({ crv, kty, x, y });
  const digest = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(json));
  return Buffer.from(digest).toString("base64url");
}

const VALID: Verdict = { authorization: "valid", order: "ready", problem: "", detail: "" };

// --- http-01 -----------------------------------------------------------------------------------------------------------

async function web(handle: RequestListener): Promise<{ readonly port: number } & AsyncDisposable> {
  const server: Server = createServer(handle);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

Deno.test("http-01 asks for the token at the name and takes the key authorization", async () => {
  let expected = { path: "", body: "" };
  const asked: string[] = [];
  await using server = await web(({ url, headers }, response) => {
    asked.push(`${headers.host} ${url}`);
    response.end(url === expected.path ? `${expected.body}\n` : "");
  });
  const verdict = await validate("http-01", { httpPort: server.port }, (token, body) => {
    expected = { path: `/.well-known/acme-challenge/${token}`, body };
  });
  assertEquals(verdict, VALID);
  assertEquals(asked, [`${NAME} ${expected.path}`]);
});

Deno.test("http-01 asks from every vantage point", async () => {
  let body = "";
  let asked = 0;
  await using server = await web((_, response) => response.end(++asked % 2 === 1 ? body : "other"));
  const from = (vantagePoints: number, vantageFailures: number): Promise<Verdict> => {
    asked = 0;
    const options = { httpPort: server.port, vantagePoints, vantageFailures };
    return validate("http-01", options, (_, keyAuthorization) => body = keyAuthorization);
  };
  assertEquals(await from(3, 1), VALID);
  assertEquals(asked, 3);
  const verdict = await from(3, 0);
  assertEquals([verdict.order, verdict.problem], ["invalid", "unauthorized"]);
  assertStringIncludes(verdict.detail, "The key authorization file");
});

/** How a server answers wrongly, the problem's type and a part of its text. */
const WEB: readonly (readonly [string, RequestListener, string, string])[] = [
  [
    "404",
    (_, it) => void it.writeHead(404).end(),
    "unauthorized",
    "Invalid response from http://www.example.com/.well-known/acme-challenge/",
  ],
  ["another text", (_, it) => void it.end("other"), "unauthorized", 'did not match this challenge. Expected "'],
  ["too much", (_, it) => void it.end("x".repeat(128)), "unauthorized", "Invalid response from http"],
  [
    "a loop of redirects",
    ({ url }, it) => void it.writeHead(302, { location: url! }).end(),
    "connection",
    "Too many redirects",
  ],
  [
    "a redirect to another port",
    (_, it) => void it.writeHead(301, { location: "http://www.example.com:8080/" }).end(),
    "connection",
    "Invalid port in redirect target. Only ports",
  ],
  [
    "a redirect to another scheme",
    (_, it) => void it.writeHead(301, { location: "ftp://www.example.com/" }).end(),
    "connection",
    "Invalid protocol scheme in redirect target",
  ],
  [
    "a redirect to an address",
    (_, it) => void it.writeHead(301, { location: "http://127.0.0.1/" }).end(),
    "connection",
    "Invalid host in redirect target",
  ],
  ["no answer", ({ socket }) => void socket.destroy(), "connection", "127.0.0.1: Fetching http://www.example.com/"],
];

for (const [what, handle, problem, detail] of WEB) {
  Deno.test(`http-01 refuses ${what}`, async () => {
    await using server = await web(handle);
    const verdict = await validate("http-01", { httpPort: server.port });
    assertEquals(
      [verdict.authorization, verdict.order, verdict.problem],
      ["invalid", "invalid", problem],
      verdict.detail,
    );
    assertStringIncludes(verdict.detail, detail);
  });
}

Deno.test("http-01 follows ten redirects", async () => {
  let body = "";
  let redirects = 0;
  await using server = await web(({ headers }, response) => {
    if (redirects++ < 10) response.writeHead(302, { location: `http://other.example.com/${redirects}` }).end();
    else response.end(headers.host === "other.example.com" ? body : "");
  });
  const verdict = await validate("http-01", { httpPort: server.port }, (_, it) => body = it);
  assertEquals([verdict, redirects], [VALID, 11]);
});

Deno.test("http-01 gives up after its time", async () => {
  await using server = await web(() => {});
  const verdict = await validate("http-01", { httpPort: server.port, validationTimeoutMs: 50 });
  assertEquals(
    [verdict.problem, verdict.detail.includes("Timeout during connect")],
    ["connection", true],
    verdict.detail,
  );
});

Deno.test("http-01 tells that nobody listens, also in the order where it is like Pebble's", async () => {
  await using authority = await startAuthority({ httpPort: freePort(), orderError: true });
  const client = await registered(authority.directory);
  const made = await order(client, [NAME]);
  const { json } = await authorize(client, made, "http-01");
  assertStringIncludes(json.error.detail, "127.0.0.1: Fetching http://www.example.com/.well-known/acme-challenge/");
  assertStringIncludes(json.error.detail, ": Connection refused");
});

Deno.test("firstReachable() asks by IPv6, then by IPv4, but never again what has answered", async () => {
  const resolver: Resolver = {
    addresses: () => Promise.resolve(["192.0.2.1", "192.0.2.2", "2001:db8::1", "2001:db8::2"]),
    txt: () => Promise.resolve([]),
  };
  const { signal } = new AbortController();
  const asked: string[] = [];
  const ask = (error: Error): Promise<unknown> =>
    firstReachable({ name: NAME, resolver, signal }, 443, (address) => {
      asked.push(address);
      return Promise.reject(error);
    });
  await assertRejects(() => ask(new RangeError("refused")), Problem, "192.0.2.1: refused");
  await assertRejects(() => ask(new TlsError("EOF")), Problem, "2001:db8::1: EOF");
  assertEquals(asked, ["2001:db8::1", "192.0.2.1", "2001:db8::1"]);
});

Deno.test("a name without IPv6 listener is asked for by IPv4", async () => {
  let body = "";
  await using server = await web((_, response) => response.end(body));
  const resolver: Resolver = {
    addresses: () => Promise.resolve(["::1", "127.0.0.1"]),
    txt: () => Promise.resolve([]),
  };
  assertEquals(await validate("http-01", { httpPort: server.port, resolver }, (_, it) => body = it), VALID);
});

// --- dns-01 ------------------------------------------------------------------------------------------------------------

Deno.test("dns-01 takes one of several TXT values, behind aliases", async () => {
  const table: Record<string, { txt: string[][] } | { cname: string }> = {
    [`_acme-challenge.${NAME}.`]: { cname: "one.example.net." },
    "one.example.net.": { cname: "two.example.net." },
  };
  await using dns = await fakeDnsServer(table);
  const digest = async (text: string): Promise<string> =>
    Buffer.from(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).toString("base64url");
  await using authority = await startAuthority({ resolver: dnsServer(`127.0.0.1:${dns.port}`) });
  const client = await registered(authority.directory);
  const made = await order(client, [NAME]);
  const { json: { challenges } } = await client.post(made.json.authorizations[0]);
  const { token } = challenges.find((it: { type: string }) => it.type === "dns-01");
  table["two.example.net."] = { txt: [["old"], [await digest(`${token}.${await thumbprintOf(client)}`)]] };
  assertEquals((await authorize(client, made, "dns-01")).json.status, "ready");
});

/** What DNS answers, the problem's type and text. */
const DNS = [
  [{}, "unauthorized", `No TXT record found at _acme-challenge.${NAME}`],
  [{ txt: [["a"]] }, "unauthorized", `Incorrect TXT record "a" found at _acme-challenge.${NAME}`],
  [{ txt: [["a"], ["b"]] }, "unauthorized", `Incorrect TXT record "a" (and 1 more) found at _acme-challenge.${NAME}`],
  [{ rcode: 2 }, "dns", `DNS problem: SERVFAIL looking up TXT for _acme-challenge.${NAME}`],
  [{ rcode: 5 }, "dns", `DNS problem: REFUSED looking up TXT for _acme-challenge.${NAME}`],
  ["silence", "dns", `DNS problem: query timed out looking up TXT for _acme-challenge.${NAME}`],
] as const;

for (const [answer, problem, detail] of DNS) {
  Deno.test(`dns-01 refuses ${JSON.stringify(answer)}`, async () => {
    const isThere = answer === "silence" || "txt" in answer || "rcode" in answer;
    await using dns = await fakeDnsServer(isThere ? { [`_acme-challenge.${NAME}.`]: answer } : {});
    const resolver = dnsServer(`127.0.0.1:${dns.port}`);
    const verdict = await validate("dns-01", { resolver, validationTimeoutMs: 200 });
    assertEquals([verdict.order, verdict.problem], ["invalid", problem], verdict.detail);
    assertStringIncludes(verdict.detail, detail);
  });
}

Deno.test("a name that is not in DNS is a problem of type dns", async () => {
  await using dns = await fakeDnsServer({});
  const verdict = await validate("http-01", { resolver: dnsServer(`127.0.0.1:${dns.port}`) });
  assertEquals(verdict.problem, "dns");
  assertStringIncludes(verdict.detail, `NXDOMAIN looking up A for ${NAME}`);
});

// --- tls-alpn-01 -------------------------------------------------------------------------------------------------------

Deno.test("alpnFault() finds nothing wrong with a right certificate", async () => {
  assertEquals(alpnFault(await alpnCertificate(NAME, KEY_AUTHORIZATION), NAME, KEY_AUTHORIZATION), undefined);
  const more = await alpnCertificate(NAME, KEY_AUTHORIZATION, { extra: true });
  assertEquals(alpnFault(more, NAME, KEY_AUTHORIZATION), undefined, "RFC 8737 allows further extensions");
});

const SAN_WITH_URI = Uint8Array.from([
  ...[0x30, 2 + NAME.length + 4, 0x82, NAME.length, ...new TextEncoder().encode(NAME)],
  ...[0x86, 2, 0x61, 0x3a],
]);

/** A defect, and a part of the words about it. */
const DEFECTS: readonly (readonly [string, OddAlpn, string])[] = [
  [
    "two names",
    { san: [{ type: "dns", value: NAME }, { type: "dns", value: "a.example.com" }] },
    "wrong number of identifiers",
  ],
  ["another name", { san: [{ type: "dns", value: "a.example.com" }] }, "identifier does not match expected identifier"],
  ["upper case", { san: [{ type: "dns", value: NAME.toUpperCase() }] }, "SAN extension does not match expected bytes"],
  ["a URI besides", { san: SAN_WITH_URI }, "SAN extension does not match expected bytes"],
  ["another OID", { oid: "1.3.6.1.5.5.7.1.30.1" }, "Required extension OID 1.3.6.1.5.5.7.1.31 is not present"],
  ["not critical", { critical: false }, "extension that is not Critical"],
  ["31 bytes", { value: (it) => Uint8Array.of(4, 31, ...it.slice(1)) }, "malformed acmeValidationV1 extension value"],
  ["bytes after it", { value: (it) => Uint8Array.of(4, 32, ...it, 0) }, "malformed acmeValidationV1 extension value"],
  ["no OCTET STRING", { value: (it) => Uint8Array.of(3, 32, ...it) }, "malformed acmeValidationV1 extension value"],
  [
    "a length that is too long",
    { value: (it) => Uint8Array.of(4, 0x81, 32, ...it) },
    "malformed acmeValidationV1 extension value",
  ],
  ["another digest", { value: (it) => Uint8Array.of(4, 32, ...it.toReversed()) }, "but expected"],
  ["two SANs", { twice: "san" }, "Extension OID 2.5.29.17 seen twice"],
  ["acmeIdentifier twice", { twice: "acmeIdentifier" }, "Extension OID 1.3.6.1.5.5.7.1.31 seen twice"],
  ["another issuer", { issuer: "O=other" }, "not self-signed"],
  ["another key's signature", { foreign: true }, "not self-signed"],
];

for (const [what, odd, text] of DEFECTS) {
  Deno.test(`alpnFault() finds ${what}`, async () => {
    const der = await alpnCertificate(NAME, KEY_AUTHORIZATION, odd);
    assertStringIncludes(alpnFault(der, NAME, KEY_AUTHORIZATION) ?? "nothing", text);
  });
}

/** A TLS server with an ordinary certificate, self-signed. */
async function secure(
  names: readonly string[],
  options: { alpn?: readonly string[]; rsa?: boolean; port?: number } = {},
): Promise<{ readonly port: number; readonly asked: string[] } & AsyncDisposable> {
  const asked: string[] = [];
  const rsa = {
    name: "RSASSA-PKCS1-v1_5",
    modulusLength: 2048,
    publicExponent: Uint8Array.of(1, 0, 1),
    hash: "SHA-256",
  };
  const keys = await certificateKeys(options.rsa === true ? rsa : undefined);
  const certificate = await X509CertificateGenerator.createSelfSigned({
    name: "CN=Some Server",
    keys,
    signingAlgorithm: { name: options.rsa === true ? rsa.name : "ECDSA", hash: "SHA-256" },
    extensions: [new SubjectAlternativeNameExtension(names.map((value) => ({ type: "dns" as const, value })))],
  });
  const own = {
    cert: toPem("CERTIFICATE", new Uint8Array(certificate.rawData)),
    key: toPem("PRIVATE KEY", new Uint8Array(await crypto.subtle.exportKey("pkcs8", keys.privateKey))),
  };
  const server = createTlsServer({
    ...own,
    SNICallback: (name, done) => {
      asked.push(name);
      done(null, createSecureContext(own));
    },
    ...(options.alpn === undefined ? {} : { ALPNProtocols: [...options.alpn] }),
  });
  server.on("tlsClientError", (_, socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    asked,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

for (const rsa of [false, true]) {
  Deno.test(`visit() reads and proves ${rsa ? "an RSA" : "an ECDSA"} certificate of a TLS 1.2 server`, async () => {
    await using server = await secure(["a.example.com"], { alpn: ["h2"], rsa });
    const { signal } = new AbortController();
    const flight = await visit({ address: "127.0.0.1", port: server.port, serverName: NAME, alpn: "h2" }, signal);
    assertEquals([flight.alpn, flight.certificates.length], ["h2", 1]);
  });
}

Deno.test("isProven() wants the signature by the key, and in the way that is said", () => {
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const [client, random, parameters] = [1, 2, 3].map((it) => new Uint8Array(32).fill(it)) as [Bytes, Bytes, Bytes];
  const signature = new Uint8Array(sign("sha256", Buffer.concat([client, random, parameters]), privateKey));
  const spki = new Uint8Array(publicKey.export({ format: "der", type: "spki" }));
  const flight = { random, parameters, certificates: [], scheme: 0x0401, signature };
  assertEquals(isProven(spki, client, flight), true);
  for (const scheme of [0x0403, 0x0501, 0x0804, 0x0807, 0x0201]) {
    assertEquals(isProven(spki, client, { ...flight, scheme }), false, scheme.toString(16));
  }
  assertEquals(isProven(spki, random, flight), false, "another hello");
});

Deno.test("visit() ends with its signal", async () => {
  await using silent = await listen(() => {});
  const controller = new AbortController();
  const asking = visit({ address: "127.0.0.1", port: silent.port, serverName: NAME }, controller.signal);
  controller.abort(new RangeError("enough"));
  await assertRejects(() => asking, RangeError, "enough");
});

Deno.test("visit() refuses what is not TLS 1.2", async () => {
  const { signal } = new AbortController();
  const rows = [
    ["HTTP/1.1 400 Bad Request\r\n\r\n", "first record does not look like a TLS handshake"],
    ["\x15\x03\x03\x00\x02\x02\x78", "no application protocol"],
    ["", "EOF"],
  ] as const;
  for (const [bytes, text] of rows) {
    await using server = await listen((socket) => socket.end(bytes, "latin1"));
    await assertRejects(
      () => visit({ address: "127.0.0.1", port: server.port, serverName: NAME }, signal),
      TlsError,
      text,
    );
  }
});

Deno.test("tls-alpn-01 refuses an ordinary server, in a CA's words", async () => {
  await using server = await secure([NAME]);
  const verdict = await validate("tls-alpn-01", { tlsPort: server.port });
  assertEquals([verdict.authorization, verdict.order, verdict.problem], ["invalid", "invalid", "unauthorized"]);
  assertEquals(verdict.detail, 'Cannot negotiate ALPN protocol "acme-tls/1" for tls-alpn-01 challenge');
});

Deno.test("tls-alpn-01 looks at the certificate", async () => {
  await using server = await secure(["a.example.com"], { alpn: ["acme-tls/1"] });
  const verdict = await validate("tls-alpn-01", { tlsPort: server.port });
  assertEquals(verdict.problem, "unauthorized");
  assertStringIncludes(
    verdict.detail,
    `Requested ${NAME} from 127.0.0.1:${server.port}. Received certificate with unexpected`,
  );
  assertEquals(server.asked, [NAME]);
});

Deno.test("tls-alpn-01 wants a server of TLS", async () => {
  await using server = await listen((socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  const verdict = await validate("tls-alpn-01", { tlsPort: server.port });
  assertEquals([verdict.problem, verdict.detail], [
    "tls",
    "127.0.0.1: first record does not look like a TLS handshake",
  ]);
});

// --- tls-sni-01 --------------------------------------------------------------------------------------------------------

Deno.test("tlsSniName() cuts the digest into two labels", () => {
  assertEquals(
    tlsSniName("token123.thumbprint456"),
    "bd9ecf346d99b3ad6980b9af7e43999a.7e0ad417b9a4ec2a6ae85d4013565129.acme.invalid",
  );
});

Deno.test("tls-sni-01 asks for the name of the key authorization, and takes any SAN of the leaf", async () => {
  const port = freePort();
  await using authority = await startAuthority({ tlsPort: port });
  const client = await registered(authority.directory);
  const made = await order(client, [NAME]);
  const { json: { challenges } } = await client.post(made.json.authorizations[0]);
  const { token } = challenges.find((it: { type: string }) => it.type === "tls-sni-01");
  const zName = tlsSniName(`${token}.${await thumbprintOf(client)}`);
  await using server = await secure(["a.example.com", zName], { port });
  assertEquals((await authorize(client, made, "tls-sni-01")).json.status, "ready");
  assertEquals(server.asked, [zName]);
});

Deno.test("readCertificate() reads extensions of version 1, as the challenge certificates of old had them", async () => {
  const [tbs, ...rest] = elements(onlyElement(await alpnCertificate("a.acme.invalid", "x")).content);
  const [version, ...fields] = elements(tbs!.content);
  assertEquals(version!.tag, 0xa0);
  const old = element(0x30, element(0x30, ...fields.map(({ whole }) => whole)), ...rest.map(({ whole }) => whole));
  const certificate = readCertificate(old);
  assertEquals([dnsNames(certificate), shownNames(certificate)], [["a.acme.invalid"], "a.acme.invalid"]);
});

Deno.test("tls-sni-01 refuses another certificate, in a CA's words", async () => {
  await using server = await secure(["b.example.com", "a.example.com"]);
  let zName = "";
  const verdict = await validate("tls-sni-01", { tlsPort: server.port }, (_, it) => zName = tlsSniName(it));
  assertEquals([verdict.order, verdict.problem], ["invalid", "unauthorized"]);
  assertEquals(
    verdict.detail,
    `Incorrect validation certificate for tls-sni-01 challenge. Requested ${zName} from 127.0.0.1:${server.port}. ` +
      'Received 1 certificate(s), first certificate had names "a.example.com, b.example.com, some server"',
  );
});

// --- helpers -----------------------------------------------------------------------------------------------------------

async function listen(handle: (socket: Socket) => void): Promise<{ readonly port: number } & AsyncDisposable> {
  const open = new Set<Socket>();
  const server = createPlainServer((socket) => {
    open.add(socket);
    socket.on("error", () => {});
    handle(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const socket of open) socket.destroy();
        server.close(() => resolve());
      }),
  };
}
