import type { Context } from "hono";
import * as v from "valibot";
import {
  type HeldCertificate,
  type ImportRequest,
  InUseError,
  type IssueRequest,
  parseCertType,
  parseDnsNames,
  parseKeyType,
  parseRevocationReason,
  parseSecretName,
} from "../../mod.ts";
import { given } from "../../src/model/shape.ts";
import { CERTIFICATE, EXPLANATION, EXPORT, NOTHING, REGISTRATION, STORED_CERTIFICATE } from "./answers.ts";
import { notFound, Refusal } from "./errors.ts";
import { balancersOf, callOf, type Face, serviceId, subjectOf } from "./face.ts";
import { pathPart, type Route, taking } from "./route.ts";
import { certificateBody, importBody, registerBody, revokeBody } from "./schemas.ts";
import {
  certificateShape,
  explanationShape,
  exportShape,
  registrationShape,
  secretNames,
  storedCertificateShape,
} from "./shapes.ts";

const tag = "Certificates";

/** Registration and certificates, of all generations. */
export function certificates({ service, events, grid }: Face): readonly Route[] {
  return [
    // before `:subject`: no DNS name has only one label, so nothing is hidden
    {
      method: "get",
      path: "/v1/certificates/:grid/register",
      summary: "Show the CA's terms, and whether there is an account",
      tag,
      answers: { 200: { description: "The CA", schema: REGISTRATION } },
      handle: async (c) => c.json(registrationShape(await service.registration(callOf(c)))),
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/register",
      summary: "Register with the CA; `new_account` in place of one that was deactivated",
      tag,
      answers: { 201: { description: "Registered", schema: NOTHING } },
      ...taking(registerBody, async (c, { email, agree_tos, new_account }) => {
        const newAccount = new_account === true ? { newAccount: true } : {};
        await service.register({ email, agreeTos: agree_tos ?? true, ...newAccount }, callOf(c));
        return c.json({}, 201);
      }),
    },
    {
      method: "get",
      path: "/v1/grids/:grid/certificates",
      summary: "List the certificates",
      tag,
      answers: { 200: { description: "All", schema: v.strictObject({ certificates: v.array(CERTIFICATE) }) } },
      async handle(c): Promise<Response> {
        const all = (await service.certificates(callOf(c))).filter(({ record }) => record.intent.twinOf === undefined);
        return c.json({ certificates: all.map((it) => certificateShape(grid, it)) });
      },
    },
    {
      method: "post",
      path: "/v1/grids/:grid/certificates",
      summary: "Get a certificate; with `secret_name` every domain has to be authorized before",
      tag,
      answers: {
        201: { description: "With `secret_name` the first shape", schema: v.union([CERTIFICATE, STORED_CERTIFICATE]) },
      },
      ...taking(certificateBody, async (c, body) => {
        // the documentation's client always names the secret, later ones never do
        if (body.secret_name === undefined || body.secret_name === null) {
          return c.json(certificateShape(grid, await service.request(issueRequest(body), callOf(c))), 201);
        }
        return c.json(storedCertificateShape(grid, await service.get(issueRequest(body), callOf(c))), 201);
      }),
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/certificate",
      summary: "Get a certificate for domains that were authorized",
      tag,
      deprecated: true,
      answers: { 201: { description: "The names of its three secrets", schema: v.array(v.string()) } },
      ...taking(certificateBody, async (c, body) => {
        return c.json(secretNames(await service.get(issueRequest(body), callOf(c))), 201);
      }),
    },
    {
      method: "get",
      path: "/v1/certificates/:grid/:subject",
      summary: "Show a certificate",
      tag,
      answers: { 200: { description: "The certificate", schema: CERTIFICATE } },
      handle: async (c) => c.json(shapeOf(await service.certificate(subject(c), callOf(c)))),
    },
    {
      method: "put",
      path: "/v1/certificates/:grid/:subject",
      summary: "Import a certificate from elsewhere, in place of the one that is there",
      tag,
      answers: { 201: { description: "Kept, and swapped in", schema: CERTIFICATE } },
      ...taking(importBody, async (c, body) => {
        return c.json(shapeOf(await service.importCertificate(importRequest(subject(c), body), callOf(c))), 201);
      }),
    },
    {
      method: "delete",
      path: "/v1/certificates/:grid/:subject",
      summary: "Remove a certificate; refused while a load balancer serves it",
      tag,
      query: {
        force: { schema: v.optional(v.boolean()), description: "Take it out of the load balancers first" },
      },
      answers: { 200: { description: "Removed, with its secrets", schema: NOTHING } },
      async handle(c): Promise<Response> {
        const force = ["", "1", "true"].includes(c.req.query("force") ?? "false");
        if (!await removed(c, force)) throw notFound();
        return c.json({});
      },
    },
    {
      method: "get",
      path: "/v1/certificates/:grid/:subject/explain",
      summary: "Say in plain sentences what is held, what is served, what happens next and what failed last",
      tag,
      answers: { 200: { description: "How it stands", schema: EXPLANATION } },
      async handle(c): Promise<Response> {
        const explained = await service.explainCertificate(subject(c), callOf(c));
        if (explained === undefined) throw notFound();
        return c.json(explanationShape(grid, explained));
      },
    },
    {
      method: "get",
      path: "/v1/certificates/:grid/:subject/export",
      summary: "Give the parts of a certificate, the key among them; it is logged",
      tag,
      answers: { 200: { description: "PEM", schema: EXPORT } },
      async handle(c): Promise<Response> {
        const parts = await service.exportCertificate(subject(c), callOf(c));
        if (parts === undefined) throw notFound();
        events.emit({
          level: "info",
          name: "certificate.exported",
          text: `Certificate ${parts.subject} was exported with its key`,
          fields: { subject: parts.subject },
        });
        return c.json(exportShape(grid, parts));
      },
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/:subject/accept",
      summary: "Take the newer certificate that was kept aside, and swap it in",
      tag,
      answers: { 200: { description: "It is the one in use now", schema: CERTIFICATE } },
      handle: async (c) => c.json(shapeOf(await service.acceptCertificate(subject(c), callOf(c)))),
    },
    {
      method: "post",
      path: "/v1/certificates/:grid/:subject/revoke",
      summary:
        "Revoke a certificate and its second kind at the CA; it is replaced where that is possible without a person",
      tag,
      answers: { 200: { description: "Revoked", schema: CERTIFICATE } },
      ...taking(revokeBody, async (c, body) => {
        const reason = parseRevocationReason(body.reason ?? "unspecified");
        return c.json(shapeOf(await service.revokeCertificate(subject(c), reason, callOf(c))));
      }),
    },
  ];

  function shapeOf(held: HeldCertificate | undefined): ReturnType<typeof certificateShape> {
    if (held === undefined) throw notFound();
    return certificateShape(grid, held);
  }

  /** The original names services by their ids, which hold the grid. */
  async function removed(c: Context, force: boolean): Promise<boolean> {
    try {
      return await service.removeCertificate(subject(c), { force }, callOf(c));
    } catch (error) {
      if (!(error instanceof InUseError)) throw error;
      const { message } = new InUseError(error.balancers.map((name) => serviceId(grid, name)));
      throw new Refusal(422, { error: { certificate: message }, code: error.code });
    }
  }
}

function subject(c: Context): string {
  return subjectOf(pathPart(c, "subject"));
}

function issueRequest(body: v.InferOutput<typeof certificateBody>): IssueRequest {
  return {
    domains: parseDnsNames(body.domains),
    ...(body.secret_name ? { secretName: parseSecretName(body.secret_name, "secret_name") } : {}),
    ...(body.cert_type ? { certType: parseCertType(body.cert_type) } : {}),
    ...(body.key_type ? { keyType: parseKeyType(body.key_type) } : {}),
    ...given("balancers", balancersOf(body.linked_service)),
    ...given("now", body.now ?? undefined),
  };
}

function importRequest(subject: string, body: v.InferOutput<typeof importBody>): ImportRequest {
  return {
    subject,
    certificate: body.certificate,
    ...given("privateKey", body.private_key ?? undefined),
    chain: body.chain ?? [],
    ...given("balancers", balancersOf(body.linked_service)),
    ...given("force", body.force ?? undefined),
  };
}
