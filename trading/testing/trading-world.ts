import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { JsonRecord } from '../base/json-record.ts';
import { monoNowNs } from '../base/mono-clock.ts';
import type { Status } from '../control/contract.ts';
import { type CallOutcome, ControlClient } from '../control/control-client.ts';
import { TradingProcess } from './child-process.ts';
import { LineClient } from './line-client.ts';
import { waitUntil } from './wait-until.ts';

const TOKEN = 'a-token-for-tests';
/** For what must come: a machine that does much else may take its time. */
const PATIENT_MS = 30_000;

/** An engine process with a control connection, as an agent would have it. */
export class EngineUnderTest {
  readonly instance: string;
  readonly dataDir: string;
  readonly process: TradingProcess;
  readonly control: ControlClient;

  constructor(options: { instance: string; dataDir: string; process: TradingProcess; control: ControlClient }) {
    this.instance = options.instance;
    this.dataDir = options.dataDir;
    this.process = options.process;
    this.control = options.control;
  }

  get replicationAddress(): string {
    return `127.0.0.1:${this.process.port('replication')}`;
  }

  call(method: string, params: object, deadlineMs?: number): Promise<CallOutcome> {
    return this.control.call(method, params, deadlineMs ?? PATIENT_MS);
  }

  /** The result; throws when it was refused or unknown. */
  async must(method: string, params: object, deadlineMs?: number): Promise<JsonRecord> {
    const outcome = await this.call(method, params, deadlineMs);
    if (outcome.kind === 'ok') return outcome.result;
    throw new Error(`${method} at ${this.instance}: ${JSON.stringify(outcome)}`);
  }

  async status(): Promise<Status> {
    return (await this.must('status', {})) as unknown as Status;
  }

  promote(epoch: number, ackSet: readonly string[], leaseMs = 60_000): Promise<JsonRecord> {
    return this.must('promote', { epoch, leaseUntilNs: leaseIn(leaseMs), ackSet, tradingEnabled: true });
  }

  follow(epoch: number, upstream: EngineUnderTest): Promise<JsonRecord> {
    return this.must('follow', {
      epoch,
      upstream: { instance: upstream.instance, address: upstream.replicationAddress },
      mode: 'sync',
    });
  }

  async client(name: string): Promise<LineClient> {
    const client = await LineClient.open(this.process.port('orders'));
    client.send({ t: 'logon', client: name });
    await client.expect((message) => message.t === 'logon-ok');
    return client;
  }

  async end(): Promise<void> {
    this.control.close();
    await this.process.kill();
  }
}

/** A deadline on the monotonic clock, as the contract wants it. */
export const leaseIn = (ms: number): string => (monoNowNs() + BigInt(Math.round(ms * 1e6))).toString();

/** A venue and engines in a temporary directory; `close` ends them and removes it. */
export class TradingWorld {
  readonly directory: string;
  readonly tokenFile: string;
  readonly #ended: (() => Promise<void>)[] = [];
  venue!: TradingProcess;

  private constructor(directory: string) {
    this.directory = directory;
    this.tokenFile = join(directory, 'token');
    writeFileSync(this.tokenFile, `${TOKEN}\n`, { mode: 0o600 });
  }

  /** `venue` is added to the exchange's configuration; where that has `fix`, engines trade over it and raise epochs on the binary port. */
  static async open(options: { readonly fillShare?: number; readonly venue?: object } = {}): Promise<TradingWorld> {
    const world = new TradingWorld(mkdtempSync(join(tmpdir(), 'holdfast trading é-')));
    const config = world.write('venue', {
      listen: { port: 0 },
      binary: { port: 0 },
      dataDir: 'venue-data',
      tokenFile: 'token',
      seed: 7,
      fillShare: options.fillShare ?? 0.5,
      ...options.venue,
    });
    world.venue = await TradingProcess.start('venue', [config]);
    world.#ended.push(() => world.venue.kill());
    return world;
  }

  /** SIGKILL, then the same venue again at the same port, with its ledger; `flags` are added to its command line. */
  async restartVenue(...flags: readonly string[]): Promise<void> {
    const ports = { listen: { port: this.venue.port('venue') }, binary: { port: this.venue.port('binary') } };
    const fixPort = this.venue.port('fix');
    await this.venue.kill();
    const file = join(this.directory, 'venue.json');
    const before = JSON.parse(readFileSync(file, 'utf8'));
    const fix = before.fix === undefined ? {} : { fix: { ...before.fix, port: fixPort } };
    writeFileSync(file, JSON.stringify({ ...before, ...ports, ...fix }));
    this.venue = await TradingProcess.start('venue', [file, ...flags]);
  }

  get token(): string {
    return TOKEN;
  }

  write(name: string, config: object): string {
    const file = join(this.directory, `${name}.json`);
    writeFileSync(file, JSON.stringify(config));
    return file;
  }

  /** Starts an engine, closed; with the name of an earlier one it takes over that one's directory. */
  async engine(instance: string, settings: object = {}): Promise<EngineUnderTest> {
    const dataDir = join(this.directory, instance);
    mkdirSync(dataDir, { recursive: true });
    const config = this.write(instance, {
      instance,
      site: 'test',
      dataDir: instance,
      control: { port: 0, tokenFile: 'token' },
      orders: { port: 0 },
      replication: { port: 0 },
      venue: this.#venueOfEngines(),
      ...settings,
    });
    const process = await TradingProcess.start('engine', [config]);
    const control = await this.control(process.port('control'), instance);
    const engine = new EngineUnderTest({ instance, dataDir, process, control });
    this.#ended.push(() => engine.end());
    return engine;
  }

  #venueOfEngines(): object {
    const [binary, fix] = [this.venue.port('binary'), this.venue.port('fix')];
    return fix === 0 ? { port: binary, firm: 'ACME' } : { port: fix, firm: 'ACME', fix: {}, fencePort: binary };
  }

  control(port: number, instance: string, onEvent?: (event: JsonRecord) => void): Promise<ControlClient> {
    return ControlClient.open({
      host: '127.0.0.1',
      port,
      token: TOKEN,
      instance,
      deadlineMs: PATIENT_MS,
      ...(onEvent ? { onEvent } : {}),
    });
  }

  onClose(end: () => Promise<void>): void {
    this.#ended.push(end);
  }

  /** A connection to the venue's line port. */
  venueClient(): Promise<LineClient> {
    return LineClient.open(this.venue.port('venue'));
  }

  async venueCounters(): Promise<JsonRecord> {
    const client = await LineClient.open(this.venue.port('venue'));
    client.send({ t: 'counters' });
    const answer = await client.expect((message) => message.t === 'counters');
    client.close();
    return (answer.firms as JsonRecord).ACME as JsonRecord;
  }

  /** All reports of the venue's ledger, as any client may read them. */
  async dropCopy(): Promise<JsonRecord[]> {
    const client = await LineClient.open(this.venue.port('venue'));
    client.send({ t: 'drop-copy', firm: 'ACME', password: 'p', after: 0 });
    await client.expect((message) => message.t === 'drop-copy-end');
    client.close();
    return client.received.filter((message) => message.t === 'report');
  }

  async close(): Promise<void> {
    await Promise.all(this.#ended.map((end) => end()));
    // What an engine had started, a checkpoint being taken, ends by itself a moment after the engine was killed.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 20, retryDelay: 50 });
  }
}

/** Waits until a primary has everything in place to release. */
export const untilReleasing = (engine: EngineUnderTest): Promise<void> =>
  waitUntil(`${engine.instance} releases`, async () => (await engine.status()).releasing);
