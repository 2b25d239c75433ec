import type { SwapReason } from "../model/balancer_plan.ts";
import type { Hop } from "../model/inventory.ts";
import type { SecretName } from "../model/secret_name.ts";
import type { Event, Events } from "../ports.ts";

/** Tells of one balancer; what does not get better is told once. */
export interface BalancerNews {
  /** Tells it, whatever was told before. */
  tell(level: Event["level"], name: string, text: string, fields?: Event["fields"]): void;
  /** The certificate is not served as it should be, and nothing more can be done about it now. */
  alarm(secretName: SecretName, hop: Hop, found: string): void;
  /** Somebody else has told that alarm. */
  alarmed(secretName: SecretName, found: string): void;
  /** The certificate is as it should be: its next alarm is news. */
  calm(secretName: SecretName): void;
  /** Of all others nothing is told any more. */
  keepOnly(secretNames: ReadonlySet<SecretName>): void;
  /** Somebody has changed what was right. */
  drift(secretName: SecretName, why: SwapReason): void;
  /** The balancer could not be looked after; undefined: it could. */
  failure(text: string | undefined): void;
  /** It could not be seen what clients get; undefined: it could. */
  unseen(text: string | undefined): void;
}

/** Makes {@linkcode BalancerNews}. */
export function balancerNews(events: Events, balancer: string): BalancerNews {
  const told = new Map<SecretName, Set<string>>();
  let failed: string | undefined;
  let blind: string | undefined;
  const news: BalancerNews = {
    tell: (level, name, text, fields = {}) => events.emit({ level, name, text, fields: { balancer, ...fields } }),
    alarm(secretName, hop, found): void {
      if (told.get(secretName)?.has(found) === true) return;
      news.alarmed(secretName, found);
      const text = `${balancer} does not serve ${secretName} as it should (${HOPS[hop]}): ${found}`;
      news.tell("error", "balancer.alarm", text, { secret: secretName, hop });
    },
    alarmed: (secretName, found) => void told.set(secretName, new Set(told.get(secretName)).add(found)),
    calm: (secretName) => void told.delete(secretName),
    keepOnly(secretNames): void {
      for (const name of told.keys()) if (!secretNames.has(name)) told.delete(name);
    },
    drift(secretName, why): void {
      const text = `${balancer}: ${secretName} is put right: ${why}`;
      news.tell("warn", "balancer.drift", text, { secret: secretName, why });
    },
    failure(text): void {
      if (text !== undefined && text !== failed) news.tell("error", "reconcile.failed", text);
      failed = text;
    },
    unseen(text): void {
      if (text !== undefined && text !== blind) news.tell("error", "balancer.unseen", text);
      blind = text;
    },
  };
  return news;
}

/** The hops for people. */
const HOPS: Readonly<Record<Hop, string>> = {
  vault: "the vault",
  balancer: "the balancer itself",
  disk: "its file on disk",
  memory: "its memory",
  served: "what clients get",
};
