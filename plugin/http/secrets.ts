import type { Context } from "hono";
import * as v from "valibot";
import { parseSecretName, type Secret, type SecretName, SidecarError } from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { NOTHING, SECRET, SECRET_VALUE } from "./answers.ts";
import { invalid, notFound } from "./errors.ts";
import { callOf, type Face } from "./face.ts";
import { pathPart, type Route, taking } from "./route.ts";
import { putSecretBody, secretBody } from "./schemas.ts";
import { secretShape, secretValueShape, type Shape } from "./shapes.ts";

const tag = "Secrets";

/** The vault. Every access to a value leaves an event with the secret's name alone. */
export function secrets({ vault, events, grid, normalise, checkSecret }: Face): readonly Route[] {
  const updating = taking(putSecretBody, put);
  const putAnswers = {
    200: { description: "Updated", schema: SECRET },
    201: { description: "Created, with `upsert`", schema: SECRET },
    404: { description: "There is none, and no `upsert`" },
  };
  return [
    {
      method: "get",
      path: "/v1/grids/:grid/secrets",
      summary: "List the secrets, without values",
      tag,
      answers: { 200: { description: "All", schema: v.strictObject({ secrets: v.array(SECRET) }) } },
      async handle(c): Promise<Response> {
        const entries = await vault.list(callOf(c));
        return c.json({ secrets: entries.map((entry) => secretShape(grid, entry)) });
      },
    },
    {
      method: "post",
      path: "/v1/grids/:grid/secrets",
      summary: "Write a new secret",
      tag,
      answers: { 201: { description: "Created", schema: SECRET } },
      ...taking(secretBody, async (c, body) => {
        return c.json(await create(c, parseSecretName(body.name), body.value), 201);
      }),
    },
    {
      method: "get",
      path: "/v1/secrets/:grid/:name",
      summary: "Read a secret with its value; it is logged",
      tag,
      answers: { 200: { description: "The secret", schema: SECRET_VALUE } },
      async handle(c): Promise<Response> {
        const name = parseSecretName(pathPart(c, "name"));
        const secret = await existing(c, name);
        tell("secret.read", `Secret ${name} was read`, name);
        return c.json(secretValueShape(grid, name, secret));
      },
    },
    {
      method: "put",
      path: "/v1/secrets/:grid/:name",
      summary: "Write a new value of a secret",
      tag,
      answers: putAnswers,
      ...updating,
    },
    {
      method: "put",
      path: "/v1/grids/:grid/secrets/:name",
      summary: "Write a new value of a secret",
      tag,
      deprecated: true,
      answers: putAnswers,
      ...updating,
    },
    {
      method: "delete",
      path: "/v1/secrets/:grid/:name",
      summary: "Remove a secret and its earlier versions",
      tag,
      answers: { 200: { description: "Removed", schema: NOTHING } },
      async handle(c): Promise<Response> {
        const name = parseSecretName(pathPart(c, "name"));
        if (!await vault.remove(name, callOf(c))) throw notFound();
        tell("secret.removed", `Secret ${name} was removed`, name);
        return c.json({});
      },
    },
  ];

  async function put(c: Context, body: v.InferOutput<typeof putSecretBody>): Promise<Response> {
    const path = pathPart(c, "name");
    const name = parseSecretName(path);
    const current = await vault.read(name, callOf(c));
    if (current !== undefined) return c.json(await update(c, name, current, body.value));
    if (body.upsert !== true) return c.body(null, 404); // without a body, as the original
    return c.json(await create(c, parseSecretName(body.name ?? path), body.value), 201);
  }

  async function create(c: Context, name: SecretName, value: string): Promise<Shape> {
    const kept = await checked(name, value);
    try {
      await vault.write([{ name, value: kept, ifVersion: 0 }], callOf(c));
    } catch (error) {
      if (error instanceof SidecarError && error.code === "CONFLICT") throw invalid({ name: "is already taken" });
      throw error;
    }
    tell("secret.written", `Secret ${name} was created`, name);
    return await shapeOf(c, name);
  }

  async function update(c: Context, name: SecretName, current: Secret, value: string): Promise<Shape> {
    const kept = await checked(name, value);
    // the same value again changes nothing, so nobody is woken by it
    if (kept !== current.value) {
      await vault.write([{ name, value: kept }], callOf(c));
      tell("secret.written", `Secret ${name} was updated`, name);
    }
    return await shapeOf(c, name);
  }

  async function checked(name: SecretName, value: string): Promise<string> {
    const kept = normalise(value, "value");
    await checkSecret?.(name, kept);
    return kept;
  }

  async function shapeOf(c: Context, name: SecretName): Promise<Shape> {
    const { createdAt, updatedAt } = await existing(c, name);
    return secretShape(grid, { name, createdAt, ...given("updatedAt", updatedAt) });
  }

  async function existing(c: Context, name: SecretName): Promise<Secret> {
    const secret = await vault.read(name, callOf(c));
    if (secret === undefined) throw notFound();
    return secret;
  }

  function tell(event: string, text: string, secret: SecretName): void {
    events.emit({ level: "info", name: event, text, fields: { secret } });
  }
}
