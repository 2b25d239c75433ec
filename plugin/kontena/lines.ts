/**
 * The lines of kontena.yml, or of a compose file, for a Kontena Load Balancer and the sidecar beside it, with the names of the
 * parts that a check reports.
 *
 * @module
 */
import { hostPort } from "../certs/balancer_url.ts";
import { parent } from "../certs/paths.ts";
import type { Endpoint } from "../net/connection.ts";
import type { KontenaConfig } from "./url.ts";

/** Where the image of the balancer has its certificates. */
const CERTS = "/etc/haproxy/certs";

/** What `CHALLENGE_HTTP_LISTEN` is unless told. */
const USUAL_ANSWERS: Endpoint = { hostname: "127.0.0.1", port: 54_322 };

/**
 * Writes the lines.
 *
 * @param answers Where the sidecar listens for http-01.
 */
export function kontenaLines(config: KontenaConfig, answers: Endpoint = USUAL_ANSWERS): string {
  const { name, service, certificates: { path }, socket } = config;
  return `${
    [
      `# kontena.yml for ${name}: the balancer and the sidecar. Images, ports and everything else are your own.`,
      "services:",
      `  ${quoted(service.split("/").at(-1) ?? service)}:`,
      "    # certificates: the sidecar's own folder, as the host or a volume has it, on the left",
      "    volumes:",
      `      - ${quoted(`${path}:${CERTS}`)}`,
      ...socket === undefined ? [] : [
        "      # runtime socket: its folder, as each reload makes a new one",
        `      - ${quoted(`${parent(socket)}:/var/run`)}`,
      ],
      "    # TLS: any SSL_CERT_ variable switches it on; one that is no certificate writes no file, a warning is all it gives.",
      "    # Set no ACME_CHALLENGE_ variable: its route would come before the sidecar's.",
      "    environment:",
      `      - ${quoted("SSL_CERT_SIDECAR=see the shared folder")}`,
      "  certificates:",
      "    # etcd, reload: the balancer polls it, and is told by it to read its folder again",
      "    environment:",
      `      - ${quoted(`LOAD_BALANCERS=${name}=${urlOf(config)}`)}`,
      `      - ${quoted(`CHALLENGE_HTTP_LISTEN=${hostPort(reachable(answers))}`)}`,
      "    # certificates: 00-placeholder.pem is put there before the balancer's first start",
      "    volumes:",
      `      - ${quoted(`${path}:${path}`)}`,
      ...socket === undefined ? [] : [`      - ${quoted(`${parent(socket)}:${parent(socket)}`)}`],
      `    # http-01 route: the balancer reaches the sidecar at answer=${hostPort(config.answer)}`,
      "    ports:",
      `      - ${quoted(`${config.answer.port}:${answers.port}`)}`,
    ].join("\n")
  }\n`;
}

/** The URL that the balancer was configured with. */
function urlOf(config: KontenaConfig): string {
  const { etcd, service, certificates, probe, http, answer, socket, probeProxy, lbRoot, defaultFile } = config;
  const parameters = [
    ["certs", certificates.path],
    ["probe", hostPort(probe)],
    ["http", http.hostname === probe.hostname && http.port === 80 ? undefined : hostPort(http)],
    ["answer", hostPort(answer)],
    ["socket", socket],
    ["probe-proxy", probeProxy],
    ["lb-root", lbRoot],
    ["default", defaultFile],
  ].flatMap(([key, value]) => value === undefined ? [] : [`${key}=${value.replace(/[%+&#]/g, encodeURIComponent)}`]);
  return `kontena+etcd://${hostPort(etcd)}/${service}?${parameters.join("&")}`;
}

/** In a container, loopback is reached by nobody else. */
function reachable({ hostname, port }: Endpoint): Endpoint {
  return { hostname: /^127\.|^::1$|^localhost$/.test(hostname) ? "0.0.0.0" : hostname, port };
}

/** A text of JSON is one of YAML too (YAML 1.2, 7.3.1). */
function quoted(text: string): string {
  return JSON.stringify(text);
}
