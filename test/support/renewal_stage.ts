/**
 * A keeper over a CA that tells windows, in a time that tests move; it can be restarted, suspended, or given a wrong clock.
 *
 * @module
 */
import { presentedAnswers } from "../../src/flow/answers.ts";
import { keeper } from "../../src/flow/keeper.ts";
import { reconcile } from "../../src/flow/reconcile.ts";
import { parseDnsNames } from "../../src/model/dns_name.ts";
import type { Intent } from "../../src/model/records.ts";
import type { RenewalRecord } from "../../src/model/renewal_record.ts";
import { defaultSecretName } from "../../src/model/secret_name.ts";
import type { Clock } from "../../src/ports.ts";
import { fakeClock } from "./fake_clock.ts";
import { CALL } from "./fakes.ts";
import { type Harness, harness, type HarnessOptions } from "./flow_harness.ts";

/** A declared certificate on `infra/lb`. */
export function declare(...names: string[]): Intent {
  const parsed = parseDnsNames(names);
  const secretName = defaultSecretName(parsed[0]);
  return { names: parsed, keyType: "ec-256", secretName, certType: "fullchain", balancers: ["infra/lb"] };
}

/** A keeper whose looks the test asks for. */
export interface RenewalStage {
  readonly it: Harness;
  look(): Promise<void>;
  /** Lets `ms` pass with a look each `every` milliseconds. */
  pass(ms: number, every: number): Promise<void>;
  /** The same stores under a new process. */
  restart(declared?: readonly Intent[]): Promise<void>;
  /** Names of the orders, in their order. */
  orders(): readonly string[];
  /** How often the CA was asked for renewal information. */
  questions(): number;
  renewal(name: string): Promise<RenewalRecord | undefined>;
}

/** Makes one; everything is declared, and nothing has happened yet. */
export async function renewalStage(declared: readonly Intent[], options: HarnessOptions = {}): Promise<RenewalStage> {
  let it = await harness({ renewalInfo: true, ...options });
  const start = (intents: readonly Intent[]): Pick<ReturnType<typeof keeper>, "look"> => {
    const answers = presentedAnswers(it.parts);
    const keep = keeper(it.parts, it.service, answers, intents);
    const loop = reconcile(it.parts, it.service, answers, intents);
    return {
      async look(call): Promise<void> {
        await keep.look(call);
        await loop.look(call).catch(() => {}); // it would be tried again with its next look
      },
    };
  };
  let running = start(declared);
  const stage: RenewalStage = {
    get it(): Harness {
      return it;
    },
    look: () => running.look(CALL),
    async pass(ms: number, every: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += every) {
        it.clock.move(every);
        await running.look(CALL);
      }
    },
    async restart(intents = declared): Promise<void> {
      it = await it.restart();
      running = start(intents);
    },
    orders: () => it.authority.orders.map(({ names }) => names.join(",")),
    questions: () => it.authority.asked.filter((line) => line.startsWith("renewalInfo")).length,
    renewal: async (name) => (await it.records.renewals.get(declare(name).secretName, CALL))?.value,
  };
  return stage;
}

/** A keeper that runs by itself, on a machine that can stand still and whose clock can be set. */
export interface RunningStage extends AsyncDisposable {
  readonly it: Harness;
  /** Lets so much time pass while it runs, and what was begun end. */
  pass(ms: number): Promise<void>;
  /** The machine stands still for so long; the rest of the world does not. */
  suspend(ms: number): void;
  /** Somebody sets the machine's clock to another time; the rest of the world keeps its own. */
  setClock(ms: number): void;
}

/** Starts one. */
export async function runningStage(declared: readonly Intent[], options: HarnessOptions = {}): Promise<RunningStage> {
  const timers = fakeClock(new Date("2026-06-01T00:00:00Z"));
  let shift = 0;
  let wrong = 0;
  const clock: Clock = {
    now: () => new Date(timers.now().getTime() + shift),
    random: () => 0.5,
    sleep: (ms, call) => timers.sleep(ms, call),
  };
  const it = await harness({ renewalInfo: true, ...options, clock });
  const stop = new AbortController();
  const run = keeper(it.parts, it.service, presentedAnswers(it.parts), declared).run({ signal: stop.signal });
  return {
    it,
    async pass(ms: number): Promise<void> {
      for (let passed = 0; passed < ms; passed += 5_000) {
        await timers.advance(Math.min(5_000, ms - passed));
        await new Promise((resolve) => setTimeout(resolve, 3)); // keys are made and signed with in real time
      }
    },
    suspend: (ms) => void (shift += ms),
    setClock(ms: number): void {
      shift += ms;
      wrong += ms;
      it.authority.setClock(-wrong);
    },
    async [Symbol.asyncDispose](): Promise<void> {
      stop.abort(new Error("the test is over"));
      await run;
    },
  };
}
