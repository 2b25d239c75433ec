import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { probe } from "../../plugin/net/tls_probe.ts";
import { startAuthority } from "../ca/mod.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { has, until } from "../support/process.ts";
import { ROOT, startSidecarProcess } from "../support/sidecar.ts";

/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;
const NAME = "api.example.com";
const PAGE = "https://ca.example/incident";

/** Windows that were over before they were told, as for what is revoked. */
const PAST = JSON.stringify({
  suggestedWindow: { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" },
  explanationURL: PAGE,
});

Deno.test({
  name:
    "F-121: a window that the CA moves into the past is renewed at once, as a replacement, and served [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using haproxy = await startHaproxy();
    const replaced: unknown[] = [];
    await using authority = await startAuthority({
      tlsPort: haproxy.httpsPort,
      httpPort: haproxy.httpPort,
      faults: {
        endpoint: {
          async after(response, { endpoint }): Promise<Response> {
            if (endpoint === "newOrder") replaced.push((await response.clone().json()).replaces);
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
        CERTIFICATES: NAME,
        LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
      },
      program: HASTY,
    });
    const served = async (): Promise<string> => {
      const port = haproxy.httpsPort;
      return (await probe({ hostname: "127.0.0.1", port }, { serverName: NAME }, CALL)).fingerprint;
    };
    const events = (name: string): readonly string[] =>
      sidecar.events().filter((it) => it["event"] === name).map((it) => String(it["message"]));
    await until("the CA has named a window", () => events("renewal.window")[0]);
    const before = await served();
    const [first] = authority.certificates;
    assert(first !== undefined);
    assertMatch(await sidecar.ok("certificate", "show", NAME), /\n {2}renewal: \d{4}-.*Z \(window of the CA\)\n/);

    authority.setRenewalInfo(first.serial, PAST);
    await until("the second certificate is served", () => events("certificate.served")[1]);

    assertNotEquals(await served(), before);
    assertEquals(replaced, [undefined, first.certId]);
    assertEquals(authority.certificates.length, 2);
    assertStringIncludes(events("renewal.recalled")[0] ?? "", `at once, planned at `);
    assertStringIncludes(events("renewal.recalled")[0] ?? "", `; see ${PAGE}`);
    const metrics = (await sidecar.ask("/metrics")).text;
    assertStringIncludes(metrics, `kontena_certificate_recalled_total{subject="${NAME}"} 1\n`);
    assertEquals(await sidecar.stop(), 0);
  },
});
