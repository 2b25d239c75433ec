import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startAuthority } from "../ca/mod.ts";
import { freePort, tempDir } from "../support/process.ts";
import { MAIN, startSidecarProcess } from "../support/sidecar.ts";

/** Long enough for a restart in between. */
const RETRY_AFTER_S = 8;

for (
  const [form, retryAfter] of [
    ["seconds", (): string => String(RETRY_AFTER_S)],
    ["an HTTP date", (): string => new Date(Date.now() + (RETRY_AFTER_S + 1) * 1_000).toUTCString()],
  ] as const
) {
  Deno.test(`F-06: 429 with Retry-After as ${form} binds the sidecar over a kill and a restart; --now does not override it`, async () => {
    using folder = tempDir();
    const challengePort = freePort();
    let left = 1;
    await using authority = await startAuthority({
      httpPort: challengePort,
      faults: {
        endpoint: {
          before: ({ endpoint }) => {
            if (endpoint !== "newOrder" || left-- <= 0) return undefined;
            const problem = { type: "urn:ietf:params:acme:error:rateLimited", detail: "slow down", status: 429 };
            const headers = {
              "content-type": "application/problem+json",
              "retry-after": retryAfter(),
              date: new Date().toUTCString(),
            };
            return new Response(JSON.stringify(problem), { status: 429, headers });
          },
        },
      },
    });
    const orders = (): readonly Date[] =>
      authority.log.filter(({ endpoint }) => endpoint === "newOrder").map(({ at }) => at);
    const options = {
      folder: folder.path,
      apiPort: freePort(),
      challengePort,
      program: MAIN,
      env: { ACME_DIRECTORY_URL: authority.directory.href, ACME_AGREE_TOS: "true", CHALLENGE: "http-01" },
    };
    const request = ["certificate", "request", "www.example.com"] as const;
    {
      await using sidecar = await startSidecarProcess(options);
      const refused = await sidecar.kontena(...request);
      assertEquals(refused.code, 1, refused.stdout);
      assertMatch(refused.stderr, /acme_client: slow down .*\n\tretry_at: \d{4}-/);
      sidecar.process.kill("SIGKILL");
      await sidecar.process.exit;
    }
    await using sidecar = await startSidecarProcess(options);
    for (const line of [request, [...request, "--now"]]) {
      const refused = await sidecar.kontena(...line);
      assertEquals(refused.code, 1, refused.stdout);
      assertMatch(refused.stderr, /the CA asked to wait until \d{4}-.*\(slow down\).*--now does not override/);
    }
    assertEquals(orders().length, 1);
    const { status, text } = await sidecar.ask("/v1/grids/default/certificates", {
      method: "POST",
      body: JSON.stringify({ domains: ["www.example.com"], now: true }),
    });
    const { code, retry_at } = JSON.parse(text);
    assertEquals([status, code], [422, "RATE_LIMITED"]);
    await new Promise((resolve) => setTimeout(resolve, new Date(retry_at).getTime() - Date.now() + 50));
    await sidecar.ok(...request);
    const [first, second] = orders();
    assert(second!.getTime() - first!.getTime() >= RETRY_AFTER_S * 1_000, "the CA was asked too early");
  });
}

Deno.test("limits of a file hold over a restart, and --now passes them over once", async () => {
  using folder = tempDir();
  const challengePort = freePort();
  await using authority = await startAuthority({ httpPort: challengePort });
  const file = `${folder.path}/limits.json`;
  const limit = { name: "orders", counts: "order", per: "account", capacity: 1, refill_seconds: 3_600 };
  await Deno.writeTextFile(file, JSON.stringify([limit]));
  const options = {
    folder: folder.path,
    apiPort: freePort(),
    challengePort,
    env: {
      ACME_DIRECTORY_URL: authority.directory.href,
      ACME_AGREE_TOS: "true",
      CHALLENGE: "http-01",
      RATE_LIMITS: file,
    },
  };
  {
    await using sidecar = await startSidecarProcess(options);
    await sidecar.ok("certificate", "request", "a.example.com");
    await sidecar.stop();
  }
  await using sidecar = await startSidecarProcess(options);
  const refused = await sidecar.kontena("certificate", "request", "b.example.com");
  assertEquals(refused.code, 1);
  assertMatch(
    refused.stderr,
    /1 of 1 new orders of this account are used \(one comes back every 60 min\); the next is free at \d{4}-.*with --now/,
  );
  assertEquals(authority.counters.orders, 1);
  await sidecar.ok("certificate", "request", "--now", "b.example.com");
  assertEquals(authority.counters.orders, 2);
  assert(sidecar.events().some((it) => it["event"] === "rate.refused" && it["limit"] === "orders"));
  assertStringIncludes((await sidecar.ask("/metrics")).text, 'kontena_rate_refused_total{limit="orders"} 1\n');
});
