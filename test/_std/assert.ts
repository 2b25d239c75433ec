/**
 * The names of Deno's std assertions over `node:assert/strict`. To use JSR's own, point the import map's `@std/assert`
 * at `jsr:@std/assert`.
 *
 * @module
 */
import assert from "node:assert/strict";

/** Passes if `value` is truthy. */
export function assertTrue(value: unknown, message?: string): asserts value {
  assert.ok(value, message);
}

export { assertTrue as assert };

/** Passes if both are deeply and strictly equal. */
export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  assert.deepEqual(actual, expected, message);
}

/** Passes if both are not deeply equal. */
export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  assert.notDeepEqual(actual, expected, message);
}

/** Passes if `value` is neither null nor undefined. */
export function assertExists<T>(value: T, message?: string): asserts value is NonNullable<T> {
  assert.ok(value !== null && value !== undefined, message ?? "it is missing");
}

/** Passes if `text` holds `part`. */
export function assertStringIncludes(text: string, part: string, message?: string): void {
  assert.ok(text.includes(part), message ?? `${JSON.stringify(text)} does not hold ${JSON.stringify(part)}`);
}

/** Passes if `text` matches. */
export function assertMatch(text: string, pattern: RegExp, message?: string): void {
  assert.match(text, pattern, message);
}

/** Passes if `value` is an instance of `type`. */
// deno-lint-ignore no-explicit-any -- a constructor of whatever arguments
export function assertInstanceOf<T>(value: unknown, type: new (...args: any[]) => T): asserts value is T {
  assert.ok(value instanceof type, `${String(value)} is not a ${type.name}`);
}

/** Passes if `run` throws a `type` whose message holds `part`, and returns the error. */
export function assertThrows<E extends Error>(
  run: () => unknown,
  // deno-lint-ignore no-explicit-any -- a constructor of whatever arguments
  type: new (...args: any[]) => E,
  part = "",
): E {
  try {
    run();
  } catch (error) {
    return checked(error, type, part);
  }
  throw new assert.AssertionError({ message: `nothing was thrown, expected ${type.name}` });
}

/** Passes if `run` rejects with a `type` whose message holds `part`, and returns the error. */
export async function assertRejects<E extends Error>(
  run: () => Promise<unknown>,
  // deno-lint-ignore no-explicit-any -- a constructor of whatever arguments
  type: new (...args: any[]) => E,
  part = "",
): Promise<E> {
  try {
    await run();
  } catch (error) {
    return checked(error, type, part);
  }
  throw new assert.AssertionError({ message: `nothing was rejected, expected ${type.name}` });
}

/** Fails. */
export function fail(message: string): never {
  throw new assert.AssertionError({ message });
}

// deno-lint-ignore no-explicit-any -- a constructor of whatever arguments
function checked<E extends Error>(error: unknown, type: new (...args: any[]) => E, part: string): E {
  assertInstanceOf(error, type);
  assertStringIncludes(error.message, part);
  return error;
}
