import { SidecarError, type SidecarErrorOptions } from "../model/errors.ts";

/** The key under which the original's API reports what the CA said. */
export const FIELD = "acme_client";

/** No whole answer came, or somebody in front of the CA answered in its place. */
export class TransportError extends SidecarError {
  override readonly name = "TransportError";
  /** The same question may be asked again at once, if it changes nothing: the trouble may have passed. */
  readonly repeatable: boolean;

  constructor(message: string, repeatable: boolean, options: SidecarErrorOptions = {}) {
    super("CA_TRANSPORT", message, { field: FIELD, todo: "try again later", ...options });
    this.repeatable = repeatable;
  }
}

/** The CA's answer is not what RFC 8555 allows, or not what we take from it. */
export function badAnswer(message: string, todo?: string, cause?: unknown): SidecarError {
  return new SidecarError("CA_ANSWER", message, {
    field: FIELD,
    todo: todo ?? "ask the CA's operator, or use another CA",
    ...(cause === undefined ? {} : { cause }),
  });
}
