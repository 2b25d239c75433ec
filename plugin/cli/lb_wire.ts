/**
 * The API's answers about load balancers, read field by field.
 *
 * @module
 */
import { type Fields, given, list, number, object, oneOf, optional, text, texts } from "../../src/model/shape.ts";
import { readStandIn } from "./certificate_wire.ts";

/** A load balancer. */
export interface LbAnswer {
  readonly name: string;
  readonly kind: string;
  readonly state: string;
  readonly version?: string;
  readonly pid?: number;
  /** Why it is away, and what to do about it. */
  readonly reason?: string;
  readonly todo?: string;
  readonly challenges: readonly string[];
  readonly certificates: readonly LbCertificate[];
}

/** One of our certificates on it. */
export interface LbCertificate {
  /** Its first name, or the name of its secrets where it is gone. */
  readonly subject: string;
  readonly state: string;
  /** Why it is held. */
  readonly reason?: string;
  /** When it is tried again. */
  readonly until?: string;
  /** When an earlier version was seen that is served meanwhile. */
  readonly standInSince?: string;
}

/** One part of its wiring. */
export interface PartAnswer {
  readonly part: string;
  readonly state: "ok" | "missing" | "untried";
  readonly found: string;
  readonly todo?: string;
}

/** Reads a load balancer. */
export function readLb(json: unknown): LbAnswer {
  const from = object(json, "load balancer");
  return {
    name: text(from, "name"),
    kind: text(from, "kind"),
    state: text(from, "state"),
    ...given("version", optional(from, "version", text)),
    ...given("pid", optional(from, "pid", number)),
    ...reasons(from),
    challenges: texts(from, "challenges"),
    certificates: list(from, "certificates").map(readCertificate),
  };
}

/** Reads the lines that wire it. */
export function readLines(json: unknown): string {
  return text(object(json, "wiring"), "config");
}

/** Reads what became of each part. */
export function readParts(json: unknown): readonly PartAnswer[] {
  return list(object(json, "check"), "parts").map((it) => {
    const from = object(it, "part");
    return {
      part: text(from, "part"),
      state: oneOf(from, "state", ["ok", "missing", "untried"]),
      found: text(from, "found"),
      ...given("todo", optional(from, "todo", text)),
    };
  });
}

function readCertificate(json: unknown): LbCertificate {
  const from = object(json, "certificate");
  return {
    subject: optional(from, "subject", text) ?? text(from, "secret_name"),
    state: text(from, "state"),
    ...given("reason", optional(from, "reason", text)),
    ...given("until", optional(from, "until", text)),
    ...given("standInSince", optional(from, "stand_in", readStandIn)),
  };
}

function reasons(from: Fields): Pick<LbAnswer, "reason" | "todo"> {
  return { ...given("reason", optional(from, "reason", text)), ...given("todo", optional(from, "todo", text)) };
}
