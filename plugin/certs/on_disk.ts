import type { X509Certificate } from "node:crypto";
import defer * as nodeCrypto from "node:crypto";
import { readIfThere, visibleFiles } from "./files.ts";

/** Finds the files of a directory whose first certificate has one of these SHA-1 sums. */
export async function filesOnDisk(
  directory: string,
  wanted: ReadonlySet<string>,
): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const file of (await visibleFiles(directory)).toSorted()) {
    const leaf = leafOf(await readIfThere(`${directory}/${file}`) ?? "");
    const sum = leaf === undefined ? "" : nodeCrypto.createHash("sha1").update(leaf.raw).digest("hex");
    if (wanted.has(sum) && !found.has(sum)) found.set(sum, `${directory}/${file}`);
    if (found.size === wanted.size) break;
  }
  return found;
}

/** The first certificate of a text, which may begin with its key; undefined where there is none that can be read. */
export function leafOf(pem: string): X509Certificate | undefined {
  const [block] = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/.exec(pem) ?? [];
  try {
    return block === undefined ? undefined : new nodeCrypto.X509Certificate(block);
  } catch {
    return undefined;
  }
}

/**
 * Finds the first file of a directory that HAProxy would not take: it refuses its whole configuration for it.
 *
 * @returns The file and what is wrong with it, without any part of it.
 */
export async function badFile(directory: string): Promise<{ readonly file: string; readonly why: string } | undefined> {
  for (const file of (await visibleFiles(directory)).toSorted()) {
    const why = fault(await readIfThere(`${directory}/${file}`) ?? "");
    if (why !== undefined) return { file, why };
  }
  return undefined;
}

function fault(pem: string): string | undefined {
  const leaf = leafOf(pem);
  if (leaf === undefined) return "holds no certificate";
  const [key] = /-----BEGIN (?:[A-Z]+ )?PRIVATE KEY-----[^]*?-----END (?:[A-Z]+ )?PRIVATE KEY-----/.exec(pem) ?? [];
  if (key === undefined) return "holds no private key";
  try {
    return leaf.checkPrivateKey(nodeCrypto.createPrivateKey(key))
      ? undefined
      : "holds a key that is not the certificate's";
  } catch {
    return "holds a private key that cannot be read";
  }
}
