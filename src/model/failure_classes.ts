import type { ErrorCode } from "./errors.ts";

/** What a class of failures means, for people. */
export interface FailureClass {
  /** What it is about, a clause. */
  readonly cause: string;
  /** What helps, an imperative. */
  readonly todo: string;
}

/** One entry a class: the same names stand in the log, in the metrics and in answers. */
export const FAILURE_CLASSES: Readonly<Record<ErrorCode, FailureClass>> = {
  INPUT: { cause: "something that was asked for is wrong", todo: "mend what is named and repeat the command" },
  NOT_FOUND: { cause: "something that it needs is not there", todo: "bring about what is named" },
  CONFLICT: { cause: "somebody else wrote in between", todo: "nothing: it is tried again" },
  CA_TRANSPORT: { cause: "the CA could not be reached", todo: "check this machine's way to the CA, if it lasts" },
  CA_ANSWER: { cause: "the CA's answer was none that ACME allows", todo: "tell the CA, if it lasts" },
  CA_PROBLEM: { cause: "the CA refused", todo: "read what the CA says" },
  RATE_LIMITED: { cause: "a limit of the CA is used up", todo: "nothing: it goes on when the limit allows it" },
  ACCOUNT_MISSING: { cause: "nobody has registered with the CA", todo: "run kontena certificate register EMAIL" },
  ACCOUNT_DEACTIVATED: {
    cause: "the account at the CA was deactivated",
    todo: "run kontena certificate register --new-account EMAIL, if another one shall be made",
  },
  CHALLENGE_NOT_OFFERED: { cause: "the CA does not offer that challenge", todo: "choose another with CHALLENGE" },
  CHALLENGE_NOT_READY: {
    cause: "the answer to the challenge cannot be seen yet, so the CA was not asked",
    todo: "run kontena lb check, or set the DNS record",
  },
  CHALLENGE_FAILED: {
    cause: "the CA looked and was not convinced",
    todo: "check that the name leads to this load balancer, from outside as well",
  },
  ORDER_PARKED: { cause: "DNS records are missing that only a person can set", todo: "set them, then run get again" },
  ORDER_TIMEOUT: {
    cause: "the CA took longer than is waited for in one go",
    todo: "nothing: the order is gone on with",
  },
  CERTIFICATE_REJECTED: {
    cause: "what the CA sent must not be used",
    todo: "read why; the former one goes on serving",
  },
  VAULT_KEY: { cause: "the vault cannot be opened with this key", todo: "set the right VAULT_KEY" },
  VAULT_UNAVAILABLE: { cause: "the vault cannot be reached", todo: "check the disk of VAULT_URL" },
  VAULT_DENIED: { cause: "the vault does not let the sidecar in", todo: "give it the right to read and write there" },
  BALANCER_CONFIG: { cause: "the load balancer is not wired as needed", todo: "run kontena lb check" },
  BALANCER_UNREACHABLE: { cause: "the load balancer does not answer", todo: "check that it runs: kontena lb list" },
  SWAP_REJECTED: { cause: "the load balancer refused the certificate", todo: "look at the load balancer's log" },
  INTERNAL: { cause: "of a fault in the sidecar", todo: "look at its log, and report it" },
};
