import { assertEquals } from "@std/assert";
import type { AttemptRecord, CertificateRecord, DeploymentRecord } from "../../../src/model/records.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { isSwapDue } from "../../../src/model/swap_due.ts";

const NOW = new Date("2026-06-01T12:00:00Z");
const at = (minutes: number): Date => new Date(NOW.getTime() + minutes * 60_000);

/** Stored half an hour ago, for two balancers. */
const record = { intent: { balancers: ["a", "b"] }, storedAt: at(-30) } as unknown as CertificateRecord;

const about = (
  balancer: string,
  minutes: number,
): Omit<DeploymentRecord, "state" | "shadowed" | "reason" | "until"> => ({
  balancer,
  secretName: parseSecretName("A"),
  fingerprint: "00",
  at: at(minutes),
});
const served = (balancer: string, minutes: number): DeploymentRecord => ({
  ...about(balancer, minutes),
  state: "served",
  shadowed: [],
});
const held = (balancer: string, minutes: number, until: number): DeploymentRecord => ({
  ...about(balancer, minutes),
  state: "held",
  reason: "no",
  until: at(until),
});
const rests: AttemptRecord = { failures: 1, lastAt: at(-1), nextAt: at(1) };

for (
  const [why, deployments, attempt, expected] of [
    ["both were asked since it was stored", [served("a", -30), served("b", -29)], undefined, false],
    ["one was asked for the former alone", [served("a", -30), served("b", -31)], undefined, true],
    ["one was never asked", [served("a", -30)], undefined, true],
    ["one was never asked, and the last attempt rests", [served("a", -30)], rests, false],
    ["one refused it, and its time has come", [served("a", -30), held("b", -29, 0)], undefined, true],
    ["one refused it, its time has come, and the last attempt rests", [served("a", 0), held("b", 0, 0)], rests, true],
    ["one refused it, and rests", [served("a", -30), held("b", -29, 1)], undefined, false],
  ] as const satisfies readonly (readonly [string, readonly DeploymentRecord[], AttemptRecord | undefined, boolean])[]
) {
  Deno.test(`isSwapDue(): ${why}: ${expected}`, () => {
    assertEquals(isSwapDue(record, deployments, attempt, NOW), expected);
  });
}
