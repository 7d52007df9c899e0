import { readFileSync, writeFileSync } from 'node:fs';
import type { Epoch } from '../../core/base/ids.ts';
import type { AddressHolding } from '../../core/network/address-owners.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import { writeDurably } from '../system/durable-file.ts';
import type { GuardedEpochs } from '../system/guarded-epochs.ts';
import { parseAddresses, parsePriority, parseWeight, withPriority } from './parse.ts';

export interface KeepalivedOptions {
  /** Runs a command on the machine; the seam that tests record at. */
  readonly run: RunCommand;
  /** keepalived's configuration, as the driver reaches it. */
  readonly configFile: string;
  /** On the machine; keepalived writes it and takes it away when it ends in order. */
  readonly pidFile: string;
  /** `vrrp_instance` of the shared address. */
  readonly instance: string;
  readonly interface: string;
  /** Shared, with its prefix length. */
  readonly address: string;
  /** A `track_file` of the instance with a weight of 1; null = it has none. */
  readonly weightFile: string | null;
  readonly epochs: GuardedEpochs;
}

/** Absolute values only. */
export type GatewayAction =
  /** Who has the higher one has the address, after at most three silences. */
  | { readonly kind: 'set-priority'; readonly epoch: Epoch; readonly priority: number }
  /** Added to the priority, without any reload. */
  | { readonly kind: 'set-weight'; readonly epoch: Epoch; readonly weight: number }
  /** Takes the address away from a machine on which keepalived was killed: nobody else will. */
  | { readonly kind: 'drop-address'; readonly epoch: Epoch };

export type GatewayCondition = { readonly kind: 'has-address' } | { readonly kind: 'lacks-address' };

export interface GatewayObservation extends AddressHolding {
  /** As configured; null when it could not be read. */
  readonly priority: number | null;
  /** As written; null where there is no such file, or none could be read. */
  readonly weight: number | null;
  readonly reasons: readonly string[];
}

const lookAgainAfterMs = 20;
/** With nothing but the shell itself: it is asked every second. */
const lookAtProcess = [
  'exec 2>/dev/null',
  'read -r pid < "$1" || [ -n "$pid" ] || exit 3',
  'while read -r key state; do [ "$key" != State: ] || { echo "$state"; exit 0; }; done < "/proc/$pid/status"',
  'exit 3',
].join('\n');

/**
 * Drives keepalived on one machine of a pair. VRRP elects by itself: this sees who has the address, and weighs the election. A guarded
 * receiver: the driver refuses older epochs for it.
 */
export class KeepalivedDriver {
  readonly #options: KeepalivedOptions;

  constructor(options: KeepalivedOptions) {
    this.#options = options;
  }

