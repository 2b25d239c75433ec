import { type Context, Hono } from "hono";
import { parseSecretName, type Secret, type SecretName, SidecarError } from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { invalid, notFound } from "./errors.ts";
import { callOf, type Face } from "./face.ts";
import { putSecretBody, readBody, secretBody } from "./schemas.ts";
import { secretShape, secretValueShape, type Shape } from "./shapes.ts";

/** The vault, below `/v1`. Every access to a value leaves an event with the secret's name alone. */
export function secrets({ vault, events, grid, normalise, checkSecret }: Face): Hono {
  const app = new Hono();

  app.get("/grids/:grid/secrets", async (c) => {
    const entries = await vault.list(callOf(c));
    return c.json({ secrets: entries.map((entry) => secretShape(grid, entry)) });
  });
  app.post("/grids/:grid/secrets", async (c) => {
    const body = await readBody(c.req, secretBody);
    return c.json(await create(c, parseSecretName(body.name), body.value), 201);
  });

  app.get("/secrets/:grid/:name", async (c) => {
    const name = parseSecretName(c.req.param("name"));
    const secret = await existing(c, name);
    tell("secret.read", `Secret ${name} was read`, name);
    return c.json(secretValueShape(grid, name, secret));
  });
  app.put("/secrets/:grid/:name", (c) => put(c, c.req.param("name")));
  app.put("/grids/:grid/secrets/:name", (c) => put(c, c.req.param("name"))); // the older path
  app.delete("/secrets/:grid/:name", async (c) => {
    const name = parseSecretName(c.req.param("name"));
    if (!await vault.remove(name, callOf(c))) throw notFound();
    tell("secret.removed", `Secret ${name} was removed`, name);
    return c.json({});
  });

  async function put(c: Context, path: string): Promise<Response> {
    const body = await readBody(c.req, putSecretBody);
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

  return app;
}
