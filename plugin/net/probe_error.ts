import { type ErrorCode, SidecarError } from "../../src/model/errors.ts";

/** Why a probe has no certificate to show. */
export type ProbeFailure =
  | "no certificate" // the server has none for that name (alert unrecognized_name)
  | "refused" // another alert
  | "hung up" // it closed the connection without a word, as also happens in the moment of a reload
  | "unreachable" // no connection, or no answer in time
  | "unproven" // it showed a certificate but could not sign with its key
  | "garbled"; // that was not TLS

const CODES: Readonly<Record<ProbeFailure, ErrorCode>> = {
  "no certificate": "NOT_FOUND",
  refused: "BALANCER_UNREACHABLE",
  "hung up": "BALANCER_UNREACHABLE",
  unreachable: "BALANCER_UNREACHABLE",
  unproven: "BALANCER_UNREACHABLE",
  garbled: "BALANCER_UNREACHABLE",
};

/** The probe's outcome where no certificate was proven. */
export class ProbeError extends SidecarError {
  override readonly name = "ProbeError";
  readonly failure: ProbeFailure;

  constructor(failure: ProbeFailure, message: string, options: ErrorOptions = {}) {
    super(CODES[failure], message, { field: "probe", todo: TODOS[failure], hop: "served", ...options });
    this.failure = failure;
  }
}

const CHECK_ADDRESS = "check that probe= names the address on which the balancer serves TLS";
const TODOS: Readonly<Record<ProbeFailure, string>> = {
  "no certificate": "add a certificate for the name",
  refused: "check that the balancer serves a certificate of that kind",
  "hung up": "check that probe= and probe-proxy= fit the balancer's bind",
  unreachable: CHECK_ADDRESS,
  unproven: "check what answers on that address",
  garbled: CHECK_ADDRESS,
};
