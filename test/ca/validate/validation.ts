import type { Parts } from "../parts.ts";
import { Problem } from "../problem.ts";
import type { Authorization, Challenge, ChallengeState, ChallengeType } from "../state/types.ts";
import { sleep } from "../tasks.ts";
import { dns01 } from "./dns01.ts";
import { http01 } from "./http01.ts";
import { type Look, toProblem } from "./look.ts";
import { tlsAlpn01 } from "./tls_alpn01.ts";
import { tlsSni01 } from "./tls_sni01.ts";

/** Looks once; throws a {@linkcode Problem}, or what {@linkcode toProblem} makes one of. */
const VALIDATORS: Readonly<Record<ChallengeType, (look: Look) => Promise<void>>> = {
  "http-01": http01,
  "dns-01": dns01,
  "tls-alpn-01": tlsAlpn01,
  "tls-sni-01": tlsSni01,
};

/** Marks the challenge as being validated, and decides it some time after the answer. */
export function beginValidation(
  parts: Parts,
  authorization: Authorization,
  challenge: Challenge,
  thumbprint: string,
): void {
  const { store, settings, tasks, counters } = parts;
  store.decide(authorization.id, challenge.id, { status: "processing" });
  counters.validations++;
  tasks.start(async (signal) => {
    await sleep(settings.validationDelayMs, signal);
    const problem = await verdict(parts, authorization, challenge, thumbprint, signal);
    signal.throwIfAborted();
    const validated = settings.now();
    store.decide(authorization.id, challenge.id, stateAfter(parts, problem, validated));
  });
}

function stateAfter({ settings }: Parts, problem: Problem | undefined, validated: Date): ChallengeState {
  if (problem === undefined) return { status: "valid", validated };
  const error = problem.toJSON();
  const unreached = problem.type === "connection" || problem.type === "dns";
  return unreached && settings.unreachable === "pending"
    ? { status: "pending", error }
    : { status: "invalid", validated, error };
}

/** Every place looks by itself; the authority's own has to agree, and enough of the others. */
async function verdict(
  { settings }: Parts,
  { name }: Authorization,
  { type, token }: Challenge,
  thumbprint: string,
  signal: AbortSignal,
): Promise<Problem | undefined> {
  if (settings.alwaysValid) return undefined;
  const { httpPort, tlsPort, resolver, vantagePoints, vantageFailures } = settings;
  const timeout = timeLimit(settings.validationTimeoutMs, signal);
  const keyAuthorization = `${token}.${thumbprint}`;
  const look = { name, token, keyAuthorization, httpPort, tlsPort, resolver, signal: timeout.signal };
  const looks = Array.from({ length: vantagePoints }, () => VALIDATORS[type](look).then(() => undefined, toProblem));
  const [own, ...others] = await Promise.all(looks).finally(timeout.clear);
  const failed = others.filter((it) => it !== undefined);
  if (own !== undefined || failed.length <= vantageFailures) return own;
  const [first] = failed;
  return first && new Problem(first.type, `During secondary validation: ${first.message}`);
}

/** `AbortSignal.timeout` would keep its timer until it fires. */
function timeLimit(ms: number, signal: AbortSignal): { readonly signal: AbortSignal; clear(): void } {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DOMException("Timeout", "TimeoutError")), ms);
  return { signal: AbortSignal.any([signal, controller.signal]), clear: () => clearTimeout(timer) };
}
