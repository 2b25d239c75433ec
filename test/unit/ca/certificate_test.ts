import { createPrivateKey, X509Certificate } from "node:crypto";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startAuthority, type TestAuthority } from "../../ca/mod.ts";
import { rsaFault } from "../../ca/jose/key_policy.ts";
import { certId } from "../../ca/x509/cert_id.ts";
import { suggestedWindow } from "../../ca/endpoints/renewal_info.ts";
import { base64url, type ByHand, byHand, jwkOf, type Reply, signed } from "../../support/by_hand.ts";
import { certificateKeys, type CsrByHand, csrPayload } from "../../support/csr_by_hand.ts";
import { authorize, BELIEVING, certified, order, registered } from "../../support/order_by_hand.ts";

const HOUR = 3_600_000;

Deno.test("a certificate is for the names and the key, its chain leads to the root", async () => {
  await using authority = await startAuthority({ ...BELIEVING, alternates: 2 });
  const client = await registered(authority.directory);
  const done = await certified(client, ["b.example.org", "*.example.com"], {}, { commonName: "B.example.org" });
  const reply = await client.post(done.json.certificate);
  assertEquals(reply.headers.get("content-type"), "application/pem-certificate-chain");
  const [leaf, intermediate, ...more] = certificatesOf(reply.text);
  assertEquals(more, []);
  assertEquals(leaf!.subjectAltName, "DNS:*.example.com, DNS:b.example.org");
  assertEquals(leaf!.subject, "CN=b.example.org");
  assert(leaf!.verify(intermediate!.publicKey));
  assert(intermediate!.verify(new X509Certificate(authority.rootPem).publicKey));
  const alternates = [...(reply.headers.get("link") ?? "").matchAll(/<([^>]+)>;rel="alternate"/g)].map(([, url]) =>
    url!
  );
  assertEquals(alternates.length, 2);
  for (const [index, url] of alternates.entries()) {
    const [sameLeaf, other] = certificatesOf((await client.post(url)).text);
    assertEquals(sameLeaf!.fingerprint256, leaf!.fingerprint256);
    assert(other!.verify(new X509Certificate(authority.alternateRootPems[index]!).publicKey));
  }
  const [issued] = authority.certificates;
  assertEquals([issued!.names, BigInt(`0x${issued!.serial}`)], [
    ["*.example.com", "b.example.org"],
    BigInt(`0x${leaf!.serialNumber}`),
  ]);
});

for (const [profile, hours] of [["classic", 2160], ["tlsserver", 1080], ["shortlived", 160]] as const) {
  Deno.test(`a certificate of profile ${profile} is valid for ${hours} hours`, async () => {
    await using authority = await startAuthority(BELIEVING);
    const client = await registered(authority.directory);
    const { json } = await certified(client, ["a.example.com"], { profile });
    const [leaf] = certificatesOf((await client.post(json.certificate)).text);
    assertEquals((Date.parse(leaf!.validTo) + 1000 - Date.parse(leaf!.validFrom)) / HOUR, hours);
    assertEquals(leaf!.subject, profile === "classic" ? "CN=a.example.com" : undefined);
    assertEquals(json.profile, profile);
  });
}

/** What is odd about a request for www.example.com, and the problem. */
const REQUESTS: readonly (readonly [string, readonly string[], () => Promise<CsrByHand>, string])[] = [
  ["another name", ["other.example.com"], () => odd({}), "badCSR"],
  ["one name more", ["www.example.com", "a.example.com"], () => odd({}), "badCSR"],
  ["no name", [], () => odd({}), "badCSR"],
  [
    "an IP address",
    [],
    () => odd({ san: [{ type: "dns", value: "www.example.com" }, { type: "ip", value: "192.0.2.1" }] }),
    "badCSR",
  ],
  [
    "a mail address",
    [],
    () => odd({ san: [{ type: "dns", value: "www.example.com" }, { type: "email", value: "a@example.com" }] }),
    "badCSR",
  ],
  [
    "a common name that is no name of the order",
    ["www.example.com"],
    () => odd({ commonName: "a.example.com" }),
    "badCSR",
  ],
  [
    "a common name of 65 characters",
    ["www.example.com"],
    () => odd({ commonName: `${"a".repeat(53)}.example.com` }),
    "badCSR",
  ],
  ["must-staple", ["www.example.com"], () => odd({ mustStaple: true }), "unauthorized"],
  ["SHA-1", ["www.example.com"], () => odd({ hash: "SHA-1" }), "badCSR"],
  [
    "P-521",
    ["www.example.com"],
    async () => odd({ keys: await certificateKeys({ name: "ECDSA", namedCurve: "P-521" }) }),
    "badCSR",
  ],
];

