import { readFileSync } from 'node:fs';
import type { LabPki, PkiPlan } from '../../pki.ts';
import { etcdIdentityOf, etcdVoters } from './etcd.ts';
import { monitorIdentityOf, monitoringMachines } from './monitoring.ts';
import { patroniIdentityOf, patroniMembers } from './patroni-members.ts';
import { backupIdentityOf, backupMachines, type MachineIdentity } from './pgbackrest.ts';
import { isDelegated, lanAddress, type Placement, patroniClusters } from './placement.ts';

/** Every server of a lab that shows a certificate, for the lab's own authority to sign. None of them is an agent or a controller. */
export function serverParties(placement: Placement): PkiPlan['machines'] {
  const members = patroniClusters(placement.topology).flatMap((component) =>
    patroniMembers(placement, component).map(({ node, address }) => ({
      name: patroniIdentityOf(node),
      role: 'server' as const,
      ...(isDelegated(component) ? { ips: [address], nameless: true as const } : { ips: [] }),
    })),
  );
  const parties: PkiPlan['machines'] = [
    ...backupMachines(placement).map((node) => ({ name: backupIdentityOf(node), role: 'server' as const, ips: [] })),
    ...etcdVoters(placement).map((voter) => ({
      name: etcdIdentityOf(voter),
      role: 'authority' as const,
      ips: [voter.client.replace(/:.*/, ''), '127.0.0.1'],
      // Debian's Patroni reads names of a certificate only where python3-idna is installed.
      nameless: true as const,
    })),
    ...monitoringMachines(placement).map((node) => ({
      name: monitorIdentityOf(node),
      role: 'server' as const,
      ips: [lanAddress(placement.plan, node)],
    })),
    ...members,
  ];
  return [...new Map(parties.map((party) => [party.name, party])).values()];
}

/** Certificates by name, as texts: servers keep copies of their own. */
export const identitiesOf =
  (pki: LabPki) =>
  (name: string): MachineIdentity => {
    const files = pki.identity(name);
    const read = (file: string) => readFileSync(file, 'utf8');
    return { ca: read(files.ca), cert: read(files.cert), key: read(files.key) };
  };
