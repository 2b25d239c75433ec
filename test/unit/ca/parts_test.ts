import { createSocket } from "node:dgram";
import { createServer } from "node:net";
import { assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { question, readAnswer } from "../../ca/dns/message.ts";
import { fromBase64Url } from "../../ca/jose/base64url.ts";
import { readPublicKey } from "../../ca/jose/public_key.ts";
import { readCommand } from "../../ca/main.ts";
import { dnsServer, startAuthority } from "../../ca/mod.ts";
import { Problem } from "../../ca/problem.ts";
import { seeded } from "../../ca/random.ts";
import { authorizationStatus, orderStatus } from "../../ca/state/machine.ts";
import type { Authorization, ChallengeState, Order } from "../../ca/state/types.ts";
import { sleep, tasks } from "../../ca/tasks.ts";
import { elements } from "../../ca/x509/der.ts";

const NOW = new Date("2026-11-23T12:00:00Z");
const LATER = new Date("2026-11-24T12:00:00Z");

// --- jose --------------------------------------------------------------------------------------------------------------

Deno.test("readPublicKey() gives the thumbprint of RFC 7638 §3.1", async () => {
  const n = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiF" +
    "V4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdA" +
    "ZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU" +
    "8awapJzKnqDKgw";
  const jwk = { kty: "RSA", n, e: "AQAB", alg: "RS256", kid: "2011-04-29" };
  assertEquals((await readPublicKey(jwk)).thumbprint, "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs");
  const weak = await assertRejects(() => readPublicKey({ ...jwk, e: "Aw" }), Problem);
  assertEquals([weak.type, weak.message], ["badPublicKey", "key exponent must be 65537"]);
});

Deno.test("fromBase64Url() takes one form only", () => {
  const rows = [["", []], ["AA", [0]], ["_-8", [0xff, 0xef]], ["A", undefined], ["AB", undefined], [
    "AA==",
    undefined,
  ]] as const;
  for (const [text, bytes] of rows) {
    assertEquals(fromBase64Url(text), bytes === undefined ? undefined : Uint8Array.from(bytes), text);
  }
  for (const text of ["+/8", "A A", "AA\n", "Ä"]) assertEquals(fromBase64Url(text), undefined, text);
});

// --- The state machines of RFC 8555 §7.1.6 -----------------------------------------------------------------------------

function authorization(state: ChallengeState["status"], more: Partial<Authorization> = {}): Authorization {
  const states = {
    pending: { status: "pending" },
    processing: { status: "processing" },
    valid: { status: "valid", validated: NOW },
    invalid: { status: "invalid", validated: NOW, error: { type: "x", detail: "x" } },
  } as const;
  const challenge = { id: "1", type: "http-01", token: "t", state: states[state] } as const;
  const other = { ...challenge, id: "2", state: states.pending };
  const challenges = [challenge, other];
  return { id: "1", account: "1", name: "a", wildcard: false, profile: "p", expires: LATER, challenges, ...more };
}

/** The decisive challenge, whether it ended, and the status before and after the expiry. */
const AUTHORIZATIONS = [
  ["pending", undefined, "pending", "invalid"],
  ["processing", undefined, "pending", "invalid"],
  ["valid", undefined, "valid", "expired"],
  ["invalid", undefined, "invalid", "invalid"],
  ["valid", "deactivated", "deactivated", "deactivated"],
  ["valid", "revoked", "revoked", "revoked"],
] as const;

for (const [state, ended, before, after] of AUTHORIZATIONS) {
  Deno.test(`authorizationStatus() of a ${ended ?? state} one is ${before}, then ${after}`, () => {
    const it = authorization(state, ended === undefined ? {} : { ended });
    assertEquals([authorizationStatus(it, NOW), authorizationStatus(it, LATER)], [before, after]);
  });
}

/** What became of it, its authorizations, and the status before and after the expiry. */
const ORDERS = [
  [{ kind: "open" }, ["pending", "valid"], "pending", "invalid"],
  [{ kind: "open" }, ["valid", "valid"], "ready", "invalid"],
  [{ kind: "open" }, ["valid", "invalid"], "invalid", "invalid"],
  [{ kind: "open" }, ["pending", "invalid"], "invalid", "invalid"],
  [{ kind: "processing" }, ["valid"], "processing", "processing"],
  [{ kind: "issued", certificate: "1", at: new Date(0) }, ["valid"], "valid", "valid"],
  [{ kind: "failed", error: { type: "x", detail: "x" } }, ["valid"], "invalid", "invalid"],
] as const;

for (const [outcome, states, before, after] of ORDERS) {
  Deno.test(`orderStatus() of ${outcome.kind} with ${states.join(" and ")} is ${before}, then ${after}`, () => {
    const order: Order = {
      id: "1",
      account: "1",
      names: [],
      authorizations: [],
      profile: "p",
      profileAsked: false,
      expires: LATER,
      outcome,
    };
    const all = states.map((it) => authorization(it, { expires: new Date("2027-01-01") }));
    assertEquals([orderStatus(order, all, NOW), orderStatus(order, all, LATER)], [before, after]);
  });
}

// --- Chance, tasks, DER ------------------------------------------------------------------------------------------------

Deno.test("seeded() repeats itself, stream by stream", () => {
  const [one, same, other] = [seeded("one"), seeded("one"), seeded("other")];
  assertEquals(one.token(32), same.token(32));
  assertNotEquals(one.token(32), other.token(32));
  const alone = seeded("one").stream("a").token(8);
  const beside = seeded("one");
  beside.next();
  assertEquals(beside.stream("a").token(8), alone);
  assertNotEquals(seeded("one").stream("b").token(8), alone);
});

Deno.test("seeded() is fair", () => {
  const random = seeded("fair");
  const numbers = Array.from({ length: 10_000 }, () => random.below(10));
  for (let digit = 0; digit < 10; digit++) {
    const count = numbers.filter((it) => it === digit).length;
    assertEquals(count > 850 && count < 1150, true, `${digit}: ${count}`);
  }
  assertEquals([random.chance(0), random.chance(1)], [false, true]);
  const items = Array.from({ length: 50 }, (_, i) => i);
  const shuffled = random.shuffled(items);
  assertNotEquals(shuffled, items);
  assertEquals(shuffled.toSorted((a, b) => a - b), items);
});

Deno.test("tasks() ends what is still going on, and tells what failed", async () => {
  let reason: unknown;
  {
    await using some = tasks();
    some.start((signal) => sleep(100_000, signal).catch((error) => void (reason = error)));
  }
  assertEquals(reason instanceof DOMException && reason.name, "AbortError");
  const failing = tasks();
  await failing.start(() => Promise.reject(new RangeError("broken")));
  await assertRejects(async () => await failing[Symbol.asyncDispose](), AggregateError, "own work failed");
});

Deno.test("elements() takes DER only", () => {
  for (const hex of ["30", "3001", "3080", "30810100", "3082000100", "308400000001ff"]) {
    assertThrows(() => elements(Uint8Array.fromHex(hex)), SyntaxError, "DER");
  }
});

// --- DNS ---------------------------------------------------------------------------------------------------------------

Deno.test("question() is RFC 1035's", () => {
  assertEquals(question(0x1234, "a.test", "TXT").toHex(), "123401000001000000000000016104746573740000100001");
});

/** Header of an answer to `a.test`, with so many records; then those, which point to the question. */
function answer(type: string, flags: string, records: readonly string[]): Uint8Array<ArrayBuffer> {
  const count = records.length.toString(16).padStart(4, "0");
  return Uint8Array.fromHex(`1234${flags}0001${count}000000000161047465737400${type}0001${records.join("")}`);
}

const A = "c00c000100010000003c00047f000002";
const AAAA = "c00c001c00010000003c0010" + "20010db8000000000000000000000001";

Deno.test("readAnswer() reads addresses and names with pointers", () => {
  const values = (message: Uint8Array): unknown => readAnswer(message, 0x1234)?.records.map(({ value }) => value);
  assertEquals(values(answer("0001", "8180", [A])), ["127.0.0.2"]);
  assertEquals(values(answer("001c", "8180", [AAAA])), ["2001:0db8:0000:0000:0000:0000:0000:0001"]);
  const alias = "c00c000500010000003c00040162c00e"; // b and then what is at 14, `test`
  assertEquals(values(answer("0005", "8180", [alias])), ["b.test"]);
  assertEquals(readAnswer(answer("0001", "8180", []), 0x4321), undefined, "another's");
  assertEquals(readAnswer(answer("0001", "0180", []), 0x1234), undefined, "a question");
  const circle = Uint8Array.fromHex("12348180000100000000" + "0000" + "c00c00010001");
  assertThrows(() => readAnswer(circle, 0x1234), RangeError, "does not end");
});

Deno.test("dnsServer() asks over TCP what does not fit, and for both families", async () => {
  const long = "t".repeat(255);
  const txt = `c00c001000010000003c0100ff${new TextEncoder().encode(long).toHex()}`;
  const tcp = createServer((socket) => {
    socket.on("data", (query: Uint8Array) => {
      const message = stamped(query.subarray(2), answer("0010", "8180", [txt]));
      socket.write(Uint8Array.of(message.length >> 8, message.length & 0xff, ...message));
    });
  });
  await new Promise<void>((resolve) => tcp.listen(0, "127.0.0.1", resolve));
  const { port } = tcp.address() as { port: number };
  const udp = createSocket("udp4");
  udp.on("message", (query, { port, address }) => {
    const type = query.subarray(-4, -2).toString("hex");
    const full = { "0001": [A], "001c": [AAAA] }[type];
    udp.send(stamped(query, answer(type, full === undefined ? "8380" : "8180", full ?? [])), port, address);
  });
  // Programs take TCP ports for themselves all the time, UDP ports hardly ever.
  await new Promise<void>((resolve) => udp.bind(port, "127.0.0.1", () => resolve()));
  const { signal } = new AbortController();
  const resolver = dnsServer(`127.0.0.1:${port}`);
  assertEquals(await resolver.txt("a.test", signal), [long]);
  assertEquals(await resolver.addresses("a.test", signal), ["2001:0db8:0000:0000:0000:0000:0000:0001", "127.0.0.2"]);
  await new Promise<void>((resolve) => udp.close(() => resolve()));
  await new Promise<void>((resolve) => void tcp.close(() => resolve()));
});

function stamped(query: Uint8Array, message: Uint8Array): Uint8Array {
  return Uint8Array.of(...query.subarray(0, 2), ...message.subarray(2));
}

// --- The command line --------------------------------------------------------------------------------------------------

Deno.test("readCommand() takes flags before the environment", () => {
  const env = { CA_LIKE: "pebble", CA_HTTP_PORT: "5002", CA_SEED: "env" };
  const { options, root } = readCommand(["--seed", "flag", "--listen", "[::1]:14001", "--tls", "--root", "r.pem"], env);
  const { resolver: _, ...rest } = options;
  assertEquals(rest, { hostname: "::1", port: 14001, tls: true, like: "pebble", seed: "flag", httpPort: 5002 });
  assertEquals(root, "r.pem");
  const more = readCommand(["--challenges", "http-01 tls-sni-01", "--nonce-reject", "0.5"], {}).options;
  assertEquals([more.challenges, more.nonceReject, more.port], [["http-01", "tls-sni-01"], 0.5, 14000]);
});

for (const args of [["--like", "other"], ["--http-port", "0"], ["--nonce-reject", "2"], ["--challenges", "x"]]) {
  Deno.test(`readCommand() refuses ${args.join(" ")}`, () => {
    assertThrows(() => readCommand(args, {}), SyntaxError, `"${args[1]}"`);
  });
}

Deno.test("startAuthority() listens with https under its own root", async () => {
  await using authority = await startAuthority({ tls: true, hostname: "localhost" });
  using client = Deno.createHttpClient({ caCerts: [authority.tlsRootPem!] });
  const response = await fetch(authority.directory, { client });
  assertEquals([authority.directory.protocol, response.status, response.headers.get("link")], ["https:", 200, null]);
  await response.body?.cancel();
});
