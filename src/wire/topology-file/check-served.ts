import type { InstanceId } from '../../core/base/ids.ts';
import { serviceNameIn } from '../../core/health/service-state.ts';
import {
  addressIn,
  addressOptions,
  fencingByService,
  gateAddresses,
  isInterfaceAddress,
  isKeyPrefix,
  isPathOption,
  isServedKind,
  leadNames,
  leadsAs,
  leadsNobody,
  leadsToServers,
  memberOf,
  optionsOfAll,
  optionsOfKind,
  preferencesIn,
  type Served,
  type ServedKind,
  type ServerOption,
  storeApis,
  urlsIn,
} from '../../core/topology/served.ts';
import type { Complaints } from './check-references.ts';
import { canServe } from './entry-defaults.ts';
import type { ComponentEntry, TopologyFile } from './file-schema.ts';
import type { SourcePath } from './source-tree.ts';

const longestTtlMs = 86_400_000;

/** What proxies, poolers, name servers and Redis are told: where they lead, and how each server is reached. */
export function checkServed(file: TopologyFile, complaints: Complaints): void {
  for (const [id, component] of Object.entries(file.components)) {
    const path: SourcePath = ['components', id];
    const { kind } = component;
    if (!isServedKind(kind)) {
      checkUnserved(component, path, complaints);
      continue;
    }
    if (component.authority === 'owned')
      complaints.say(
        'HF-2012',
        [...path, 'authority'],
        `${id} (${kind}) cannot be owned: it checks no lease, and stopping it proves nothing about writers`,
        'remove "authority"; the components that it leads to are owned',
      );
    if (kind === 'patroni') checkDelegate(id, component, path, complaints);
    checkServers(component, kind, path, complaints);
    if (!leadsNobody(kind)) checkLeads(file, id, kind, complaints);
    else if (component.leads !== undefined)
      complaints.say('HF-2012', [...path, 'leads'], `${id} (${kind}) leads nobody anywhere`, 'remove "leads"');
  }
}

function checkUnserved(component: ComponentEntry, path: SourcePath, complaints: Complaints): void {
  const refuse = (at: SourcePath) =>
    complaints.say(
      'HF-2012',
      at,
      `${path.at(-1)} is ${component.kind}, which leads nowhere and has no "${at.at(-1)}"`,
      `remove it, or name the kind that runs it: ${Object.keys(optionsOfKind).join(', ')}`,
    );
  for (const field of ['leads', 'server'] as const) if (component[field] !== undefined) refuse([...path, field]);
  for (const [id, { server }] of Object.entries(component.instances ?? {}))
    if (server !== undefined) refuse([...path, 'instances', id, 'server']);
  if (component.authority === 'delegated')
    complaints.say(
      'HF-2012',
      [...path, 'authority'],
      `${path.at(-1)} is ${component.kind}, for which nobody else says who is primary`,
      'say "owned" or "none", or leave it out',
    );
}

const fitsUrls = (option: 'api' | 'endpoints', value: string): boolean => {
  const urls = urlsIn(value);
  return urls !== null && (option === 'endpoints' || urls.length === 1);
};

