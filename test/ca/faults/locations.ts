import { withHeaders } from "./change.ts";
import type { FaultKind } from "./kind.ts";

/** Location headers that are not what a client hopes for. */
export const LOCATION_FAULTS: Readonly<Record<string, FaultKind>> = {
  location: {
    about: "The Location header is missing, relative, or on another host",
    at: ["newAccount", "newOrder", "finalize"],
    options: { form: "missing (default), relative or foreign", host: "of foreign, default elsewhere.test" },
    make: (options) => {
      const form = options.word("form", "missing", "relative", "foreign");
      const host = options.text("host", "elsewhere.test");
      return {
        after: (response) => {
          const location = response.headers.get("location");
          if (location === null) return response;
          const { pathname } = new URL(location);
          const changed = { missing: undefined, relative: pathname, foreign: `https://${host}${pathname}` }[form];
          return withHeaders(response, { location: changed });
        },
      };
    },
  },
};
