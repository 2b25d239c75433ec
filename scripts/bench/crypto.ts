/**
 * Row `crypto`: how many certificate requests and signed requests can be made in a second.
 *
 * @module
 */
import { createCsr, type DnsName, generateKey, parseDnsName } from "../../mod.ts";
import { signRequest } from "../../src/acme/jws.ts";
import { makeAccountKey } from "../../test/support/account_key.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { inTurns, median, perSecond, type Side } from "./measure.ts";
import { type Figure, figures, short, type Table } from "./report.ts";

/** `crypto` */
export const cryptoRow: BenchRow = { title: "Cryptography", measure };

type Work = readonly [what: string, work: () => Promise<unknown>];

async function measure({ quick }: BenchOptions): Promise<readonly Table[]> {
  const works = [...await csrs(), ...await signatures()];
  const [rounds, ms] = quick ? [2, 100] : [5, 400];
  const sides = works.map(([, work]): Side<number> => ({ rounds, measure: () => perSecond(work, ms) }));
  for (const [, work] of works) await perSecond(work, ms / 2); // what is loaded or compiled first
  const rates = await inTurns(sides);
  const all = works.map(([what], index): Figure => {
    const rate = median(rates[index] ?? []);
    return { what, measured: `${short(rate)}/s (${short(1_000 / rate)} ms each)` };
  });
  return [figures(all)];
}

async function csrs(): Promise<readonly Work[]> {
  const key = await generateKey("ec-256");
  const first = parseDnsName("n0.bench.test");
  const rest = Array.from({ length: 99 }, (_, i): DnsName => parseDnsName(`n${i + 1}.bench.test`));
  return [
    ["CSR, 1 name, P-256", () => createCsr([first], key)],
    ["CSR, 100 names, P-256", () => createCsr([first, ...rest], key)],
    ["key pair and CSR, 1 name, P-256", async () => createCsr([first], await generateKey("ec-256"))],
  ];
}

async function signatures(): Promise<readonly Work[]> {
  const url = new URL("https://ca.example/acme/authz/abc");
  const account = new URL("https://ca.example/acme/acct/1");
  const algorithms = ["ES256", "RS256"] as const;
  return await Promise.all(algorithms.map(async (alg): Promise<Work> => {
    const key = await makeAccountKey(alg);
    return [
      `JWS, ${alg}`,
      () => signRequest({ key, account }, url, "a-nonce-of-usual-length-0123456789abcdef", undefined),
    ];
  }));
}
