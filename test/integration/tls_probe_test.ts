import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { sign } from "node:crypto";
import { bundlePem } from "../../src/model/certificate.ts";
import { ProbeError, type ProbeFailure } from "../../plugin/net/probe_error.ts";
import { probe, type ProbeOptions } from "../../plugin/net/tls_probe.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { challengeCertificate, type PkiKey, testPki } from "../support/pki.ts";
import { freePort, has, listening, type Running, start, tempDir, until } from "../support/process.ts";

const NAME = "a.example.com";

async function refusal(run: () => Promise<unknown>, failure: ProbeFailure, part = ""): Promise<void> {
  const error = await assertRejects(run, ProbeError, part);
  assertEquals(error.failure, failure, error.message);
}

/** `openssl s_server` with a bundle. */
async function openssl(
  pem: string,
  args: readonly string[],
  use: (port: number, server: Running) => Promise<void>,
): Promise<void> {
  using dir = tempDir();
  const [port, file] = [freePort(), `${dir.path}/bundle.pem`];
  await Deno.writeTextFile(file, pem);
  const all = ["s_server", "-accept", `127.0.0.1:${port}`, "-cert", file, "-key", file, "-cert_chain", file, "-quiet"];
  await using server = start("openssl", { args: [...all, ...args] });
  await until("openssl s_server", () => listening(port));
  await use(port, server);
}

const target = (port: number): { hostname: string; port: number } => ({ hostname: "127.0.0.1", port });

for (
  const [ca, key, args] of [
    ["ec-256", "ec-256", []],
    ["ec-256", "ec-384", []],
    ["rsa-2048", "ec-256", []], // an RSA signature in the chain is not one that the server makes
    ["rsa-2048", "rsa-2048", []],
    ["ec-256", "rsa-2048", ["-sigalgs", "RSA+SHA256"]],
    ["ec-256", "rsa-2048", ["-sigalgs", "RSA-PSS+SHA512"]],
    ["ec-256", "ec-256", ["-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA"]],
  ] as const satisfies readonly (readonly [PkiKey, PkiKey, readonly string[]])[]
) {
  const title = `probe() reads a certificate with ${key} by ${ca} ${args.join(" ")} [needs openssl]`;
  Deno.test({
    name: title,
    ignore: !has("openssl"),
    async fn(): Promise<void> {
      const bundle = testPki(ca).issue([NAME], { key, serial: "0a0b" });
      await openssl(bundlePem(bundle), args, async (port) => {
        const signatures = key === "rsa-2048" ? "rsa" : "ecdsa";
        const probed = await probe(target(port), { serverName: NAME, signatures }, CALL);
        assertEquals([probed.fingerprint, probed.serial], [bundle.facts.fingerprint, "0a0b"]);
      });
    },
  });
}

Deno.test({
  name: "probe() finds nothing of a kind that the server does not have [needs openssl]",
  ignore: !has("openssl"),
  async fn(): Promise<void> {
    await openssl(bundlePem(testPki().issue([NAME])), [], async (port) => {
      await refusal(
        () => probe(target(port), { serverName: NAME, signatures: "rsa" }, CALL),
        "refused",
        "handshake_failure",
      );
    });
  },
});

Deno.test({
  name: "probe() says which protocol the server chose [needs openssl]",
  ignore: !has("openssl"),
  async fn(): Promise<void> {
    const challenge = challengeCertificate(NAME, "token.thumbprint");
    await openssl(challenge.pem, ["-alpn", "acme-tls/1"], async (port) => {
      const probed = await probe(target(port), { serverName: NAME, alpn: ["h2", "acme-tls/1"] }, CALL);
      assertEquals([probed.fingerprint, probed.alpn], [challenge.fingerprint, "acme-tls/1"]);
      assertEquals((await probe(target(port), { serverName: NAME }, CALL)).alpn, undefined);
    });
  },
});

