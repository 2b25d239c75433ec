import { nonceWaits } from "../model/backoff.ts";
import { isProblem } from "../model/problem.ts";
import { given } from "../model/shape.ts";
import type { Call, Clock } from "../ports.ts";
import type { DirectorySource } from "./directory.ts";
import { type Payload, type Signer, signRequest } from "./jws.ts";
import { BAD_NONCE_MS } from "./limits.ts";
import { readNonce } from "./new_nonce.ts";
import type { Nonces } from "./nonces.ts";
import { isGood, problemIn, refusal } from "./refusal.ts";
import { repeated } from "./repeat.ts";
import type { Answer, Send } from "./transport.ts";

/** A request that the CA takes only signed (RFC 8555 §6.2). */
export interface SignedRequest {
  readonly url: URL;
  /** What it is for, after "Cannot ". */
  readonly doing: string;
  readonly signer: Signer;
  /** Absent for a read, POST-as-GET (§6.3). */
  readonly payload?: Payload;
  readonly accept?: string;
  readonly maxBytes?: number;
  /** Statuses other than 2xx that `read` understands. */
  readonly alsoGood?: readonly number[];
}

/**
 * Sends a signed request and reads the answer. A request that changes something is sent once: whether it arrived when no
 * answer came is for the caller to find out. A read is sent again, signed anew, while the trouble may pass.
 */
export type Post = <T>(request: SignedRequest, read: (answer: Answer) => T, call: Call) => Promise<T>;

/** What a {@linkcode signedPost} is made of. */
export interface SignedPostOptions {
  readonly send: Send;
  readonly nonces: Nonces;
  readonly directory: DirectorySource;
  readonly clock: Clock;
}

/** Makes {@linkcode Post}. */
export function signedPost(options: SignedPostOptions): Post {
  return async (request, read, call) => {
    const ask = async (): Promise<ReturnType<typeof read>> => read(await checked(options, request, call));
    // Only a read has no payload.
    return request.payload === undefined ? await repeated(options.clock, call, ask) : await ask();
  };
}

async function checked(options: SignedPostOptions, request: SignedRequest, call: Call): Promise<Answer> {
  const answer = await accepted(options, request, call);
  if (isGood(answer) || request.alsoGood?.includes(answer.status)) return answer;
  if (answer.status === 404 || answer.status === 405) options.directory.doubt(request.url);
  throw refusal(answer, request.doing);
}

/**
 * Sends until the CA takes the nonce, 250 times or for 30 s; then gives the last refusal. Refused, the request is signed anew
 * with the nonce of that very refusal, as §6.5 wants: another one from the pool may be as old as the first was.
 */
async function accepted(options: SignedPostOptions, request: SignedRequest, call: Call): Promise<Answer> {
  const { nonces, clock } = options;
  const giveUpAt = clock.now().getTime() + BAD_NONCE_MS;
  const [, ...waits] = nonceWaits(); // the first try waits for nothing
  let turn = await nonces.take(call);
  try {
    let tried = await sendOnce(options, request, turn.nonce, call);
    for (const wait of waits) {
      if (!isBadNonce(tried.answer) || clock.now().getTime() >= giveUpAt) break;
      if (wait > 0) await clock.sleep(wait, call);
      if (tried.nonce === undefined) {
        turn[Symbol.dispose]();
        turn = await nonces.take(call);
      }
      tried = await sendOnce(options, request, tried.nonce ?? turn.nonce, call);
    }
    if (tried.nonce !== undefined) nonces.keep(tried.nonce);
    return tried.answer;
  } finally {
    turn[Symbol.dispose]();
  }
}

interface Tried {
  readonly answer: Answer;
  /** The nonce that it brought. */
  readonly nonce: string | undefined;
}

async function sendOnce(options: SignedPostOptions, request: SignedRequest, nonce: string, call: Call): Promise<Tried> {
  const { url, doing, signer, payload, accept, maxBytes } = request;
  const body = JSON.stringify(await signRequest(signer, url, nonce, payload));
  const brought: { nonce: string | undefined } = { nonce: undefined };
  const outgoing = {
    method: "POST",
    url,
    doing,
    body,
    ...given("accept", accept),
    ...given("maxBytes", maxBytes),
  } as const;
  try {
    const answer = await options.send(outgoing, call, (headers) => void (brought.nonce = readNonce(headers)));
    return { answer, nonce: brought.nonce };
  } catch (error) {
    if (brought.nonce !== undefined) options.nonces.keep(brought.nonce); // its body failed, the nonce is good
    throw error;
  }
}

function isBadNonce(answer: Answer): boolean {
  const problem = problemIn(answer);
  return problem !== undefined && isProblem(problem, "badNonce");
}
