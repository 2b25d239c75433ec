import { type DnsName, parseDnsName } from "../model/dns_name.ts";
import type { Authorization, Challenge } from "../model/order.ts";
import { readProblem } from "../model/problem.ts";
import { retryAfterMs } from "../model/retry_after.ts";
import { type Fields, flag, given, instant, list, object, oneOf, optional, text } from "../model/shape.ts";
import { readJson } from "./answer.ts";
import type { Answer } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

const AUTHORIZATION = ["pending", "valid", "invalid", "deactivated", "expired", "revoked"] as const;
const CHALLENGE = ["pending", "processing", "valid", "invalid"] as const;

/** Reads an authorization (RFC 8555 §7.1.4). */
export function readAuthorization(answer: Answer, url: URL, urls: UrlPolicy): Authorization {
  return readJson(answer, "the authorization", (it) => ({
    url,
    name: readName(it),
    status: oneOf(it, "status", AUTHORIZATION),
    ...given("expires", optional(it, "expires", instant)),
    challenges: list(it, "challenges").map((one) => challenge(object(one, "challenges"), answer, urls)),
    ...given("pollAfterMs", retryAfterMs(answer.headers, answer.at)),
  }));
}

/** Reads a challenge that stands alone (§7.1.5), as the answer to ours does. */
export function readChallenge(answer: Answer, urls: UrlPolicy): Challenge {
  return readJson(answer, "the challenge", (it) => challenge(it, answer, urls));
}

function challenge(it: Fields, answer: Answer, urls: UrlPolicy): Challenge {
  return {
    type: text(it, "type"),
    url: urls(text(it, "url"), answer.url, "challenges.url"),
    status: oneOf(it, "status", CHALLENGE),
    ...given("token", optional(it, "token", text)),
    ...given("problem", optional(it, "error", (from) => readProblem(from["error"]))),
  };
}

/** The star is not part of the identifier but told apart (§7.1.4). */
function readName(it: Fields): DnsName {
  const identifier = object(it["identifier"], "identifier");
  oneOf(identifier, "type", ["dns"]);
  const value = text(identifier, "value");
  const star = optional(it, "wildcard", flag) === true && !value.startsWith("*.");
  return parseDnsName(star ? `*.${value}` : value, "identifier");
}
