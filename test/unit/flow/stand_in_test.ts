import { assertEquals } from "@std/assert";
import { deploymentId } from "../../../src/ledger/records.ts";
import type { Target } from "../../../src/model/balancer_plan.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import type { DeploymentRecord } from "../../../src/model/records.ts";
import { CALL } from "../../support/fakes.ts";
import { type Harness, harness } from "../../support/flow_harness.ts";

const LB = "infra/lb";
const NAMES = parseDnsNames(["a.example.com"]);

/** A certificate that is held at the balancer, and a version before it that the vault does not keep any more. */
async function scene(): Promise<{ readonly it: Harness; readonly held: DeploymentRecord; readonly lost: Target }> {
  const it = await harness();
  const { record: { facts, intent: { secretName } } } = await it.service.request({ domains: NAMES }, CALL);
  const until = new Date(it.clock.now().getTime() + 3_600_000);
  const held: DeploymentRecord = {
    balancer: LB,
    secretName,
    fingerprint: facts.fingerprint,
    at: it.clock.now(),
    state: "held",
    reason: "no",
    until,
    refused: [facts.fingerprint],
  };
  await it.records.deployments.put(deploymentId(LB, secretName), held, CALL);
  it.swaps.length = 0;
  const gone = { fingerprint: "lost", digest: "lost", sha1: "lost", standsIn: true } as const;
  return { it, held, lost: { secretName, family: "EC", names: NAMES, notAfter: until, ...gone } };
}

Deno.test("serveStandIn() leaves the hold as it is where the vault does not keep that version any more", async () => {
  const { it, held, lost } = await scene();
  assertEquals(await it.service.serveStandIn(LB, lost, CALL), held);
  const kept = await it.records.deployments.get(deploymentId(LB, lost.secretName), CALL);
  assertEquals([kept?.value, it.swaps], [held, []]);
});

Deno.test("serveStandIn() does nothing where the newest is served by now", async () => {
  const { it, lost } = await scene();
  await it.service.request({ domains: NAMES }, CALL);
  it.swaps.length = 0;
  assertEquals(await it.service.serveStandIn(LB, lost, CALL), undefined);
  assertEquals(it.swaps, []);
});
