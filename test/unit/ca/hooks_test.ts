import { assertEquals, assertRejects } from "@std/assert";
import { type Hooks, type Met, startAuthority } from "../../ca/mod.ts";
import { byHand } from "../../support/by_hand.ts";
import { order, registered } from "../../support/order_by_hand.ts";

Deno.test("a hook at an endpoint answers instead of it, after the request was believed", async () => {
  const met: Met[] = [];
  const hooks: Hooks = {
    endpoint: {
      before(it): Response | undefined {
        met.push(it);
        return it.endpoint === "newOrder" && it.count === 1 ? new Response("busy", { status: 503 }) : undefined;
      },
    },
  };
  await using authority = await startAuthority({ hooks });
  const client = await registered(authority.directory);
  const busy = await order(client, ["a.example.com"]);
  assertEquals([busy.status, busy.text, authority.counters.orders], [503, "busy", 0]);
  assertEquals((await order(client, ["a.example.com"])).status, 201);
  const [, , , , first] = met;
  assertEquals([first!.endpoint, first!.method, first!.path], ["newOrder", "POST", "/new-order"]);
  assertEquals(client.account.endsWith(`/${first!.account}`), true);
  assertEquals((await order(client, [], {})).problem, "malformed");
});

Deno.test("a hook at the transport comes before any check, and leaves nonces alone", async () => {
  const before = ({ path, count }: Met): Response | undefined =>
    path === "/new-account" && count === 3 ? new Response("<html>", { status: 502 }) : undefined;
  await using authority = await startAuthority({ hooks: { transport: { before } } });
  const client = await byHand(authority.directory);
  const nonce = await client.nonce();
  const first = await fetch(client.directory.newAccount!, { method: "POST", body: "x" });
  assertEquals([first.status, await first.text()], [502, "<html>"]);
  assertEquals((await client.register(undefined, { header: (it) => ({ ...it, nonce }) })).status, 201);
});

Deno.test("a hook after an endpoint changes what it did say", async () => {
  const after = async (response: Response, { endpoint }: Met): Promise<Response> => {
    if (endpoint !== "order") return response;
    return new Response((await response.text()).slice(0, 10), response);
  };
  await using authority = await startAuthority({ hooks: { endpoint: { after } } });
  const client = await registered(authority.directory);
  const made = await order(client, ["a.example.com"]);
  const response = await client.post(made.headers.get("location")!).catch((error: unknown) => error);
  assertEquals(response instanceof SyntaxError, true, "the JSON is cut off");
});

Deno.test("a hook after an endpoint meets its refusals as well", async () => {
  const statuses: number[] = [];
  const after = (response: Response, { endpoint }: Met): Response => {
    if (endpoint === "newOrder") statuses.push(response.status);
    return response;
  };
  await using authority = await startAuthority({ hooks: { endpoint: { after } } });
  const client = await registered(authority.directory);
  assertEquals((await order(client, [])).problem, "malformed");
  assertEquals(statuses, [400]);
});

for (const place of ["transport", "endpoint"] as const) {
  Deno.test(`a hook at the ${place} can end the connection, after the work was done`, async () => {
    const after = (response: Response, { path }: Met): Response | "reset" => path === "/new-order" ? "reset" : response;
    await using authority = await startAuthority({ hooks: { [place]: { after } } });
    // Deno's fetch sends a POST again where a connection that was used before ends without an answer.
    using unpooled = Deno.createHttpClient({ poolMaxIdlePerHost: 0 });
    const send = ((url: string | URL, init?: RequestInit) => fetch(url, { ...init, client: unpooled })) as typeof fetch;
    const client = await registered(authority.directory, { fetch: send });
    await assertRejects(() => order(client, ["a.example.com"]), TypeError);
    const { status, endpoint, problem } = authority.log.at(-1)!;
    assertEquals([authority.counters.orders, endpoint, status, problem], [1, "newOrder", 0, undefined]);
  });
}

Deno.test("hooks draw their chance from the seed", async () => {
  const course = async (seed: string): Promise<readonly number[]> => {
    const drawn: number[] = [];
    const before = ({ random }: Met): undefined => void drawn.push(random.below(1000));
    await using authority = await startAuthority({ seed, hooks: { transport: { before } } });
    await registered(authority.directory);
    return drawn;
  };
  assertEquals(await course("one"), await course("one"));
  assertEquals(String(await course("one")) === String(await course("two")), false);
});