/** Somebody else says who is primary, of one cluster, in which each instance is a member of its own. */
function checkDelegate(id: string, component: ComponentEntry, path: SourcePath, complaints: Complaints): void {
  if (component.authority === 'none')
    complaints.say(
      'HF-2012',
      [...path, 'authority'],
      `${id} (patroni) has a primary, and Patroni says which`,
      'say "delegated", or leave it out',
    );
  const entries = Object.entries(component.instances ?? {}).map(
    ([instance, { server }]) => [instance, { ...component.server, ...server }] as const,
  );
  const servers = Object.fromEntries(entries) as Served['servers'];
  const members = entries.map(([instance]) => memberOf({ leads: {}, servers }, instance as InstanceId));
  const twice = members.find((member, index) => members.indexOf(member) !== index);
  if (twice !== undefined)
    complaints.say('HF-2007', path, `"${twice}" stands for two members of ${id}`, 'give each its own "member"');
  for (const option of ['scope', 'namespace', 'store'] as const)
    if (new Set(entries.map(([, server]) => server[option])).size > 1)
      complaints.say(
        'HF-2012',
        path,
        `the instances of ${id} do not have the same "server.${option}": they are no one cluster`,
        `state "server: {${option}: …}" for all of ${id}, or make a component of each cluster`,
      );
  const gated = entries.filter(([, server]) => server.gatePort !== undefined);
  if (gated.length > 0 && gateAddresses({ leads: {}, servers }, Object.keys(servers) as InstanceId[]) === null)
    complaints.say(
      'HF-2012',
      path,
      `${id} has a "gatePort", and not every member has one with an IPv4 address in its "api": the gate would not know them`,
      `state "server: {gatePort: '5432'}" for all of ${id}, and the address of each in its "api"`,
    );
  if (new Set(entries.map(([, server]) => server.grantSocket)).size > 1)
    complaints.say(
      'HF-2012',
      path,
      `the members of ${id} do not have the same "grantSocket": the configuration of a cluster names one for all of them`,
      `state "server: {grantSocket: /run/holdfast/grant/${id}.sock}" for all of ${id}`,
    );
  for (const [instance, server] of entries)
    if ((server.certFile === undefined) !== (server.keyFile === undefined))
      complaints.say(
        'HF-2003',
        [...path, 'instances', instance],
        `${instance} has one of "certFile" and "keyFile"`,
        'state both, or neither',
      );
}

