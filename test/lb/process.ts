/**
 * HAProxy's processes: tested configurations only, takeovers by `-x SOCKET -sf PID`, a new start when the last one died.
 *
 * @module
 */
import { type Running, start, until } from "../support/process.ts";

/** The processes and what became of them. */
export interface Processes extends AsyncDisposable {
  /** The newest that runs. */
  readonly newest: Running | undefined;
  readonly reloads: number;
  readonly refusals: number;
  /**
   * Tests the configuration, then starts it or lets it take over. One that is refused leaves all as it is, and nobody
   * tries it again.
   */
  update(): Promise<void>;
  output(): string;
}

/** Nothing runs before the first {@linkcode Processes.update}. */
export function haproxyProcesses(config: string, socket: string, log: (line: string) => void): Processes {
  return new HaproxyProcesses(config, socket, log);
}

class HaproxyProcesses implements Processes {
  readonly #config: string;
  readonly #socket: string;
  readonly #log: (line: string) => void;
  readonly #all: Running[] = [];
  #alive: readonly Running[] = [];
  #turn: Promise<void> = Promise.resolve();
  #closing = false;
  #reloads = 0;
  #refusals = 0;

  constructor(config: string, socket: string, log: (line: string) => void) {
    this.#config = config;
    this.#socket = socket;
    this.#log = (line) => log(`INFO -- Kontena::Actors::HaproxySpawner: ${line}`);
  }

  get newest(): Running | undefined {
    return this.#alive.at(-1);
  }

  get reloads(): number {
    return this.#reloads;
  }

  get refusals(): number {
    return this.#refusals;
  }

  /** One at a time, as an actor takes its messages. */
  update(): Promise<void> {
    return this.#turn = this.#turn.then(() => this.#update());
  }

  output(): string {
    return this.#all.map((process) => process.output()).join("");
  }

  async #update(): Promise<void> {
    if (this.#closing) return;
    this.#log("validating config");
    const test = this.#start(["-c"]);
    if (await test.exit !== 0) return void this.#refusals++;
    if (this.#closing) return;
    const { newest } = this;
    if (newest === undefined) await this.#launch([]);
    else if (await this.#launch(["-x", this.#socket, "-sf", String(newest.pid)])) this.#reloads++;
  }

  /**
   * Tells whether it came to answer. The original does not wait for that: at its pace there is nothing to wait for, at a
   * test's the next takeover could come too early for this one.
   */
  async #launch(extra: readonly string[]): Promise<boolean> {
    const process = this.#start(["-db", ...extra]);
    this.#alive = [...this.#alive, process];
    this.#log(`HAProxy process started (pid ${process.pid})`);
    void process.exit.then(() => this.#ended(process));
    const gone = (): boolean => !this.#alive.includes(process);
    const settled = async (): Promise<boolean> => gone() || await answersAs(this.#socket, process.pid);
    return await until("HAProxy", settled, 30_000).catch(() => false) && !gone();
  }

  /** Only the last one's end is noticed: while an older one still drains, a dead newest is not replaced. */
  #ended(process: Running): void {
    this.#alive = this.#alive.filter((it) => it !== process);
    if (this.#closing) return;
    this.#log(`process exited ${process.pid}`);
    if (this.#alive.length === 0) void this.update();
  }

  #start(extra: readonly string[]): Running {
    const process = start("haproxy", { args: ["-f", this.#config, ...extra] });
    this.#all.push(process);
    return process;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing = true;
    const end = (): void => this.#all.forEach((process) => process.kill("SIGKILL"));
    end();
    await this.#turn;
    end();
    await Promise.all(this.#all.map((process) => process.exit));
  }
}

/** Tells whether it is this process that answers on the admin socket. */
async function answersAs(path: string, pid: number): Promise<boolean> {
  using connection = await Deno.connect({ transport: "unix", path });
  await connection.write(new TextEncoder().encode("show info\n"));
  const reply = await new Response(connection.readable).text();
  return reply.includes(`\nPid: ${pid}\n`);
}
