import {
  type ServiceLook,
  type ServiceManager,
  type ServiceName,
  serviceNameIn,
} from '../../core/health/service-state.ts';
import type { RunCommand } from '../gate/nftables-gate.ts';
import { supervisordSays, systemdSays } from './parse.ts';

/** How each manager is asked for one program. */
const asked: Readonly<Record<ServiceManager, (name: string) => readonly [string, readonly string[]]>> = {
  supervisord: (name) => ['supervisorctl', ['status', name]],
  systemd: (name) => [
    'systemctl',
    ['show', '--no-pager', '--property=LoadState,ActiveState,SubState,MainPID,NRestarts', '--', name],
  ],
};

/** One program, as its manager sees it, by the deadline. Never throws: who does not answer has not said. */
export async function lookAtService(run: RunCommand, service: string, deadlineMs: number): Promise<ServiceLook> {
  const name = serviceNameIn(service);
  if (name === null) return { service, state: null, said: 'no manager of programs is known by that name' };
  const [command, args] = asked[name.manager](name.name);
  const begun = performance.now();
  const { code, stdout, stderr } = await run(command, args, { input: '', deadlineMs });
  if (performance.now() - begun >= deadlineMs)
    return { service, state: null, said: `${command} did not answer within ${deadlineMs} ms` };
  return { service, ...saidBy(name, code === 0 || stdout.trim() !== '' ? stdout : stderr) };
}

const saidBy = ({ manager, name }: ServiceName, text: string): Omit<ServiceLook, 'service'> =>
  manager === 'supervisord' ? supervisordSays(name, text) : systemdSays(text);
