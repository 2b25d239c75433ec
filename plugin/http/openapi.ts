import { ANSWERS, ERROR_TEXT, FAILURE, INVALID_TOKEN } from "./answers.ts";
import { jsonSchema, type NameOf, spelledOut } from "./json_schema.ts";
import * as v from "valibot";
import type { Route, RouteAnswer } from "./route.ts";

/** A JSON object of the document. */
type Json = Readonly<Record<string, unknown>>;

/** The route that serves the document, itself in it. */
export function documentRoute(routes: readonly Route[], version: string): Route {
  const route: Route = {
    method: "get",
    path: "/v1/openapi.json",
    summary: "This document",
    tag: "About",
    answers: { 200: { description: "OpenAPI 3.1", schema: v.record(v.string(), v.unknown()) } },
    handle: (c) => c.json(openApi([...routes, route], version)),
  };
  return route;
}

/** Describes the routes (OpenAPI 3.1.1). */
export function openApi(routes: readonly Route[], version: string): Json {
  const paths = Map.groupBy(routes, (route) => template(route.path));
  return {
    openapi: "3.1.0",
    info: {
      title: "Kontena Certificates",
      version,
      description: "The certificate and vault API of Kontena, all generations. Errors have the shape of `Failure`.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{ token: [] }],
    paths: Object.fromEntries(
      [...paths].map(([path, those]) => [path, Object.fromEntries(those.map((it) => [it.method, operation(it)]))]),
    ),
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: Object.fromEntries(Object.entries(ANSWERS).map(([name, it]) => [name, spelledOut(it, nameOf)])),
    },
  };
}

function operation(route: Route): Json {
  const { method, path, summary, tag, deprecated, open, query = {}, body, answers } = route;
  const parameters = [
    ...partsOf(path).map((name) => ({ name, in: "path", required: true, schema: { type: "string" }, ...PARTS[name] })),
    ...Object.entries(query).map(([name, { schema, description }]) => ({
      name,
      in: "query",
      description,
      schema: jsonSchema(schema, nameOf),
    })),
  ];
  return {
    operationId: [method, ...template(path).split(/[^A-Za-z0-9]+/)].filter((word) => word !== "").join("_"),
    summary,
    tags: [tag],
    ...(deprecated === undefined ? {} : { deprecated }),
    ...(open === undefined ? {} : { security: [] }),
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: json(jsonSchema(body, nameOf)) } }),
    responses: {
      ...(open === undefined ? refusals(route) : {}),
      ...Object.fromEntries(Object.entries(answers).map(([status, it]) => [status, response(it)])),
    },
  };
}

/** What is said of the parts of a path. */
const PARTS: Readonly<Record<string, Json>> = {
  grid: { description: "The grid; there is one" },
  domain: { description: "A domain name, or a wildcard", example: "www.example.com" },
  subject: { description: "The first domain of the certificate", example: "example.com" },
  balancer: { description: "The load balancer's name in LOAD_BALANCERS", example: "infra/lb" },
  name: { description: "The secret's name: letters, digits, _ and -", example: "SSL_CERT_LE_TEST_BUNDLE" },
};

function refusals({ path, body }: Route): Json {
  return {
    ...(body === undefined ? {} : { 400: response({ description: "Not a JSON object", schema: ERROR_TEXT }) }),
    403: response({ description: "No token, or another one", schema: INVALID_TOKEN }),
    ...(path.includes(":grid") ? { 404: response({ description: "There is none", schema: ERROR_TEXT }) } : {}),
    default: response({ description: "Refused, by field: 422; or not possible now: 503", schema: FAILURE }),
  };
}

function response({ description, schema, mediaType }: RouteAnswer): Json {
  if (schema !== undefined) return { description, content: json(jsonSchema(schema, nameOf)) };
  return mediaType === undefined
    ? { description }
    : { description, content: { [mediaType]: { schema: { type: "string" } } } };
}

function json(schema: Json): Json {
  return { "application/json": { schema } };
}

/** `/a/:b` as OpenAPI writes it: `/a/{b}`. */
function template(path: string): string {
  return path.replace(/:(\w+)/g, "{$1}");
}

function partsOf(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name = ""]) => name);
}

const NAMES = new Map<unknown, string>(Object.entries(ANSWERS).map(([name, schema]) => [schema, name]));
const nameOf: NameOf = (schema) => NAMES.get(schema);
