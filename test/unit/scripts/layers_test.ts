import { assertEquals, assertStringIncludes } from "@std/assert";
import { roomOf, ROOMS, violations } from "../../../scripts/layers.ts";

for (
  const [path, room] of [
    ["mod.ts", "mod.ts"],
    ["src/ports.ts", "src/ports.ts"],
    ["src/acme/wire/order.ts", "src/acme/"],
    ["plugin/main.ts", "plugin/main.ts"],
    ["plugin/config.ts", "plugin/*"],
    ["plugin/haproxy/socket.ts", "plugin/haproxy/"],
    ["test/ca/server.ts", "test/ca/"],
    ["test/lb/render.ts", "test/lb/"],
    ["test/unit/model/order_test.ts", "test/"],
    ["src/new/thing.ts", undefined],
    ["plugin/new/thing.ts", undefined],
    ["src/thing.ts", undefined],
  ] as const
) {
  Deno.test(`roomOf() puts ${path} into ${room ?? "no room"}`, () => {
    assertEquals(roomOf(path)?.path, room);
  });
}

for (
  const [from, to] of [
    ["mod.ts", "src/flow/service.ts"],
    ["src/model/order.ts", "src/model/dns_name.ts"],
    ["src/ports.ts", "src/model/order.ts"],
    ["src/x509/csr.ts", "pkijs"],
    ["src/x509/keys.ts", "node:crypto"],
    ["src/acme/jws.ts", "jose"],
    ["src/flow/issue.ts", "src/vault/certificate_secrets.ts"],
    ["plugin/http/api.ts", "hono"],
    ["plugin/haproxy/balancer.ts", "plugin/net/probe.ts"],
    ["plugin/haproxy/balancer.ts", "node:net"],
    ["plugin/cli/main.ts", "src/model/errors.ts"],
    ["plugin/main.ts", "plugin/sqlite/vault.ts"],
    ["test/ca/server.ts", "hono"],
    ["test/unit/x_test.ts", "src/vault/memory_vault.ts"],
    ["scripts/build.ts", "esbuild"],
  ] as const
) {
  Deno.test(`violations() lets ${from} import ${to}`, () => {
    assertEquals(violations([{ from, to }]), []);
  });
}

for (
  const [from, to] of [
    ["src/model/plan.ts", "src/flow/poll.ts"],
    ["src/model/order.ts", "src/ports.ts"],
    ["src/model/order.ts", "node:crypto"],
    ["src/ports.ts", "src/acme/client.ts"],
    ["src/x509/csr.ts", "jose"],
    ["src/acme/jws.ts", "pkijs"],
    ["src/acme/client.ts", "src/x509/keys.ts"],
    ["src/acme/client.ts", "node:fs"],
    ["src/vault/seal.ts", "src/ledger/records.ts"],
    ["src/flow/issue.ts", "src/acme/client.ts"],
    ["src/flow/issue.ts", "src/vault/memory_vault.ts"],
    ["src/flow/issue.ts", "src/ledger/memory_ledger.ts"],
    ["src/flow/issue.ts", "mod.ts"],
    ["src/flow/issue.ts", "plugin/config.ts"],
    ["mod.ts", "plugin/main.ts"],
    ["mod.ts", "jose"],
    ["mod.ts", "https://example.com/mod.ts"],
    ["plugin/haproxy/balancer.ts", "plugin/sqlite/vault.ts"],
    ["plugin/haproxy/balancer.ts", "src/flow/deploy.ts"],
    ["plugin/cli/main.ts", "mod.ts"],
    ["plugin/cli/main.ts", "plugin/http/api.ts"],
    ["plugin/http/api.ts", "@peculiar/x509"],
    ["plugin/config.ts", "plugin/main.ts"],
    ["test/ca/server.ts", "src/acme/jws.ts"],
    ["test/ca/server.ts", "test/support/process.ts"],
    ["plugin/main.ts", "scripts/build.ts"],
    ["plugin/main.ts", "test/support/process.ts"],
  ] as const
) {
  Deno.test(`violations() does not let ${from} import ${to}`, () => {
    const found = violations([{ from, to }]);
    assertEquals(found.length, 1);
    assertStringIncludes(found[0] ?? "", `${from} imports ${to}, but`);
  });
}

Deno.test("violations() names a file that is in no room, as importer and as imported", () => {
  assertEquals(violations([{ from: "src/new/a.ts", to: "src/model/order.ts" }]), [
    "src/new/a.ts is in no room of scripts/layers.ts",
  ]);
  assertEquals(violations([{ from: "plugin/main.ts", to: "plugin/new/a.ts" }]), [
    "plugin/new/a.ts is in no room of scripts/layers.ts",
  ]);
});

Deno.test("violations() says what a room may import, each violation once", () => {
  const wrong = { from: "src/acme/jws.ts", to: "pkijs" };
  assertEquals(violations([wrong, wrong]), [
    "src/acme/jws.ts imports pkijs, but src/acme/ may import src/model/, src/ports.ts, jose",
  ]);
});

Deno.test("ROOMS has each room once", () => {
  assertEquals(new Set(ROOMS.map(({ path }) => path)).size, ROOMS.length);
});
