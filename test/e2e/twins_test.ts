import { assert, assertEquals, assertMatch, assertNotEquals, assertStringIncludes } from "@std/assert";
import { probe, type Probed } from "../../plugin/net/tls_probe.ts";
import { startAuthority } from "../ca/mod.ts";
import { CALL } from "../support/fakes.ts";
import { startHaproxy } from "../support/haproxy.ts";
import { has, until } from "../support/process.ts";
import { ROOT, startSidecarProcess, type TestSidecar } from "../support/sidecar.ts";
import { e2e, openssl, startStage } from "../support/stage.ts";
import { filesIn } from "../support/wired.ts";

/** A minute passes in a second there. */
const HASTY = `${ROOT}test/support/hasty_sidecar.ts`;
const NAME = "api.example.com";
const FILE = "LE_CERTIFICATE_api_example_com";
const BOTH = "ec-256 rsa-2048";

/** A window that was over before it was told, as for what is revoked. */
const PAST = JSON.stringify({ suggestedWindow: { start: "2026-01-01T00:00:00Z", end: "2026-01-02T00:00:00Z" } });

/** The fingerprints of what clients of each kind get: those that take only ECDSA, only RSA, and both. */
interface Seen {
  readonly ecdsa: string;
  readonly rsa: string;
  readonly any: string;
}

async function seen(port: number): Promise<Seen> {
  const of = async (signatures: "ecdsa" | "rsa" | "any"): Promise<string> => (await ask(port, signatures)).fingerprint;
  return { ecdsa: await of("ecdsa"), rsa: await of("rsa"), any: await of("any") };
}

function ask(port: number, signatures: "ecdsa" | "rsa" | "any"): Promise<Probed> {
  return probe({ hostname: "127.0.0.1", port }, { serverName: NAME, signatures }, CALL);
}

/** The fingerprints that the sidecar holds. */
async function held(sidecar: TestSidecar): Promise<Seen> {
  const shown = JSON.parse((await sidecar.ask(`/v1/certificates/default/${NAME}`)).text);
  const { fingerprint, second_kind: { fingerprint: rsa } } = shown;
  assertEquals([shown.key_type, shown.second_kind.key_type], ["ec-256", "rsa-2048"]);
  return { ecdsa: fingerprint, rsa, any: fingerprint };
}

/** What another client than ours says of the server's key, by the signatures that it takes. */
async function opensslSees(port: number, version: "tls1_2" | "tls1_3", signatures: string): Promise<string> {
  const target = ["-connect", `127.0.0.1:${port}`, "-servername", NAME];
  const output = await openssl("s_client", ...target, `-${version}`, "-sigalgs", signatures);
  assertMatch(output, new RegExp(`subject=CN ?= ?${NAME}\n`));
  return /Peer signature type: (\S+)/.exec(output)?.[1] ?? output;
}

async function checkOpenssl(port: number): Promise<void> {
  for (const version of ["tls1_2", "tls1_3"] as const) {
    assertEquals(await opensslSees(port, version, "ecdsa_secp256r1_sha256"), "ECDSA");
    // HAProxy knows a client that takes RSA by PKCS #1, which those that take PSS offer as well (RFC 8446 §9.1).
    assertEquals(await opensslSees(port, version, "rsa_pss_rsae_sha256:rsa_pkcs1_sha256"), "RSA-PSS");
  }
}

