import type { Epoch, InstanceId } from '../../core/base/ids.ts';
import type { ActionOutcome, CallOptions } from '../../engine/driver-port.ts';
import type { Routes, SeenServer, ServedLook, ServedServer } from '../../engine/served-port.ts';
import type { KeepalivedDriver } from './driver.ts';

/** The other machine of the pair has the address then, unless its own proxy does no better. */
const weightWithoutProxy = -100;

export interface ServedGatewayOptions {
  readonly driver: KeepalivedDriver;
  /** `vrrp_instance`. */
  readonly name: string;
  /** Whoever takes what comes to the address on this machine. */
  readonly beside: InstanceId;
}

/**
 * A shared address on one machine of a pair, as its agent sees it: who has it VRRP decides, and the agent weighs this machine down while the
 * proxy beside the address does not work.
 */
export class ServedGateway implements ServedServer {
  readonly #options: ServedGatewayOptions;

  constructor(options: ServedGatewayOptions) {
    this.#options = options;
  }

  async look(options: CallOptions): Promise<ServedLook> {
    const { driver, name, beside } = this.#options;
    const { daemon, holds, priority, weight, reasons } = await driver.observe(options);
    const unknown = (reason: string): ServedLook => ({ kind: 'unknown', reason });
    if (daemon === 'unknown' || holds === null) return unknown(reasons[0] ?? 'it did not answer');
    if (daemon === 'frozen') return unknown('keepalived stands still');
    if (daemon === 'gone' && !holds) return unknown('keepalived does not run');
    return {
      kind: 'seen',
      leads: { [name]: holds ? beside : null },
      concerns:
        daemon === 'gone' ? ['keepalived is gone and left the address here: the other machine takes it as well'] : [],
      remarks: reasons,
      figures: {
        holds: holds ? 1 : 0,
        runs: daemon === 'running' ? 1 : 0,
        ...(priority === null ? {} : { priority }),
        ...(weight === null ? {} : { weight }),
      },
    };
  }

  /** Weighs: where the address is then VRRP says. An address that keepalived left is taken away by whoever knows that the other one has it. */
  async lead(epoch: Epoch, routes: Routes, options: CallOptions): Promise<ActionOutcome> {
    const { driver, name } = this.#options;
    const outcome = await driver.perform({ kind: 'set-weight', epoch, weight: weightOf(routes, name) }, options);
    if (outcome.kind !== 'ok') return outcome;
    const { daemon, weight } = await driver.observe(options);
    if (weight !== weightOf(routes, name)) return { kind: 'unknown', reason: 'the weight could not be read back' };
    if (daemon === 'running') return { kind: 'ok', detail: { weight } };
    const reason = 'keepalived does not run, so that nothing moves the address';
    return daemon === 'gone' ? { kind: 'failed', code: 'not-running', reason } : { kind: 'unknown', reason };
  }

  isLed({ figures }: SeenServer, routes: Routes): boolean {
    return figures['runs'] === 1 && figures['weight'] === weightOf(routes, this.#options.name);
  }
}

const weightOf = (routes: Routes, name: string): number => (routes[name] === null ? weightWithoutProxy : 0);
