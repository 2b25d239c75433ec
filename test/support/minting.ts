import "reflect-metadata";
import { Pkcs10CertificateRequest } from "@peculiar/x509";
import type { AuthorityAccount, CertificateAuthority } from "../../src/ports.ts";
import { SidecarError } from "../../src/model/errors.ts";
import type { Asked } from "./worse.ts";

/** What a CA issues from now on. */
export interface Mint {
  /** Makes what is downloaded for an order, once; downloads of the same order give the same. */
  next: (asked: Asked) => Promise<string>;
  /** How often something was downloaded. */
  downloads: number;
}

/** Makes a CA behind the port issue what the test says. */
export function mintAt(
  authority: CertificateAuthority,
  now: () => Date,
  first: Mint["next"],
): Mint {
  const mint: Mint = { next: first, downloads: 0 };
  const asked = new Map<string, Asked>();
  const made = new Map<string, Promise<string>>();
  const as = authority.as.bind(authority);
  authority.as = (url, key): AuthorityAccount => {
    const account = as(url, key);
    return {
      ...account,
      async finalize(order, csr, call): ReturnType<AuthorityAccount["finalize"]> {
        const done = await account.finalize(order, csr, call);
        if (done.status !== "valid") throw new SidecarError("CA_ANSWER", "the test's CA finalizes at once");
        const publicKey = await new Pkcs10CertificateRequest(csr).publicKey.export();
        asked.set(done.certificate.href, { names: order.names, publicKey, now: now() });
        return done;
      },
      async certificate(url): ReturnType<AuthorityAccount["certificate"]> {
        mint.downloads++;
        const about = asked.get(url.href)!;
        if (!made.has(url.href)) made.set(url.href, mint.next(about));
        return { pem: await made.get(url.href)!, alternates: [] };
      },
    };
  };
  return mint;
}
