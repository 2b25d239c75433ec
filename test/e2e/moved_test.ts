import { assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { startHaproxy } from "../support/haproxy.ts";
import { testPki } from "../support/pki.ts";
import { until } from "../support/process.ts";
import { startSidecarProcess } from "../support/sidecar.ts";
import { e2e, startStage } from "../support/stage.ts";

const FILE = "LE_CERTIFICATE_a_example_com.pem";

e2e("fewer names are told by the command, and another load balancer takes the former one's place", async () => {
  await using stage = await startStage();
  await using edge = await startHaproxy();
  const { haproxy, challengePort } = stage;
  const env = { ...stage.env, LOAD_BALANCERS: `${stage.env["LOAD_BALANCERS"]} edge=${edge.url()}` };
  await using sidecar = await startSidecarProcess({ env, challengePort });
  await sidecar.ok("certificate", "register", "--agree-tos", "you@example.com");
  const request = (...names: readonly string[]): Promise<string> =>
    sidecar.ok("certificate", "request", "--linked-service", "infra/lb", ...names);

  assertEquals((await request("a.example.com", "b.example.com")).includes("Warning"), false);
  assertMatch(
    await request("a.example.com"),
    /^Certificate for a\.example\.com is valid until: .*\nServed by infra\/lb: a\.example\.com\nWarning: the one before was for b\.example\.com too, and no certificate of ours is now \(names-dropped: /,
  );
  assertStringIncludes(await sidecar.ok("certificate", "show", "a.example.com"), "(names-dropped: ");

  const { certificates, keyPem } = testPki().issue(["a.example.com"]);
  const body = { certificate: certificates.join(""), private_key: keyPem, chain: [], linked_service: "edge" };
  const { status, text } = await sidecar.ask("/v1/certificates/default/a.example.com", {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
  assertEquals(status, 201, text);
  await until("the former one has given it up", async () => !(await haproxy.ask("show ssl cert")).includes(FILE));
  await until("it is told", async () => {
    const shown = await sidecar.ok("certificate", "show", "a.example.com");
    return shown.includes("- Served by edge: a.example.com\n") && !shown.includes("infra/lb");
  });
  assertEquals([(await haproxy.check()).code, (await edge.check()).code], [0, 0]);
});
