import type { ProblemType } from "../problem.ts";
import { page, refused, RETRY_AFTER, retryAfterHeaders, withHeaders } from "./change.ts";
import type { FaultKind, Scene } from "./kind.ts";
import type { OptionReader } from "./options.ts";

/** Requests that are refused, by the CA or by what stands in front of it. */
export const REFUSAL_FAULTS: Readonly<Record<string, FaultKind>> = {
  "server-error": {
    about: "5xx as a problem document, or as a web page of a proxy",
    at: ["any"],
    options: {
      status: "default 500",
      form: "problem (default) or html",
      "retry-after": RETRY_AFTER,
      when: "before (default) or after the request took effect",
    },
    make: (options) => {
      const status = options.number("status", 500);
      const html = options.word("form", "problem", "html") === "html";
      const again = options.text("retry-after", "none");
      const answer = (scene: Scene): Response => {
        const headers = retryAfterHeaders(scene, again);
        return html ? page(status, headers) : refused(scene, "serverInternal", "Internal error", { status, headers });
      };
      return options.word("when", "before", "after") === "before"
        ? { arrive: answer }
        : { leave: (_, scene) => answer(scene) };
    },
  },
  "rate-limited": {
    about: "429, as a problem document or as a web page",
    at: ["newOrder"],
    options: {
      form: "problem (default) or html",
      "retry-after": RETRY_AFTER,
      detail: "text",
      help: "URL of a page about it",
    },
    make: rateLimited,
  },
  problem: {
    about: "A refusal with any problem document",
    at: ["newOrder"],
    options: {
      type: "last part of the type; default malformed",
      detail: "text",
      status: "default that of the type",
      instance: "URL",
    },
    make: (options) => {
      const type = options.text("type", "malformed") as ProblemType;
      const status = options.number("status", 0);
      const detail = options.text("detail", "Refused on purpose");
      const instance = options.text("instance", "");
      const extras = { ...(status > 0 ? { status } : {}), ...(instance === "" ? {} : { instance }) };
      return { before: (scene) => refused(scene, type, detail, extras) };
    },
  },
  "odd-problem": {
    about: "A refusal whose problem document is not of RFC 8555",
    at: ["newOrder"],
    options: { form: "unknown-type (default), no-type, not-json, list, or subproblems: for every second name" },
    make: (options) => {
      const form = options.word("form", "unknown-type", "no-type", "not-json", "list", "subproblems");
      return { before: (scene) => oddProblem(scene, form) };
    },
  },
};

function rateLimited(options: OptionReader): ReturnType<FaultKind["make"]> {
  const html = options.word("form", "problem", "html") === "html";
  const again = options.text("retry-after", "none");
  const detail = options.text("detail", "too many certificates already issued");
  const help = options.text("help", "");
  return {
    before: (scene) => {
      const headers = {
        ...retryAfterHeaders(scene, again),
        ...(help === "" ? {} : { link: `<${help}>;rel="help"` }),
      };
      return html ? page(429, headers) : refused(scene, "rateLimited", detail, { headers });
    },
  };
}

function oddProblem(
  scene: Scene,
  form: "unknown-type" | "no-type" | "not-json" | "list" | "subproblems",
): Response {
  const body = {
    "unknown-type": JSON.stringify({ type: "urn:ca:error:moonPhase", detail: "Not by this moon" }),
    "no-type": JSON.stringify({ detail: "Something was wrong" }),
    "not-json": `{"type":"urn:ietf:params:acme:error:malformed","det`,
    list: "[]",
    subproblems: JSON.stringify({
      type: "urn:ietf:params:acme:error:compound",
      detail: "Some names cannot be had",
      subproblems: ["c.example.com", "a.example.com", "b.example.com"].map((value) => ({
        type: "urn:ietf:params:acme:error:rejectedIdentifier",
        detail: `Policy forbids ${value}`,
        identifier: { type: "dns", value },
      })),
    }),
  }[form];
  const nonce = scene.parts.nonces.issue();
  const response = new Response(body, { status: 403, headers: { "content-type": "application/problem+json" } });
  return withHeaders(response, { "replay-nonce": nonce });
}
