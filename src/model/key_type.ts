import { InputError } from "./errors.ts";

/** The kinds of certificate keys (`KEY_TYPE`). */
export type KeyType = "ec-256" | "ec-384" | "rsa-2048" | "rsa-3072" | "rsa-4096";

/** One kind, or two of different algorithms: then each certificate comes with either, for what different clients can take. */
export type KeyTypes = readonly [first: KeyType, second?: KeyType];

/** What keys of one algorithm are called. */
export type KeyFamily = KeyKind["family"];

/** What WebCrypto and a reader of certificates need to know of a key type. */
export type KeyKind =
  | { readonly family: "EC"; readonly curve: "P-256" | "P-384"; readonly hash: "SHA-256" | "SHA-384" }
  | { readonly family: "RSA"; readonly bits: number; readonly hash: "SHA-256" };

/** One entry a key type; code asks the entry and never switches on the name. */
export const KEY_TYPES: Readonly<Record<KeyType, KeyKind>> = {
  "ec-256": { family: "EC", curve: "P-256", hash: "SHA-256" },
  "ec-384": { family: "EC", curve: "P-384", hash: "SHA-384" },
  "rsa-2048": { family: "RSA", bits: 2048, hash: "SHA-256" },
  "rsa-3072": { family: "RSA", bits: 3072, hash: "SHA-256" },
  "rsa-4096": { family: "RSA", bits: 4096, hash: "SHA-256" },
};

/** The names of {@linkcode KEY_TYPES}. */
export const KEY_TYPE_NAMES = Object.keys(KEY_TYPES) as readonly KeyType[];

/** Reads a key type, or refuses it with the list of those that exist. */
export function parseKeyType(input: string, field = "key_type"): KeyType {
  const found = KEY_TYPE_NAMES.find((type) => type === input);
  if (found === undefined) {
    const shown = JSON.stringify(input.slice(0, 40));
    throw new InputError(field, `${shown} is not a key type`, `use ${KEY_TYPE_NAMES.join(", ")}`);
  }
  return found;
}

/** Reads one key type, or two of different algorithms separated by spaces (`KEY_TYPE`). */
export function parseKeyTypes(input: string, field = "key_type"): KeyTypes {
  const [first = "", second, ...others] = input.split(/\s+/).filter((word) => word !== "");
  const type = parseKeyType(first, field);
  if (second === undefined) return [type];
  const other = parseKeyType(second, field);
  if (others.length === 0 && !sameAlgorithm(type, other)) return [type, other];
  const found = others.length > 0 ? "names more than two key types" : `names two ${KEY_TYPES[type].family} key types`;
  throw new InputError(
    field,
    `${JSON.stringify(input.slice(0, 80))} ${found}`,
    "name one, or an EC and an RSA type: a load balancer chooses between these two by what the client can take",
  );
}

/** Tells whether a client that can take the one can take the other as well. */
export function sameAlgorithm(a: KeyType, b: KeyType): boolean {
  return KEY_TYPES[a].family === KEY_TYPES[b].family;
}
