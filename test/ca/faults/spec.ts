import type { Place } from "./kind.ts";
import type { OptionValue } from "./options.ts";

/** A fault that is to happen: its name, where and how often, and options of its own. */
export interface FaultSpec {
  /** Name in the catalogue. */
  readonly fault: string;
  /** Where, in place of the kind's own places. */
  readonly at?: Place | readonly Place[];
  /** Only requests whose path and query contain this text. */
  readonly path?: string;
  /** Only from this request on, counted from 1 when the fault was set. */
  readonly from?: number;
  /** Only each n-th of them. */
  readonly every?: number;
  /** At most so often. */
  readonly times?: number;
  /** Share of the requests that it strikes, by the seed. */
  readonly chance?: number;
  /** Options of the kind. */
  readonly [option: string]: OptionValue | readonly Place[] | undefined;
}

/** Fields that every fault has. */
export const COMMON: Readonly<Record<string, string>> = {
  at: "resource, or several with commas: newOrder, finalize, certificate, issuance, any, …",
  path: "only requests whose path and query contain this text",
  from: "only from this request on, counted from 1",
  every: "only each n-th of them",
  times: "at most so often",
  chance: "share of the requests that it strikes, 0 to 1, by the seed",
};

/**
 * Reads the short form: `name`, `name@newOrder`, `name@order,finalize?times=1&status=502`.
 *
 * @throws {SyntaxError} If it has no name.
 */
export function parseSpec(text: string): FaultSpec {
  const [head = "", ...query] = text.trim().split("?");
  const [fault = "", at] = head.split("@");
  if (fault === "") throw new SyntaxError(`"${text}" names no fault`);
  const options = Object.fromEntries(new URLSearchParams(query.join("?")));
  return { fault, ...(at === undefined ? {} : { at: at.split(",") as Place[] }), ...options };
}
