import type { Command } from 'commander';
import type { Json } from '../../core/base/canonical-json.ts';
import { collect } from '../option-values.ts';
import type { GlobalOptions, Shell } from '../shell.ts';
import { teach } from './help.ts';

const group = 'Check files:';
const globals = (command: Command) => command.optsWithGlobals<GlobalOptions>();

/** Commands that read files only: topology and evidence. */
export function registerFileCommands(program: Command, shell: Shell): void {
  const topology = program
    .command('topology')
    .helpGroup(group)
    .summary('check or draw a topology file')
    .description('The protected platform as a file.');
  for (const [verb, summary] of [
    ['check', 'problems, and objectives that cannot be met'],
    ['show', 'the platform on one screen'],
  ] as const)
    teach(
      topology
        .command(`${verb} <file>`)
        .summary(summary)
        .option('--overlay <file>', 'laid over it; may be given again, the lowest first', collect, [])
        .action(async (file: string, flags: { readonly overlay: readonly string[] }, command: Command) =>
          shell.run(globals(command), async () => {
            const { topologyCheck, topologyShow } = await import('../commands/topology.ts');
            const result = (verb === 'check' ? topologyCheck : topologyShow)(file, { overlays: flags.overlay });
            return {
              exitCode: result.exitCode,
              text: result.text,
              json: result.json as unknown as Json,
              toStderr: result.exitCode === 2,
            };
          }),
        ),
      {
        examples: [
          [`holdfast topology ${verb} examples/three-site.yaml`, ''],
          [`holdfast topology ${verb} firm.yaml --overlay drill.yaml`, 'with an overlay'],
        ],
        touches: 'nothing. Reads the files.',
      },
    );
  const evidence = program
    .command('evidence')
    .helpGroup(group)
    .summary('verify or export the signed evidence')
    .description('What Holdfast recorded about its own doing (docs/reference/evidence.md).');
  teach(
    evidence
      .command('verify <path...>')
      .summary('integrity and completeness, entry by entry')
      .option('--keys <file>', 'public keys known from elsewhere: {"CHAIN": "base64"}')
      .action(async (paths: readonly string[], flags: { readonly keys?: string }, command: Command) =>
        shell.run(globals(command), async () => {
          const { evidenceVerify } = await import('../commands/evidence.ts');
          return evidenceVerify({ paths, ...(flags.keys === undefined ? {} : { keysFile: flags.keys }) });
        }),
      ),
    {
      examples: [
        ['holdfast evidence verify .holdfast/labs/demo/evidence', 'directories are searched for chains and bundles'],
        ['holdfast evidence verify bundle.json --keys printed-keys.json', 'with keys that somebody kept elsewhere'],
      ],
      touches: 'nothing. Works offline, on copies.',
      exits: '5 intact, but completeness cannot be proved',
    },
  );
  teach(
    evidence
      .command('export <directory...>')
      .summary('everything in one file that verifies anywhere')
      .requiredOption('--out <file>', 'the bundle to write')
      .action(async (directories: readonly string[], flags: { readonly out: string }, command: Command) =>
        shell.run(globals(command), async () => {
          const { evidenceExport } = await import('../commands/evidence.ts');
          const { version, nowMs } = shell.surroundings;
          return evidenceExport({
            directories,
            out: flags.out,
            software: { holdfast: version, node: process.version },
            nowMs: nowMs(),
          });
        }),
      ),
    {
      examples: [['holdfast evidence export .holdfast/labs/demo/evidence --out bundle.json', '']],
      touches: 'writes the bundle.',
    },
  );
}
