import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { asksBeforePromotion } from '../../../src/core/authority/promotion-permit.ts';
import { gateTable } from '../../../src/core/topology/served.ts';
import type { Component } from '../../../src/core/topology/topology.ts';
import { closedGate } from '../../../src/wire/nftables-rules.ts';
import { labDatabase } from '../../agent-config.ts';
import type { DatabaseUser } from '../../secrets.ts';
import { etcdVoters } from './etcd.ts';
import type { LedKind } from './led-servers.ts';
import { type PatroniMember, patroniMembers, patroniSecret, restUser, scopeOf } from './patroni-members.ts';
import type { Placement, PlatformBehind } from './placement.ts';
import { type LabServer, serverDirectory } from './server.ts';

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

/**
 * Where whoever leads an archive says whom it streams from, on the archive's machine; null for whoever may be primary. Gone with the power, and
 * then it is whom the topology names.
 */
export const upstreamFileOf = (member: Pick<PatroniMember, 'name' | 'instance'>): string | null =>
  isCascade(member) ? `/run/holdfast/${member.name}.upstream.yml` : null;

/** The same on every host of a cluster, whose configuration names it; its folder is there from the machine's beginning. */
const grantSocket = (component: Component): string => `/run/holdfast/grant/${scopeOf(component)}.sock`;
/** Of the shipped program, for whom the lab's own files are out of reach. */
const grantCheck = 'grant-check.py';

/** Patroni reads every file in it, in their order. */
const configDirectory = 'conf.d';

/** An agent asks the member of its host over its own certificate, and the etcd that keeps the lock, the vote of its site first. */
export const patroniKind: LedKind = {
  leads: () => [],
  calls: (_, instance) => instance,
  options: (ground, node, instance) => {
    const component = ground.topology.components.find(({ instances }) => instances.some(({ id }) => id === instance))!;
    const isGated = component.served?.servers[instance]?.gatePort !== undefined;
    const member = patroniMembers(ground, component).find((each) => each.name === instance)!;
    const { address, restPort, postgresPort, name } = member;
    const upstreamFile = upstreamFileOf(member);
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
      ...(upstreamFile === null ? {} : { upstreamFile }),
      ...(asksBeforePromotion(component) ? { grantSocket: grantSocket(component) } : {}),
      endpoints: votersNear(ground, node.site)
        .map((voter) => `https://${voter}`)
        .join(','),
      caFile: ca,
      certFile: cert,
      keyFile: key,
    };
  },
};

/** `HOST:PORT` of every voter, that of the own site first. */
export function votersNear(placement: Placement, site: string | null): readonly string[] {
  const isNear = ({ node }: { readonly node: { readonly site: string | null } }) => node.site === site;
  const voters = etcdVoters(placement);
  return [...voters.filter(isNear), ...voters.filter((voter) => !isNear(voter))].map(({ client }) => client);
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

/** Never promoted, and streams from a standby. */
const isCascade = ({ instance }: Pick<PatroniMember, 'instance'>): boolean =>
  !instance.eligible && instance.upstream !== null;

/** Patroni as its host starts it: with what may be said of its upstream, and, where an agent leads it, not while that has barred it. */
export function startedOnHost(
  member: Pick<PatroniMember, 'name' | 'server' | 'instance'>,
  configFile: string,
  leader: 'agent' | null,
): Pick<LabServer, 'files' | 'command'> {
  const directory = serverDirectory(member.server);
  const upstreamFile = upstreamFileOf(member);
  if (leader === null && upstreamFile === null)
    return { files: {}, command: ['patroni', `${directory}/${configFile}`] };
  const bar = barFile(member.name);
  const config = `${directory}/${upstreamFile === null ? configFile : configDirectory}`;
  const script = [
    ...(leader === null
      ? []
      : [`[ ! -e ${bar} ] || { echo "${member.name} is barred from starting: ${bar}" >&2; exit 75; }`]),
    ...(upstreamFile === null
      ? []
      : [
          `mkdir -p ${config} && ln -sfn ../${configFile} ${config}/patroni.yml && ln -sfn ${upstreamFile} ${config}/upstream.yml`,
        ]),
    'exec patroni "$1"',
    '',
  ].join('\n');
  return { files: { [startScript]: script }, command: ['sh', `${directory}/${startScript}`, config] };
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

/** Patroni asks the agent of its host before it promotes; empty where the topology does not want that. */
export function askedBefore(component: Component, server: string) {
  if (!asksBeforePromotion(component)) return { files: {}, postgresql: {} };
  const program = readFileSync(join(import.meta.dirname, '..', '..', '..', 'bin', 'holdfast-grant-check'), 'utf8');
  const command = `python3 ${serverDirectory(server)}/${grantCheck} ${grantSocket(component)}`;
  return { files: { [grantCheck]: program }, postgresql: { pre_promote: command } };
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
