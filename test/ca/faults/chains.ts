import { toPem } from "../x509/pem.ts";
import { withBody } from "./change.ts";
import type { FaultKind, Scene } from "./kind.ts";

type Text = string | Uint8Array<ArrayBuffer>;

/** Chains as they should not be sent (RFC 8555 §7.4.2, §9.1). */
export const CHAIN_FAULTS: Readonly<Record<string, FaultKind>> = {
  chain: {
    about: "The chain is not leaf, then intermediates in order",
    at: ["certificate"],
    options: {
      form:
        "leaf-only (default), unordered, root-included, foreign: the intermediate of another CA, two-leaves, cross-signed: both intermediates, doubled, expired: the intermediate",
    },
    make: (options) => {
      const form = options.word(
        "form",
        "leaf-only",
        "unordered",
        "root-included",
        "foreign",
        "two-leaves",
        "cross-signed",
        "doubled",
        "expired",
      );
      return { after: (response, scene) => withBody(response, (text) => CHAINS[form](blocksOf(text), scene)) };
    },
  },
  pem: {
    about: "The certificate's text is broken, or odd",
    at: ["certificate"],
    options: {
      form:
        "truncated (default), empty, der, text-before, crlf, no-newline, garbage, key: a private key in it, blank-lines",
    },
    make: (options) => {
      const form = options.word(
        "form",
        "truncated",
        "empty",
        "der",
        "text-before",
        "crlf",
        "no-newline",
        "garbage",
        "key",
        "blank-lines",
      );
      return { after: (response) => withBody(response, (text) => TEXTS[form](text)) };
    },
  },
};

type Change = (blocks: readonly string[], scene: Scene) => string | Promise<string>;

const CHAINS = {
  "leaf-only": ([leaf = ""]) => leaf,
  unordered: ([leaf = "", ...rest]) => [...rest, leaf].join(""),
  "root-included": (blocks, { parts }) => blocks.join("") + parts.issuer.roots[0],
  foreign: async ([leaf = ""], { parts }) => leaf + (await parts.issuer.other("Foreign")).intermediatePem,
  "two-leaves": ([leaf = "", ...rest], { parts }) => {
    const other = [...parts.store.certificates.values()].map(({ der }) => toPem("CERTIFICATE", der));
    return leaf + (other.find((it) => it !== leaf) ?? leaf) + rest.join("");
  },
  "cross-signed": (blocks, { parts }) => blocks.join("") + parts.issuer.intermediates.slice(1).join(""),
  doubled: ([leaf = "", ...rest]) => leaf + rest.join("") + rest.join(""),
  expired: async ([leaf = ""], { parts }) => leaf + await parts.issuer.expiredIntermediate(parts.settings.now()),
} as const satisfies Record<string, Change>;

const TEXTS = {
  truncated: (text) => text.slice(0, Math.floor(text.length / 3)),
  empty: () => "",
  der: (text) => Uint8Array.fromBase64(blocksOf(text)[0]?.replace(/-----.*-----|\s/g, "") ?? ""),
  "text-before": (text) => `subject=CN=www.example.com\n${text}`,
  crlf: (text) => text.replaceAll("\n", "\r\n"),
  "no-newline": (text) => text.trimEnd(),
  garbage: () => toPem("CERTIFICATE", new TextEncoder().encode("not a certificate at all")),
  key: (text) => text + toPem("PRIVATE KEY", new TextEncoder().encode("not a key at all")),
  "blank-lines": (text) => text.replaceAll("-----BEGIN", "\n\n-----BEGIN"),
} as const satisfies Record<string, (text: string) => Text>;

function blocksOf(text: string): readonly string[] {
  return text.match(/-----BEGIN[^]+?-----END CERTIFICATE-----\n/g) ?? [];
}
