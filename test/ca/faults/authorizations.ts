import { isObject } from "../fields.ts";
import { Problem, type ProblemType } from "../problem.ts";
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
    options: { name: "only of this name", type: "of the problem, default unauthorized", detail: "text" },
    make: (options) => {
      const name = options.text("name", "");
      const problem = new Problem(
        options.text("type", "unauthorized") as ProblemType,
        options.text("detail", "Seen was something else"),
      );
      return {
        before: (scene) => {
          const [authorization, challenge] = ofChallenge(scene);
          if (authorization === undefined || challenge === undefined || scene.payload === "") return undefined;
          if (name !== "" && authorization.name !== name) return undefined;
          const validated = scene.parts.settings.now();
          scene.parts.store.decide(authorization.id, challenge, {
            status: "invalid",
            validated,
            error: problem.toJSON(),
          });
          return undefined;
        },
        after: (response, scene) => response.ok ? response : shown(scene, response),
      };
    },
  },
};

/** A challenge that was just decided cannot be begun: that is told by its state, not as a refusal. */
function shown(scene: Scene, response: Response): Response {
  const [authorization, id] = ofChallenge(scene);
  const challenge = authorization?.challenges.find((it) => it.id === id);
  if (authorization === undefined || challenge?.state.status !== "invalid") return response;
  const body = {
    type: challenge.type,
    url: scene.parts.urls.challenge(authorization.id, challenge.id),
    token: challenge.token,
    status: "processing",
  };
  const headers = { "content-type": "application/json", "replay-nonce": scene.parts.nonces.issue() };
  return new Response(JSON.stringify(body), { headers });
}

function ofChallenge(
  { parts, path }: Scene,
): readonly [ReturnType<Scene["parts"]["store"]["authorizations"]["get"]>, string | undefined] {
  const [, , id = "", challenge] = path.split("/");
  return [parts.store.authorizations.get(id), challenge];
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
