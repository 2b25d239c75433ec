/** What the RFCs' problem types are answered with where nothing else is said (RFC 8555 §6.7, RFC 9773 §7.4, draft-ietf-acme-profiles). */
const STATUS = {
  accountDoesNotExist: 400,
  alreadyReplaced: 409,
  alreadyRevoked: 400,
  badCSR: 400,
  badNonce: 400,
  badPublicKey: 400,
  badRevocationReason: 400,
  badSignatureAlgorithm: 400,
  caa: 403,
  compound: 400,
  connection: 400,
  dns: 400,
  externalAccountRequired: 403,
  incorrectResponse: 403,
  invalidContact: 400,
  invalidProfile: 400,
  malformed: 400,
  orderNotReady: 403,
  rateLimited: 429,
  rejectedIdentifier: 400,
  serverInternal: 500,
  tls: 400,
  unauthorized: 403,
  unsupportedContact: 400,
  unsupportedIdentifier: 400,
  userActionRequired: 403,
} as const;

/** The last part of a problem's URN. */
export type ProblemType = keyof typeof STATUS;

/** A problem document (RFC 7807), as JSON. */
export interface ProblemDocument {
  readonly type: string;
  readonly detail: string;
  readonly status?: number;
  /** RFC 8555 §6.7.1. */
  readonly subproblems?: readonly ProblemDocument[];
  /** What one of the subproblems is about. */
  readonly identifier?: Identifier;
  /** For badSignatureAlgorithm (§6.2). */
  readonly algorithms?: readonly string[];
  /** For userActionRequired (§7.3.3). */
  readonly instance?: string;
}

/** RFC 8555 §9.7.7. */
export interface Identifier {
  readonly type: string;
  readonly value: string;
}

/** What a problem has besides type and detail. */
export interface ProblemExtras extends Pick<ProblemDocument, "subproblems" | "algorithms" | "instance"> {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
}

const PREFIX = "urn:ietf:params:acme:error:";

/** A refusal; thrown wherever it is noticed, made into an answer in one place. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly type: ProblemType;
  readonly status: number;
  readonly extras: ProblemExtras;

  constructor(type: ProblemType, detail: string, extras: ProblemExtras = {}) {
    super(detail);
    this.type = type;
    this.status = extras.status ?? STATUS[type];
    this.extras = extras;
  }

  /** The document. */
  toJSON(): ProblemDocument {
    const { headers: _headers, status: _status, ...members } = this.extras;
    return { type: `${PREFIX}${this.type}`, detail: this.message, status: this.status, ...members };
  }
}

/** One problem of several names: the only one's own, else one with a subproblem a name (§6.7.1). */
export function problemOfNames(
  type: ProblemType,
  faults: readonly (readonly [name: string, detail: string])[],
): Problem {
  const [first, ...others] = faults;
  if (first === undefined) throw new RangeError("Cannot make a problem of no faults");
  const subproblems = faults.map(([value, detail]) => ({
    type: `${PREFIX}${type}`,
    detail,
    identifier: { type: "dns", value },
  }));
  const [name, detail] = first;
  if (others.length === 0) return new Problem(type, `Cannot issue for "${name}": ${detail}`, { subproblems });
  const text =
    `Cannot issue for "${name}": ${detail} (and ${others.length} more problems. Refer to sub-problems for more information.)`;
  return new Problem(type, text, { subproblems });
}
