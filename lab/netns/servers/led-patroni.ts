import { gateTable } from '../../../src/core/topology/served.ts';
import type { Component } from '../../../src/core/topology/topology.ts';
import { closedGate } from '../../../src/wire/nftables-rules.ts';
import { labDatabase } from '../../agent-config.ts';
import type { DatabaseUser } from '../../secrets.ts';
import { etcdVoters } from './etcd.ts';
import type { LedKind } from './led-servers.ts';
import { type PatroniMember, patroniMembers, patroniSecret, restUser, scopeOf } from './patroni-members.ts';
import type { Placement, PlatformBehind } from './placement.ts';
import { serverDirectory } from './server.ts';

/** What Patroni comes with, which most clusters run with: a dead primary's lock is there for 30 s. */
export const delegatedTiming = { ttl: 30, loop_wait: 10, retry_timeout: 10 } as const;

/** Whose tables the platform's are. */
const owner: DatabaseUser = 'persister';
const foundedScript = 'founded.sh';
const startScript = 'start.sh';
/** By this name `on-disk.sh` loads it. */
const gateFile = 'gate.nft';

/** Gone with the power, like what it keeps from starting. */
const barFile = (member: string): string => `/run/holdfast/${member}.barred`;

/** An agent asks the member of its host over its own certificate, and the etcd that keeps the lock, the vote of its site first. */
export const patroniKind: LedKind = {
  leads: () => [],
  calls: (_, instance) => instance,
  options: (ground, node, instance) => {
    const component = ground.topology.components.find(({ instances }) => instances.some(({ id }) => id === instance))!;
    const isGated = component.served?.servers[instance]?.gatePort !== undefined;
    const { address, restPort, postgresPort, name } = patroniMembers(ground, component).find(
      (each) => each.name === instance,
    )!;
    const { ca, cert, key } = ground.agentIdentity(node.host!);
    return {
      api: `https://${address}:${restPort}`,
      member: name,
      user: restUser,
      passwordFile: ground.secretFile(patroniSecret(component, 'rest')),
      scope: scopeOf(component),
      store: 'etcd',
      barFile: barFile(name),
      ...(isGated ? { gatePort: String(postgresPort) } : {}),
      endpoints: votersNear(ground, node.site).join(','),
      caFile: ca,
      certFile: cert,
      keyFile: key,
    };
  },
};

function votersNear(placement: Placement, site: string | null): readonly string[] {
  const isNear = ({ node }: { readonly node: { readonly site: string | null } }) => node.site === site;
  const voters = etcdVoters(placement);
  return [...voters.filter(isNear), ...voters.filter((voter) => !isNear(voter))].map(
    ({ client }) => `https://${client}`,
  );
}

/** Of a member whose REST API hears only whoever shows a certificate of the lab. */
export function restCertificates(directory: string): object {
  return {
    certfile: `${directory}/cert.pem`,
    keyfile: `${directory}/key.pem`,
    cafile: `${directory}/ca.pem`,
    verify_client: 'required',
  };
}

/** Patroni as its host starts it: not while its agent has barred that. */
export function startedUnlessBarred(member: string, server: string, command: readonly string[]) {
  const bar = barFile(member);
  const script = `[ ! -e ${bar} ] || { echo "${member} is barred from starting: ${bar}" >&2; exit 75; }\nexec "$@"\n`;
  return {
    files: { [startScript]: script },
    command: ['sh', `${serverDirectory(server)}/${startScript}`, ...command] as [string, ...string[]],
  };
}

/** Loaded before Patroni starts, so that no client comes in before an agent lets them; empty where the topology asks for no gate. */
export function gateBefore(
  { instance, address, postgresPort }: PatroniMember,
  component: Component,
  members: readonly PatroniMember[],
): Readonly<Record<string, string>> {
  if (component.served?.servers[instance.id]?.gatePort === undefined) return {};
  const peers = members.map((each) => each.address);
  return { [gateFile]: closedGate(gateTable(scopeOf(component)), peers, { host: address, port: postgresPort }) };
}

/** What the platform finds in the cluster from its first moment: who logs in, and a database of theirs. Passwords are Patroni's to set. */
export function foundedFor({ databaseUsers }: PlatformBehind, server: string) {
  const roles = Object.keys(databaseUsers).map((name) => `-c 'create role "${name}" login'`);
  const script = `psql -XAtq "$1" ${roles.join(' ')} -c 'create database "${labDatabase}" owner "${owner}"'\n`;
  return {
    files: { [foundedScript]: script },
    bootstrap: { post_bootstrap: `sh ${serverDirectory(server)}/${foundedScript}` },
    users: Object.fromEntries(Object.entries(databaseUsers).map(([name, password]) => [name, { password }])),
  };
}