for (const [what, names, make, problem] of REQUESTS) {
  Deno.test(`finalize refuses a CSR with ${what}, and leaves the order ready`, async () => {
    await using authority = await startAuthority(BELIEVING);
    const [client, made] = await ready(authority);
    const reply = await client.post(made.json.finalize, await csrPayload(names, await make()));
    assertEquals(reply.problem, problem, reply.text);
    assertEquals((await client.post(made.headers.get("location")!)).json.status, "ready");
  });
}

Deno.test("finalize refuses a CSR that is none, is not base64url, or is signed by another key", async () => {
  await using authority = await startAuthority(BELIEVING);
  const [client, made] = await ready(authority);
  const { csr } = await csrPayload(["www.example.com"]);
  const forged = Buffer.from(csr, "base64url");
  forged[forged.length - 1] = forged.at(-1)! ^ 1;
  const rows: readonly (readonly [string, string])[] = [
    [base64url("no CSR"), "badCSR"],
    [base64url(Buffer.concat([Buffer.from(csr, "base64url"), Buffer.of(0)])), "badCSR"],
    [`${csr}=`, "malformed"],
    [base64url(forged), "badCSR"],
  ];
  for (const [value, problem] of rows) {
    assertEquals((await client.post(made.json.finalize, { csr: value })).problem, problem);
  }
  assertEquals((await client.post(made.json.finalize, {})).problem, "malformed");
});

Deno.test("finalize refuses the key of an account", async () => {
  await using authority = await startAuthority(BELIEVING);
  const [client, made] = await ready(authority);
  const pkcs8 = client.key.export({ format: "der", type: "pkcs8" });
  const algorithm = { name: "ECDSA", namedCurve: "P-256" };
  const keys = {
    privateKey: await crypto.subtle.importKey("pkcs8", new Uint8Array(pkcs8), algorithm, true, ["sign"]),
    publicKey: await crypto.subtle.importKey("jwk", jwkOf(client.key), algorithm, true, ["verify"]),
  };
  const reply = await client.post(made.json.finalize, await csrPayload(["www.example.com"], { keys }));
  assertEquals(reply.json.detail, "certificate public key must be different than account key");
});

Deno.test("finalize refuses a common name of more than 64 characters, also where it is a name of the order", async () => {
  const name = `${"a".repeat(53)}.example.com`;
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const made = await order(client, [name]);
  await authorize(client, made);
  const reply = await client.post(made.json.finalize, await csrPayload([name], { commonName: name }));
  assertEquals([reply.problem, reply.json.detail], ["badCSR", "CN was longer than 64 bytes"]);
  const done = await certified(client, [name]);
  const [leaf] = certificatesOf((await client.post(done.json.certificate)).text);
  assertEquals(leaf!.subject, undefined, "it does not become the common name by itself");
});

Deno.test("rsaFault() knows the weak ones", () => {
  const good = 2n ** 2047n + 3n;
  assertEquals(rsaFault(good, 3n), "key exponent must be 65537");
  assertEquals(rsaFault(2n ** 1023n, 65_537n), "key size not supported: 1024");
  assertEquals(rsaFault(7n * 2n ** 2045n, 65_537n), "key divisible by small prime");
  // Neither has a small factor, which is all that is looked at; the first has close ones.
  const p = withoutSmallFactors(3n << 1022n);
  assertEquals(rsaFault(p * withoutSmallFactors(p + 2n), 65_537n), "key generated with factors too close together");
  assertEquals(rsaFault(p * withoutSmallFactors(p + (1n << 1000n)), 65_537n), undefined);
});

// --- Revocation, RFC 8555 §7.6 ---------------------------------------------------------------------------------------

Deno.test("revokeCert takes the account's word, once", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  await certified(client, ["a.example.com"]);
  const certificate = base64url(authority.certificates[0]!.der);
  const revoke = (payload: object): Promise<Reply> => client.post(client.directory.revokeCert!, payload);
  assertEquals((await revoke({ certificate, reason: 2 })).problem, "badRevocationReason");
  assertEquals((await revoke({ certificate, reason: "1" })).problem, "badRevocationReason");
  assertEquals((await revoke({ certificate: base64url("x") })).status, 404);
  assertEquals((await revoke({ certificate: "=" })).problem, "malformed");
  assertEquals((await revoke({ certificate, reason: 4 })).status, 200);
  assertEquals(authority.certificates[0]!.revoked?.reason, 4);
  const again = await revoke({ certificate });
  assertEquals([again.status, again.problem], [400, "alreadyRevoked"]);
});

