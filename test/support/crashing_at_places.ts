/**
 * The sidecar, killed by the system at one of its changes of what a Kontena Load Balancer sees (`crash_point.ts`): a file that
 * is renamed or removed, a key in etcd that is written or removed. There is no seam for these in the product: the calls of the
 * runtime themselves are watched.
 *
 * @module
 */
import { main } from "../../plugin/main.ts";
import { step } from "./crash_point.ts";

const change = <T>(what: string, work: () => Promise<T>): Promise<T> => step("change", what, work);

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
