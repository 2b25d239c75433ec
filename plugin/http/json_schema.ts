/**
 * Valibot schemas said as JSON Schema (draft 2020-12, which OpenAPI 3.1 uses): those kinds that the API's schemas are made of.
 *
 * @module
 */
import type { GenericSchema } from "valibot";

/** A JSON Schema. */
export type JsonSchema = Readonly<Record<string, unknown>>;

/** A name for a schema that the document says in one place; undefined where it is said on the spot. */
export type NameOf = (schema: unknown) => string | undefined;

/** What Valibot's schemas and actions hold, as far as it is looked at. */
interface Node {
  readonly type: string;
  readonly entries?: Readonly<Record<string, Node>>;
  readonly item?: Node;
  readonly value?: Node;
  readonly wrapped?: Node;
  readonly options?: readonly unknown[];
  readonly literal?: unknown;
  readonly pipe?: readonly Node[];
  readonly requirement?: unknown;
  readonly description?: string;
}

/**
 * Says what a value may look like before it is read.
 *
 * @throws {TypeError} If the schema is of a kind that no route has had so far.
 */
export function jsonSchema(schema: GenericSchema, nameOf: NameOf = () => undefined): JsonSchema {
  return said(schema as unknown as Node, nameOf);
}

function said(node: Node, nameOf: NameOf): JsonSchema {
  const name = nameOf(node);
  return name === undefined ? spelled(node, nameOf) : { $ref: `#/components/schemas/${name}` };
}

/** Says a named schema itself, where the document keeps it. */
export function spelledOut(schema: GenericSchema, nameOf: NameOf): JsonSchema {
  return spelled(schema as unknown as Node, nameOf);
}

function spelled(node: Node, nameOf: NameOf): JsonSchema {
  const kind = KINDS[node.type];
  if (kind === undefined) throw new TypeError(`Cannot say a schema of type "${node.type}" as JSON Schema`);
  const base = kind(node, nameOf);
  const actions = node.pipe?.slice(1) ?? [];
  return Object.assign({}, base, ...actions.map((action) => ACTIONS[action.type]?.(action, base) ?? {}));
}

type Say = (node: Node, nameOf: NameOf) => JsonSchema;

/** The wrapped schema, or null. */
const nullable: Say = ({ wrapped }, nameOf) => {
  const inner = wrapped === undefined ? {} : said(wrapped, nameOf);
  return typeof inner["type"] === "string" && !("enum" in inner)
    ? { ...inner, type: [inner["type"], "null"] }
    : { anyOf: [inner, { type: "null" }] };
};

const object: Say = ({ entries = {} }, nameOf) => {
  const required = Object.keys(entries).filter((key) => !OPTIONAL.has(entries[key]?.type ?? ""));
  return {
    type: "object",
    properties: Object.fromEntries(Object.entries(entries).map(([key, node]) => [key, said(node, nameOf)])),
    ...(required.length === 0 ? {} : { required }),
  };
};

const OPTIONAL: ReadonlySet<string> = new Set(["optional", "nullish"]);

const KINDS: Readonly<Record<string, Say>> = {
  string: () => ({ type: "string" }),
  number: () => ({ type: "number" }),
  boolean: () => ({ type: "boolean" }),
  null: () => ({ type: "null" }),
  unknown: () => ({}),
  literal: ({ literal }) => ({ const: literal }),
  picklist: ({ options }) => ({ type: "string", enum: options }),
  array: ({ item }, nameOf) => ({ type: "array", items: item === undefined ? {} : said(item, nameOf) }),
  record: ({ value }, nameOf) => ({
    type: "object",
    additionalProperties: value === undefined ? {} : said(value, nameOf),
  }),
  union: ({ options = [] }, nameOf) => ({ anyOf: options.map((it) => said(it as Node, nameOf)) }),
  optional: ({ wrapped }, nameOf) => wrapped === undefined ? {} : said(wrapped, nameOf),
  nullish: nullable,
  nullable,
  object,
  strict_object: (node, nameOf) => ({ ...object(node, nameOf), additionalProperties: false }),
};

/** What the steps of a pipe add; those that only change the value add nothing. */
const ACTIONS: Readonly<Record<string, (action: Node, base: JsonSchema) => JsonSchema>> = {
  non_empty: (_action, base) => base["type"] === "array" ? { minItems: 1 } : { minLength: 1 },
  regex: ({ requirement }) => requirement instanceof RegExp ? { pattern: requirement.source } : {},
  description: ({ description }) => ({ description }),
};
