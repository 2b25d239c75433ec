import { type Config, readConfig } from "../../plugin/config.ts";
import type { Environment } from "../../plugin/config_values.ts";

/** An environment of these variables and files. */
export function environment(
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Environment {
  return {
    get: (name) => variables[name],
    readFile: (path) => {
      const found = files[path];
      if (found === undefined) throw new Error("No such file");
      return found;
    },
  };
}

/** The configuration of these variables and files. */
export function configOf(
  variables: Readonly<Record<string, string>> = {},
  files: Readonly<Record<string, string>> = {},
): Config {
  return readConfig(environment(variables, files));
}
