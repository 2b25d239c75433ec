import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { probe } from "../../plugin/net/tls_probe.ts";
import { dnsServer, startAuthority, type TestAuthority } from "../ca/mod.ts";
import { type FakeDnsAnswer, fakeDnsServer } from "../support/fake_dns_server.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import type { Pebble } from "../support/pebble.ts";
import { has, until } from "../support/process.ts";
import { ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, madeBy, startStage } from "../support/stage.ts";

/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;
const TWO = ["a.example.com", "b.example.com"] as const;
const RECORD = /^Record name: (\S+)\nRecord type: TXT\nRecord content: ([A-Za-z0-9_-]{43})$/gm;

e2e("dns-01 where the CA uses authorizations again: two names authorized apart, then one get in one pass", async () => {
  await using stage = await startStage({ pebble: { authzReuse: 100 } });
  await using sidecar = await startSidecarProcess({ ...stage, env: { ...stage.env, ACME_AGREE_TOS: "true" } });
  for (const name of TWO) await setRecords(stage.pebble, await authorize(sidecar, name));

  const got = await sidecar.ok("certificate", "get", ...TWO);

  assertMatch(
    got,
    /^Certificate successfully received and stored into vault with keys:\nLE_CERTIFICATE_a_example_com_/,
  );
  assertMatch(got, /\nKept in the vault only: no load balancer is linked\n$/);
  assertEquals(await madeBy(stage.pebble), { orders: 3, certificates: 1 }, "one order carried each name");
});

e2e("dns-01 where it does not: one name is one order, two names park once and then finish the same order", async () => {
  await using stage = await startStage({ pebble: { authzReuse: 0 } });
  const { pebble } = stage;
  await using sidecar = await startSidecarProcess({ ...stage, env: { ...stage.env, ACME_AGREE_TOS: "true" } });

  await setRecords(pebble, await authorize(sidecar, "one.example.com"));
  await sidecar.ok("certificate", "get", "one.example.com");
  assertEquals(await madeBy(pebble), { orders: 1, certificates: 1 });

  const { names, parked, before } = await parkTwo(sidecar, pebble);
  assertEquals(parked.code, 1);
  assertEquals(recordsIn(parked.stdout).map(({ name }) => name), names.map((name) => `_acme-challenge.${name}`));
  assertStringIncludes(
    parked.stderr,
    "[error] 422 : Unprocessable Entity:\n" +
      `\tdns_record: Expected DNS record not present for domain ${names.join(", ")}`,
  );
  const one = { orders: before.orders + 3, certificates: before.certificates };
  assertEquals(await madeBy(pebble), one);

  const again = await sidecar.kontena("certificate", "get", ...names);
  assertEquals([again.code, again.stdout], [1, parked.stdout], "the same records until they are set");
  await setRecords(pebble, parked.stdout);
  await sidecar.ok("certificate", "get", ...names);
  assertEquals(await madeBy(pebble), { ...one, certificates: one.certificates + 1 });
});

/**
 * Authorizes two names apart and asks for a certificate for both. Pebble uses one authorization in about a hundred again even
 * where it is told not to: then other names are tried.
 */
async function parkTwo(sidecar: TestSidecar, pebble: Pebble): Promise<{
  readonly names: readonly string[];
  readonly parked: Awaited<ReturnType<TestSidecar["kontena"]>>;
  readonly before: Awaited<ReturnType<typeof madeBy>>;
}> {
  for (let tries = 1;; tries++) {
    const names = TWO.map((name) => `${tries}${name}`);
    const before = await madeBy(pebble);
    for (const name of names) await setRecords(pebble, await authorize(sidecar, name));
    const parked = await sidecar.kontena("certificate", "get", ...names);
    if (recordsIn(parked.stdout).length === names.length || tries === 4) return { names, parked, before };
  }
}

e2e(
  "dns-01 without a get: what is declared, or was asked for too early, comes once its record is set",
  async () => {
    await using stage = await startStage();
    const { pebble, haproxy } = stage;
    const env = { ...stage.env, ACME_AGREE_TOS: "true", CERTIFICATES: "*.example.com" };
    await using sidecar = await startSidecarProcess({ ...stage, env, program: HASTY });
    await until("it is told what is missing", () => told(sidecar, "certificate.failed")[0]);
    assertStringIncludes(told(sidecar, "certificate.failed")[0] ?? "", "authorize --auth-type dns-01 *.example.com");
    assertEquals(await madeBy(pebble), { orders: 0, certificates: 0 });

    await setRecords(pebble, await authorize(sidecar, "*.example.com"));
    await until("it is served", () => told(sidecar, "certificate.served")[0]);

    await probe({ hostname: "127.0.0.1", port: haproxy.httpsPort }, { serverName: "x.example.com" }, CALL);
    assertEquals(told(sidecar, "certificate.records_seen").length, 1);
    const got = await sidecar.ok("certificate", "get", "*.example.com");
    assertMatch(
      got,
      /^Certificate successfully received and stored into vault with keys:\nLE_CERTIFICATE_STAR_example_com_/,
    );
    assertMatch(got, /\nServed by infra\/lb: \*\.example\.com\n$/);
    assertEquals(
      await madeBy(pebble),
      { orders: 1, certificates: 1 },
      "one order carried the name and its certificate",
    );

    const record = await authorize(sidecar, "one.example.com");
    assertEquals((await sidecar.kontena("certificate", "get", "one.example.com")).code, 1);
    await setRecords(pebble, record);
    await until("it is stored", () => told(sidecar, "certificate.stored")[1]);
    assertMatch(
      await sidecar.ok("certificate", "get", "one.example.com"),
      /\nKept in the vault only: no load balancer /,
    );
    assertEquals(await madeBy(pebble), { orders: 2, certificates: 2 }, "the get that was printed is answered");
  },
);

