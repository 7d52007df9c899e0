import { execFile } from 'node:child_process';
import type { InstanceId } from '../../core/base/ids.ts';
import { gateRules } from '../../wire/nftables-rules.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { ArmRequest, Gate, GateOutcome, GateTarget } from './gate.ts';

/** Runs a command with a text on its standard input; the seam that tests record at. */
export type RunCommand = (
  command: string,
  args: readonly string[],
  options: { readonly input: string; readonly deadlineMs: number },
) => Promise<{ readonly code: number; readonly stdout: string; readonly stderr: string }>;

export const runCommand: RunCommand = (command, args, options) => {
  const { promise, resolve } = Promise.withResolvers<{ code: number; stdout: string; stderr: string }>();
  const child = execFile(
    command,
    [...args],
    { timeout: Math.max(1, Math.ceil(options.deadlineMs)), killSignal: 'SIGKILL' },
    (error, stdout, stderr) =>
      resolve({
        code: error === null ? 0 : Number(error.code) || 124,
        stdout,
        stderr: stderr || (error?.message ?? ''),
      }),
  );
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.input);
  return promise;
};

export interface NftablesGateOptions {
  /** One table per host agent, so that two labs do not meet: letters, digits, underscore. */
  readonly table: string;
  readonly boundMs: number;
  /** IPv4 addresses that pass always: whoever has to reach what is guarded also while it is closed, and lets nobody through. */
  readonly peers?: readonly string[];
  readonly run?: RunCommand;
}

/** Longest that `nft` itself may take; a slower one is killed, so an element never appears later than this after it was computed. */
const COMMIT_WITHIN_MS = 250;

/** Whether this process may change nftables here. */
export async function canUseNftables(
  run: RunCommand = runCommand,
): Promise<{ readonly usable: boolean; readonly reason: string }> {
  const listed = await run('nft', ['list', 'tables'], { input: '', deadlineMs: 2_000 });
  if (listed.code !== 0) return { usable: false, reason: listed.stderr.trim() || 'nft is not installed' };
  const dry = await run('nft', ['-c', '-f', '-'], { input: 'add table inet holdfast_probe\n', deadlineMs: 2_000 });
  return dry.code === 0
    ? { usable: true, reason: 'nft may change tables' }
    : { usable: false, reason: dry.stderr.trim() };
}

/**
 * A gate in the kernel: packets to and from a guarded address pass only while its element is in the set `open`, and the
 * kernel removes the element when its timeout runs out. Established connections stop as well.
 */
export class NftablesGate implements Gate {
  readonly kind = 'nftables';
  readonly boundMs: number;
  readonly #table: string;
  readonly #peers: readonly string[];
  readonly #run: RunCommand;
  readonly #targets = new Map<InstanceId, GateTarget>();
  readonly #epochs = new Map<InstanceId, number>();
  #ready: Promise<GateOutcome> | null = null;

  constructor(options: NftablesGateOptions) {
    if (!/^[A-Za-z][A-Za-z0-9_]{0,30}$/.test(options.table))
      throw new Error(`HF-6404 "${options.table}" is not a name for an nftables table: letters, digits, underscore`);
    this.#table = options.table;
    this.#peers = options.peers ?? [];
    this.boundMs = options.boundMs;
    this.#run = options.run ?? runCommand;
  }

  protect(instance: InstanceId, target: GateTarget): void {
    this.#targets.set(instance, target);
  }

