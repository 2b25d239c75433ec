import { type Fields, flag, given, object, optional, text, texts, url } from "../model/shape.ts";
import type { AuthorityInfo } from "../ports.ts";
import { readJson } from "./answer.ts";
import type { Answer } from "./transport.ts";
import type { UrlPolicy } from "./url_policy.ts";

/** Where the CA takes which request (RFC 8555 §7.1.1). */
export interface Resources {
  readonly newNonce: URL;
  readonly newAccount: URL;
  readonly newOrder: URL;
  readonly revokeCert?: URL;
  readonly keyChange?: URL;
  readonly renewalInfo?: URL;
}

/** What the directory says. Fields that nobody here uses are left out, one of Let's Encrypt's is random on purpose. */
export interface Directory {
  readonly resources: Resources;
  readonly info: AuthorityInfo;
}

/** Reads a directory; its URLs may be relative to its own. */
export function readDirectory(answer: Answer, urls: UrlPolicy): Directory {
  return readJson(answer, "the directory", (it) => {
    const link = (from: Fields, field: string): URL => urls(text(from, field), answer.url, field);
    const resources = {
      newNonce: link(it, "newNonce"),
      newAccount: link(it, "newAccount"),
      newOrder: link(it, "newOrder"),
      ...given("revokeCert", optional(it, "revokeCert", link)),
      ...given("keyChange", optional(it, "keyChange", link)),
      ...given("renewalInfo", lenient(() => optional(it, "renewalInfo", link))),
    };
    const info = readInfo(optional(it, "meta", (from, field) => object(from[field], field)) ?? {});
    return { resources, info: resources.renewalInfo === undefined ? info : { ...info, renewalInfo: true } };
  });
}

/** Certificates come and are renewed without it: a CA that has it elsewhere is one that does not have it. */
function lenient<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}

function readInfo(meta: Fields): AuthorityInfo {
  return {
    ...given("termsOfService", optional(meta, "termsOfService", url)),
    ...given("website", optional(meta, "website", url)),
    caaIdentities: optional(meta, "caaIdentities", texts) ?? [],
    externalAccountRequired: optional(meta, "externalAccountRequired", flag) ?? false,
    profiles: optional(meta, "profiles", readProfiles) ?? {},
  };
}

/** The descriptions are texts or URLs for people; the names are what an order can ask for. */
function readProfiles(from: Fields, field: string): Readonly<Record<string, string>> {
  const profiles = object(from[field], field);
  return Object.fromEntries(Object.keys(profiles).map((name) => [name, String(profiles[name])]));
}
