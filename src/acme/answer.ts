import { InputError } from "../model/errors.ts";
import { type Fields, object } from "../model/shape.ts";
import { badAnswer, TransportError } from "./failure.ts";
import { isJson, mediaType } from "./media_type.ts";
import type { Answer } from "./transport.ts";

/**
 * Reads a JSON answer. What `read` finds wrong is reported with the field's name.
 *
 * @param what The thing read, for example "the order".
 * @throws {SidecarError} `CA_TRANSPORT` if it is no JSON or not all of it, `CA_ANSWER` if `read` cannot use it.
 */
export function readJson<T>(answer: Answer, what: string, read: (fields: Fields) => T): T {
  const json = parse(answer, what);
  try {
    return read(object(json, what));
  } catch (error) {
    throw unusable(what, error);
  }
}

function parse(answer: Answer, what: string): unknown {
  const { url, headers, text } = answer;
  if (!isJson(headers)) {
    const type = mediaType(headers) || "no type";
    throw new TransportError(`Cannot read ${what}: ${url.host} answered ${answer.status} with ${type}, not JSON`, true);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new TransportError(`Cannot read ${what}: the JSON from ${url.host} is broken or cut off`, true, { cause });
  }
}

function unusable(what: string, error: unknown): unknown {
  const misread = error instanceof SyntaxError || error instanceof InputError;
  return misread ? badAnswer(`Cannot read ${what}: ${error.message}`, undefined, error) : error;
}
