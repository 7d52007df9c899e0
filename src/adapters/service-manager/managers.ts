import { serviceNameIn } from '../../core/health/service-state.ts';
import { runCommand } from '../gate/nftables-gate.ts';
import type { ManagedService } from './managed-service.ts';
import { SupervisordProgram } from './supervisord.ts';
import { SystemdUnit } from './systemd.ts';

/** Of `systemd:UNIT` or `supervisord:PROGRAM`; null where it is neither. */
export function managedService(service: string): ManagedService | null {
  const name = serviceNameIn(service);
  if (name === null) return null;
  const options = { name: name.name, run: runCommand };
  return name.manager === 'supervisord' ? new SupervisordProgram(options) : new SystemdUnit(options);
}
