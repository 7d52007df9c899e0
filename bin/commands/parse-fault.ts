import type { Fault, ProcessTarget } from '../../lab/fault.ts';
import { LabError } from '../../lab/lab-error.ts';

/** A fault as it stands on the command line. */
export interface FaultWords {
  readonly kind: string;
  readonly what: readonly string[];
  readonly keep: readonly string[];
  readonly rttMs: number | null;
  readonly percent: number | null;
}

const shapes = {
  'link-down': 'LINK',
  'path-down': 'GROUP',
  cut: 'A B',
  'one-way': 'FROM TO',
  'site-isolated': 'SITE [--keep outside]',
  'extra-latency': 'A B --rtt MS',
  loss: 'A B --percent N',
  'host-silent': 'HOST',
  'host-power-off': 'HOST',
  'site-power-off': 'SITE',
  freeze: 'KIND NAME',
  kill: 'KIND NAME',
  'authority-restored': '',
} as const;

const keeps = ['outside', 'venues'] as const;

/** Names are checked by the lab, which knows the topology. @throws LabError HF-7007 */
export function parseFault(words: FaultWords): Fault {
  const { kind, what } = words;
  if (!Object.hasOwn(shapes, kind)) throw unclear(words, `"${kind}" is not a kind of fault`);
  const names = kind === 'authority-restored' ? 0 : Object.hasOwn(twoNames, kind) ? 2 : 1;
  if (what.length !== names) throw unclear(words, `${what.length} names are given, ${names} needed`);
  const [first = '', second = ''] = what;
  const between = [first, second] as unknown as readonly [never, never];
  switch (kind as keyof typeof shapes) {
    case 'link-down':
      return { kind: 'link-down', link: first as never };
    case 'path-down':
      return { kind: 'path-down', pathGroup: first };
    case 'cut':
      return { kind: 'cut', between };
    case 'one-way':
      return { kind: 'one-way', from: first as never, to: second as never };
    case 'site-isolated':
      return { kind: 'site-isolated', site: first as never, keep: keepOf(words) };
    case 'extra-latency':
      if (words.rttMs === null) throw unclear(words, '--rtt is missing');
      return { kind: 'extra-latency', between, addRttMs: words.rttMs };
    case 'loss':
      if (words.percent === null) throw unclear(words, '--percent is missing');
      return { kind: 'loss', between, percent: words.percent };
    case 'host-silent':
      return { kind: 'host-silent', host: first as never };
    case 'host-power-off':
      return { kind: 'host-power-off', host: first as never };
    case 'site-power-off':
      return { kind: 'site-power-off', site: first as never };
    case 'freeze':
      return { kind: 'freeze', target: targetOf(words) };
    case 'authority-restored':
      return { kind: 'authority-restored' };
    case 'kill':
      return { kind: 'kill', target: targetOf(words) };
  }
}

const twoNames = { cut: 2, 'one-way': 2, 'extra-latency': 2, loss: 2, freeze: 2, kill: 2 } as const;

function targetOf(words: FaultWords): ProcessTarget {
  const [kind = '', name = ''] = words.what;
  switch (kind) {
    case 'instance':
      return { kind, instance: name as never };
    case 'agent':
    case 'warden':
    case 'host':
      return { kind, host: name as never };
    case 'controller':
      return { kind, site: name as never };
    case 'process':
      return { kind, key: name };
    default:
      throw unclear(words, `"${kind}" is none of instance, agent, warden, host, controller, process`);
  }
}

function keepOf(words: FaultWords): readonly (typeof keeps)[number][] {
  return words.keep.map((word) => {
    const found = keeps.find((each) => each === word);
    if (found === undefined) throw unclear(words, `--keep ${word} is none of ${keeps.join(', ')}`);
    return found;
  });
}

function unclear({ kind, what }: FaultWords, found: string): LabError {
  const lines = Object.entries(shapes).map(([name, shape]) => `${name} ${shape}`.trim());
  return new LabError({
    code: 'HF-7007',
    attempted: `break ${[kind, ...what].join(' ')}`,
    found,
    next: `holdfast lab break, one of: ${lines.join(' · ')}`,
  });
}