Deno.test({
  name: "probe() asks a server that refuses TLS 1.2 by another way, and leaves nothing open [needs openssl]",
  ignore: !has("openssl"),
  async fn(): Promise<void> {
    const bundle = testPki().issue([NAME]);
    await openssl(bundlePem(bundle), ["-tls1_3", "-alpn", "h2"], async (port) => {
      for (let i = 0; i < 3; i++) {
        const probed = await probe(target(port), { serverName: NAME, alpn: ["h2"] }, CALL);
        assertEquals([probed.fingerprint, probed.alpn], [bundle.facts.fingerprint, "h2"]);
      }
    });
  },
});

Deno.test({
  name: "probe() sends the PROXY header that a bind wants, and tells names apart [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    const bundle = testPki().issue([NAME]);
    await using haproxy = await startHaproxy({ files: { "a.pem": bundlePem(bundle) } });
    const at = target(haproxy.layout.proxyPort);
    for (const proxy of ["v1", "v2"] as const) {
      const probed = await probe(at, { serverName: NAME, proxy }, CALL);
      assertEquals(probed.fingerprint, bundle.facts.fingerprint);
      const other = await probe(at, { serverName: "b.example.com", proxy }, CALL);
      assertEquals(other.fingerprint === bundle.facts.fingerprint, false);
    }
    await refusal(() => probe(at, { serverName: NAME }, CALL), "hung up");
  },
});

Deno.test({
  name: "probe() is told that there is no certificate for a name [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using haproxy = await startHaproxy();
    const options: ProbeOptions = { serverName: NAME, alpn: ["acme-tls/1"] };
    await refusal(() => probe(target(haproxy.httpsPort), options, CALL), "no certificate", NAME);
  },
});

// --- a server that does as it is told ------------------------------------------------------------------------------------

const u16 = (value: number): number[] => [value >> 8, value & 255];
const vector = (size: 1 | 2 | 3, bytes: readonly number[]): number[] => [
  ...[bytes.length >> 16, (bytes.length >> 8) & 255, bytes.length & 255].slice(3 - size),
  ...bytes,
];
const message = (type: number, body: readonly number[]): number[] => [type, ...vector(3, body)];
const record = (body: readonly number[]): number[] => [22, 3, 3, ...vector(2, body)];

/** A whole flight for the hello, signed with that key (RFC 5246 §7.4). */
function flight(hello: Uint8Array, pem: string, keyPem: string): Uint8Array {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const params = [3, ...u16(0x17), ...vector(1, [4, ...random, ...random])];
  const signed = new Uint8Array([...hello.subarray(11, 43), ...random, ...params]);
  const signature = [...sign("sha256", signed, keyPem)];
  const der = [...Uint8Array.fromBase64(pem.replace(/-----[^-]+-----/g, ""))];
  return new Uint8Array(record([
    ...message(2, [3, 3, ...random, 0, ...u16(0xc02b), 0]),
    ...message(11, vector(3, vector(3, der))),
    ...message(12, [...params, ...u16(0x0403), ...vector(2, signature)]),
  ]));
}

/** Accepts one connection, reads the hello and lets `answer` deal with it. */
async function serving(
  answer: (hello: Uint8Array, connection: Deno.Conn) => Promise<void>,
  ask: (at: { hostname: string; port: number }) => Promise<void>,
): Promise<void> {
  using listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const served = (async (): Promise<void> => {
    using connection = await listener.accept();
    const buffer = new Uint8Array(4_096);
    const count = await connection.read(buffer) ?? 0;
    await answer(buffer.subarray(0, count), connection).catch(() => {});
  })();
  await ask(target(listener.addr.port));
  await served;
}

Deno.test("probe() reads a flight that comes byte by byte", async () => {
  const { certificates: [pem], keyPem, facts } = testPki().issue([NAME]);
  await serving(async (hello, connection) => {
    for (const byte of flight(hello, pem, keyPem)) await connection.write(new Uint8Array([byte]));
  }, async (at) => {
    assertEquals((await probe(at, { serverName: NAME }, CALL)).fingerprint, facts.fingerprint);
  });
});

