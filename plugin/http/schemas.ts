/**
 * The bodies of requests, refused in the original's words: `Domain is required`, `Domain can't be nil`, ….
 *
 * @module
 */
import type { HonoRequest } from "hono";
import * as v from "valibot";
import { invalid, Refusal } from "./errors.ts";

const filled = v.pipe(v.string(), v.trim(), v.nonEmpty());
/** The original's client sends null for an option that was not given. */
const maybe = v.nullish(filled);
const names = v.pipe(v.array(filled), v.nonEmpty());
const email = v.pipe(filled, v.regex(/^[^\s@<>,]+@[^\s@<>,]+$/));
/** One balancer or several. */
const links = v.nullish(v.union([filled, v.array(filled)]));
/** As the original did, a number or a boolean is taken as its text. */
const secretValue = v.pipe(v.union([v.string(), v.number(), v.boolean()]), v.transform(String));

/** `POST …/register`. The original asked at the command line and sent the e-mail alone, so no `agree_tos` is a yes. */
export const registerBody = v.object({
  email,
  agree_tos: v.nullish(v.boolean()),
  new_account: v.nullish(v.boolean()),
});

/** `PUT /v1/certificates/:grid/account`. */
export const accountBody = v.object({ email });

/** `PUT /v1/domain_authorizations/:grid/:domain`: the name is in the path, and may be repeated in the body. */
export const putAuthorizationBody = v.object({
  domain: maybe,
  authorization_type: maybe,
  lb_link: maybe,
  linked_service: maybe,
});

/** `POST /v1/grids/:grid/domain_authorizations`. */
export const authorizationBody = v.object({ ...putAuthorizationBody.entries, domain: filled });

/** `POST /v1/certificates/:grid/authorize`. */
export const authorizeBody = v.object({ domain: filled });

/** `POST /v1/grids/:grid/certificates` and `POST /v1/certificates/:grid/certificate`. */
export const certificateBody = v.object({
  domains: names,
  secret_name: maybe,
  cert_type: maybe,
  key_type: maybe,
  linked_service: links,
  now: v.nullish(v.boolean()),
});

/** `PUT /v1/certificates/:grid/:subject`; the key may stand in the text of the certificate. */
export const importBody = v.object({
  certificate: filled,
  private_key: maybe,
  chain: v.nullish(v.array(filled)),
  linked_service: links,
  force: v.nullish(v.boolean()),
});

/** `POST /v1/certificates/:grid/:subject/revoke`. */
export const revokeBody = v.object({ reason: maybe });

/** `POST /v1/grids/:grid/secrets`. */
export const secretBody = v.object({ name: filled, value: secretValue });

/** `PUT /v1/secrets/:grid/:name`. */
export const putSecretBody = v.object({ name: maybe, value: secretValue, upsert: v.nullish(v.boolean()) });

/**
 * Reads a body; no body at all counts as `{}`.
 *
 * @throws {Refusal} 400 if it is not a JSON object, 422 if it does not fit the schema.
 */
export async function readBody<S extends v.GenericSchema>(
  request: HonoRequest,
  schema: S,
): Promise<v.InferOutput<S>> {
  const result = v.safeParse(schema, jsonObject(await request.text()));
  if (result.success) return result.output;
  throw invalid(messages(result.issues));
}

function jsonObject(text: string): object {
  const json = text.trim() === "" ? {} : parse(text);
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw badJson();
  return json;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw badJson(); // the parser's own text would quote the body
  }
}

function badJson(): Refusal {
  return new Refusal(400, { error: "Invalid json" });
}

/** What is wrong by the type of issue; the received value never shows. */
const WRONG: Readonly<Record<string, string>> = {
  non_empty: "can't be blank",
  regex: "isn't in the right format",
  array: "isn't an array",
  boolean: "isn't true or false",
};

/** One message a field: the first, as what follows from it helps nobody. */
function messages(issues: readonly v.BaseIssue<unknown>[]): Readonly<Record<string, string>> {
  const byField = Map.groupBy(issues, (issue) => String(issue.path?.[0]?.key ?? "body"));
  return Object.fromEntries(
    [...byField].map(([field, [first]]) => [field, `${title(field)} ${first === undefined ? "" : whatIsWrong(first)}`]),
  );
}

function whatIsWrong(issue: v.BaseIssue<unknown>): string {
  if (issue.received === "undefined") return "is required";
  if (issue.received === "null") return "can't be nil";
  return WRONG[issue.type] ?? "isn't a string";
}

function title(field: string): string {
  return field.split("_").map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(" ");
}
