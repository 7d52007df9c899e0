import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type ProcessPlanner, planProcesses } from './configs.ts';

/** The lab's processes, with these fields in every engine's configuration beside its own; a section is replaced field by field. */
export const planWithEngineSettings =
  (settings: Readonly<Record<string, object>>): ProcessPlanner =>
  (context) => {
    for (const component of context.topology.components.filter((each) => each.kind === 'trading-engine'))
      for (const { host, id } of component.instances) {
        const file = join(context.directory.instance(host, id), 'config.json');
        const config = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
        for (const [section, fields] of Object.entries(settings)) config[section] = { ...config[section], ...fields };
        writeFileSync(file, JSON.stringify(config), { mode: 0o600 });
      }
    return planProcesses(context);
  };