Deno.test("revokeCert takes the word of the certificate's key, and blocks that key", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  const keys = await certificateKeys();
  await certified(client, ["a.example.com"], {}, { keys });
  const certificate = base64url(authority.certificates[0]!.der);
  const pkcs8 = Buffer.from(await crypto.subtle.exportKey("pkcs8", keys.privateKey));
  const key = createPrivateKey({ key: pkcs8, format: "der", type: "pkcs8" });
  const byKey = { key, header: ({ kid: _, ...it }: Record<string, unknown>) => ({ ...it, jwk: jwkOf(key) }) };
  assertEquals((await client.post(client.directory.revokeCert!, { certificate }, byKey)).status, 200);
  assertEquals(authority.certificates[0]!.revoked?.reason, 1);
  const made = await order(client, ["a.example.com"]);
  const reply = await client.post(made.json.finalize, await csrPayload(["a.example.com"], { keys }));
  assertEquals(reply.problem, "badPublicKey");
  const { keyChange, newAccount } = client.directory;
  const inner = signed(
    key,
    { alg: "ES256", jwk: jwkOf(key), url: keyChange },
    JSON.stringify({ account: client.account, oldKey: jwkOf(client.key) }),
  );
  assertEquals((await client.post(keyChange!, inner)).problem, "badPublicKey", "as an account's next key");
  const agreed = { termsOfServiceAgreed: true };
  assertEquals((await client.post(newAccount!, agreed, byKey)).problem, "badPublicKey", "as an account's first key");
});

Deno.test("revokeCert takes nobody else's word, but of an account that could have the certificate", async () => {
  await using authority = await startAuthority(BELIEVING);
  const [client, other] = [await registered(authority.directory), await registered(authority.directory)];
  await certified(client, ["a.example.com"]);
  const payload = { certificate: base64url(authority.certificates[0]!.der) };
  const { revokeCert } = client.directory;
  assertEquals((await other.post(revokeCert!, payload)).problem, "unauthorized");
  const stranger = await byHand(authority.directory);
  assertEquals((await stranger.post(revokeCert!, payload)).problem, "unauthorized");
  await authorize(other, await order(other, ["a.example.com"]));
  assertEquals((await other.post(revokeCert!, payload)).status, 200);
});

// --- Renewal information, RFC 9773 -----------------------------------------------------------------------------------

Deno.test("certId() gives RFC 9773 §4.1's own example", () => {
  const aki = Uint8Array.fromHex("69885b6b87464041e1b37b847ba0ae2cde01c8d4");
  assertEquals(certId(aki, Uint8Array.fromHex("0087654321")), "aYhba4dGQEHhs3uEe6CuLN4ByNQ.AIdlQyE");
});

Deno.test("certId of what is issued is made of what is in the certificate", async () => {
  await using authority = await startAuthority({ ...BELIEVING, orderReuse: false });
  const client = await registered(authority.directory);
  for (let i = 0; i < 6; i++) await certified(client, ["a.example.com"]);
  for (const { der, certId } of authority.certificates) {
    const hex = Buffer.from(der).toString("hex");
    // authorityKeyIdentifier: OID 2.5.29.35, OCTET STRING, SEQUENCE, [0] of 20 bytes.
    const [, aki = ""] = /0603551d23041830168014([0-9a-f]{40})/.exec(hex) ?? [];
    // version [0] 2, then the serial number.
    const [, length = "", rest = ""] = /^.{8}.{8}a00302010202(..)([0-9a-f]*)/.exec(hex) ?? [];
    const serial = rest.slice(0, 2 * parseInt(length, 16));
    assertEquals(certId, `${base64url(Buffer.from(aki, "hex"))}.${base64url(Buffer.from(serial, "hex"))}`);
  }
  const zeros = authority.certificates.filter(({ certId }) => certId.split(".")[1]!.startsWith("A"));
  assert(zeros.length > 0, "some serial has a leading zero");
});

