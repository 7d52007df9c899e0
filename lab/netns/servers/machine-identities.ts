import { readFileSync } from 'node:fs';
import type { LabDirectory } from '../../lab-directory.ts';
import { createPki } from '../../pki.ts';
import { backupIdentityOf, backupMachines, type MachineIdentity } from './pgbackrest.ts';
import type { Placement } from './placement.ts';

/** Makes a certificate for every machine that shows one to another; the lab's own authority signs them and is gone afterwards. */
export async function machineIdentities(
  directory: LabDirectory,
  placement: Placement,
): Promise<(name: string) => MachineIdentity> {
  const pki = await createPki({
    directory: directory.pki,
    organisation: directory.id,
    machines: backupMachines(placement).map((node) => ({ name: backupIdentityOf(node), role: 'agent', ips: [] })),
    operators: [],
    evidenceOwners: [],
  });
  return (name) => {
    const files = pki.identity(name);
    const read = (file: string) => readFileSync(file, 'utf8');
    return { ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
  };
}
