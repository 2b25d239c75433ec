import type { Inventory, InventoryQuestion } from "../../src/model/inventory.ts";
import { given } from "../../src/model/shape.ts";
import type { Call } from "../../src/ports.ts";
import { configSum } from "../certs/balancer_url.ts";
import type { Digests } from "../certs/digests.ts";
import { fileIn } from "../certs/place.ts";
import { sniFile } from "../certs/sni_file.ts";
import { revisionKey } from "./layout.ts";
import type { Tools } from "./tools.ts";

/**
 * All that can be seen of a change from outside is another directory. The revision is no part of it: our own swaps change that,
 * and one of them must not look like a new balancer to another. Without etcd nothing can be swapped in: there the balancer
 * counts as away.
 */
export async function signOf({ config, etcd }: Tools, call: Call): Promise<string> {
  await etcd.get(revisionKey(config.service), call);
  return ["files", await identityOf(config.certificates.path), configSum(config)].join("/");
}

/** Looks at the files: what is in the memory of a HAProxy without a runtime socket, only a client can tell. */
export async function inventory(
  tools: Tools,
  digests: Digests,
  { files, answers }: InventoryQuestion,
  call: Call,
): Promise<Inventory> {
  const { certificates: place } = tools.config;
  const sign = await signOf(tools, call);
  const pathOf = (file: string): string => fileIn(place, file);
  const challenges = answers.filter((it) => it.type === "tls-sni-01");
  const wanted = [...files, ...challenges.map((it) => sniFile(it.name))];
  const onDisk = await digests.of(wanted.map(pathOf));
  return {
    sign,
    files: new Map(files.map((file) => [file, given("disk", onDisk.get(pathOf(file)))])),
    missing: challenges.filter((it) => !onDisk.has(pathOf(sniFile(it.name)))),
  };
}

async function identityOf(folder: string): Promise<string> {
  try {
    const { dev, ino } = await Deno.stat(folder);
    return `${dev}.${ino}`;
  } catch {
    return "no folder";
  }
}
