import { describe } from "../model/errors.ts";
import type { Call, LoadBalancer } from "../ports.ts";
import type { BalancerNews } from "./balancer_news.ts";

/** Whether a balancer is there, and the sign under which it was looked at last. */
export interface Presence {
  /** Of the last look; undefined: nothing is known, everything has to be looked at. */
  readonly sign: string | undefined;
  /** It did not answer when it was asked last. */
  readonly away: boolean;
  /** Asks for its sign; undefined where it does not answer. That is told once, and once that it is back. */
  ask(call: Call): Promise<string | undefined>;
  /** It was looked at under that sign. */
  looked(sign: string): void;
  /** What was seen of it does not hold any more. */
  forget(): void;
}

/** Makes the {@linkcode Presence} of a balancer. */
export function presenceOf(balancer: LoadBalancer, news: BalancerNews): Presence {
  const { name } = balancer;
  let known: string | undefined;
  let away = false;
  return {
    get sign(): string | undefined {
      return known;
    },
    get away(): boolean {
      return away;
    },
    async ask(call): Promise<string | undefined> {
      try {
        const sign = await balancer.sign(call);
        if (away) news.tell("info", "balancer.back", `${name} answers again; everything is looked at`);
        else if (known !== undefined && known !== sign) {
          news.tell("info", "balancer.changed", `${name} was started anew; everything is looked at`);
        }
        away = false;
        return sign;
      } catch (error) {
        call.signal.throwIfAborted();
        if (!away) news.tell("error", "balancer.away", `${name} does not answer: ${describe(error)}`);
        away = true;
        known = undefined;
        return undefined;
      }
    },
    looked: (sign) => void (known = sign),
    forget: () => void (known = undefined),
  };
}
