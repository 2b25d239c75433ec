import { describe, InputError, withoutPem } from "../../src/model/errors.ts";
import { type Fields, list, object, optional, text } from "../../src/model/shape.ts";
import { ApiError, Unreachable } from "./client.ts";
import { CommandError } from "./command.ts";

/** Says an error as Kontena did; ends with a newline. Never holds a PEM text or a control character. */
export function renderError(error: unknown): string {
  return ` [error] ${printable(withoutPem(textOf(error)))}\n`;
}

/** Takes out what could steer a terminal: texts of a CA or a balancer are not ours. */
export function printable(text: string): string {
  // deno-lint-ignore no-control-regex
  return text.replace(/[\x00-\x08\x0b-\x1f\x7f-\x9f]/g, "?");
}

function textOf(error: unknown): string {
  if (error instanceof ApiError) return apiErrorText(error);
  if (error instanceof InputError) return `${error.field}: ${describe(error)}`;
  if (error instanceof CommandError || error instanceof Unreachable) return error.message;
  if (error instanceof SyntaxError) return `The sidecar's answer is not understood: ${error.message}`;
  return describe(error);
}

const REASONS: Readonly<Record<number, string>> = {
  400: "Bad Request",
  403: "Forbidden",
  404: "Not Found",
  413: "Content Too Large",
  422: "Unprocessable Entity",
  500: "Internal Server Error",
  503: "Service Unavailable",
};

function apiErrorText({ status, body, hints }: ApiError): string {
  const fields = lenient(() => object(body, "body"));
  const messages = lenient(() => object(fields?.["error"], "error"));
  const lines = [...messages === undefined ? [] : Object.entries(messages).map(keyAndMessage)];
  const all = [...lines, ...subproblems(fields), ...when(fields), ...hints];
  const head = messages === undefined ? plainMessage(status, fields) : `${REASONS[status] ?? "Error"}`;
  return `${status} : ${head}${all.length === 0 ? "" : `:\n${all.map((line) => `\t${line}`).join("\n")}`}`;
}

function plainMessage(status: number, fields: Fields | undefined): string {
  if (status === 403) {
    const said = lenient(() => text(fields ?? {}, "error_description")) ?? "Forbidden";
    return `${said} (set KONTENA_TOKEN, or KONTENA_TOKEN_FILE to the sidecar's file data/token)`;
  }
  const said = lenient(() => text(fields ?? {}, "error")) ?? lenient(() => text(fields ?? {}, "message"));
  return said ?? REASONS[status] ?? "Error";
}

function keyAndMessage([key, message]: readonly [string, unknown]): string {
  return `${key}: ${typeof message === "string" ? message : JSON.stringify(message)}`;
}

/** What the CA said of each name (RFC 8555 §6.7.1). */
function subproblems(fields: Fields | undefined): readonly string[] {
  const problems = lenient(() => list(object(fields?.["problem"], "problem"), "subproblems")) ?? [];
  return problems.flatMap((it) => {
    const problem = lenient(() => object(it, "subproblem")) ?? {};
    const identifier = lenient(() => text(problem, "identifier"));
    const detail = lenient(() => text(problem, "detail"));
    return identifier === undefined || detail === undefined ? [] : [`${identifier}: ${detail}`];
  });
}

function when(fields: Fields | undefined): readonly string[] {
  const at = lenient(() => optional(fields ?? {}, "retry_at", text));
  return at === undefined ? [] : [`retry_at: ${at}`];
}

function lenient<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
