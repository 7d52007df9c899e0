import { basename, relative } from 'node:path';
import type { PlayGround } from '../../lab/scenario/ground-switches.ts';
import { type PlayOptions, playInLab } from '../../lab/scenario/play-in-lab.ts';
import { type PlayResult, type Totals, totalsOf } from '../../lab/scenario/play-result.ts';
import type { CommandOutcome } from '../../src/cli/command-outcome.ts';
import { type ExitCode, exitCodes } from '../../src/cli/exit-code.ts';
import { elapsedText } from '../../src/cli/view/time-text.ts';
import type { Json } from '../../src/core/base/canonical-json.ts';
import type { Scenario } from '../../src/core/drill/scenario.ts';
import { topologyOf } from '../../src/sim/build-topology.ts';
import { loadScenario } from '../../src/sim/load-scenario.ts';
import { shapeOf } from '../../src/sim/scenario-shape.ts';

export interface PlayWish {
  readonly root: string;
  /** Of the labs, before the scenario's own name. */
  readonly name: string;
  readonly files: readonly string[];
  readonly pace: number;
  readonly ground: PlayGround;
  readonly ratePerSecond: number;
}

/** Plays scenario files in labs, one after the other. Every file is read before the first lab is brought up. */
export async function play(wish: PlayWish, say: (line: string) => void): Promise<CommandOutcome> {
  const { root, files, pace, ground, ratePerSecond } = wish;
  const scenarios: { readonly file: string; readonly scenario: Scenario }[] = [];
  const problems: string[] = [];
  for (const path of files) {
    const file = relative(process.cwd(), path);
    try {
      scenarios.push({ file, scenario: loadScenario(path, file) });
    } catch (error) {
      if (!(error instanceof AggregateError)) throw error;
      problems.push(error.message);
    }
  }
  if (problems.length > 0)
    return {
      exitCode: exitCodes.usage,
      text: `${problems.join('\n')}\n`,
      json: { ok: false, problems },
      toStderr: true,
    };
  const results: PlayResult[] = [];
  for (const { file, scenario } of scenarios) {
    say(`── ${scenario.title}`);
    const options: PlayOptions = {
      root,
      name: labNameOf(wish.name, file),
      file,
      scenario,
      firm: topologyOf(shapeOf(scenario)),
      pace,
      ground,
      ratePerSecond,
      command: `holdfast lab play ${ground === 'loopback' ? '' : `--ground ${ground} `}${file}`,
      say,
    };
    const result = await playInLab(options);
    results.push(result);
    say(headline(result));
  }
  const totals = totalsOf(results);
  const exitCode = exitOf(totals);
  return {
    exitCode,
    text: `${[...results.flatMap(resultLines), totalsText(totals)].join('\n')}\n`,
    json: { ok: exitCode === exitCodes.ok, totals, plays: results, exitCode } as unknown as Json,
  };
}

/** A lab of its own for each scenario, so that the evidence of each stays; at most 31 characters. */
const labNameOf = (prefix: string, file: string): string =>
  `${prefix}-${basename(file, '.scenario')
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')}`
    .slice(0, 31)
    .replace(/-$/, '');

/** What is not known to have held is not passed. */
function exitOf(totals: Totals): ExitCode {
  if (totals.failed > 0) return exitCodes.failed;
  return totals.inconclusive + totals['not-played'] > 0 ? exitCodes.unknown : exitCodes.ok;
}

const MARKS: Readonly<Record<PlayResult['verdict'], string>> = {
  held: '●',
  failed: '✕',
  inconclusive: '?',
  'not-played': '?',
};

const headline = ({ file, title, verdict }: PlayResult): string =>
  `${MARKS[verdict]} ${basename(file, '.scenario')}: ${verdict === 'not-played' ? 'not played here' : verdict}: ${title}`;

function resultLines(result: PlayResult): string[] {
  const { file, reason, lines, outageMs, counted, evidence, wallMs } = result;
  const judged = lines.filter((line) => line.verdict !== 'done');
  const figures = [
    `${judged.filter((line) => line.verdict === 'held').length} of ${judged.length} held`,
    `outage ${outageMs === null ? 'not measured' : `${Math.round(outageMs)} ms`}`,
    `${counted?.orders ?? '?'} orders and ${counted?.commits ?? '?'} commits counted`,
    elapsedText(wallMs),
  ];
  return [
    headline(result),
    ...(reason === null ? [] : [`    ${reason}`]),
    ...judged
      .filter((line) => line.verdict !== 'held')
      .map(
        (line) =>
          `    ${line.verdict === 'failed' ? 'HF-7024 ' : '? '}${file}${line.line === null ? '' : `:${line.line}`}: "${line.text}": ${line.found}`,
      ),
    ...(lines.length === 0 ? [] : [`    ${figures.join('; ')}`]),
    ...(evidence === null ? [] : [`    evidence ${evidence}`]),
  ];
}

const totalsText = (totals: Totals): string =>
  `${totals.held} held, ${totals.failed} failed, ${totals.inconclusive} inconclusive, ${totals['not-played']} not played here`;