Deno.test("probe() does not believe a server that shows a certificate without having its key", async () => {
  const pki = testPki();
  const [shown, own] = [pki.issue([NAME]), pki.issue([NAME])];
  await serving(async (hello, connection) => {
    await connection.write(flight(hello, shown.certificates[0], own.keyPem));
  }, async (at) => {
    await refusal(() => probe(at, { serverName: NAME }, CALL), "unproven", "did not sign with its key");
  });
});

Deno.test("probe() does not believe a flight that was signed for another hello", async () => {
  const { certificates: [pem], keyPem } = testPki().issue([NAME]);
  await serving(async (hello, connection) => {
    await connection.write(flight(hello.map((byte) => byte ^ 1), pem, keyPem));
  }, async (at) => {
    await refusal(() => probe(at, { serverName: NAME }, CALL), "unproven");
  });
});

Deno.test("probe() refuses a certificate that cannot be parsed", async () => {
  const { keyPem } = testPki().issue([NAME]);
  await serving(async (hello, connection) => {
    await connection.write(flight(hello, "AAAA", keyPem));
  }, async (at) => {
    await refusal(() => probe(at, { serverName: NAME }, CALL), "garbled", "cannot be parsed");
  });
});

for (
  const [failure, bytes, part] of [
    ["garbled", new TextEncoder().encode("HTTP/1.1 400 Bad Request\r\n\r\n"), "record of type 72"],
    ["no certificate", new Uint8Array([21, 3, 3, 0, 2, 2, 112]), `no certificate for ${NAME}`],
    ["refused", new Uint8Array([21, 3, 3, 0, 2, 2, 40]), "handshake_failure"],
    ["hung up", new Uint8Array(), `hung up on ${NAME}`],
  ] as const
) {
  Deno.test(`probe() reports "${failure}" for: ${part}`, async () => {
    await serving(
      async (_, connection) => void await connection.write(bytes),
      (at) => refusal(() => probe(at, { serverName: NAME }, CALL), failure, part),
    );
  });
}

Deno.test("probe() stops at a server that talks without end", async () => {
  const endless = new Uint8Array(Array(4_000).fill(record(message(0, []))).flat());
  await serving(async (_, connection) => {
    for (let i = 0; i < 100; i++) {
      for (let sent = 0; sent < endless.length;) sent += await connection.write(endless.subarray(sent));
    }
  }, (at) => refusal(() => probe(at, { serverName: NAME }, CALL), "garbled", "no certificate within"));
});

/** Accepts and says nothing until the client goes. */
async function mute(ask: (at: { hostname: string; port: number }) => Promise<void>): Promise<void> {
  await serving(async (_, connection) => {
    while (await connection.read(new Uint8Array(64)) !== null);
  }, ask);
}

Deno.test("probe() ends at its own deadline", async () => {
  await mute((at) =>
    refusal(() => probe(at, { serverName: NAME, timeoutMs: 30 }, CALL), "unreachable", "no TLS answer within 30 ms")
  );
});

Deno.test("probe() ends with the signal's reason", async () => {
  await mute(async (at) => {
    const control = new AbortController();
    const waiting = probe(at, { serverName: NAME }, control);
    setTimeout(() => control.abort(new SyntaxError("stop")), 5);
    await assertRejects(() => waiting, SyntaxError, "stop");
  });
});

Deno.test("probe() says where nobody listens", async () => {
  const port = freePort();
  const error = await assertRejects(() => probe(target(port), { serverName: NAME }, CALL), ProbeError);
  assertEquals([error.failure, error.code], ["unreachable", "BALANCER_UNREACHABLE"]);
  assertStringIncludes(error.message, `127.0.0.1:${port}`);
});