  /** Ends by its deadline. A part that could not be found out is null, or `unknown`, and `reasons` says why. */
  async observe(options: CallOptions): Promise<GatewayObservation> {
    const until = hostMonoMs() + options.deadlineMs;
    const reasons: string[] = [];
    const [daemon, holds] = await Promise.all([this.#daemon(until, reasons), this.#holds(until, reasons)]);
    return { daemon, holds, priority: this.#priority(reasons), weight: this.#weight(reasons), reasons };
  }

  async perform(action: GatewayAction, options: CallOptions): Promise<ActionOutcome> {
    const until = hostMonoMs() + options.deadlineMs;
    const { epochs, address } = this.#options;
    if (action.kind === 'set-priority' && !(Number.isSafeInteger(action.priority) && isPriority(action.priority)))
      return { kind: 'failed', code: 'bad-value', reason: `${action.priority} is not a priority between 1 and 254` };
    if (action.kind === 'set-weight' && !(Number.isSafeInteger(action.weight) && Math.abs(action.weight) < 254))
      return { kind: 'failed', code: 'bad-value', reason: `${action.weight} is not a weight between -253 and 253` };
    const resource = `gateway ${address}`;
    if (!epochs.admit(resource, action.epoch)) {
      const reason = `epoch ${action.epoch} is older than ${epochs.highest(resource)} for ${resource}`;
      return { kind: 'failed', code: 'stale-epoch', reason };
    }
    switch (action.kind) {
      case 'set-priority':
        return this.#setPriority(action.priority, until);
      case 'set-weight':
        return this.#setWeight(action.weight);
      case 'drop-address':
        return this.#dropAddress(until);
    }
  }

  /** Whether this machine has the address now. That no other one has it as well is for whoever asks both (`src/core/network/address-owners.ts`). */
  async confirm(condition: GatewayCondition, options: CallOptions): Promise<'holds' | 'does-not-hold' | 'unknown'> {
    const holds = await this.#holds(hostMonoMs() + options.deadlineMs, []);
    if (holds === null) return 'unknown';
    return holds === (condition.kind === 'has-address') ? 'holds' : 'does-not-hold';
  }

  /** `ok` when keepalived has been told to read it; whether the address moves is confirmed, or seen, at both machines. */
  async #setPriority(priority: number, until: number): Promise<ActionOutcome> {
    const { configFile, instance } = this.#options;
    const before = readFileSync(configFile, 'utf8');
    const after = withPriority(before, instance, priority);
    if (after === null)
      return { kind: 'failed', code: 'foreign-config', reason: `${configFile} has no priority for ${instance}` };
    writeDurably(configFile, after);
    const told = await this.#run(until, 'sh', '-c', 'kill -HUP "$(cat "$1")"', 'reload', this.#options.pidFile);
    if (told.kind === 'unknown') return told;
    if (told.code !== 0) return { kind: 'failed', code: 'not-running', reason: told.text || 'keepalived does not run' };
    return { kind: 'ok', detail: { priority } };
  }

  /** Whether the address moves is seen, as with a priority. Written in place: keepalived watches this very file. */
  #setWeight(weight: number): ActionOutcome {
    const { weightFile } = this.#options;
    if (weightFile === null) return { kind: 'failed', code: 'foreign-config', reason: 'no file for a weight is known' };
    writeFileSync(weightFile, `${weight}\n`);
    return { kind: 'ok', detail: { weight } };
  }

  async #dropAddress(until: number): Promise<ActionOutcome> {
    const daemon = await this.#daemon(until, []);
    if (daemon === 'unknown') return { kind: 'unknown', reason: 'it was not found out whether keepalived runs' };
    if (daemon === 'running')
      return { kind: 'failed', code: 'runs', reason: 'keepalived runs and decides itself who has the address' };
    if (daemon === 'frozen')
      return { kind: 'failed', code: 'frozen', reason: 'keepalived stands still and may go on: end it first' };
    const { address, interface: name } = this.#options;
    const done = await this.#run(until, 'ip', 'addr', 'del', address, 'dev', name);
    if (done.kind === 'unknown') return done;
    for (;;) {
      const held = await this.#holds(until, []);
      if (held === false) return { kind: 'ok', detail: {} };
      if (held === true && done.code !== 0) return { kind: 'failed', code: 'refused', reason: done.text };
      if (until - hostMonoMs() <= lookAgainAfterMs)
        return { kind: 'unknown', reason: `${address} was not seen to be gone in time` };
      await new Promise((resolve) => setTimeout(resolve, lookAgainAfterMs));
    }
  }

  /** A process that exists and stands still says nothing; the file is left by one that was killed. */
  async #daemon(until: number, reasons: string[]): Promise<GatewayObservation['daemon']> {
    const answer = await this.#run(until, 'sh', '-c', lookAtProcess, 'look', this.#options.pidFile);
    if (answer.kind === 'unknown') {
      reasons.push(`keepalived: ${answer.reason}`);
      return 'unknown';
    }
    if (answer.code !== 0 || answer.text === '' || /^[ZX]/.test(answer.text)) return 'gone';
    return /^[Tt]/.test(answer.text) ? 'frozen' : 'running';
  }

  async #holds(until: number, reasons: string[]): Promise<boolean | null> {
    const { address, interface: name } = this.#options;
    const answer = await this.#run(until, 'ip', '-j', 'addr', 'show', 'dev', name);
    try {
      if (answer.kind === 'unknown') throw new Error(answer.reason);
      if (answer.code !== 0) throw new Error(answer.text);
      return parseAddresses(answer.text).includes(address.replace(/\/.*/, ''));
    } catch (error) {
      reasons.push(`address: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  #priority(reasons: string[]): number | null {
    const { configFile, instance } = this.#options;
    try {
      return parsePriority(readFileSync(configFile, 'utf8'), instance);
    } catch (error) {
      reasons.push(`configuration: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  #weight(reasons: string[]): number | null {
    const { weightFile } = this.#options;
    if (weightFile === null) return null;
    try {
      return parseWeight(readFileSync(weightFile, 'utf8'));
    } catch (error) {
      reasons.push(`weight: ${error instanceof Error ? error.message : String(error)}`);
      return null;
    }
  }

  async #run(until: number, command: string, ...args: readonly string[]): Promise<Answer> {
    const deadlineMs = until - hostMonoMs();
    if (deadlineMs <= 0) return { kind: 'unknown', reason: 'there was no time left to ask' };
    const { code, stdout, stderr } = await this.#options.run(command, args, { input: '', deadlineMs });
    if (code >= 124) return { kind: 'unknown', reason: `no answer within ${Math.ceil(deadlineMs)} ms` };
    return { kind: 'answer', code, text: (code === 0 ? stdout : stderr || stdout).trim() };
  }
}

type Answer =
  | { readonly kind: 'answer'; readonly code: number; readonly text: string }
  | { readonly kind: 'unknown'; readonly reason: string };

/** 255 is the owner's own and 0 says goodbye. */
const isPriority = (value: number): boolean => value >= 1 && value <= 254;
