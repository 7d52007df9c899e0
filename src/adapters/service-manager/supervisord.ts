import type { CallOptions } from '../../engine/driver-port.ts';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { hostMonoMs } from '../process/host-clock.ts';
import type { ManagedService, ServiceSight, ServiceVerb, Told } from './managed-service.ts';
import { supervisordAnswered, supervisordPid, supervisordSays, supervisordStartsItself } from './parse.ts';
import { ProgramProcesses } from './program-processes.ts';

export interface SupervisordOptions {
  /** `PROGRAM` or `GROUP:PROGRAM`. */
  readonly name: string;
  readonly run: RunCommand;
  readonly processes?: Pick<ProgramProcesses, 'look' | 'strike'>;
}

/** One program of supervisord, by `supervisorctl` with the configuration that it finds by itself: no secret is on its arguments. */
export class SupervisordProgram implements ManagedService {
  readonly service: string;
  readonly #name: string;
  readonly #run: RunCommand;
  readonly #processes: Pick<ProgramProcesses, 'look' | 'strike'>;

  constructor({ name, run, processes = new ProgramProcesses(name) }: SupervisordOptions) {
    this.service = `supervisord:${name}`;
    this.#name = name;
    this.#run = run;
    this.#processes = processes;
  }

  async look({ deadlineMs }: CallOptions): Promise<ServiceSight> {
    const answer = await this.#ask(['status', this.#name], deadlineMs);
    if (answer === null) {
      const said = `supervisorctl did not answer in time`;
      return { state: null, said, masked: null, ...this.#processes.look(null) };
    }
    const { state, said } = supervisordSays(this.#name, answer.text);
    return { state, said, masked: null, ...this.#processes.look(supervisordPid(said)) };
  }

  async tell(verb: ServiceVerb, { deadlineMs }: CallOptions): Promise<Told> {
    // It knows no such thing: who drives it remembers, and looks.
    if (verb === 'mask' || verb === 'unmask') return { kind: 'told' };
    const answer = await this.#ask([verb, this.#name], deadlineMs);
    if (answer === null) return { kind: 'unknown', reason: `supervisorctl ${verb} did not end in time` };
    return supervisordAnswered(this.#name, verb, answer);
  }

  async strike(): Promise<void> {
    this.#processes.strike();
  }

  async startsByItself({ deadlineMs }: CallOptions): Promise<boolean | null> {
    const answer = await this.#ask(['avail'], deadlineMs);
    return answer === null ? null : supervisordStartsItself(this.#name, answer.text);
  }

  /** Null: it did not answer in time. What it complains of is on either output. */
  async #ask(
    args: readonly string[],
    deadlineMs: number,
  ): Promise<{ readonly code: number; readonly text: string } | null> {
    if (deadlineMs <= 0) return null;
    const begun = hostMonoMs();
    const { code, stdout, stderr } = await this.#run('supervisorctl', args, { input: '', deadlineMs });
    if (hostMonoMs() - begun >= deadlineMs) return null;
    return { code, text: stdout.trim() === '' ? stderr : stdout };
  }
}
