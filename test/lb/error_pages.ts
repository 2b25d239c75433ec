/**
 * The LB's own pages.
 *
 * @module
 */

const PAGES = {
  200: "200 OK",
  502: "502 Bad Gateway",
  503: "503 Service Unavailable",
} as const;

/** Writes them in the form that HAProxy reads: whole answers. */
export function writeErrorPages(folder: string): void {
  Deno.mkdirSync(folder);
  for (const [status, line] of Object.entries(PAGES)) Deno.writeTextFileSync(`${folder}/${status}.http`, page(line));
}

function page(line: string): string {
  const body = `<html><body><h1>${line}</h1><p>Kontena Load Balancer</p></body></html>\n`;
  const head = ["Cache-Control: no-cache", "Connection: close", "Content-Type: text/html"];
  return [`HTTP/1.0 ${line}`, ...head, "", body].join("\r\n");
}
