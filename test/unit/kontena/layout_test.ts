import { assert, assertEquals } from "@std/assert";
import { freezingKeys, nextRevision, revisionKey, routeService } from "../../../plugin/kontena/layout.ts";

for (
  const [settings, next] of [
    [undefined, "# rev 1"],
    ["", "# rev 1"],
    ["# rev 1", "# rev 2"],
    ["# rev 41 of something else", "# rev 42"],
    ["somebody's own line", "# rev 1"],
  ] as const
) {
  Deno.test(`nextRevision() after ${JSON.stringify(settings)} is ${next}`, () => {
    assertEquals(nextRevision(settings), next);
  });
}

Deno.test("the service of the route sorts before every name that Kontena gives a service", () => {
  const ours = routeService("infra/lb").split("/").at(-1) ?? "";
  for (const name of ["0", "00-first", "0a", "1-one", "A", "_", "a-a", "acme"]) {
    assert(name === "0" || ours < name, `${ours} < ${name}`);
  }
  assertEquals(revisionKey("lb"), "/kontena/haproxy/lb/services/kontena-certificates/custom_settings");
});

Deno.test("freezingKeys() finds the health check of a tcp service, and of nothing else", () => {
  const root = "/kontena/haproxy/infra/lb";
  const keys = [
    `${root}/tcp-services/db/health_check_uri`,
    `${root}/services/web/health_check_uri`,
    `${root}/tcp-services/db`,
  ];
  assertEquals(freezingKeys(keys.map((key) => ({ key }))), keys.slice(0, 1));
});
