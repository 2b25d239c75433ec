import { createHash } from "node:crypto";
import { toBase64Url } from "../jose/base64url.ts";
import { Problem } from "../problem.ts";
import type { Look } from "./look.ts";

/** RFC 8555 §8.4: one of the TXT values has to be the digest. */
export async function dns01({ name, keyAuthorization, resolver, signal }: Look): Promise<void> {
  const record = `_acme-challenge.${name}`;
  const expected = toBase64Url(createHash("sha256").update(keyAuthorization).digest());
  const values = await resolver.txt(record, signal);
  if (values.includes(expected)) return;
  const [first, ...others] = values;
  if (first === undefined) throw new Problem("unauthorized", `No TXT record found at ${record}`);
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  throw new Problem("unauthorized", `Incorrect TXT record "${first.slice(0, 100)}"${more} found at ${record}`);
}
