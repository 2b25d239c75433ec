/**
 * Reading of outside data, field by field: each reader returns the value or throws a `SyntaxError` that names the field
 * and says what was found. Values of strings are not quoted: a field may hold a secret.
 *
 * @module
 */

/** An object of unknown fields. */
export type Fields = Readonly<Record<string, unknown>>;

/** Takes `json` for an object, or throws; `what` names it in the message. */
export function object(json: unknown, what: string): Fields {
  if (typeof json !== "object" || json === null || Array.isArray(json)) throw wrong(what, "an object", json);
  return json as Fields;
}

/** Reads a string field. */
export function text(from: Fields, field: string): string {
  const value = own(from, field);
  if (typeof value !== "string") throw wrong(field, "a string", value);
  return value;
}

/** Reads a field that must be one of `allowed`. */
export function oneOf<const T extends string>(from: Fields, field: string, allowed: readonly T[]): T {
  const value = text(from, field);
  const found = allowed.find((it) => it === value);
  if (found === undefined) throw new SyntaxError(`"${field}" is none of ${allowed.join(", ")}`);
  return found;
}

/** Reads a finite number. */
export function number(from: Fields, field: string): number {
  const value = own(from, field);
  if (typeof value !== "number" || !Number.isFinite(value)) throw wrong(field, "a number", value);
  return value;
}

/** Reads `true` or `false`. */
export function flag(from: Fields, field: string): boolean {
  const value = own(from, field);
  if (typeof value !== "boolean") throw wrong(field, "true or false", value);
  return value;
}

/** Reads an array. */
export function list(from: Fields, field: string): readonly unknown[] {
  const value = own(from, field);
  if (!Array.isArray(value)) throw wrong(field, "an array", value);
  return value;
}

/** Reads an array of strings. */
export function texts(from: Fields, field: string): readonly string[] {
  const values = list(from, field);
  for (const value of values) if (typeof value !== "string") throw wrong(field, "an array of strings", value);
  return values as readonly string[];
}

/** Reads an RFC 3339 instant. */
export function instant(from: Fields, field: string): Date {
  const value = new Date(text(from, field));
  if (Number.isNaN(value.getTime())) throw new SyntaxError(`"${field}" is not a time (RFC 3339)`);
  return value;
}

/** Reads an absolute URL. */
export function url(from: Fields, field: string): URL {
  const value = URL.parse(text(from, field));
  if (value === null) throw new SyntaxError(`"${field}" is not an absolute URL`);
  return value;
}

/** Reads a field with `read` where it is there and not null. */
export function optional<T>(from: Fields, field: string, read: (from: Fields, field: string) => T): T | undefined {
  const value = own(from, field);
  return value === undefined || value === null ? undefined : read(from, field);
}

/** Builds `{ [field]: value }`, or nothing where the value is undefined: for exact optional fields. */
export function given<K extends string, T>(field: K, value: T | undefined): { readonly [P in K]?: T } {
  return (value === undefined ? {} : { [field]: value }) as { readonly [P in K]?: T };
}

function own(from: Fields, field: string): unknown {
  return Object.hasOwn(from, field) ? from[field] : undefined;
}

function wrong(field: string, wanted: string, found: unknown): SyntaxError {
  const kind = found === null
    ? "null"
    : found === undefined
    ? "missing"
    : Array.isArray(found)
    ? "an array"
    : typeof found;
  return new SyntaxError(`"${field}" is ${kind}, not ${wanted}`);
}
