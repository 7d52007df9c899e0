import { type ChildProcess, execFileSync, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { LineReader } from '../../../trading/base/line-reader.ts';
import { waitUntil } from '../../../trading/testing/wait-until.ts';

/** Why QuickFIX cannot be tried here, or null. */
export const whyNoQuickfix = (): string | null => {
  if (!existsSync('/usr/include/quickfix/Session.h')) return 'not applicable: libquickfix-dev is not installed';
  if (spawnSync('g++', ['--version']).status !== 0)
    return 'not applicable: there is no g++ to build the counterpart with';
  return null;
};

/** Builds the counterpart, once for each version of its source; answers the program's path. */
export const buildCounterpart = (): string => {
  const source = join(import.meta.dirname, 'counterpart.cpp');
  const version = createHash('sha256').update(readFileSync(source)).digest('hex').slice(0, 16);
  const directory = join(import.meta.dirname, '../../../.holdfast/quickfix');
  const program = join(directory, `counterpart-${version}`);
  if (existsSync(program)) return program;
  mkdirSync(directory, { recursive: true });
  const unfinished = `${program}.${process.pid}`;
  execFileSync('g++', ['-std=c++14', '-O0', '-w', source, '-o', unfinished, '-lquickfix', '-lpthread'], {
    timeout: 240_000,
  });
  renameSync(unfinished, program);
  return program;
};

/** `11=x|55=y` by tag. */
export const fieldsOf = (text: string): { readonly [tag: string]: string } =>
  Object.fromEntries(text.split('|').map((field) => field.split('=', 2)));

/** QuickFIX as a process of its own, told what to do line by line. */
export class Counterpart {
  readonly lines: string[] = [];
  readonly #child: ChildProcess;
  readonly #exited: Promise<void>;

  constructor(options: {
    readonly program: string;
    readonly role: 'initiator' | 'acceptor';
    readonly port: number;
    readonly store: string;
    readonly sender: string;
    readonly target: string;
    /** More fields of its Logon, as `554=secret|5001=1`. */
    readonly logon?: string;
    /** Told each line as it comes. */
    readonly onLine?: (line: string) => void;
  }) {
    const { program, role, port, store, sender, target, logon = '', onLine = () => {} } = options;
    const args = [role, String(port), store, sender, target, ...(logon === '' ? [] : [logon])];
    this.#child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
    this.#exited = new Promise((resolve) => this.#child.on('exit', () => resolve()));
    const reader = new LineReader({
      maxLineLength: 65_536,
      onLine: (line) => {
        this.lines.push(line);
        onLine(line);
      },
      onOverflow: () => {},
    });
    this.#child.stdout!.setEncoding('utf8').on('data', (text: string) => reader.push(text));
  }

  tell(command: string): void {
    this.#child.stdin!.write(`${command}\n`);
  }

  count(line: string | RegExp): number {
    return this.lines.filter((each) => (typeof line === 'string' ? each === line : line.test(each))).length;
  }

  /** Application messages that it got, fields by tag, in their order. */
  got(): { readonly [tag: string]: string }[] {
    return this.lines.filter((line) => line.startsWith('got ')).map((line) => fieldsOf(line.slice(4)));
  }

  until(line: string | RegExp, times = 1): Promise<void> {
    return waitUntil(
      `QuickFIX says "${line}" ${times} times; it said ${this.lines.join(', ')}`,
      () => this.count(line) >= times,
    );
  }

  /** SIGSTOP until the returned function is called. */
  freeze(): () => void {
    this.#child.kill('SIGSTOP');
    return () => this.#child.kill('SIGCONT');
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }
}
