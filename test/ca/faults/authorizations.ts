import { isObject } from "../fields.ts";
import { Problem, type ProblemType } from "../problem.ts";
import type { Authorization, Challenge } from "../state/types.ts";
import { RETRY_AFTER, retryAfterHeaders, withHeaders, withJson } from "./change.ts";
import type { FaultKind, Scene } from "./kind.ts";

/** What happens to authorizations and challenges (RFC 8555 §7.5). */
export const AUTHORIZATION_FAULTS: Readonly<Record<string, FaultKind>> = {
  "authorization-ended": {
    about: "All authorizations of the account end, also valid ones",
    at: ["finalize"],
    options: { as: "deactivated (default), revoked or expired" },
    make: (options) => {
      const as = options.word("as", "deactivated", "revoked", "expired");
      return {
        before: ({ parts: { store, settings }, account }) => {
          for (const it of [...store.authorizations.values()].filter((it) => it.account === account)) {
            const ended = as === "expired" ? { expires: settings.now() } : { ended: as };
            store.put({ authorization: { ...it, ...ended } });
          }
          return undefined;
        },
      };
    },
  },
  "challenges-missing": {
    about: "Authorizations offer only some types of challenge, or one that nobody knows",
    at: ["authorization"],
    options: { only: "types with commas, default moon-01" },
    make: (options) => {
      const only = options.text("only", "moon-01").split(",");
      return {
        after: (response) =>
          withJson(response, (authorization) => {
            const all = Array.isArray(authorization.challenges) ? authorization.challenges.filter(isObject) : [];
            const kept = all.filter((it) => only.includes(String(it.type)));
            return {
              ...authorization,
              challenges: kept.length > 0 ? kept : all.slice(0, 1).map((it) => ({ ...it, type: only[0] })),
            };
          }),
      };
    },
  },
  "validation-slow": {
    about: "Authorizations and their orders stay pending for some time by the authority's clock",
    at: ["authorization", "order"],
    options: { seconds: "since the first look, default 600", "retry-after": RETRY_AFTER },
    make: (options) => {
      const ms = options.number("seconds", 600) * 1000;
      const again = options.text("retry-after", "none");
      const since = new Map<string, number>();
      return {
        after: (response, scene) => {
          const now = scene.parts.settings.now().getTime();
          if (now >= since.getOrInsertComputed(scene.path, () => now) + ms) return response;
          return withJson(response, pending).then((it) => withHeaders(it, retryAfterHeaders(scene, again)));
        },
      };
    },
  },
  "validation-fails": {
    about: "The CA is not convinced",
    at: ["challenge"],
    options: {
      name: "only of this name",
      type: "of the problem, default unauthorized",
      detail: "text",
      as: "invalid (default), or pending: it can be asked to look again (§8.2)",
    },
    make: (options) => {
      const name = options.text("name", "");
      const as = options.word("as", "invalid", "pending");
      const type = options.text("type", "unauthorized") as ProblemType;
      const error = new Problem(type, options.text("detail", "Seen was something else")).toJSON();
      return {
        before: (scene) => {
          const { authorization, challenge } = ofChallenge(scene);
          if (authorization === undefined || challenge === undefined || scene.payload === "") return undefined;
          if (name !== "" && authorization.name !== name) return undefined;
          const { store, settings } = scene.parts;
          const validated = settings.now();
          const state = as === "pending" ? { status: as, error } : { status: as, validated, error };
          store.decide(authorization.id, challenge.id, state);
          return begun(scene, authorization.id, challenge);
        },
      };
    },
  },
};

/** What is said of a challenge that is being looked at. */
function begun(
  { parts: { urls, nonces } }: Scene,
  authorization: string,
  { id, type, token }: { readonly id: string; readonly type: string; readonly token: string },
): Response {
  const body = { type, url: urls.challenge(authorization, id), token, status: "processing" };
  return new Response(JSON.stringify(body), {
    headers: { "content-type": "application/json", "replay-nonce": nonces.issue() },
  });
}

function ofChallenge({ parts, path }: Scene): {
  readonly authorization: Authorization | undefined;
  readonly challenge: Challenge | undefined;
} {
  const [, , id = "", challenge] = path.split("/");
  const authorization = parts.store.authorizations.get(id);
  return { authorization, challenge: authorization?.challenges.find((it) => it.id === challenge) };
}

function pending(body: Readonly<Record<string, unknown>>): unknown {
  const { certificate: _certificate, ...rest } = body;
  if (body.status !== "valid" && body.status !== "ready") return body;
  if (!Array.isArray(body.challenges)) return { ...rest, status: "pending" };
  const challenges = body.challenges.filter(isObject).map(({ validated: _validated, ...it }) => ({
    ...it,
    status: "processing",
  }));
  return { ...rest, status: "pending", challenges };
}