  async arm(request: ArmRequest): Promise<GateOutcome> {
    const highest = this.#epochs.get(request.instance) ?? 0;
    if (request.epoch < highest)
      return { kind: 'refused', code: 'stale-epoch', reason: `epoch ${request.epoch} is older than ${highest}` };
    return this.#withTable(request.instance, async (element) => {
      this.#epochs.set(request.instance, request.epoch);
      // The kernel counts from the commit, so the time that nft may take is given away.
      const timeoutMs = Math.floor(request.untilMono - hostMonoMs() - COMMIT_WITHIN_MS);
      if (timeoutMs <= 0)
        return { kind: 'refused', code: 'overdue', reason: 'the moment until which it should stay open is too near' };
      const armed = await this.#commit(
        [...this.#closing(element), `add element inet ${this.#table} open { ${element} timeout ${timeoutMs}ms }`],
        Math.min(COMMIT_WITHIN_MS, request.deadlineMs),
      );
      // Somebody may have taken the table away: it is made anew before the next one.
      if (armed.kind === 'refused') this.#ready = null;
      return armed;
    });
  }

  async close(instance: InstanceId, { deadlineMs }: { readonly deadlineMs: number }): Promise<GateOutcome> {
    return this.#withTable(instance, (element) => this.#commit(this.#closing(element), deadlineMs));
  }

  /** Puts the address behind the gate: closed, unless it was armed before and its time is not over. */
  async guard(instance: InstanceId, { deadlineMs }: { readonly deadlineMs: number }): Promise<GateOutcome> {
    return this.#withTable(instance, (element) => this.#commit([this.#guarding(element)], deadlineMs));
  }

  /** Opens the address without a limit again, as for a standby; the caller has proved that the writer is gone. */
  async disarm(instance: InstanceId, options: { readonly deadlineMs: number }): Promise<GateOutcome> {
    const element = this.#element(instance);
    if (element === null || this.#ready === null) return { kind: 'ok', elapsedMs: 0 };
    return this.#commit(
      [this.#guarding(element), `delete element inet ${this.#table} guarded { ${element} }`],
      options.deadlineMs,
    );
  }

  async end(): Promise<void> {}

  /** Takes the table away; for `lab down`. */
  async remove(options: { readonly deadlineMs: number }): Promise<GateOutcome> {
    this.#ready = null;
    return this.#commit([`add table inet ${this.#table}`, `delete table inet ${this.#table}`], options.deadlineMs);
  }

  /** What is done to the address of an instance that is protected, once the table is there. */
  async #withTable(instance: InstanceId, work: (element: string) => Promise<GateOutcome>): Promise<GateOutcome> {
    const element = this.#element(instance);
    if (element === null)
      return { kind: 'refused', code: 'not-protected', reason: `${instance} has no address behind the gate` };
    const ready = await this.#prepare();
    return ready.kind === 'ok' ? work(element) : ready;
  }

  #guarding(element: string): string {
    return `add element inet ${this.#table} guarded { ${element} }`;
  }

  /** What is not there cannot be deleted: it is added first. */
  #closing(element: string): readonly string[] {
    return [
      this.#guarding(element),
      `add element inet ${this.#table} open { ${element} timeout 1s }`,
      `delete element inet ${this.#table} open { ${element} }`,
    ];
  }

  async #prepare(): Promise<GateOutcome> {
    this.#ready ??= this.#commit(gateRules(this.#table, this.#peers), 2_000);
    const ready = await this.#ready;
    if (ready.kind !== 'ok') this.#ready = null;
    return ready;
  }

  #element(instance: InstanceId): string | null {
    const address = this.#targets.get(instance)?.address ?? null;
    if (address === null || !/^\d{1,3}(\.\d{1,3}){3}$/.test(address.host)) return null;
    return `${address.host} . ${address.port}`;
  }

  async #commit(lines: readonly string[], deadlineMs: number): Promise<GateOutcome> {
    const startedMs = hostMonoMs();
    const limit = (Math.max(1, deadlineMs) / 1000).toFixed(3);
    // `timeout` stands between us and nft: it also ends a late nft when this process is frozen.
    const done = await this.#run('timeout', ['-s', 'KILL', limit, 'nft', '-f', '-'], {
      input: `${lines.join('\n')}\n`,
      deadlineMs: deadlineMs + 100,
    });
    if (done.code === 0) return { kind: 'ok', elapsedMs: hostMonoMs() - startedMs };
    if (done.code >= 124) return { kind: 'unknown', reason: `nft did not answer within ${deadlineMs} ms` };
    return { kind: 'refused', code: 'nft-failed', reason: done.stderr.trim() };
  }
}
