import type { Context } from "hono";
import * as v from "valibot";
import { type AuthorizationRecord, type Authorized, parseChallengeType, parseDnsName } from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { AUTHORIZATION, EARLY_AUTHORIZATION, NOTHING, TXT_RECORD } from "./answers.ts";
import { invalid, notFound, type Refusal } from "./errors.ts";
import { balancerOf, callOf, type Face } from "./face.ts";
import { pathPart, type Route, taking } from "./route.ts";
import { authorizationBody, authorizeBody, putAuthorizationBody } from "./schemas.ts";
import { authorizationShape, challengeOpts, earlyAuthorizationShape, type Shape } from "./shapes.ts";

const tag = "Domain authorizations";

/** Domain authorizations, of all generations. */
export function authorizations({ service, grid, clock }: Face): readonly Route[] {
  return [
    {
      method: "get",
      path: "/v1/grids/:grid/domain_authorizations",
      summary: "List the domain authorizations",
      tag,
      answers: {
        200: { description: "All", schema: v.strictObject({ domain_authorizations: v.array(AUTHORIZATION) }) },
      },
      handle: async (c) => c.json({ domain_authorizations: await list(c, authorizationShape) }),
    },
    {
      method: "post",
      path: "/v1/grids/:grid/domain_authorizations",
      summary: "Ask the CA how to prove that a domain is yours",
      tag,
      answers: { 201: { description: "What has to be shown", schema: AUTHORIZATION } },
      ...taking(authorizationBody, async (c, body) => {
        const { record } = await authorize(c, { ...body, link: body.linked_service ?? body.lb_link });
        return c.json(await authorizationShape(grid, record, clock.now()), 201);
      }),
    },
    {
      method: "get",
      path: "/v1/domain_authorizations/:grid",
      summary: "List the domain authorizations, in the first shape",
      tag,
      deprecated: true,
      answers: {
        200: { description: "All", schema: v.strictObject({ domain_authorizations: v.array(EARLY_AUTHORIZATION) }) },
      },
      handle: async (c) => c.json({ domain_authorizations: await list(c, earlyAuthorizationShape) }),
    },
    {
      method: "put",
      path: "/v1/domain_authorizations/:grid/:domain",
      summary: "Ask the CA how to prove that a domain is yours; what is pending is shown again",
      tag,
      answers: { 200: { description: "What has to be shown", schema: EARLY_AUTHORIZATION } },
      ...taking(putAuthorizationBody, async (c, body) => {
        const domain = pathPart(c, "domain");
        if (body.domain && parseDnsName(body.domain) !== parseDnsName(domain)) {
          throw invalid({ domain: "Domain differs from the one in the path" });
        }
        const { record } = await authorize(c, { ...body, domain, link: body.lb_link ?? body.linked_service });
        return c.json(await earlyAuthorizationShape(grid, record, clock.now()));
      }),
    },
    {
      method: "get",
      path: "/v1/domain_authorizations/:grid/:domain",
      summary: "Show a domain authorization",
      tag,
      answers: { 200: { description: "The authorization", schema: AUTHORIZATION } },
      async handle(c): Promise<Response> {
        const name = parseDnsName(pathPart(c, "domain"));
        const record = (await service.authorizations(callOf(c))).find((it) => it.name === name);
        if (record === undefined) throw absent();
        return c.json(await authorizationShape(grid, record, clock.now()));
      },
    },
    {
      method: "delete",
      path: "/v1/domain_authorizations/:grid/:domain",
      summary: "Remove a domain authorization and take its answer down",
      tag,
      answers: { 200: { description: "Removed", schema: NOTHING } },
      async handle(c): Promise<Response> {
        const name = parseDnsName(pathPart(c, "domain"));
        if (!await service.removeAuthorization(name, callOf(c))) throw absent();
        return c.json({});
      },
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/authorize",
      summary: "Ask the CA which TXT record proves that a domain is yours",
      tag,
      deprecated: true,
      answers: { 201: { description: "The record, without the domain", schema: TXT_RECORD } },
      ...taking(authorizeBody, async (c, body) => c.json(await challengeOpts((await authorize(c, body)).record), 201)),
    },
  ];

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
}

function absent(): Refusal {
  return notFound("Domain authorization not found)"); // the bracket is the original's
}

interface Wanted {
  readonly domain: string;
  readonly authorization_type?: string | null | undefined;
  readonly link?: string | null | undefined;
}

type ToShape = (grid: string, record: AuthorizationRecord, now: Date) => Promise<Shape>;
