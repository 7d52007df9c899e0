import type { CommandContext } from './command-context.ts';
import type { CommandOutcome } from './command-outcome.ts';
import { type ExitCode, exitCodes } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

/** The options that every command takes. */
export interface GlobalOptions {
  readonly json?: boolean;
  readonly ascii?: boolean;
  readonly connect?: string;
  readonly as?: string;
  readonly group?: string;
  /** Of commands that change something. */
  readonly dryRun?: boolean;
}

export interface ShellSurroundings {
  /** Where `.holdfast/` and the shipped examples are. */
  readonly projectRoot: string;
  readonly version: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: (options: { readonly ascii: boolean }) => Terminal;
  /** UTC, milliseconds. */
  readonly nowMs: () => number;
}

/** Runs one command and remembers how the process has to end. Everything heavier than parsing is imported by the command itself. */
export class Shell {
  readonly surroundings: ShellSurroundings;
  exitCode: ExitCode = exitCodes.ok;

  constructor(surroundings: ShellSurroundings) {
    this.surroundings = surroundings;
  }

  /** Whatever is thrown becomes an outcome with a code, on standard error. */
  async run(options: GlobalOptions, work: (terminal: Terminal) => Promise<CommandOutcome>): Promise<void> {
    const terminal = this.surroundings.terminal({ ascii: options.ascii === true });
    try {
      this.#end(await work(terminal), options, terminal);
    } catch (error) {
      const { errorOutcome } = await import('./view/error-outcome.ts');
      this.#end(errorOutcome(error), options, terminal);
    }
  }

  /** As `run`, with the controllers at hand. Ctrl-C ends what is being followed; a second one ends the process. */
  async ask(options: GlobalOptions, work: (context: CommandContext) => Promise<CommandOutcome>): Promise<void> {
    await this.run(options, async (terminal) => {
      const { projectRoot, environment, nowMs } = this.surroundings;
      const { openSession } = await import('./connect/session.ts');
      const session = openSession({
        file: options.connect ?? environment.HOLDFAST_CONNECT ?? null,
        person: options.as ?? environment.HOLDFAST_AS ?? null,
        projectRoot,
      });
      const interrupt = new AbortController();
      const onInterrupt = () => interrupt.abort();
      process.once('SIGINT', onInterrupt);
      const { DryRunEnd, dryRunOutcome, readOnly } = await import('./dry-run.ts');
      const dryRun = options.dryRun === true;
      const context: CommandContext = {
        session: dryRun ? { ...session, controllers: readOnly(session.controllers) } : session,
        terminal,
        json: options.json === true,
        group: options.group ?? null,
        dryRun,
        nowMs,
        signal: interrupt.signal,
      };
      try {
        return await work(context);
      } catch (error) {
        if (error instanceof DryRunEnd) return dryRunOutcome(context, error);
        throw error;
      } finally {
        process.removeListener('SIGINT', onInterrupt);
        session.controllers.close();
      }
    });
  }

  #end({ exitCode, text, json, toStderr }: CommandOutcome, options: GlobalOptions, terminal: Terminal): void {
    this.exitCode = exitCode;
    if (options.json === true) {
      if (json !== null) terminal.out(`${JSON.stringify(json)}\n`);
    } else if (text !== '') {
      const whole = text.endsWith('\n') ? text : `${text}\n`;
      if (toStderr === true) terminal.err(whole);
      else terminal.out(whole);
    }
  }
}
