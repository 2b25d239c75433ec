import { assert, assertEquals } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import { keeper } from "../../../src/flow/keeper.ts";
import { deploymentId } from "../../../src/ledger/records.ts";
import { parseDnsName, parseDnsNames } from "../../../src/model/dns_name.ts";
import { defaultSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { harness } from "../../support/flow_harness.ts";
import { longRun } from "../../support/long_run.ts";

const DAY = 86_400_000;

Deno.test("the ledger does not grow over years in which certificates come and go", async () => {
  const run = await longRun(2, 40 * DAY);
  const until = async (years: number): Promise<Readonly<Record<string, number>>> => {
    while (run.years() < years) await run.round();
    return await run.entries();
  };
  const [early, late] = [await until(1.5), await until(3)];
  for (const [table, count] of Object.entries(late)) {
    const before = early[table] ?? 0;
    assert(count <= before + 2, `${table}: ${before} entries, a year and a half later ${count}`);
  }
});

Deno.test("what is known of a certificate and a balancer that are gone is forgotten after a year, and nothing that is wanted", async () => {
  const { service, records, parts, clock } = await harness();
  const keep = keeper(parts, service, presentedAnswers(parts), []);
  await service.request({ domains: parseDnsNames(["kept.example.com"]) }, CALL);
  await service.request({ domains: parseDnsNames(["gone.example.com"]) }, CALL);
  await service.removeCertificate("gone.example.com", { force: true }, CALL);
  const [kept, gone] = ["kept.example.com", "gone.example.com"].map((it) => defaultSecretName(parseDnsName(it)));
  const served = (await records.deployments.list(CALL))[0]!.value;
  await records.deployments.put(deploymentId("former", kept!), { ...served, balancer: "former" }, CALL);
  for (const name of [kept!, gone!]) await records.attempts.put(name, { failures: 1, lastAt: clock.now() }, CALL);
  const known = async (): Promise<readonly (readonly string[])[]> => [
    (await records.authorizations.list(CALL)).map((it) => it.value.name),
    (await records.attempts.list(CALL)).map((it) => it.id),
    (await records.deployments.list(CALL)).map((it) => it.value.balancer),
  ];

  clock.move(364 * DAY);
  await keep.look(CALL);
  assertEquals(await known(), [["gone.example.com", "kept.example.com"], [gone!, kept!], ["former", "infra/lb"]]);
  clock.move(400 * DAY);
  await keep.look(CALL);

  assertEquals(await known(), [["kept.example.com"], [kept!], ["infra/lb"]]);
});
