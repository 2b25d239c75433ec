import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startHaproxy } from "../support/haproxy.ts";
import { PEBBLE_PROGRAMS, startPebble } from "../support/pebble.ts";
import { freePort, has } from "../support/process.ts";
import { startSidecarProcess } from "../support/sidecar.ts";

Deno.test({
  name:
    "names in, certificate served: register, authorize, get, as the documentation prints it [needs haproxy, pebble]",
  ignore: !has(...PEBBLE_PROGRAMS, "haproxy"),
  fn: async () => {
    const challengePort = freePort();
    await using haproxy = await startHaproxy({ sidecarPort: challengePort });
    await using pebble = await startPebble({ httpPort: haproxy.httpPort, tlsPort: haproxy.httpsPort, nonceReject: 20 });
    await using sidecar = await startSidecarProcess({
      challengePort,
      env: {
        ACME_DIRECTORY_URL: pebble.directory.href,
        ACME_CA_FILE: pebble.caFile,
        LOAD_BALANCERS: `infra/lb=${haproxy.url()}`,
        DNS_RESOLVERS: pebble.dns,
      },
    });

    assertStringIncludes(
      await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com"),
      "Email registered to LetsEncrypt",
    );
    const first = await sidecar.ok(
      "certificate",
      "authorize",
      "--auth-type",
      "tls-alpn-01",
      "--lb-link",
      "infra/lb",
      "api.example.com",
    );
    assertStringIncludes(
      first,
      "Point the public DNS A record of api.example.com to the public IP address(es) of the infra/lb",
    );
    await sidecar.ok("certificate", "authorize", "--auth-type", "http-01", "--lb-link", "infra/lb", "www.example.com");
    const got = await sidecar.ok(
      "certificate",
      "get",
      "--secret-name",
      "SSL_CERT_LE_TEST",
      "api.example.com",
      "www.example.com",
    );

    assertStringIncludes(got, "SSL_CERT_LE_TEST_BUNDLE");
    assertMatch(got, /Served by infra\/lb/);
    assertEquals((await haproxy.check()).code, 0);
  },
});
