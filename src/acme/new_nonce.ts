import type { Call, Clock } from "../ports.ts";
import type { DirectorySource } from "./directory.ts";
import { badAnswer } from "./failure.ts";
import { isGood, refusal } from "./refusal.ts";
import { repeated } from "./repeat.ts";
import type { Answer, Send } from "./transport.ts";

const DOING = "get a nonce";

/** The nonce in an answer (RFC 8555 §6.5.1); undefined where there is none, or two, or something else than base64url. */
export function readNonce(headers: Headers): string | undefined {
  const nonce = headers.get("replay-nonce") ?? "";
  return /^[A-Za-z0-9_-]{1,512}$/.test(nonce) ? nonce : undefined;
}

/** Makes the function that asks the CA for a nonce (§7.2): by HEAD, or by GET where the CA does not know HEAD. */
export function nonceSource(send: Send, directory: DirectorySource, clock: Clock): (call: Call) => Promise<string> {
  let method: "HEAD" | "GET" = "HEAD";
  const ask = async (url: URL, call: Call): Promise<Answer> => {
    const answer = await send({ method, url, doing: DOING }, call);
    if (answer.status !== 405 || method === "GET") return answer;
    method = "GET";
    return await send({ method, url, doing: DOING }, call);
  };
  return async (call) => {
    const { resources: { newNonce } } = await directory.get(call);
    const answer = await repeated(clock, call, async () => {
      const answer = await ask(newNonce, call);
      if (isGood(answer)) return answer;
      if (answer.status === 404 || answer.status === 405) directory.doubt(newNonce);
      throw refusal(answer, DOING, { beforeAll: true });
    });
    const nonce = readNonce(answer.headers);
    if (nonce === undefined) throw badAnswer(`Cannot ${DOING}: ${newNonce.host} sent no usable Replay-Nonce header`);
    return nonce;
  };
}