function checkServers(component: ComponentEntry, kind: ServedKind, path: SourcePath, complaints: Complaints): void {
  const { needed, optional } = optionsOfKind[kind];
  const known: readonly string[] = [...needed, ...optional, ...optionsOfAll];
  const look = (server: Readonly<Record<string, string | undefined>> | undefined, at: SourcePath) => {
    for (const [option, value] of Object.entries(server ?? {})) {
      if (value === undefined) continue;
      if (!known.includes(option))
        complaints.say(
          'HF-2002',
          [...at, option],
          `a server of ${kind} has no "${option}"`,
          `remove it; known are ${known.join(', ')}`,
        );
      else if (addressOptions.includes(option as ServerOption) && addressIn(value) === null)
        complaints.say('HF-2004', [...at, option], `"${value}" is not HOST:PORT`, 'write it as in 10.1.2.3:6432');
      else if (isPathOption(option) && !value.startsWith('/'))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not a path from the root: it would be another file for each process`,
          'write the whole path; the configuration of an agent may say another one',
        );
      else if ((option === 'api' || option === 'endpoints') && !fitsUrls(option, value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not ${option === 'api' ? 'http(s)://HOST:PORT' : 'http(s)://HOST:PORT, with commas between several'}`,
          'write it as in http://10.1.2.3:8008',
        );
      else if (option === 'store' && !storeApis.some((api) => api === value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is no store that Patroni is looked up in`,
          `write ${storeApis.join(' or ')}, as the section of Patroni's configuration is called`,
        );
      else if (option === 'namespace' && !/^\/([A-Za-z0-9_.-]+\/)*$/.test(value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" does not begin and end with a slash`,
          'write it as in /service/',
        );
      else if ((option === 'scope' || option === 'member') && !/^[A-Za-z0-9_.-]{1,63}$/.test(value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not the name of a ${option === 'scope' ? 'cluster' : 'member'}`,
          'correct the name',
        );
      else if (option === 'gatePort' && addressIn(`host:${value}`) === null)
        complaints.say('HF-2004', [...at, option], `"${value}" is not a port`, "write it as in '5432'");
      else if (option === 'repository' && !/^[1-9]\d{0,2}$/.test(value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not the number of a repository`,
          "write it as in '1'",
        );
      else if (option === 'autonomousSystem' && !isAutonomousSystem(value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not the number of an autonomous system`,
          "write it as in '65001'",
        );
      else if (option === 'preferences' && preferencesIn(value) === null)
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" does not say what is preferred`,
          'write ROUTE-MAP/SEQUENCE=VALUE, several with one space between them, as in from-chi/10=300',
        );
      else if (option === 'sharedAddress' && !isInterfaceAddress(value))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not an IPv4 address with the length of its prefix`,
          'write it as in 10.1.0.9/24',
        );
      else if (option === 'interface' && !/^[A-Za-z0-9_.-]{1,15}$/.test(value))
        complaints.say('HF-2004', [...at, option], `"${value}" is not an interface`, 'correct the name');
      else if (option === 'keyPrefix' && (!isKeyPrefix(value) || value.startsWith('holdfast/')))
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not where services may lie in etcd`,
          'write it as in services/, and not below holdfast/',
        );
      else if (option === 'stanza' && !/^[A-Za-z0-9_-]{1,64}$/.test(value))
        complaints.say('HF-2004', [...at, option], `"${value}" is not the name of a stanza`, 'correct the name');
      else if (option === 'service' && serviceNameIn(value) === null)
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is not one service of a manager`,
          'write systemd:UNIT or supervisord:PROGRAM',
        );
      else if (option === 'fencing' && value !== fencingByService)
        complaints.say(
          'HF-2004',
          [...at, option],
          `"${value}" is no way to fence`,
          `write ${fencingByService}, or nothing`,
        );
      else if (option === 'zone' && !/^[a-z0-9-]+(\.[a-z0-9-]+)*$/.test(value))
        complaints.say('HF-2004', [...at, option], `"${value}" is not a zone`, 'write it as in firm.example');
    }
  };
  look(component.server, [...path, 'server']);
  for (const [id, instance] of Object.entries(component.instances ?? {})) {
    const at = [...path, 'instances', id];
    look(instance.server, [...at, 'server']);
    const all: Readonly<Record<string, unknown>> = { ...component.server, ...instance.server };
    if (all['fencing'] !== undefined && all['service'] === undefined)
      complaints.say(
        'HF-2003',
        at,
        `${id} is to be fenced by its service, and has no "server.service"`,
        'add "server: {service: systemd:UNIT}", or remove "fencing"',
      );
    for (const option of needed)
      if (all[option] === undefined)
        complaints.say(
          'HF-2003',
          at,
          `${id} has no "server.${option}", without which ${kind} cannot be driven`,
          `add "server: {${option}: …}", here or for all instances of ${path.at(-1)}`,
        );
  }
}

/** Plain notation, 1 to 4294967294. */
const isAutonomousSystem = (text: string): boolean => /^[1-9]\d{0,9}$/.test(text) && Number(text) < 4_294_967_295;

function checkLeads(file: TopologyFile, id: string, kind: ServedKind, complaints: Complaints): void {
  const component = file.components[id]!;
  const path: SourcePath = ['components', id];
  if (Object.keys(component.leads ?? {}).length === 0)
    complaints.say(
      'HF-2003',
      path,
      `${id} (${kind}) leads nowhere`,
      'add "leads: {NAME: {to: COMPONENT, …}}", or make it "kind: inventory"',
    );
  if ((kind === 'redis' || kind === 'keepalived') && Object.keys(component.leads ?? {}).length > 1) {
    const what = kind === 'redis' ? 'set' : 'shared address';
    complaints.say(
      'HF-2012',
      [...path, 'leads'],
      `${id} has more than one ${what}`,
      `make a component of each ${what}`,
    );
  }
  const group = Object.values(file.groups).find(({ components }) => components.includes(id));
  for (const [name, lead] of Object.entries(component.leads ?? {})) {
    const at = [...path, 'leads', name];
    const { what, shape } = leadNames[kind];
    if (!shape.test(name)) complaints.say('HF-2004', at, `"${name}" is not the name of ${what}`, 'correct the name');
    if (complaints.unresolved([...at, 'to'], 'component', lead.to, file.components)) continue;
    const target = file.components[lead.to]!;
    if (leadsToServers(kind)) {
      checkBeside(file, id, lead, at, complaints);
      checkNames(file, lead, kind, at, complaints);
      checkTtl(lead, kind, at, complaints);
      continue;
    }
    const isDatabase = target.kind === 'patroni';
    const writes = target.kind === 'front' || isDatabase || (!isServedKind(target.kind) && target.kind !== 'inventory');
    const isPooled = kind === 'haproxy' && target.kind === 'pgbouncer';
    if (!(writes || isPooled) || (kind === 'redis' && (target.kind === 'front' || isDatabase)))
      complaints.say(
        'HF-2012',
        [...at, 'to'],
        `${name} cannot lead to ${lead.to} (${target.kind})`,
        kind === 'redis'
          ? 'name the component that writes to it'
          : 'name a front, a component that is owned, a database under Patroni, or behind a proxy a pooler',
      );
    else if (group !== undefined && !group.components.includes(lead.to))
      complaints.say(
        'HF-2012',
        [...at, 'to'],
        `${id} and ${lead.to} are not in one group, so they do not move together`,
        'put both into the same group',
      );
    checkNames(file, lead, kind, at, complaints);
    checkTtl(lead, kind, at, complaints);
  }
}

/** A shared address leads to what is on its own machine, wherever that leads. */
function checkBeside(file: TopologyFile, id: string, lead: LeadEntry, at: SourcePath, complaints: Complaints): void {
  const target = file.components[lead.to]!;
  if (target.kind !== 'haproxy' && target.kind !== 'pgbouncer')
    complaints.say(
      'HF-2012',
      [...at, 'to'],
      `${at.at(-1)} cannot lead to ${lead.to} (${target.kind})`,
      'name the proxies or poolers that stand behind the address',
    );
  const hosts = Object.values(target.instances ?? {}).map(({ host }) => host);
  for (const [instance, { host }] of Object.entries(file.components[id]!.instances ?? {}))
    if (!hosts.includes(host))
      complaints.say(
        'HF-2012',
        ['components', id, 'instances', instance],
        `${instance} is on ${host}, where nothing of ${lead.to} is`,
        `put it on one of ${hosts.join(', ')}`,
      );
}

type LeadEntry = NonNullable<ComponentEntry['leads']>[string];

function checkNames(
  file: TopologyFile,
  lead: LeadEntry,
  kind: ServedKind,
  at: SourcePath,
  complaints: Complaints,
): void {
  const named = leadsAs[kind];
  if (named === null) {
    if (lead.as !== undefined)
      complaints.say(
        'HF-2012',
        [...at, 'as'],
        kind === 'redis' ? 'Redis finds its servers by their own addresses' : 'an address leads to its own machine',
        'remove "as"',
      );
    return;
  }
  const instances = file.components[lead.to]!.instances ?? {};
  for (const [instance, value] of Object.entries(lead.as ?? {})) {
    if (complaints.unresolved([...at, 'as', instance], `instance of ${lead.to}`, instance, instances)) continue;
    if (!named.fits(value))
      complaints.say('HF-2004', [...at, 'as', instance], `"${value}" is not ${named.what}`, `write ${named.what}`);
  }
  const values = Object.values(lead.as ?? {});
  const twice = values.find((value, index) => values.indexOf(value) !== index);
  if (twice !== undefined)
    complaints.say('HF-2007', [...at, 'as'], `"${twice}" stands for two instances`, 'give each its own');
  for (const [instance, { eligible, host }] of Object.entries(instances)) {
    const site = file.sites[file.hosts[host]?.site ?? ''];
    if ((eligible ?? (site === undefined || canServe(site))) && lead.as?.[instance] === undefined)
      complaints.say(
        'HF-2003',
        at,
        `${at.at(-1)} does not say what ${instance} is called there`,
        `add "as: {${instance}: …}": ${named.what}`,
      );
  }
}

function checkTtl({ ttl }: LeadEntry, kind: ServedKind, at: SourcePath, complaints: Complaints): void {
  if (kind !== 'dns' && ttl !== undefined)
    complaints.say('HF-2012', [...at, 'ttl'], `only names of DNS have a "ttl"`, 'remove it');
  if (kind !== 'dns') return;
  if (ttl === undefined)
    complaints.say(
      'HF-2003',
      at,
      `${at.at(-1)} does not say how long its answer may be kept`,
      'add "ttl: 5s": clients follow a move after that, not before',
    );
  else if (ttl % 1000 !== 0 || ttl > longestTtlMs)
    complaints.say('HF-2004', [...at, 'ttl'], 'a TTL is whole seconds, at most a day', 'write it as in 5s');
}
