import { assert, assertEquals } from "@std/assert";
import { presentedAnswers } from "../../../src/flow/answers.ts";
import type { FlowParts } from "../../../src/flow/parts.ts";
import { parseDnsName } from "../../../src/model/dns_name.ts";
import type { AuthorizationRecord } from "../../../src/model/records.ts";
import type { ChallengeSolver, Presented } from "../../../src/ports.ts";
import { CALL } from "../../support/fakes.ts";
import { harness } from "../../support/flow_harness.ts";

/** Shows something new at each `present`, as solvers do that make a certificate: only the newest is seen. */
function renewingSolver(): ChallengeSolver & { readonly shown: number[] } {
  const shown: number[] = [];
  return {
    type: "http-01",
    shown,
    async present(): Promise<Presented> {
      const mine = shown.length + 1;
      shown.push(mine);
      await new Promise((resolve) => setTimeout(resolve, 0));
      return {
        settled: () => shown.at(-1) === mine ? Promise.resolve() : Promise.reject(new Error("another answer is seen")),
        [Symbol.asyncDispose]: () => Promise.resolve(),
      };
    },
  };
}

/** The parts after a restart: one authorization waits, its answer was up. */
async function restarted(solver: ChallengeSolver): Promise<{ parts: FlowParts; record: AuthorizationRecord }> {
  const { parts, records, service } = await harness();
  await service.authorize({ domain: parseDnsName("www.example.com"), type: "http-01" }, CALL);
  const [entry] = await records.authorizations.list(CALL);
  assert(entry !== undefined);
  return { parts: { ...parts, solvers: new Map([[solver.type, solver]]) }, record: entry.value };
}

Deno.test("answers: a command that comes while a restart restores an answer joins it, and sees it settled", async () => {
  const solver = renewingSolver();
  const { parts, record } = await restarted(solver);
  const answers = presentedAnswers(parts);

  const restoring = answers.restore(CALL);
  await answers.present(record, CALL);
  await answers.settled(record, CALL);
  await restoring;
  await answers.settled(record, CALL);

  assertEquals(solver.shown.length, 1);
});

Deno.test("answers: restore() leaves alone what a command has presented already", async () => {
  const solver = renewingSolver();
  const { parts, record } = await restarted(solver);
  const answers = presentedAnswers(parts);

  await answers.present(record, CALL);
  await answers.restore(CALL);

  assertEquals(solver.shown, [1]);
});

Deno.test("answers: present() shows the answer anew once it is up: a balancer may have lost it", async () => {
  const solver = renewingSolver();
  const { parts, record } = await restarted(solver);
  const answers = presentedAnswers(parts);

  await answers.present(record, CALL);
  await answers.present(record, CALL);
  await answers.settled(record, CALL);

  assertEquals(solver.shown, [1, 2]);
});
