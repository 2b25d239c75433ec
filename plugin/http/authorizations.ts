import { type Context, Hono } from "hono";
import { type AuthorizationRecord, type Authorized, parseChallengeType, parseDnsName } from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { invalid, notFound } from "./errors.ts";
import { balancerOf, callOf, type Face } from "./face.ts";
import { authorizationBody, authorizeBody, putAuthorizationBody, readBody } from "./schemas.ts";
import { authorizationShape, challengeOpts, earlyAuthorizationShape, type Shape } from "./shapes.ts";

/** Domain authorizations, below `/v1`. */
export function authorizations({ service, grid, clock }: Face): Hono {
  const app = new Hono();

  app.get("/grids/:grid/domain_authorizations", async (c) => {
    return c.json({ domain_authorizations: await list(c, authorizationShape) });
  });
  app.post("/grids/:grid/domain_authorizations", async (c) => {
    const body = await readBody(c.req, authorizationBody);
    const { record } = await authorize(c, { ...body, link: body.linked_service ?? body.lb_link });
    return c.json(await authorizationShape(grid, record, clock.now()), 201);
  });

  app.get("/domain_authorizations/:grid", async (c) => {
    return c.json({ domain_authorizations: await list(c, earlyAuthorizationShape) });
  });
  app.put("/domain_authorizations/:grid/:domain", async (c) => {
    const body = await readBody(c.req, putAuthorizationBody);
    const domain = c.req.param("domain");
    if (body.domain && parseDnsName(body.domain) !== parseDnsName(domain)) {
      throw invalid({ domain: "Domain differs from the one in the path" });
    }
    const { record } = await authorize(c, { ...body, domain, link: body.lb_link ?? body.linked_service });
    return c.json(await earlyAuthorizationShape(grid, record, clock.now()));
  });
  app.get("/domain_authorizations/:grid/:domain", async (c) => {
    const name = parseDnsName(c.req.param("domain"));
    const record = (await service.authorizations(callOf(c))).find((it) => it.name === name);
    if (record === undefined) throw notFound("Domain authorization not found)"); // the bracket is the original's
    return c.json(await authorizationShape(grid, record, clock.now()));
  });

  // the first Kontena's: dns-01 alone
  app.post("/certificates/:grid/authorize", async (c) => {
    const { record } = await authorize(c, await readBody(c.req, authorizeBody));
    return c.json(await challengeOpts(record), 201);
  });

  function authorize(c: Context, wanted: Wanted): Promise<Authorized> {
    return service.authorize({
      domain: parseDnsName(wanted.domain),
      type: parseChallengeType(wanted.authorization_type ?? "dns-01"),
      ...given("balancer", balancerOf(wanted.link)),
    }, callOf(c));
  }

  async function list(c: Context, shape: ToShape): Promise<readonly Shape[]> {
    const records = await service.authorizations(callOf(c));
    return await Promise.all(records.map((record) => shape(grid, record, clock.now())));
  }

  return app;
}

interface Wanted {
  readonly domain: string;
  readonly authorization_type?: string | null | undefined;
  readonly link?: string | null | undefined;
}

type ToShape = (grid: string, record: AuthorizationRecord, now: Date) => Promise<Shape>;