Deno.test({
  name:
    "dns-01 when its window opens: all places name command and last day, and it is renewed without a get [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    const zone: Record<string, FakeDnsAnswer> = {};
    await using dns = await fakeDnsServer(zone);
    await using haproxy = await startHaproxy();
    await using authority = await startAuthority({
      resolver: dnsServer(`127.0.0.1:${dns.port}`),
      authzReuse: 0,
      hooks: {
        endpoint: {
          after(response, { endpoint }): Response {
            if (endpoint !== "renewalInfo") return response;
            const headers = new Headers(response.headers);
            headers.set("retry-after", "60"); // a second, to a sidecar in a hurry
            return new Response(response.body, { status: response.status, headers });
          },
        },
      },
    });
    await using sidecar = await startSidecarProcess({
      env: {
        ACME_DIRECTORY_URL: authority.directory.href,
        ACME_AGREE_TOS: "true",
        LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
        DNS_RESOLVERS: `127.0.0.1:${dns.port}`,
      },
      program: HASTY,
    });
    const set = (text: string): void => {
      for (const { name, content } of recordsIn(text)) zone[`${name}.`] = { txt: [[content]] };
    };
    const served = async (): Promise<string> => {
      const port = haproxy.httpsPort;
      return (await probe({ hostname: "127.0.0.1", port }, { serverName: "a.example.com" }, CALL)).fingerprint;
    };
    set(await authorize(sidecar, "a.example.com", "--lb-link", "infra/lb"));
    const printed = await sidecar.ok("certificate", "get", "a.example.com");
    const before = await served();
    const [first] = authority.certificates;
    assert(first !== undefined);

    authority.setRenewalInfo(first.serial, PAST);
    await until("it is told", () => told(sidecar, "certificate.expiring")[0]);
    const lastDay = (printed.match(/valid until: (\S{19})/) ?? [])[1] ?? "?";
    const command = "kontena certificate get a.example.com";
    for (
      const [where, text] of [
        ["log", told(sidecar, "certificate.expiring")[0] ?? ""],
        ["list", await sidecar.ok("certificate", "list")],
        ["show", await sidecar.ok("certificate", "show", "a.example.com")],
        ["explain", await sidecar.ok("certificate", "explain", "a.example.com")],
      ] as const
    ) {
      assertStringIncludes(text, `run ${command}`, where);
      assertStringIncludes(text, lastDay, where);
    }
    assertStringIncludes(
      (await sidecar.ask("/metrics")).text,
      `kontena_certificate_by_hand_until_seconds{subject="a.example.com",secret="LE_CERTIFICATE_a_example_com",` +
        `command="${command}"} ${Date.parse(`${lastDay}Z`) / 1_000}\n`,
    );

    // The CA forgets an authorization within weeks; here a person does.
    await sidecar.ok("certificate", "domain-authorization", "remove", "--force", "a.example.com");
    const record = await authorize(sidecar, "a.example.com", "--lb-link", "infra/lb");
    const asked = ordersAt(authority);
    const looks = dns.asked.length;
    await until("the record was looked for again and again", () => dns.asked.length >= looks + 3 || undefined);
    assertEquals(ordersAt(authority), asked, "nothing is asked of the CA while the record is missing");

    set(record);
    await until("the second one is served", () => told(sidecar, "certificate.served")[1]);
    assertNotEquals(await served(), before);
    assertEquals(authority.certificates.length, 2);

    const all = ordersAt(authority);
    const again = await sidecar.ok("certificate", "get", "a.example.com");
    assertEquals(again.replace(/until: \S+/, ""), printed.replace(/until: \S+/, ""));
    assertEquals([ordersAt(authority), authority.certificates.length], [all, 2], "the CA is not asked again");
    assertEquals((await sidecar.ok("certificate", "list")).includes("by hand"), false);
    assertEquals(await sidecar.stop(), 0);
  },
});

/** A window that was over before it was told, as for what is revoked. */
const PAST = JSON.stringify({ suggestedWindow: { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" } });

/** How many requests there were that are about orders, and not about renewal, accounts or the clock. */
function ordersAt({ log }: TestAuthority): number {
  return log.filter(({ endpoint }) => !ASIDE.includes(endpoint ?? "")).length;
}

const ASIDE = ["directory", "newNonce", "renewalInfo"];

function told(sidecar: TestSidecar, event: string): readonly string[] {
  return sidecar.events().filter((it) => it["event"] === event).map((it) => String(it["message"]));
}

async function authorize(sidecar: TestSidecar, name: string, ...options: readonly string[]): Promise<string> {
  const shown = await sidecar.ok("certificate", "authorize", "--auth-type", "dns-01", ...options, name);
  assert(shown.startsWith("Authorization successfully created. Use the following details to create necessary "));
  return shown;
}

function recordsIn(text: string): readonly { readonly name: string; readonly content: string }[] {
  return [...text.matchAll(RECORD)].map(([, name = "", content = ""]) => ({ name, content }));
}

/** Sets what was printed, and nothing else. */
async function setRecords(pebble: Pebble, text: string): Promise<void> {
  for (const { name, content } of recordsIn(text)) await pebble.setTxt(name, content);
}
