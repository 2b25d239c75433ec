import type { JsonObject } from "../fields.ts";
import { refused, withJson } from "./change.ts";
import type { FaultKind } from "./kind.ts";

/** Directories that surprise (RFC 8555 §7.1.1). */
export const DIRECTORY_FAULTS: Readonly<Record<string, FaultKind>> = {
  "directory-without": {
    about: "The directory lacks a field",
    at: ["directory"],
    options: { field: "default newOrder; also of meta" },
    make: (options) => {
      const field = options.text("field", "newOrder");
      return {
        after: (response) =>
          withJson(response, ({ [field]: _, meta, ...rest }) => {
            const { [field]: _other, ...kept } = meta as JsonObject;
            return { ...rest, ...(field === "meta" ? {} : { meta: kept }) };
          }),
      };
    },
  },
  "directory-relative": {
    about: "The directory's URLs are relative",
    at: ["directory"],
    options: {},
    make: () => ({ after: (response, { parts }) => urls(response, (url) => url.replace(parts.urls.origin, "")) }),
  },
  "directory-elsewhere": {
    about: "The directory's URLs are on another host",
    at: ["directory"],
    options: { host: "default elsewhere.test", scheme: "default https" },
    make: (options) => {
      const origin = `${options.text("scheme", "https")}://${options.text("host", "elsewhere.test")}`;
      return { after: (response, { parts }) => urls(response, (url) => url.replace(parts.urls.origin, origin)) };
    },
  },
  "directory-moved": {
    about: "The directory's URLs are new ones, and the old ones are gone",
    at: ["directory", "newNonce", "newAccount", "newOrder"],
    options: { version: "of the URLs, default 2" },
    make: (options) => {
      const mark = `?v=${options.text("version", "2")}`;
      return {
        before: (scene) => {
          if (scene.endpoint === "directory" || scene.path.endsWith(mark)) return undefined;
          return refused(scene, "malformed", "Page not found", { status: 404 });
        },
        after: (response, { endpoint }) => endpoint === "directory" ? urls(response, (url) => url + mark) : response,
      };
    },
  },
};

/** Changes the URLs of resources, not those of pages. */
function urls(response: Response, change: (url: string) => string): Promise<Response> {
  const isResource = (name: string, value: unknown): value is string =>
    /^(new|revoke|key)/.test(name) && typeof value === "string";
  return withJson(response, (body) =>
    Object.fromEntries(
      Object.entries(body).map(([name, value]) => [name, isResource(name, value) ? change(value) : value]),
    ));
}
