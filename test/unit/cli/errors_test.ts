import { assertEquals } from "@std/assert";
import { ApiError, Unreachable } from "../../../plugin/cli/client.ts";
import { CommandError } from "../../../plugin/cli/command.ts";
import { renderError } from "../../../plugin/cli/errors.ts";
import { InputError } from "../../../src/model/errors.ts";

const PROBLEM = {
  error: { acme_client: "Some identifiers are refused" },
  problem: { subproblems: [{ identifier: "a.example", detail: "blocked" }, { detail: "no name" }, "nonsense"] },
};

for (
  const [error, text] of [
    [
      new ApiError(422, { error: { domain: "Domain is required" }, code: "INPUT" }),
      " [error] 422 : Unprocessable Entity:\n\tdomain: Domain is required\n",
    ],
    [
      new ApiError(422, { error: { name: "is required", value: "is required" } }),
      " [error] 422 : Unprocessable Entity:\n\tname: is required\n\tvalue: is required\n",
    ],
    [
      new ApiError(422, PROBLEM),
      " [error] 422 : Unprocessable Entity:\n\tacme_client: Some identifiers are refused\n\ta.example: blocked\n",
    ],
    [
      new ApiError(422, { error: { rate: "too many" }, retry_at: "2026-01-01T00:00:00.000Z" }),
      " [error] 422 : Unprocessable Entity:\n\trate: too many\n\tretry_at: 2026-01-01T00:00:00.000Z\n",
    ],
    [new ApiError(404, { error: "Not found" }, ["subject: x"]), " [error] 404 : Not found:\n\tsubject: x\n"],
    [new ApiError(404, undefined), " [error] 404 : Not Found\n"],
    [
      new ApiError(403, { error: "invalid_token", error_description: "Invalid token" }),
      " [error] 403 : Invalid token (set KONTENA_TOKEN, or KONTENA_TOKEN_FILE to the sidecar's file data/token)\n",
    ],
    [new ApiError(500, { message: "Internal server error" }), " [error] 500 : Internal server error\n"],
    [new ApiError(418, [1]), " [error] 418 : Error\n"],
    [new InputError("DOMAIN", 'Cannot use "a"', "write b"), ' [error] DOMAIN: Cannot use "a" (write b)\n'],
    [new CommandError("Registration canceled!"), " [error] Registration canceled!\n"],
    [new Unreachable("Cannot reach it"), " [error] Cannot reach it\n"],
    [
      new SyntaxError('"subject" is missing, not a string'),
      ' [error] The sidecar\'s answer is not understood: "subject" is missing, not a string\n',
    ],
    [new CommandError("a\x1b[31mb\x9bc\rd"), " [error] a?[31mb?c?d\n"],
    [new InputError("NAME", "bad: \n-----BEGIN PRIVATE KEY-----\nMIIE"), " [error] NAME: bad: \n[PEM]\n"],
    ["text", " [error] text\n"],
  ] as const
) {
  Deno.test(`renderError() writes ${JSON.stringify(text)}`, () => assertEquals(renderError(error), text));
}
