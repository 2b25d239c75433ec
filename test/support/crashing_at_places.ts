/**
 * The sidecar, killed by the system right before or right after its n-th change of what a Kontena Load Balancer sees: a file
 * that is renamed or removed, a key in etcd that is written or removed. `CRASH_AT` is n, `CRASH` says `before` or `after`.
 * Each change is printed. There is no seam for these in the product: the calls of the runtime themselves are watched.
 *
 * @module
 */
import { main } from "../../plugin/main.ts";

const at = Number(Deno.env.get("CRASH_AT"));
const moment = Deno.env.get("CRASH");
let count = 0;

async function change<T>(what: string, work: () => Promise<T>): Promise<T> {
  const mine = ++count;
  console.error(`change ${mine}: ${what}`);
  if (mine === at && moment === "before") return await die();
  const result = await work();
  if (mine === at && moment === "after") return await die();
  return result;
}

function die(): Promise<never> {
  Deno.kill(Deno.pid, "SIGKILL");
  return new Promise(() => {}); // not one step more, until the signal has come
}

const { rename, remove } = Deno;
const { fetch } = globalThis;
Deno.rename = (from, to) => isPlace(to) ? change(`rename ${to}`, () => rename(from, to)) : rename(from, to);
Deno.remove = (path, options) =>
  isPlace(path) ? change(`remove ${path}`, () => remove(path, options)) : remove(path, options);
globalThis.fetch = (input, init) => {
  const method = init?.method ?? "GET";
  const watched = String(input).includes("/v2/keys/") && method !== "GET";
  return watched ? change(`${method} ${input}`, () => fetch(input, init)) : fetch(input, init);
};

function isPlace(path: string | URL): boolean {
  return String(path).endsWith(".pem");
}

if (import.meta.main) Deno.exit(await main());