for (const mode of ["directory", "crt-list"] as const) {
  e2e(`one line in KEY_TYPE, and each client gets the certificate that it can take: ${mode}`, async () => {
    await using stage = await startStage({ haproxy: { mode } });
    const { haproxy, challengePort } = stage;
    const port = haproxy.httpsPort;
    await using sidecar = await startSidecarProcess({
      challengePort,
      env: { ...stage.env, ACME_AGREE_TOS: "true", KEY_TYPE: BOTH },
    });

    const requested = await sidecar.ok("certificate", "request", NAME, `www.${NAME}`);
    assertMatch(requested, /^Certificate for api\.example\.com,www\.api\.example\.com is valid until: /);
    assertMatch(
      requested,
      new RegExp(`\nBeside it one with an rsa-2048 key .*, kept as ${FILE}_RSA_BUNDLE\nServed by infra/lb: `),
    );
    const first = await held(sidecar);
    assertNotEquals(first.ecdsa, first.rsa);
    assertEquals(await seen(port), first);
    await checkOpenssl(port);

    await haproxy.reload();
    assertEquals(await seen(port), first);

    await sidecar.ok("certificate", "request", NAME, `www.${NAME}`);
    const second = await held(sidecar);
    assert(second.ecdsa !== first.ecdsa && second.rsa !== first.rsa, "both are new");
    assertEquals(await seen(port), second);
    await haproxy.reload();
    assertEquals(await seen(port), second);
    await checkOpenssl(port);
    assertMatch(await sidecar.ok("certificate", "ls"), /SECOND_KIND\n⊛ api\.example\.com .* true +rsa-2048: \d+ days/);

    await sidecar.ok("certificate", "rm", "--force", NAME);
    for (const kind of ["ecdsa", "rsa"] as const) {
      const now = await ask(port, kind).then((it) => it.fingerprint, () => "nobody"); // the placeholder is of one kind
      assert(now !== second[kind], `${kind} is still served`);
    }
    assert(!(await haproxy.ask("show ssl cert")).includes(FILE));
    assertEquals(filesIn(haproxy.certs).filter((it) => it.includes(FILE)), []);
    assert(!(await sidecar.ok("vault", "ls")).includes(FILE));
    assertEquals((await haproxy.check()).code, 0);
    assertEquals(await sidecar.stop(), 0);
  });
}

Deno.test({
  name: "a second kind that fails leaves the first in service and comes later; each is renewed alone [needs haproxy]",
  ignore: !has("haproxy"),
  async fn(): Promise<void> {
    await using haproxy = await startHaproxy();
    const port = haproxy.httpsPort;
    let finalized = 0;
    await using authority = await startAuthority({
      tlsPort: port,
      httpPort: haproxy.httpPort,
      orderReuse: true,
      hooks: {
        endpoint: {
          before: ({ endpoint }) => {
            if (endpoint !== "finalize" || ++finalized !== 2) return undefined;
            const problem = { type: "urn:ietf:params:acme:error:badCSR", detail: "no RSA today", status: 400 };
            const headers = { "content-type": "application/problem+json" };
            return new Response(JSON.stringify(problem), { status: 400, headers });
          },
          async after(response, { endpoint }): Promise<Response> {
            if (endpoint !== "renewalInfo") return response;
            const headers = new Headers(response.headers);
            headers.set("retry-after", "60"); // a second, to a sidecar in a hurry
            return new Response(await response.arrayBuffer(), { status: response.status, headers });
          },
        },
      },
    });
    await using sidecar = await startSidecarProcess({
      env: {
        ACME_DIRECTORY_URL: authority.directory.href,
        ACME_AGREE_TOS: "true",
        LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
        KEY_TYPE: BOTH,
      },
      program: HASTY,
    });
    const count = (event: string): number => sidecar.events().filter((it) => it["event"] === event).length;

    const requested = await sidecar.kontena("certificate", "request", NAME);
    assertEquals(requested.code, 0, requested.stderr);
    assertMatch(
      requested.stderr,
      /Warning: One with an rsa-2048 key beside it is not there yet: .*no RSA today.*\(tried again /,
    );
    const { fingerprint } = await ask(port, "ecdsa");
    await until("the second kind is served", () => count("certificate.served") >= 2, 30_000);
    const first = await held(sidecar);
    assertEquals([first.ecdsa, await seen(port)], [fingerprint, first]);
    assertEquals(authority.certificates.length, 2);

    await until("the CA has named both windows", () => count("renewal.window") >= 2, 30_000);
    const rsa = authority.certificates[1];
    assert(rsa !== undefined);
    authority.setRenewalInfo(rsa.serial, PAST);
    await until("the second kind is renewed", () => count("certificate.served") >= 3, 30_000);
    const second = await held(sidecar);
    assertEquals([second.ecdsa, await seen(port)], [first.ecdsa, second]);
    assertNotEquals(second.rsa, first.rsa);
    assertEquals(authority.certificates.length, 3);
    assertStringIncludes(
      await sidecar.ok("certificate", "explain", NAME),
      "Beside it there is one with an rsa-2048 key",
    );
    assertEquals(await sidecar.stop(), 0);
  },
});
