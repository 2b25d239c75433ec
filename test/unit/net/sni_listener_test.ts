import { assertEquals, assertRejects } from "@std/assert";
import { once } from "node:events";
import { connect } from "node:tls";
import { probe } from "../../../plugin/net/tls_probe.ts";
import { ProbeError } from "../../../plugin/net/probe_error.ts";
import { type SniListener, sniListener } from "../../../plugin/net/sni_listener.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import type { SniChallengeCertificate } from "../../../src/ports.ts";
import { sniChallengeCertificate } from "../../../src/x509/sni_challenge_certificate.ts";
import { CALL } from "../../support/fakes.ts";
import { freePort, listening, until } from "../../support/process.ts";

const NAME = parseDnsName("a.example.com");
const OTHER = parseDnsName("b.example.com");
const NOW = new Date();
const [ONE, TWO, THREE] = await Promise.all([
  sniChallengeCertificate(NAME, "one.x", NOW),
  sniChallengeCertificate(OTHER, "two.x", NOW),
  sniChallengeCertificate(NAME, "three.x", NOW),
]) as [SniChallengeCertificate, SniChallengeCertificate, SniChallengeCertificate];

/** Longer than any test may take. */
const PATIENT = 60_000;

function test(
  name: string,
  run: (listener: SniListener, port: number) => Promise<void>,
  timeoutMs = PATIENT,
): void {
  Deno.test(name, async () => {
    const port = freePort();
    await using listener = sniListener({ hostname: "127.0.0.1", port }, { connections: 3, timeoutMs });
    await run(listener, port);
  });
}

/** The fingerprint of whoever answers, or the kind of refusal. */
async function answerTo(port: number, serverName: string): Promise<string> {
  try {
    return (await probe({ hostname: "127.0.0.1", port }, { serverName }, CALL)).fingerprint;
  } catch (error) {
    if (error instanceof ProbeError) return error.failure;
    throw error;
  }
}

test("sniListener() is open only while a challenge is pending", async (listener, port) => {
  assertEquals(await listening(port), false);
  await Promise.all([listener.answer(ONE, CALL), listener.answer(TWO, CALL)]);
  assertEquals(await listening(port), true);
  await listener.withdraw(NAME, CALL);
  assertEquals(await listening(port), true);
  await listener.withdraw(OTHER, CALL);
  await listener.withdraw(OTHER, CALL);
  assertEquals(await listening(port), false);
  await listener.answer(ONE, CALL);
  assertEquals(await answerTo(port, ONE.serverName), ONE.fingerprint);
});

test("sniListener() opens and closes in the order asked for", async (listener, port) => {
  const all = [listener.answer(ONE, CALL), listener.withdraw(NAME, CALL), listener.answer(TWO, CALL)];
  await Promise.all(all);
  assertEquals(await answerTo(port, TWO.serverName), TWO.fingerprint);
  assertEquals(await answerTo(port, ONE.serverName), "no certificate");
});

test(
  "sniListener() shows each pending challenge its certificate, and nothing else to anybody",
  async (listener, port) => {
    await listener.answer(ONE, CALL);
    await listener.answer(TWO, CALL);
    assertEquals(await answerTo(port, ONE.serverName), ONE.fingerprint);
    assertEquals(await answerTo(port, TWO.serverName.toUpperCase()), TWO.fingerprint);
    for (const other of [NAME, "localhost", `x.${ONE.serverName}`, "acme.invalid"]) {
      assertEquals(await answerTo(port, other), "no certificate");
    }
  },
);

test("sniListener() replaces the certificate of a name that is authorized again", async (listener, port) => {
  await listener.answer(ONE, CALL);
  await listener.answer(THREE, CALL);
  assertEquals(await answerTo(port, ONE.serverName), "no certificate");
  assertEquals(await answerTo(port, THREE.serverName), THREE.fingerprint);
});

