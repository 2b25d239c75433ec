import { assertEquals, assertRejects } from "@std/assert";
import { balancerNews } from "../../../src/flow/balancer_news.ts";
import { type Presence, presenceOf } from "../../../src/flow/balancer_presence.ts";
import { SidecarError } from "../../../src/model/errors.ts";
import { CALL, fakeBalancer } from "../../support/fakes.ts";

/** A balancer that answers with each of these signs in turn; undefined: it does not answer. */
function answering(
  ...signs: (string | undefined)[]
): { readonly presence: Presence; readonly told: readonly string[] } {
  const told: string[] = [];
  const balancer = fakeBalancer({
    name: "lb",
    sign: ({ signal }) => {
      signal.throwIfAborted();
      const sign = signs.shift();
      return sign === undefined
        ? Promise.reject(new SidecarError("BALANCER_UNREACHABLE", "nobody listens"))
        : Promise.resolve(sign);
    },
  });
  return { presence: presenceOf(balancer, balancerNews({ emit: ({ name }) => void told.push(name) }, "lb")), told };
}

Deno.test("presenceOf() tells once that a balancer is away, and once that it is back", async () => {
  const { presence, told } = answering("one", undefined, undefined, "one", "one");
  const seen: unknown[] = [];
  for (let i = 0; i < 5; i++) {
    const sign = await presence.ask(CALL);
    seen.push([sign, presence.away, presence.sign]);
    if (sign !== undefined) presence.looked(sign);
  }
  assertEquals(seen, [
    ["one", false, undefined],
    [undefined, true, undefined],
    [undefined, true, undefined],
    ["one", false, undefined],
    ["one", false, "one"],
  ]);
  assertEquals(told, ["balancer.away", "balancer.back"]);
});

Deno.test("presenceOf() tells that a balancer was started anew, unless nothing was known of it", async () => {
  const { presence, told } = answering("one", "two", "three");
  await presence.ask(CALL);
  presence.looked("one");
  await presence.ask(CALL);
  presence.forget();
  await presence.ask(CALL);
  assertEquals(told, ["balancer.changed"]);
});

Deno.test("presenceOf() takes a call that is aborted for no sign of the balancer", async () => {
  const { presence, told } = answering("one");
  await assertRejects(() => presence.ask({ signal: AbortSignal.abort(new Error("no more")) }), Error, "no more");
  assertEquals([presence.away, told], [false, []]);
});
