import { Problem, type ProblemType } from "../problem.ts";
import type { Order } from "../state/types.ts";
import { refused, RETRY_AFTER, retryAfterHeaders, withHeaders, withJson } from "./change.ts";
import type { FaultKind, Scene } from "./kind.ts";

/** What happens to orders (RFC 8555 §7.4). */
export const ORDER_FAULTS: Readonly<Record<string, FaultKind>> = {
  "order-invalid": {
    about: "The CA gives the order up: at newOrder right after it was made, else before the request is looked at",
    at: ["newOrder"],
    options: {
      type: "of the order's error, default serverInternal",
      detail: "text",
      said: "yes (default), or no: the order has no error",
    },
    make: (options) => {
      const type = options.text("type", "serverInternal") as ProblemType;
      const error = new Problem(type, options.text("detail", "The order was given up on purpose")).toJSON();
      const said = options.word("said", "yes", "no") === "yes";
      const fail = ({ parts }: Scene, id: string): void => {
        const order = parts.store.orders.get(id);
        if (order !== undefined) parts.store.put({ order: { ...order, outcome: { kind: "failed", error } } });
      };
      const hide = (response: Response): Response | Promise<Response> =>
        said ? response : withJson(response, ({ error: _error, ...order }) => order);
      return {
        before: (scene) => {
          if (scene.endpoint !== "newOrder") fail(scene, lastPart(scene.path));
          return undefined;
        },
        after: (response, scene) => {
          if (scene.endpoint !== "newOrder") return hide(response);
          fail(scene, lastPart(response.headers.get("location") ?? ""));
          return response;
        },
      };
    },
  },
  "order-expired": {
    about: "The order has expired",
    at: ["order"],
    options: {},
    make: () => ({
      before: (scene) => {
        const { store, settings } = scene.parts;
        const order = store.orders.get(lastPart(scene.path));
        if (order?.outcome.kind === "open") store.put({ order: { ...order, expires: settings.now() } });
        return undefined;
      },
    }),
  },
  "order-gone": {
    about: "The CA does not know the order any more",
    at: ["order"],
    options: {},
    make: () => ({ before: (scene) => refused(scene, "malformed", "No such order", { status: 404 }) }),
  },
  "order-not-ready": {
    about: "The finalize request is refused as too early, although the order is ready",
    at: ["finalize"],
    options: {},
    make: () => ({ before: (scene) => refused(scene, "orderNotReady", "The order is not ready yet") }),
  },
  processing: {
    about: "An issued certificate is not shown before some time has passed by the authority's clock",
    at: ["order", "finalize"],
    options: { seconds: "since the first look, default 86400", "retry-after": RETRY_AFTER },
    make: (options) => {
      const ms = options.number("seconds", 86_400) * 1000;
      const again = options.text("retry-after", "none");
      const since = new Map<string, number>();
      return {
        after: (response, scene) => {
          const now = scene.parts.settings.now().getTime();
          return withJson(response, ({ certificate, ...order }) => {
            if (order.status !== "valid" && order.status !== "processing") return order;
            const first = since.getOrInsertComputed(lastPart(scene.path), () => now);
            if (now >= first + ms) return { ...order, ...(certificate === undefined ? {} : { certificate }) };
            return { ...order, status: "processing" };
          }).then((changed) => withHeaders(changed, retryAfterHeaders(scene, again)));
        },
      };
    },
  },
  "order-for-others": {
    about: "The order is for other names than were asked for",
    at: ["newOrder", "order"],
    options: { name: "default other.example.net" },
    make: (options) => {
      const identifiers = [{ type: "dns", value: options.text("name", "other.example.net") }];
      return { after: (response) => withJson(response, (order) => ({ ...order, identifiers })) };
    },
  },
  "order-list": {
    about: "The account's list of orders is absent, missing, lies, or goes round",
    at: ["account", "newAccount", "orders"],
    options: {
      form: "absent (default), missing: 404, foreign: orders of others, round: each page is followed by itself",
    },
    make: (options) => {
      const form = options.word("form", "absent", "missing", "foreign", "round");
      return {
        after: (response, scene) => {
          const { parts: { urls }, account = "" } = scene;
          if (scene.endpoint !== "orders") return list(response, form, urls.orders(account));
          if (form === "missing") return refused(scene, "malformed", "Page not found", { status: 404 });
          if (form === "foreign") return withJson(response, () => ({ orders: [urls.order("of-somebody-else")] }));
          return form === "round" ? withHeaders(response, { link: `<${urls.orders(account)}>;rel="next"` }) : response;
        },
      };
    },
  },
  "two-orders": {
    about: "Each newOrder makes an order, also where one for the same names is open",
    at: ["newOrder"],
    options: {},
    make: () => ({
      before: ({ parts: { store }, account }) => {
        for (const order of store.orders.values()) if (order.account === account) store.put({ order: asked(order) });
        return undefined;
      },
    }),
  },
};

/** An order that is not handed back. */
function asked(order: Order): Order {
  return { ...order, onlyOnce: true };
}

function list(response: Response, form: string, url: string): Promise<Response> {
  return withJson(response, ({ orders: _orders, ...account }) => ({
    ...account,
    ...(form === "absent" ? {} : { orders: url }),
  }));
}

function lastPart(path: string): string {
  return /([^/?]*)(\?.*)?$/.exec(path)?.[1] ?? "";
}
