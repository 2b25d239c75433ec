/**
 * Row `requests`: what one certificate costs the CA, counted in the fetch that the library is given.
 *
 * @module
 */
import { type DnsName, parseDnsName } from "../../mod.ts";
import { CALL } from "../../test/support/fakes.ts";
import { gateTo } from "../../test/support/gate.ts";
import { type Library, openLibrary } from "../../test/support/library.ts";
import { startPebble } from "../../test/support/pebble.ts";
import type { BenchOptions, BenchRow } from "./bench_row.ts";
import { atMost, type Figure, figures, type Table } from "./report.ts";

/** `requests` */
export const requestsRow: BenchRow = { title: "Requests per certificate", measure };

/** Requests of one certificate; `polls` came too early, and how many there are is up to the CA. */
interface Count {
  readonly wanted: number;
  readonly polls: number;
}

async function measure(_options: BenchOptions): Promise<readonly Table[]> {
  await using pebble = await startPebble({ alwaysValid: true });
  await using gate = gateTo(Number(pebble.directory.port));
  gate.open();
  const directory = new URL(`https://127.0.0.1:${gate.port}/dir`);
  await using library = await openLibrary(pebble, { directory });
  await order(library, "cold", 1);
  const registration = library.requests.filter((it) => it.startsWith("POST sign-me-up")).length;
  const cold = count(library);
  const one = await counted(library, "one", 1);
  const hundred = await counted(library, "hundred", 100);
  return [figures([
    figure("1 name, cold (the account exists)", { ...cold, wanted: cold.wanted - registration }, 9),
    figure("1 name, warm", one, 7),
    figure("100 names, warm", hundred, 210),
    {
      what: "TLS connections for all of these",
      measured: `${gate.connections}`,
      goal: atMost(gate.connections, 1, "1"),
    },
  ])];
}

async function counted(library: Library, label: string, names: number): Promise<Count> {
  library.requests.length = 0;
  await order(library, label, names);
  return count(library);
}

async function order({ service }: Library, label: string, names: number): Promise<void> {
  const rest = Array.from({ length: names - 1 }, (_, i): DnsName => parseDnsName(`n${i + 1}.${label}.test`));
  await service.request({ domains: [parseDnsName(`n0.${label}.test`), ...rest] }, CALL);
}

function count({ requests }: Library): Count {
  const polls = requests.filter((it) => /^POST my-order 200 (pending|processing)$/.test(it)).length;
  return { wanted: requests.length - polls, polls };
}

function figure(what: string, { wanted, polls }: Count, limit: number): Figure {
  const measured = `${wanted} + ${polls} polls answered pending or processing`;
  return { what, measured, goal: atMost(wanted, limit, `at most ${limit} + polls`) };
}
