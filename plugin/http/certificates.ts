import { type Context, Hono } from "hono";
import type * as v from "valibot";
import {
  type HeldCertificate,
  type IssueRequest,
  parseCertType,
  parseDnsNames,
  parseKeyType,
  parseSecretName,
} from "../../mod.ts";
import { notFound } from "./errors.ts";
import { balancerOf, callOf, type Face, subjectOf } from "./face.ts";
import { certificateBody, readBody, registerBody } from "./schemas.ts";
import { certificateShape, exportShape, registrationShape, secretNames, storedCertificateShape } from "./shapes.ts";

/** Registration and certificates, below `/v1`. */
export function certificates({ service, events, grid }: Face): Hono {
  const app = new Hono();

  // before `:subject`: no DNS name has only one label, so nothing is hidden
  app.get("/certificates/:grid/register", async (c) => {
    return c.json(registrationShape(await service.registration(callOf(c))));
  });
  app.post("/certificates/:grid/register", async (c) => {
    const { email, agree_tos } = await readBody(c.req, registerBody);
    await service.register({ email, agreeTos: agree_tos ?? true }, callOf(c));
    return c.json({}, 201);
  });

  app.get("/grids/:grid/certificates", async (c) => {
    const all = await service.certificates(callOf(c));
    return c.json({ certificates: all.map((held) => certificateShape(grid, held)) });
  });
  app.post("/grids/:grid/certificates", async (c) => {
    const body = await readBody(c.req, certificateBody);
    // the documentation's client always names the secret, later ones never do
    if (body.secret_name === undefined || body.secret_name === null) {
      return c.json(certificateShape(grid, await service.request(issueRequest(body), callOf(c))), 201);
    }
    return c.json(storedCertificateShape(grid, await service.get(issueRequest(body), callOf(c))), 201);
  });
  app.post("/certificates/:grid/certificate", async (c) => {
    const held = await service.get(issueRequest(await readBody(c.req, certificateBody)), callOf(c));
    return c.json(secretNames(held), 201);
  });

  app.get("/certificates/:grid/:subject", async (c) => {
    return c.json(certificateShape(grid, await held(c, c.req.param("subject"))));
  });
  app.get("/certificates/:grid/:subject/export", async (c) => {
    const parts = await service.exportCertificate(subjectOf(c.req.param("subject")), callOf(c));
    if (parts === undefined) throw notFound();
    const { subject } = parts;
    events.emit({
      level: "info",
      name: "certificate.exported",
      text: `Certificate ${subject} was exported with its key`,
      fields: { subject },
    });
    return c.json(exportShape(grid, parts));
  });

  async function held(c: Context, subject: string): Promise<HeldCertificate> {
    const found = await service.certificate(subjectOf(subject), callOf(c));
    if (found === undefined) throw notFound();
    return found;
  }

  return app;
}

function issueRequest(body: v.InferOutput<typeof certificateBody>): IssueRequest {
  const links = typeof body.linked_service === "string" ? [body.linked_service] : body.linked_service ?? [];
  const balancers = links.map(balancerOf).filter((link) => link !== undefined);
  return {
    domains: parseDnsNames(body.domains),
    ...(body.secret_name ? { secretName: parseSecretName(body.secret_name, "secret_name") } : {}),
    ...(body.cert_type ? { certType: parseCertType(body.cert_type) } : {}),
    ...(body.key_type ? { keyType: parseKeyType(body.key_type) } : {}),
    ...(balancers.length > 0 ? { balancers } : {}),
  };
}
