import { seeded } from "../../test/ca/random.ts";
import { DAMAGES, type KillPlan, type KillRow } from "../../test/support/kill_run.ts";
import type { Table } from "../bench/report.ts";

/** Longer than the steps that follow most writes take. */
const LATEST_MS = 120;

/**
 * What a seed plays. Half of them kill right before or right after each write; the others at some time after it, while requests
 * are under way, and with a CA that refuses some nonces.
 */
export function killPlan(ca: KillPlan["ca"], seed: number): KillPlan {
  const random = seeded(`kill ${seed}`);
  const challenge = seed % 2 === 0 ? "http-01" : "tls-alpn-01";
  switch (seed % 4) {
    case 1:
    case 2:
      return { ca, challenge, moment: seed % 8 < 4 ? "before" : "after" };
    default:
      return {
        ca,
        challenge,
        moment: "after",
        delayMs: (at) => 1 + random.stream(String(at)).below(LATEST_MS),
        nonceReject: random.below(30),
        seed: String(seed),
      };
  }
}

/** What came of all deaths, by step in the order in which the first of them were met. */
export function killTable(rows: readonly KillRow[]): Table {
  const steps = [...Map.groupBy(rows, ({ step }) => step)];
  const line = (name: string, all: readonly KillRow[]): readonly string[] => [
    name,
    ...[
      all.length,
      all.filter(({ missed }) => missed).length,
      ...DAMAGES.map((kind) => all.filter(({ damage }) => damage.has(kind)).length),
    ].map(String),
  ];
  return {
    columns: ["killed at", "deaths", "CA met nobody", ...DAMAGES],
    rows: [...steps.map(([step, all]) => line(step, all)), line("all", rows)],
  };
}
