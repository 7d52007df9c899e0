import { readFileSync } from 'node:fs';
import type { CallOptions } from '../../engine/driver-port.ts';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { ManagedService, ServiceSight, ServiceVerb, Told } from './managed-service.ts';
import { systemdAnswered, systemdUnit } from './parse.ts';

export interface SystemdOptions {
  readonly name: string;
  readonly run: RunCommand;
  /** What goes before an order; a look needs nothing. Default: `sudo -n`, for root nothing. */
  readonly before?: readonly string[];
  /** Text of a file of the control group file system; null: it is not there. @throws what else is wrong */
  readonly readGroup?: (path: string) => string | null;
}

const verbs: Readonly<Record<ServiceVerb, readonly string[]>> = {
  start: ['start'],
  // Its own stop may take as long as the unit allows; whether it is gone is looked at.
  stop: ['stop', '--no-block'],
  mask: ['mask', '--runtime'],
  unmask: ['unmask', '--runtime'],
};
const properties = 'LoadState,ActiveState,SubState,MainPID,NRestarts,UnitFileState,ControlGroup';

/** One unit of systemd, by `systemctl`. Untried: written after its manual, there was none that ran. */
export class SystemdUnit implements ManagedService {
  readonly service: string;
  readonly #name: string;
  readonly #run: RunCommand;
  readonly #before: readonly string[];
  readonly #readGroup: (path: string) => string | null;

  constructor({ name, run, before, readGroup = fileOrNull }: SystemdOptions) {
    this.service = `systemd:${name}`;
    this.#name = name;
    this.#run = run;
    this.#before = before ?? (process.getuid?.() === 0 ? [] : ['sudo', '-n']);
    this.#readGroup = readGroup;
  }

  async look(options: CallOptions): Promise<ServiceSight> {
    const unit = await this.#unit(options);
    if (typeof unit === 'string') return { state: null, said: unit, masked: null, pids: null, hidden: unit };
    const { state, said, masked, controlGroup, mainPid } = unit;
    return { state, said, masked, ...this.#alive(controlGroup, mainPid) };
  }

  async tell(verb: ServiceVerb, options: CallOptions): Promise<Told> {
    return this.#order(verbs[verb], options);
  }

  async strike(options: CallOptions): Promise<void> {
    await this.#order(['kill', '--signal=SIGKILL'], options);
  }

  async startsByItself(options: CallOptions): Promise<boolean | null> {
    const unit = await this.#unit(options);
    return typeof unit === 'string' ? null : unit.enabled;
  }

  async #unit({ deadlineMs }: CallOptions): Promise<ReturnType<typeof systemdUnit>> {
    const args = ['show', '--no-pager', `--property=${properties}`, '--', this.#name];
    const answer = await this.#ask(['systemctl', ...args], deadlineMs);
    return answer === null
      ? `systemctl did not answer in time`
      : systemdUnit(answer.stdout.trim() === '' ? answer.stderr : answer.stdout);
  }

  async #order(args: readonly string[], { deadlineMs }: CallOptions): Promise<Told> {
    const [verb = '', ...options] = args;
    const command = [...this.#before, 'systemctl', verb, '--no-ask-password', ...options, '--', this.#name];
    const answer = await this.#ask(command, deadlineMs);
    return answer === null
      ? { kind: 'unknown', reason: `systemctl ${verb} did not end in time` }
      : systemdAnswered(verb, answer);
  }

  /** Null: it did not answer in time. */
  async #ask([command = '', ...args]: readonly string[], deadlineMs: number) {
    if (deadlineMs <= 0) return null;
    const begun = hostMonoMs();
    const answer = await this.#run(command, args, { input: '', deadlineMs });
    return hostMonoMs() - begun >= deadlineMs ? null : answer;
  }

  /** By the unified hierarchy: `populated` counts the groups below as well. A unit with nothing left has no group. */
  #alive(controlGroup: string, mainPid: number | null): Pick<ServiceSight, 'pids' | 'hidden'> {
    if (controlGroup === '') return { pids: mainPid === null ? [] : [mainPid], hidden: null };
    const hidden = (why: string) => ({
      pids: null,
      hidden: `its control group ${controlGroup} cannot be read: ${why}`,
    });
    try {
      if (this.#readGroup('/sys/fs/cgroup/cgroup.controllers') === null)
        return hidden('this host does not have the unified hierarchy');
      const events = this.#readGroup(`/sys/fs/cgroup${controlGroup}/cgroup.events`);
      if (events === null || /^populated 0$/m.test(events)) return { pids: [], hidden: null };
      const own = this.#readGroup(`/sys/fs/cgroup${controlGroup}/cgroup.procs`) ?? '';
      const pids = own.split('\n').filter(Boolean).map(Number);
      return pids.length > 0 ? { pids, hidden: null } : hidden('it has something in a group below');
    } catch (cause) {
      return hidden(cause instanceof Error ? cause.message : String(cause));
    }
  }
}

function fileOrNull(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw error;
  }
}
