import { page, RETRY_AFTER, retryAfterHeaders, withBody, withHeaders } from "./change.ts";
import type { FaultKind } from "./kind.ts";

/** Answers that are not what RFC 8555 says they are; what was asked for is done all the same, unless told. */
export const ANSWER_FAULTS: Readonly<Record<string, FaultKind>> = {
  html: {
    about: "A web page with status 200 in place of the answer",
    at: ["any"],
    options: { status: "default 200" },
    make: (options) => {
      const status = options.number("status", 200);
      return { leave: () => page(status) };
    },
  },
  "content-type": {
    about: "The right body under a wrong content type",
    at: ["any"],
    options: { type: "default text/html" },
    make: (options) => {
      const type = options.text("type", "text/html");
      return { leave: (response) => withHeaders(response, { "content-type": type }) };
    },
  },
  redirect: {
    about: "The answer points elsewhere, and nothing is done",
    at: ["any"],
    options: { status: "301, 302 (default), 307 or 308", to: "where; default the same path with ?moved=1" },
    make: (options) => {
      const status = options.number("status", 302);
      const to = options.text("to", "");
      return {
        arrive: ({ path }) => {
          if (path.includes("moved=1")) return undefined;
          return new Response(null, { status, headers: { location: to === "" ? `${path}?moved=1` : to } });
        },
      };
    },
  },
  "retry-after": {
    about: "Good answers say Retry-After",
    at: ["order", "authorization", "challenge", "finalize"],
    options: { value: RETRY_AFTER },
    make: (options) => {
      const value = options.text("value", "86400");
      return { after: (response, scene) => withHeaders(response, retryAfterHeaders(scene, value)) };
    },
  },
  json: {
    about: "JSON as nobody should write it",
    at: ["any"],
    options: {
      form:
        "duplicate (default): a field twice; nul; surrogate: half a pair; deep: 20,000 levels; proto: a __proto__ field",
    },
    make: (options) => {
      const form = options.word("form", "duplicate", "nul", "surrogate", "deep", "proto");
      return { after: (response) => withBody(response, (text) => odd(text, form)) };
    },
  },
};

function odd(text: string, form: "duplicate" | "nul" | "surrogate" | "deep" | "proto"): string {
  if (!text.startsWith("{")) return text;
  const more = {
    duplicate: `"status":"invalid",`, // the last one counts, and the true one comes later
    nul: `"x-nul":"\\u0000",`,
    surrogate: `"x-half":"\\ud800",`,
    deep: `"x-deep":${"[".repeat(20_000)}${"]".repeat(20_000)},`,
    proto: `"__proto__":{"status":"invalid","polluted":true},"constructor":{"prototype":{"polluted":true}},`,
  };
  return `{${more[form]}${text.slice(1)}`;
}
