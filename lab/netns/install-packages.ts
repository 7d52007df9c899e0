import { spawn } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { LabError } from '../lab-error.ts';
import { lastLines } from '../wait.ts';
import { isInstalled } from './packages.ts';

export interface InstallOptions {
  /** Where what apt says is kept; the last installation's. */
  readonly directory: string;
  /** Told how far it is. */
  readonly say: (text: string) => void;
  readonly withinMs?: number;
  /** What packages ask whether they may start their services. */
  readonly policyFile?: string;
}

const installWithinMs = 600_000;
const lookEveryMs = 200;
const sayEveryPercent = 20;

/**
 * Installs Debian packages with apt-get, without a question and without starting any of their services.
 * It is left running when it is not done in time: an installation that is killed half way breaks the machine's package database.
 * @throws LabError HF-7014 with what apt said and what helps
 */
export async function installPackages(names: readonly string[], options: InstallOptions): Promise<void> {
  if (names.length === 0) return;
  const attempted = `install ${names.join(', ')}`;
  const refused = (found: string, next: string) => new LabError({ code: 'HF-7014', attempted, found, next });
  if (!isInstalled('apt-get'))
    throw refused('there is no apt-get here', 'install what these Debian packages hold by other means');
  const { directory, say, withinMs = installWithinMs, policyFile = '/usr/sbin/policy-rc.d' } = options;
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const [output, status] = [join(directory, 'apt-output.log'), join(directory, 'apt-status.log')] as const;
  for (const file of [output, status]) rmSync(file, { force: true });
  const script = join(import.meta.dirname, 'install-packages.sh');
  const child = spawn('sh', [script, policyFile, output, status, ...names], { detached: true, stdio: 'ignore' });
  let failure: Error | null = null;
  child.on('error', (error) => {
    failure = error;
  });
  child.unref();
  const progress = progressOf(say);
  const deadline = performance.now() + withinMs;
  while (child.exitCode === null && child.signalCode === null && failure === null) {
    progress(readOrEmpty(status));
    if (performance.now() > deadline)
      throw refused(
        `not done after ${Math.round(withinMs / 1000)} s; process ${child.pid} goes on with it`,
        `see ${output}, then try again`,
      );
    await new Promise((resolve) => setTimeout(resolve, lookEveryMs));
  }
  if (child.exitCode === 0) return;
  throw refused(...problemIn(readOrEmpty(output), lastLines(output, 4), names, output));
}

/** What apt's own words come to, and the remedy. */
function problemIn(
  said: string,
  last: string,
  names: readonly string[],
  file: string,
): readonly [found: string, next: string] {
  const line = (pattern: RegExp) =>
    said
      .split('\n')
      .find((each) => pattern.test(each))
      ?.trim();
  const byHand = `apt-get install --no-install-recommends ${names.join(' ')}`;
  const lock = line(/could not get lock|unable to (acquire|lock)/i);
  if (lock !== undefined)
    return [`another program installs packages: ${lock}`, 'wait until it is done, then try again'];
  const unreachable = line(
    /could not resolve|temporary failure resolving|could not connect|unable to connect|connection (timed out|refused|failed)|network is unreachable|no route to host/i,
  );
  if (unreachable !== undefined)
    return [
      `no Debian mirror can be reached: ${unreachable}`,
      `give this machine a network or a proxy for apt, or install them yourself: ${byHand}`,
    ];
  const unknown = line(/unable to locate package|has no installation candidate/i);
  if (unknown !== undefined)
    return [
      `apt does not know all of them: ${unknown}`,
      `see that the sources of apt name a mirror of Debian that has them, then: ${byHand}`,
    ];
  return [`apt-get failed: ${last.split('\n').join('; ') || 'nothing was said'}`, `read ${file}, then: ${byHand}`];
}

/** Says each fifth of the fetching and of the installing once, out of what apt writes to its status file. */
function progressOf(say: (text: string) => void): (status: string) => void {
  const told = new Set<string>();
  return (status) => {
    const words = { dlstatus: 'fetching', pmstatus: 'installing' } as const;
    for (const [, kind, percent] of status.matchAll(/^(dlstatus|pmstatus):[^:]*:([\d.]+):/gm)) {
      const fifth = Math.floor(Number(percent) / sayEveryPercent) * sayEveryPercent;
      const text = `${words[kind as keyof typeof words]}: ${fifth} %`;
      if (fifth > 0 && !told.has(text)) say(text);
      told.add(text);
    }
  };
}

function readOrEmpty(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
