import { assertEquals, assertMatch } from "@std/assert";
import { complaint, healthUrl } from "../../../plugin/health_check.ts";
import { openDoor } from "../../../plugin/door.ts";

for (
  const [listen, url] of [
    ["127.0.0.1:9292", "http://127.0.0.1:9292/health"],
    ["0.0.0.0:9292", "http://127.0.0.1:9292/health"],
    [":9000", "http://127.0.0.1:9000/health"],
    ["[::]:9292", "http://[::1]:9292/health"],
    ["[2001:db8::7]:9292", "http://[2001:db8::7]:9292/health"],
    ["10.0.0.7:9292", "http://10.0.0.7:9292/health"],
  ] as const
) {
  Deno.test(`healthUrl() asks who listens on ${listen} at ${url}`, () => assertEquals(healthUrl(listen).href, url));
}

Deno.test("complaint() has none about a sidecar that answers, and says which answer was wrong", async () => {
  await using door = openDoor("API_LISTEN", { hostname: "127.0.0.1", port: 0 });
  const at = (path: string): URL => new URL(`http://127.0.0.1:${door.port}${path}`);
  assertEquals(await complaint(at("/health")), undefined);
  door.lead(() => new Response(null, { status: 503 }));
  assertEquals(await complaint(at("/health")), `${at("/health")} answered 503`);
});

Deno.test("complaint() gives up on one that hangs, and tells of one that is not there", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const url = new URL(`http://127.0.0.1:${listener.addr.port}/health`);
  assertMatch(await complaint(url, 50) ?? "", /timeout/);
  listener.close();
  assertMatch(await complaint(url) ?? "", /^http:\S+: /);
});
