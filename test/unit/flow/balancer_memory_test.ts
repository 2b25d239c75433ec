import { assertEquals } from "@std/assert";
import { balancerMemory } from "../../../src/flow/balancer_memory.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";

const A = parseSecretName("A");
const B = parseSecretName("B");
const NOW = new Date("2026-06-01T12:00:00Z");

Deno.test("balancerMemory() knows nothing any more of what is not looked after", () => {
  const memory = balancerMemory();
  for (const name of [A, B]) {
    memory.proven(name, { fingerprint: "f", sign: "worker 1", at: NOW });
    memory.refused(name, "the balancer changed");
    memory.keeps(name, "worker 1", NOW);
  }
  memory.keepOnly(new Set([B]));
  assertEquals([[...memory.proofs.keys()], [...memory.releases.keys()]], [[B], [B]]);
  assertEquals([A, B].map((name) => memory.isKept(name, "worker 1", NOW)), [false, true]);
});

Deno.test("balancerMemory() counts how often in a row a change of the balancer let go what was then refused again", () => {
  const memory = balancerMemory();
  const counts = (["hold", "change", "change", "hold", "change", "served"] as const).map((what) => {
    if (what === "served") memory.served(A);
    else memory.refused(A, what === "change" ? "the balancer changed" : "the hold is over");
    return memory.releases.get(A);
  });
  assertEquals(counts, [0, 1, 2, 0, 1, undefined]);
});
