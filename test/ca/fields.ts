import { Problem } from "./problem.ts";

/** A JSON object. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Tells whether it is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses JSON that has to be an object. */
export function parseObject(text: string, what: string): JsonObject {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new Problem("malformed", `Parse error reading ${what}`);
  }
  if (!isObject(value)) throw new Problem("malformed", `${what} is not a JSON object`);
  return value;
}

/** A field that has to be text. */
export function textField(object: JsonObject, name: string): string {
  const value = object[name];
  if (typeof value !== "string") throw new Problem("malformed", `"${name}" is not a string`);
  return value;
}

/** A field that is text, or not there. */
export function optionalText(object: JsonObject, name: string): string | undefined {
  return object[name] === undefined ? undefined : textField(object, name);
}

/** A field that is true or false; false where it is not there. */
export function flagField(object: JsonObject, name: string): boolean {
  const value = object[name] ?? false;
  if (typeof value !== "boolean") throw new Problem("malformed", `"${name}" is neither true nor false`);
  return value;
}
