import { assert, assertEquals, assertThrows } from "@std/assert";
import * as v from "valibot";
import { routesOf } from "../../../plugin/http/api.ts";
import { jsonSchema } from "../../../plugin/http/json_schema.ts";
import { apiOptions, readAnswer, testApi, TOKEN } from "../../support/fake_service.ts";

type Operation = Readonly<Record<string, unknown>> & { readonly responses: Readonly<Record<string, unknown>> };
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

async function document(): Promise<Document> {
  const answer = await testApi().ask("GET", "/v1/openapi.json");
  assertEquals(answer.status, 200);
  return answer.json as Document;
}

Deno.test("GET /v1/openapi.json wants the token", async () => {
  assertEquals((await readAnswer(await testApi().app.request("/v1/openapi.json"))).status, 403);
});

Deno.test("GET /v1/openapi.json has every registered route, and no other", async () => {
  const { paths, openapi } = await document();
  const registered = testApi().app.routes.filter(({ method }) => method !== "ALL")
    .map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  const described = Object.entries(paths).flatMap(([path, methods]) =>
    Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`)
  );
  assertEquals(openapi, "3.1.0");
  assertEquals(described.sort(), registered.sort());
  assertEquals(new Set(described).size, described.length);
});

Deno.test("GET /v1/openapi.json resolves all its references and names each operation once", async () => {
  const whole = await document();
  const text = JSON.stringify(whole);
  const names = [...text.matchAll(/"\$ref":"#\/components\/schemas\/(\w+)"/g)].map(([, name = ""]) => name);
  assert(names.length > 20);
  for (const name of names) assert(name in whole.components.schemas, name);
  const ids = [...text.matchAll(/"operationId":"(\w+)"/g)].map(([, id]) => id);
  assertEquals([ids.length, new Set(ids).size], [routesOf(apiOptions()).length, ids.length]);
});

Deno.test("GET /v1/openapi.json describes parameters, bodies and refusals", async () => {
  const { paths } = await document();
  const remove = paths["/v1/certificates/{grid}/{subject}"]?.["delete"];
  const parameters = remove?.["parameters"] as readonly { readonly name: string; readonly in: string }[];
  assertEquals(parameters.map((it) => `${it.in} ${it.name}`), ["path grid", "path subject", "query force"]);
  assertEquals(Object.keys(remove?.responses ?? {}), ["200", "403", "404", "default"]);

  const write = paths["/v1/grids/{grid}/secrets"]?.["post"];
  assertEquals(write?.["requestBody"], {
    required: true,
    content: {
      "application/json": {
        schema: {
          type: "object",
          properties: {
            name: { type: "string", minLength: 1 },
            value: { anyOf: [{ type: "string" }, { type: "number" }, { type: "boolean" }] },
          },
          required: ["name", "value"],
        },
      },
    },
  });
  assertEquals(Object.keys(write?.responses ?? {}), ["201", "400", "403", "404", "default"]);
  assertEquals(paths["/health"]?.["get"]?.["security"], []);
  assertEquals(paths["/v1/secrets/{grid}/{name}"]?.["put"]?.responses["404"], {
    description: "There is none, and no `upsert`",
  });
});

Deno.test("GET /v1/openapi.json holds no secret", async () => {
  assert(!JSON.stringify(await document()).includes(TOKEN));
});

for (
  const [schema, expected] of [
    [v.pipe(v.string(), v.trim(), v.nonEmpty(), v.regex(/^a$/)), { type: "string", minLength: 1, pattern: "^a$" }],
    [v.pipe(v.array(v.string()), v.nonEmpty()), { type: "array", items: { type: "string" }, minItems: 1 }],
    [v.nullish(v.pipe(v.string(), v.nonEmpty())), { type: ["string", "null"], minLength: 1 }],
    [v.nullable(v.picklist(["a"])), { anyOf: [{ type: "string", enum: ["a"] }, { type: "null" }] }],
    [v.nullable(v.union([v.null(), v.literal(1)])), {
      anyOf: [{ anyOf: [{ type: "null" }, { const: 1 }] }, { type: "null" }],
    }],
    [v.strictObject({ a: v.number(), b: v.optional(v.boolean()) }), {
      type: "object",
      properties: { a: { type: "number" }, b: { type: "boolean" } },
      required: ["a"],
      additionalProperties: false,
    }],
    [v.object({}), { type: "object", properties: {} }],
    [v.record(v.string(), v.unknown()), { type: "object", additionalProperties: {} }],
    [v.pipe(v.string(), v.description("d")), { type: "string", description: "d" }],
  ] as const
) {
  Deno.test(`jsonSchema() says ${JSON.stringify(expected)}`, () => {
    assertEquals(jsonSchema(schema), expected);
  });
}

Deno.test("jsonSchema() refuses a kind that it does not know", () => {
  assertThrows(() => jsonSchema(v.date()), TypeError, 'a schema of type "date"');
});
