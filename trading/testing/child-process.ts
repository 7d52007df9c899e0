import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { countField, type JsonRecord, parseRecord } from '../base/json-record.ts';
import { LineReader } from '../base/line-reader.ts';

const TURN_MS = 100;

/** One process of the trading stack under test. */
export class TradingProcess {
  readonly #child: ChildProcess;
  /** Its `listening` line: the real ports. */
  readonly listening: JsonRecord;
  readonly exited: Promise<void>;

  private constructor(child: ChildProcess, listening: JsonRecord, exited: Promise<void>) {
    this.#child = child;
    this.listening = listening;
    this.exited = exited;
  }

  /** Starts `trading/NAME/main.ts`; resolves when it says that it listens. */
  static async start(name: string, args: readonly string[], deadlineMs = 60_000): Promise<TradingProcess> {
    const main = join(import.meta.dirname, '..', name, 'main.ts');
    const child = spawn(process.execPath, [...process.execArgv, main, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    let complaint = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint += text;
    });
    const exited = new Promise<void>((resolve) => child.on('exit', () => resolve()));
    const listening = await new Promise<JsonRecord>((resolve, reject) => {
      // Turns are counted, not time: whoever was stopped himself has not waited.
      let leftMs = deadlineMs;
      const deadline = setInterval(() => {
        leftMs -= TURN_MS;
        if (leftMs > 0) return;
        clearInterval(deadline);
        child.kill('SIGKILL');
        reject(new Error(`${name} did not listen within ${deadlineMs} ms: ${complaint}`));
      }, TURN_MS);
      const lines = new LineReader({
        maxLineLength: 65_536,
        onLine: (line) => {
          const record = parseRecord(line);
          if (record?.t !== 'listening') return;
          clearInterval(deadline);
          resolve(record);
        },
        onOverflow: () => {},
      });
      child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text));
      child.on('exit', () => {
        clearInterval(deadline);
        reject(new Error(`${name} ended: ${complaint}`));
      });
    });
    return new TradingProcess(child, listening, exited);
  }

  get pid(): number {
    return this.#child.pid!;
  }

  port(name: string): number {
    return countField(this.listening, name) ?? 0;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL, also to a frozen process; resolves when it is reaped. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }
}