Deno.test("suggestedWindow() is Boulder's", () => {
  const from = Date.parse("2026-11-23T12:00:00Z");
  const rows = [[90 * 24, 60 * 24 - 21.6, 43.2], [45 * 24, 30 * 24 - 10.8, 21.6], [160, 80 - 1.6, 3.2]] as const;
  for (const [hours, start, width] of rows) {
    const certificate = { notBefore: new Date(from), notAfter: new Date(from + hours * HOUR - 1000) };
    const window = suggestedWindow(certificate, new Date(from));
    assertEquals(Math.round((window.start.getTime() - from) / 360_000) / 10, start);
    assertEquals(Math.round((window.end.getTime() - window.start.getTime()) / 360_000) / 10, width);
  }
});

Deno.test("renewalInfo answers by certID, can be set, and says at once after a revocation", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  await certified(client, ["a.example.com"]);
  const { certId, serial } = authority.certificates[0]!;
  const ask = async (id: string): Promise<readonly [number, string, string | null]> => {
    const response = await fetch(`${client.directory.renewalInfo}/${id}`);
    return [response.status, await response.text(), response.headers.get("retry-after")];
  };
  const [status, text, retryAfter] = await ask(certId);
  assertEquals([status, retryAfter], [200, "21600"]);
  const { suggestedWindow: { start, end } } = JSON.parse(text);
  assertMatch(start, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assertEquals((Date.parse(end) - Date.parse(start)) / HOUR, 43.2);
  assertEquals((await ask("AAAA.AAAA"))[0], 404);
  assertEquals((await ask("AAAA"))[0], 400);
  authority.setRenewalInfo(serial.toLowerCase(), "no JSON");
  assertEquals((await ask(certId))[1], "no JSON");
  authority.setRenewalInfo(serial, undefined);
  authority.revoke(serial);
  assert(Date.parse(JSON.parse((await ask(certId))[1]).suggestedWindow.end) < Date.now());
});

Deno.test("replaces is for a certificate of one's own, with a name in common, once", async () => {
  await using authority = await startAuthority(BELIEVING);
  const [client, other] = [await registered(authority.directory), await registered(authority.directory)];
  await certified(client, ["a.example.com", "b.example.com"]);
  const replaces = authority.certificates[0]!.certId;
  const rows: readonly (readonly [ByHand, string, string, number, string])[] = [
    [client, "a.example.com", "AAAA.AAAA", 404, "malformed"],
    [other, "a.example.com", replaces, 403, "unauthorized"],
    [client, "c.example.com", replaces, 400, "malformed"],
    [client, "a.example.com", replaces, 201, ""],
    [client, "b.example.com", replaces, 409, "alreadyReplaced"],
  ];
  for (const [by, name, id, status, problem] of rows) {
    const reply = await order(by, [name], { replaces: id });
    assertEquals([reply.status, reply.problem], [status, problem], reply.text);
    if (status === 201) assertEquals(reply.json.replaces, replaces);
  }
});

Deno.test("the log and the counters tell what happened", async () => {
  await using authority = await startAuthority(BELIEVING);
  const client = await registered(authority.directory);
  await certified(client, ["a.example.com"]);
  await client.post(`${authority.directory.origin}/nowhere`);
  const { requests, accounts, orders, validations } = authority.counters;
  assertEquals([requests, accounts, orders, validations], [authority.log.length, 1, 1, 1]);
  assertEquals(authority.certificates.map(({ names }) => names), [["a.example.com"]]);
  const entry = authority.log.find(({ endpoint }) => endpoint === "newOrder");
  assertEquals([entry?.method, entry?.path, entry?.status], ["POST", "/new-order", 201]);
  assertStringIncludes(client.account, `/account/${entry?.account}`);
  assertEquals([authority.log.at(-1)?.status, authority.log.at(-1)?.problem], [404, "malformed"]);
});

function withoutSmallFactors(from: bigint): bigint {
  for (let it = from | 1n;; it += 2n) {
    let divisor = 3n;
    while (divisor < 752n && it % divisor !== 0n) divisor += 2n;
    if (divisor >= 752n) return it;
  }
}

function certificatesOf(pem: string): readonly X509Certificate[] {
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\n/g) ?? [];
  assertEquals(blocks.join(""), pem, "nothing between, before or after the certificates");
  return blocks.map((block) => new X509Certificate(block));
}

async function ready(authority: TestAuthority): Promise<readonly [ByHand, Reply]> {
  const client = await registered(authority.directory);
  const made = await order(client, ["www.example.com"]);
  await authorize(client, made);
  return [client, made];
}

function odd(csr: CsrByHand): Promise<CsrByHand> {
  return Promise.resolve(csr);
}