for (const version of ["TLSv1.2", "TLSv1.3"] as const) {
  test(`sniListener() ends a whole handshake of ${version} and hangs up`, async (listener, port) => {
    await listener.answer(ONE, CALL);
    const options = { port, host: "127.0.0.1", servername: ONE.serverName, rejectUnauthorized: false };
    const socket = connect({ ...options, minVersion: version, maxVersion: version });
    await once(socket, "secureConnect");
    assertEquals(socket.getProtocol(), version);
    assertEquals(socket.getPeerCertificate().fingerprint256.replaceAll(":", "").toLowerCase(), ONE.fingerprint);
    const received: unknown[] = [];
    socket.on("data", (data: unknown) => received.push(data));
    await once(socket, "close");
    assertEquals(received, []);
  });
}

const raw = async (port: number, bytes: Uint8Array): Promise<number | null> => {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(bytes);
  try {
    return await connection.read(new Uint8Array(100));
  } catch {
    return null; // reset
  }
};

test("sniListener() hangs up on what is not TLS", async (listener, port) => {
  await listener.answer(ONE, CALL);
  assertEquals(await raw(port, new TextEncoder().encode("GET / HTTP/1.1\r\n\r\n")), null);
});

test("sniListener() gives a silent client only so long", async (listener, port) => {
  await listener.answer(ONE, CALL);
  const start = performance.now();
  assertEquals(await raw(port, Uint8Array.of(22, 3, 1)), null);
  const took = performance.now() - start;
  assertEquals([took >= 390, took < 3_000], [true, true]);
}, 400);

test("sniListener() takes only so many connections at once", async (listener, port) => {
  await listener.answer(ONE, CALL);
  const idle = await Promise.all([1, 2, 3].map(() => Deno.connect({ hostname: "127.0.0.1", port })));
  const fourth = await answerTo(port, ONE.serverName);
  for (const connection of idle) connection.close();
  assertEquals(fourth, "hung up");
  await until("a place", async () => await answerTo(port, ONE.serverName) === ONE.fingerprint);
});

test("sniListener() hangs up on those who are connected when the last challenge is over", async (listener, port) => {
  await listener.answer(ONE, CALL);
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await until("the connection", async () => await listening(port));
  const start = performance.now();
  await listener.withdraw(NAME, CALL);
  assertEquals(await connection.read(new Uint8Array(1)).catch(() => null), null);
  assertEquals(performance.now() - start < PATIENT / 2, true);
});

test("sniListener() survives clients that go away in the middle", async (listener, port) => {
  await listener.answer(ONE, CALL);
  // The probe hangs up after the server's first flight.
  for (let i = 0; i < 20; i++) assertEquals(await answerTo(port, ONE.serverName), ONE.fingerprint);
});

test("sniListener() names an address that is taken, and is closed then", async (listener, port) => {
  {
    using _taken = Deno.listen({ hostname: "127.0.0.1", port });
    const error = await assertRejects(() => listener.answer(ONE, CALL), SidecarError, `127.0.0.1:${port}`);
    assertEquals([error.code, error.message.startsWith("CHALLENGE_TLS_LISTEN: ")], ["CHALLENGE_NOT_READY", true]);
  }
  assertEquals(await listening(port), false);
  await listener.answer(ONE, CALL);
  assertEquals(await answerTo(port, ONE.serverName), ONE.fingerprint);
});

test("sniListener() opens nothing for a caller who gave up", async (listener, port) => {
  const signal = AbortSignal.abort(new RangeError("enough"));
  await assertRejects(() => listener.answer(ONE, { signal }), RangeError, "enough");
  assertEquals(await listening(port), false);
});

Deno.test("sniListener() closes when it is disposed of, with all that is pending", async () => {
  const port = freePort();
  const listener = sniListener({ hostname: "127.0.0.1", port });
  await listener.answer(ONE, CALL);
  await listener.answer(TWO, CALL);
  await listener[Symbol.asyncDispose]();
  assertEquals(await listening(port), false);
});
