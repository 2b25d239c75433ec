import { SidecarError } from "../model/errors.ts";
import type {
  Call,
  ChallengeAnswer,
  ChallengeSolver,
  Clock,
  LoadBalancer,
  Presented,
  PublishedAnswers,
} from "../ports.ts";
import { look, notReady } from "./not_ready.ts";
import { cleanUp, presented } from "./presented.ts";

/** What {@linkcode http01Solver} works with. */
export interface Http01Parts {
  /** Where the answer is published. */
  readonly answers: PublishedAnswers;
  /** Those that an answer can be seen through, by name. */
  readonly balancers: ReadonlyMap<string, LoadBalancer>;
  /** Waits between looks at a route that was just opened. */
  readonly clock: Clock;
}

/** Between looks at a route that was just opened, in milliseconds. */
const LOOK_MS = 100;

/**
 * Answers http-01 (RFC 8555 §8.3): publishes the key authorization for every sidecar on the ledger to give, opens a route for
 * the name where the linked balancer has none that stands, and asks for the answer through the balancer where its HTTP face
 * is known. Where it is not, only the CA can tell.
 */
export function http01Solver({ answers, balancers, clock }: Http01Parts): ChallengeSolver {
  return {
    type: "http-01",
    async present(answer: ChallengeAnswer, call: Call): Promise<Presented> {
      const { name, token, keyAuthorization } = answer;
      const balancer = answer.balancer === undefined ? undefined : balancers.get(answer.balancer);
      const down = async (call: Call): Promise<void> => {
        await answers.withdraw(token, call);
        await balancer?.routes?.close(name, call);
      };
      try {
        await answers.publish(token, keyAuthorization, call);
        await balancer?.routes?.open(name, call);
      } catch (error) {
        await cleanUp(down).catch(() => {}); // what came to nothing leaves nothing, as far as it can
        throw error;
      }
      return presented((call) => settle(answer, balancer, clock, call), down);
    },
  };
}

/** A route that stands answers at once; one that was just opened is given its time. */
async function settle(
  answer: ChallengeAnswer,
  balancer: LoadBalancer | undefined,
  clock: Clock,
  call: Call,
): Promise<void> {
  const looks = Math.ceil((balancer?.routes?.settleMs ?? 0) / LOOK_MS);
  for (let left = looks; left > 0; left--) {
    try {
      return await prove(answer, balancer, call);
    } catch (error) {
      call.signal.throwIfAborted();
      if (!(error instanceof SidecarError)) throw error;
      await clock.sleep(LOOK_MS, call);
    }
  }
  await prove(answer, balancer, call);
}

async function prove(answer: ChallengeAnswer, balancer: LoadBalancer | undefined, call: Call): Promise<void> {
  const http = balancer?.http;
  if (balancer === undefined || http === undefined) return;
  const { name, token, keyAuthorization } = answer;
  const path = `/.well-known/acme-challenge/${token}`;
  const refuse = (found: string, cause?: unknown): SidecarError =>
    notReady(`Balancer ${balancer.name} does not give the http-01 answer for ${name}: ${found}`, {
      todo: balancer.routes?.todo ??
        "route /.well-known/acme-challenge/ to the sidecar before redirects: http-request redirect ... unless acme",
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
