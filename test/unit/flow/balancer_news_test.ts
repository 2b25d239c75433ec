import { assertEquals } from "@std/assert";
import { type BalancerNews, balancerNews } from "../../../src/flow/balancer_news.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";

const A = parseSecretName("A");
const B = parseSecretName("B");

function listening(): { readonly news: BalancerNews; readonly told: readonly string[] } {
  const told: string[] = [];
  return { news: balancerNews({ emit: ({ name, text }) => void told.push(`${name} ${text}`) }, "lb"), told };
}

for (
  const [tell, name] of [
    ["failure", "reconcile.failed"],
    ["unseen", "balancer.unseen"],
  ] as const
) {
  Deno.test(`balancerNews().${tell}() tells the same once, something else at once, and it again after it was over`, () => {
    const { news, told } = listening();
    for (const text of [undefined, "one", "one", "two", undefined, "two"]) news[tell](text);
    assertEquals(told, [`${name} one`, `${name} two`, `${name} two`]);
  });
}

Deno.test("balancerNews().alarm() tells each finding about a certificate once, until it is well or gone", () => {
  const { news, told } = listening();
  const alarm = (times: number): number => {
    const before = told.length;
    for (let i = 0; i < times; i++) for (const name of [A, B]) news.alarm(name, "disk", "it is full");
    return told.length - before;
  };
  assertEquals(alarm(2), 2);
  news.calm(A);
  assertEquals(alarm(2), 1);
  news.keepOnly(new Set([B]));
  assertEquals(alarm(2), 1);
  news.alarmed(A, "somebody else said so");
  news.alarm(A, "disk", "somebody else said so");
  assertEquals(told.at(-1), "balancer.alarm lb does not serve A as it should (its file on disk): it is full");
});
