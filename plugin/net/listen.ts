import { InputError } from "../../src/model/errors.ts";

/** A TCP address to listen on. */
export interface Listen {
  readonly hostname: string;
  readonly port: number;
}

/**
 * Reads `host:port`, `[v6]:port` or `:port` (all addresses).
 *
 * @throws {InputError} If it is none of these.
 */
export function parseListen(text: string, field: string): Listen {
  const found = /^(?:\[([0-9a-fA-F:]+)\]|([^\s:[\]]*)):(\d{1,5})$/.exec(text);
  const port = Number(found?.[3]);
  if (found === null || port > 65_535) {
    throw new InputError(field, `${JSON.stringify(text)} is not an address`, "write it like 127.0.0.1:9292");
  }
  return { hostname: found[1] ?? (found[2] || "0.0.0.0"), port };
}
