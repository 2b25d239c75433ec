import { assertEquals } from "@std/assert";
import { InputError, SidecarError } from "../../../src/model/errors.ts";
import { parseSecretName } from "../../../src/model/secret_name.ts";
import { CALL } from "../../support/fakes.ts";
import { testApi } from "../../support/fake_service.ts";

const TIME = "2026-01-01T00:00:00.000+00:00";

function secret(name: string, updatedAt: string | null = null): Record<string, unknown> {
  return { id: `test/${name}`, name, created_at: TIME, updated_at: updatedAt, services: [] };
}

Deno.test("POST secret keeps the value as Kontena does, and answers without it", async () => {
  const { ask, vault, events } = testApi();
  const answer = await ask("POST", "/v1/grids/test/secrets", { name: "PASSWORD", value: " s3cret\n" });
  assertEquals([answer.status, answer.json], [201, secret("PASSWORD")]);
  assertEquals((await vault.read(parseSecretName("PASSWORD"), CALL))?.value, "s3cret");
  assertEquals(events, [{
    level: "info",
    name: "secret.written",
    text: "Secret PASSWORD was created",
    fields: { secret: "PASSWORD" },
  }]);
});

for (const [value, kept] of [[7, "7"], [true, "true"]] as const) {
  Deno.test(`POST secret takes ${value} for a text`, async () => {
    const { ask, vault } = testApi();
    assertEquals((await ask("POST", "/v1/grids/test/secrets", { name: "A", value })).status, 201);
    assertEquals((await vault.read(parseSecretName("A"), CALL))?.value, kept);
  });
}

Deno.test("POST secret refuses a name that is taken and keeps the value", async () => {
  const { ask, vault } = testApi();
  await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "first" });
  const answer = await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "second" });
  assertEquals([answer.status, answer.json], [422, { error: { name: "is already taken" }, code: "INPUT" }]);
  assertEquals((await vault.read(parseSecretName("A"), CALL))?.value, "first");
});

for (
  const [body, error] of [
    [{ value: "x" }, { name: "Name is required" }],
    [{ name: "A" }, { value: "Value is required" }],
    [{ name: "A", value: null }, { value: "Value can't be nil" }],
    [{ name: "A", value: { a: 1 } }, { value: "Value isn't a string" }],
    [{}, { name: "Name is required", value: "Value is required" }],
    [{ name: "A", value: " \n" }, { value: "Value can't be blank (give a value of one visible character or more)" }],
    [{ name: ".order-key.1", value: "x" }, {
      name:
        `Name isn't in the right format: ".order-key.1" (use letters, digits, _ and -, at most 200, not starting with -)`,
    }],
  ] as const
) {
  Deno.test(`POST secret refuses ${JSON.stringify(body)}`, async () => {
    const { ask, vault } = testApi();
    const answer = await ask("POST", "/v1/grids/test/secrets", body);
    assertEquals([answer.status, answer.json], [422, { error, code: "INPUT" }]);
    assertEquals(await vault.list(CALL), []);
  });
}

Deno.test("POST secret asks whether the value may be kept under the name", async () => {
  const { ask, vault } = testApi({}, {
    checkSecret: (name, value) =>
      Promise.reject(new InputError("value", `${name} of ${value.length} characters is not a private key`)),
  });
  const answer = await ask("POST", "/v1/grids/test/secrets", { name: "LE_PRIVATE_KEY", value: "garbage" });
  const error = { value: "LE_PRIVATE_KEY of 7 characters is not a private key" };
  assertEquals([answer.status, answer.json], [422, { error, code: "INPUT" }]);
  assertEquals(await vault.list(CALL), []);
});

Deno.test("GET secrets lists names and times without values", async () => {
  const { ask, events } = testApi();
  await ask("POST", "/v1/grids/test/secrets", { name: "B", value: "s3cret" });
  await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "s3cret" });
  await ask("PUT", "/v1/secrets/test/A", { name: "A", value: "other" });
  const before = events.length;
  assertEquals((await ask("GET", "/v1/grids/test/secrets")).json, { secrets: [secret("A", TIME), secret("B")] });
  assertEquals(events.length, before);
});

Deno.test("GET secret gives the value and leaves an event with the name alone", async () => {
  const { ask, events } = testApi();
  await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "s3cret" });
  const answer = await ask("GET", "/v1/secrets/test/A");
  assertEquals([answer.status, answer.json], [200, { ...secret("A"), value: "s3cret" }]);
  assertEquals(events.at(-1), {
    level: "info",
    name: "secret.read",
    text: "Secret A was read",
    fields: { secret: "A" },
  });
});

for (const [method, body] of [["GET", undefined], ["DELETE", undefined]] as const) {
  Deno.test(`${method} secret that there is not is 404`, async () => {
    const { ask, events } = testApi();
    const answer = await ask(method, "/v1/secrets/test/NONE", body);
    assertEquals([answer.status, answer.json], [404, { error: "Not found" }]);
    assertEquals(events, []);
  });
}

for (const path of ["/v1/secrets/test/A", "/v1/grids/test/secrets/A"]) {
  Deno.test(`PUT ${path} changes the value`, async () => {
    const { ask, vault } = testApi();
    await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "first" });
    const answer = await ask("PUT", path, { name: "A", value: "second" });
    assertEquals([answer.status, answer.json], [200, secret("A", TIME)]);
    assertEquals((await vault.read(parseSecretName("A"), CALL))?.value, "second");
  });
}

Deno.test("PUT secret writes nothing where the value stays the same", async () => {
  const { ask, vault, events } = testApi();
  await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "same" });
  assertEquals((await ask("PUT", "/v1/secrets/test/A", { value: "same\n" })).status, 200);
  assertEquals((await vault.read(parseSecretName("A"), CALL))?.version, 1);
  assertEquals(events.length, 1);
});

Deno.test("PUT secret that there is not is an empty 404", async () => {
  const answer = await testApi().ask("PUT", "/v1/secrets/test/A", { name: "A", value: "x", upsert: false });
  assertEquals([answer.status, answer.text], [404, ""]);
});

for (const [body, created] of [[{ name: "B", value: "x" }, "B"], [{ value: "x" }, "A"]] as const) {
  Deno.test(`PUT secret with upsert creates ${created} for ${JSON.stringify(body)}`, async () => {
    const answer = await testApi().ask("PUT", "/v1/secrets/test/A", { ...body, upsert: true });
    assertEquals([answer.status, answer.json], [201, secret(created)]);
  });
}

Deno.test("DELETE secret removes it", async () => {
  const { ask, vault, events } = testApi();
  await ask("POST", "/v1/grids/test/secrets", { name: "A", value: "x" });
  const answer = await ask("DELETE", "/v1/secrets/test/A");
  assertEquals([answer.status, answer.json], [200, {}]);
  assertEquals(await vault.list(CALL), []);
  assertEquals(events.at(-1)?.name, "secret.removed");
});

Deno.test("GET secret never reaches an internal record", async () => {
  const answer = await testApi().ask("GET", "/v1/secrets/test/.order-key.1");
  assertEquals(answer.status, 422);
});

Deno.test("GET secrets says that the vault is away", async () => {
  const away = (): Promise<never> => Promise.reject(new SidecarError("VAULT_UNAVAILABLE", "The vault is locked"));
  const vault = { ...testApi().vault, list: away };
  const answer = await testApi({}, { vault }).ask("GET", "/v1/grids/test/secrets");
  assertEquals([answer.status, answer.json], [503, { error: "The vault is locked", code: "VAULT_UNAVAILABLE" }]);
});
