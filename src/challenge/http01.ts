import type { SidecarError } from "../model/errors.ts";
import type { Call, ChallengeAnswer, ChallengeSolver, LoadBalancer, Presented, PublishedAnswers } from "../ports.ts";
import { look, notReady } from "./not_ready.ts";
import { presented } from "./presented.ts";

/** What {@linkcode http01Solver} works with. */
export interface Http01Parts {
  /** Where the answer is published. */
  readonly answers: PublishedAnswers;
  /** Those that an answer can be seen through, by name. */
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
}

/**
 * Answers http-01 (RFC 8555 §8.3): publishes the key authorization for every sidecar on the ledger to give, and asks for it
 * through the linked balancer where that balancer's HTTP face is known. Where it is not, only the CA can tell.
 */
export function http01Solver({ answers, balancers }: Http01Parts): ChallengeSolver {
  return {
    type: "http-01",
    async present(answer: ChallengeAnswer, call: Call): Promise<Presented> {
      const { token, keyAuthorization } = answer;
      await answers.publish(token, keyAuthorization, call);
      const balancer = answer.balancer === undefined ? undefined : balancers.get(answer.balancer);
      return presented((call) => prove(answer, balancer, call), (call) => answers.withdraw(token, call));
    },
  };
}

async function prove(answer: ChallengeAnswer, balancer: LoadBalancer | undefined, call: Call): Promise<void> {
  const http = balancer?.http;
  if (balancer === undefined || http === undefined) return;
  const { name, token, keyAuthorization } = answer;
  const path = `/.well-known/acme-challenge/${token}`;
  const refuse = (found: string, cause?: unknown): SidecarError =>
    notReady(`Balancer ${balancer.name} does not give the http-01 answer for ${name}: ${found}`, {
      todo: "route /.well-known/acme-challenge/ to the sidecar before redirects: http-request redirect ... unless acme",
      cause,
    });
  const { status, body } = await look(
    call,
    () => http(name, path, call),
    (cause) => refuse("it does not answer", cause),
  );
  if (status >= 300 && status < 400) throw refuse(`it redirects (status ${status})`);
  if (status !== 200) throw refuse(`it answers with status ${status}`);
  // Boulder cuts white space at the end, as §8.3 wants; of other texts only the length is told, they are somebody's pages.
  if (body.trimEnd() !== keyAuthorization) throw refuse(`it gives another text (${body.length} characters)`);
}
