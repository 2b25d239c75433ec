import { X509Certificate } from "node:crypto";
import { createServer } from "node:http";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { systemClock } from "../../plugin/clock.ts";
import { acmeAuthority } from "../../src/acme/authority.ts";
import { pollWaits } from "../../src/model/backoff.ts";
import { parseDnsName } from "../../src/model/dns_name.ts";
import { keyAuthorization } from "../../src/model/key_authorization.ts";
import type { Order } from "../../src/model/order.ts";
import type { AuthorityAccount } from "../../src/ports.ts";
import { alpnChallengeCertificate } from "../../src/x509/challenge_certificate.ts";
import { alpnFault, startAuthority } from "../ca/mod.ts";
import { makeAccountKey } from "../support/account_key.ts";
import { makeCsrByHand } from "../support/csr_by_hand.ts";
import { freePort, has, start, tempDir } from "../support/process.ts";

const call = { signal: new AbortController().signal };

for (const like of ["boulder", "pebble"] as const) {
  Deno.test(`acmeAuthority gets a certificate by http-01 from an authority like ${like}'s`, async () => {
    await using answers = await answerHttp();
    await using authority = await startAuthority({
      like,
      tls: true,
      httpPort: answers.port,
      nonceReject: 0.3,
      alternates: 1,
      retryAfter: { seconds: 0, form: "either" },
    });
    using client = Deno.createHttpClient({ caCerts: [authority.tlsRootPem!] });
    const ca = acmeAuthority({
      directory: authority.directory,
      fetch: ((url: string | URL, init?: RequestInit) => fetch(url, { ...init, client })) as typeof fetch,
      clock: systemClock,
      userAgent: "kontena-certificates-test/1",
    });
    const key = await makeAccountKey();
    const account = ca.as(await ca.register(key, { contact: [], termsOfServiceAgreed: true }, call), key);
    const names = ["a.example.com", "b.example.com"].map((it) => parseDnsName(it));
    const order = await account.newOrder({ names, profile: "shortlived" }, call);
    assert(order.status === "pending");
    for (const url of order.authorizations) {
      const { challenges } = await account.authorization(url, call);
      const challenge = challenges.find(({ type }) => type === "http-01")!;
      answers.texts.set(challenge.token!, keyAuthorization(challenge.token!, key.thumbprint));
      await account.respond(challenge.url, call);
    }
    const ready = await settled(account, order, "ready", "invalid");
    assert(ready.status === "ready");
    const done = await settled(
      account,
      await account.finalize(ready, await makeCsrByHand(names), call),
      "valid",
      "invalid",
    );
    assert(done.status === "valid");
    const { pem, alternates } = await account.certificate(done.certificate, call);
    assertEquals([new X509Certificate(pem).subjectAltName, alternates.length], [
      "DNS:a.example.com, DNS:b.example.com",
      1,
    ]);
    assertEquals((await Array.fromAsync(account.orders(call))).length, like === "pebble" ? 1 : 0);
    await account.revoke(new Uint8Array(new X509Certificate(pem).raw), 4, call);
    assertEquals(authority.certificates[0]!.revoked?.reason, 4);
    assertEquals([...new Set(authority.log.map(({ problem }) => problem))].sort(), ["badNonce", undefined]);
  });
}

for (const [challenge, flags] of [["http-01", "--http --http.port"], ["tls-alpn-01", "--tls --tls.port"]] as const) {
  Deno.test({
    name: `lego gets a certificate by ${challenge} [needs lego]`,
    ignore: !has("lego"),
    async fn(): Promise<void> {
      using dir = tempDir();
      const port = freePort();
      const retryAfter = { seconds: 1, form: "seconds" } as const; // else it waits for five
      await using authority = await startAuthority({ tls: true, httpPort: port, tlsPort: port, retryAfter });
      await Deno.writeTextFile(`${dir.path}/ca.pem`, authority.tlsRootPem!);
      await using lego = start("lego", {
        args: [
          ...["--server", authority.directory.href, "--accept-tos", "--email", "you@example.org", "--path", dir.path],
          ...flags.split(" "),
          `127.0.0.1:${port}`,
          ...["--domains", "www.example.com", "--domains", "example.com", "run"],
        ],
        env: { LEGO_CA_CERTIFICATES: `${dir.path}/ca.pem` },
        cwd: dir.path,
      });
      assertEquals(await lego.exit, 0, lego.output());
      const chain = await Deno.readTextFile(`${dir.path}/certificates/www.example.com.crt`);
      const [leaf, intermediate] = chain.match(/-----BEGIN[^]+?-----END CERTIFICATE-----/g)!.map((it) =>
        new X509Certificate(it)
      );
      assertStringIncludes(leaf!.subjectAltName!, "DNS:example.com");
      assert(leaf!.verify(intermediate!.publicKey));
      assert(intermediate!.verify(new X509Certificate(authority.rootPem).publicKey));
      assertEquals(authority.certificates.map(({ names }) => names), [["example.com", "www.example.com"]]);
      assertEquals(authority.log.filter(({ problem }) => problem !== undefined), []);
    },
  });
}

Deno.test({
  name: "acme-client on Node gets a certificate by http-01 [needs nodejs]",
  ignore: !has("node"),
  async fn(): Promise<void> {
    using dir = tempDir();
    const httpPort = freePort();
    await using authority = await startAuthority({ tls: true, httpPort });
    await Deno.writeTextFile(`${dir.path}/ca.pem`, authority.tlsRootPem!);
    const out = `${dir.path}/out.pem`;
    await using client = start("node", {
      args: [
        "scripts/bench/acme_client_run.mjs",
        ...[authority.directory.href, `${dir.path}/key.pem`, String(httpPort), out, "www.example.com", "example.com"],
      ],
      env: { NODE_EXTRA_CA_CERTS: `${dir.path}/ca.pem` },
      cwd: new URL("../../", import.meta.url).pathname,
    });

    assertEquals(await client.exit, 0, client.output());

    const leaf = new X509Certificate(await Deno.readTextFile(out));
    assertStringIncludes(leaf.subjectAltName!, "DNS:www.example.com");
    assertEquals(authority.certificates.length, 1);
    assertEquals(authority.log.filter(({ problem }) => problem !== undefined), []);
  },
});

Deno.test("our tls-alpn-01 certificate is right to the authority", async () => {
  const name = parseDnsName("www.example.com");
  const { pem } = await alpnChallengeCertificate(name, "token.thumbprint", new Date());
  assertEquals(alpnFault(new Uint8Array(new X509Certificate(pem).raw), name, "token.thumbprint"), undefined);
});

async function settled(account: AuthorityAccount, order: Order, ...statuses: Order["status"][]): Promise<Order> {
  const waits = pollWaits();
  let last = order;
  while (!statuses.includes(last.status)) {
    await systemClock.sleep(waits.next().value / 4, call);
    last = await account.order(last.url, call);
  }
  return last;
}

/** Serves key authorizations as a load balancer's way to the sidecar would. */
async function answerHttp(): Promise<AsyncDisposable & { readonly port: number; readonly texts: Map<string, string> }> {
  const texts = new Map<string, string>();
  const server = createServer(({ url = "" }, response) => {
    const text = texts.get(url.replace("/.well-known/acme-challenge/", ""));
    response.writeHead(text === undefined ? 404 : 200).end(text);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as { port: number }).port,
    texts,
    [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
