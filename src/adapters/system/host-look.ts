import { X509Certificate } from 'node:crypto';
import { readFile, statfs } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { WallMs } from '../../core/base/ids.ts';
import type { CertificateLife, DiskSpace, HostReport } from '../../core/health/host-report.ts';

export interface HostLookOptions {
  readonly directories: readonly string[];
  /** Files of PEM. */
  readonly certificates: readonly { readonly name: string; readonly file: string }[];
  readonly deadlineMs: number;
  /** For tests. */
  readonly proc?: string;
}

export type HostLook = Pick<HostReport, 'disks' | 'certificates' | 'memory' | 'memoryWaitPercent' | 'loadPerProcessor'>;

/** Looks at the host that it runs on. A file system that does not answer is asked again only once it has. */
export class HostEyes {
  readonly #options: HostLookOptions;
  readonly #waiting = new Map<string, Promise<DiskSpace['space']>>();

  constructor(options: HostLookOptions) {
    this.#options = options;
  }

  /** By its deadline. What cannot be found out is null. Never throws. */
  async look(): Promise<HostLook> {
    const { directories, certificates, proc = '/proc' } = this.#options;
    const read = (...path: readonly string[]) => readFile(join(proc, ...path), 'utf8').catch(() => null);
    const [disks, lives, memory, pressure, load] = await Promise.all([
      Promise.all(directories.map(async (path) => ({ path, space: await this.#spaceOf(path) }))),
      Promise.all(certificates.map(lifeOf)),
      read('meminfo'),
      read('pressure', 'memory'),
      read('loadavg'),
    ]);
    return {
      disks,
      certificates: lives,
      memory: memoryIn(memory ?? ''),
      memoryWaitPercent: waitIn(pressure ?? ''),
      loadPerProcessor: loadIn(load ?? '', availableParallelism()),
    };
  }

  #spaceOf(path: string): Promise<DiskSpace['space']> {
    const asked = this.#waiting.get(path) ?? spaceOf(path).finally(() => this.#waiting.delete(path));
    this.#waiting.set(path, asked);
    const { promise, resolve } = Promise.withResolvers<DiskSpace['space']>();
    const late = setTimeout(() => resolve(null), this.#options.deadlineMs);
    void asked.then(resolve).finally(() => clearTimeout(late));
    return promise;
  }
}

/** Of what ordinary users may still have. */
async function spaceOf(path: string): Promise<DiskSpace['space']> {
  try {
    const { bavail, blocks, bfree, bsize } = await statfs(path);
    // As df counts: what is kept for root is neither free nor there.
    return { freeBytes: bavail * bsize, totalBytes: (blocks - bfree + bavail) * bsize };
  } catch {
    return null;
  }
}

async function lifeOf({ name, file }: HostLookOptions['certificates'][number]): Promise<CertificateLife> {
  try {
    return { name, notAfter: Date.parse(new X509Certificate(await readFile(file)).validTo) as WallMs };
  } catch {
    return { name, notAfter: null };
  }
}

/** Of /proc/meminfo. */
export function memoryIn(text: string): HostReport['memory'] {
  const kilobytes = (name: string) => {
    const found = new RegExp(`^${name}: +(\\d+) kB$`, 'm').exec(text);
    return found === null ? null : Number(found[1]) * 1024;
  };
  const [availableBytes, totalBytes] = [kilobytes('MemAvailable'), kilobytes('MemTotal')];
  return availableBytes === null || totalBytes === null ? null : { availableBytes, totalBytes };
}

/** Of /proc/pressure/memory: `some avg10=0.12 …`. */
export function waitIn(text: string): number | null {
  const found = /^some avg10=(\d+(?:\.\d+)?) /m.exec(text);
  return found === null ? null : Number(found[1]);
}

/** Of /proc/loadavg: `1.23 …`. */
export function loadIn(text: string, processors: number): number | null {
  const found = /^(\d+(?:\.\d+)?) /.exec(text);
  return found === null ? null : Number(found[1]) / processors;
}
