// One certificate by acme-client, which is in the working directory's node_modules: `node acme_client_run.mjs DIRECTORY
// KEY_FILE HTTP_PORT OUTPUT NAME...`. With PORT instead of names it stays, and issues for the names of each POST.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";

const acme = createRequire(`${process.cwd()}/`)("acme-client");
const [directoryUrl, keyFile, httpPort, output, ...rest] = process.argv.slice(2);
const answers = new Map();

if (!existsSync(keyFile)) writeFileSync(keyFile, await acme.crypto.createPrivateEcdsaKey());
const client = new acme.Client({ directoryUrl, accountKey: readFileSync(keyFile) });
const challenges = createServer((request, response) => response.end(answers.get(request.url.split("/").pop())));
await new Promise((resolve) => challenges.listen(Number(httpPort), "127.0.0.1", resolve));

const issue = async (names) => {
  const [key, csr] = await acme.crypto.createCsr({ altNames: names }, await acme.crypto.createPrivateEcdsaKey());
  const chain = await client.auto({
    csr,
    email: "bench@example.com",
    termsOfServiceAgreed: true,
    skipChallengeVerification: true, // its own look goes to port 80
    challengePriority: ["http-01"],
    challengeCreateFn: (_authorization, { token }, keyAuthorization) =>
      Promise.resolve(answers.set(token, keyAuthorization)),
    challengeRemoveFn: (_authorization, { token }) => Promise.resolve(answers.delete(token)),
  });
  writeFileSync(output, chain + key);
};

if (/^\d+$/.test(rest[0])) {
  const serve = async (request, response) => {
    const parts = [];
    for await (const part of request) parts.push(part);
    const usage = process.cpuUsage();
    await issue(JSON.parse(Buffer.concat(parts)));
    const { user, system } = process.cpuUsage(usage);
    response.end(String((user + system) / 1_000));
  };
  createServer((request, response) =>
    serve(request, response).catch((error) => response.writeHead(500).end(error.stack))
  ).listen(Number(rest[0]), "127.0.0.1");
} else {
  await issue(rest);
  challenges.close();
  process.exit(0);
}
