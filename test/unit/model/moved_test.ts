import { assertEquals } from "@std/assert";
import { hasMoved, isWantedAt } from "../../../src/model/moved.ts";
import { parseDnsNames } from "../../../src/model/dns_name.ts";
import type { DeploymentRecord, Intent } from "../../../src/model/records.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";

const SECRET = parseSecretName("A");

function served(balancer: string, fingerprint = "new"): DeploymentRecord {
  return { balancer, secretName: SECRET, fingerprint, at: new Date(), state: "served", shadowed: [] };
}

function held(balancer: string): DeploymentRecord {
  const at = new Date();
  return { balancer, secretName: SECRET, fingerprint: "new", at, state: "held", reason: "no", until: at };
}

const MOVED: readonly (readonly [string, readonly string[], readonly DeploymentRecord[], boolean])[] = [
  ["the only other serves it", ["one"], [served("one"), served("old", "former")], true],
  ["both others serve it", ["one", "two"], [served("one"), served("two")], true],
  ["one of the others was never given it", ["one", "two"], [served("one")], false],
  ["the other holds it back", ["one"], [held("one")], false],
  ["the other serves an earlier version", ["one"], [served("one", "former")], false],
  ["it is linked still", ["one", "old"], [served("one"), served("old")], false],
  ["it is linked with none", [], [served("old")], false],
];
for (const [why, links, deployments, expected] of MOVED) {
  Deno.test(`hasMoved() is ${expected} where ${why}`, () => {
    assertEquals(hasMoved("old", links, "new", deployments), expected);
  });
}

Deno.test("isWantedAt() is true of the same certificate, and of the one that it stands beside", () => {
  const intent = (secretName: string, ...balancers: readonly string[]): Intent => ({
    names: parseDnsNames(["a.example.com"]),
    keyType: "ec-256",
    secretName: parseSecretName(secretName),
    certType: "fullchain",
    balancers,
  });
  const twin = { ...intent("A_RSA"), twinOf: SECRET };

  assertEquals(isWantedAt("old", intent("A"), [intent("B", "old"), intent("A", "one")]), false);
  assertEquals(isWantedAt("old", intent("A"), [intent("A", "one", "old")]), true);
  assertEquals([isWantedAt("old", twin, [intent("A", "old")]), isWantedAt("old", intent("A"), [twin])], [true, false]);
});
