import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { siteLan } from '../address-plan.ts';
import type { PlannedNode } from '../network-plan.ts';
import { haproxySocket, proxyNodes } from './haproxy.ts';
import type { Placement, ServerGround } from './placement.ts';
import { type LabServer, serverDirectory } from './server.ts';

export const sharedAddressName = 'shared-address';
/** As keepalived calls it. */
export const vrrpInstance = 'proxies';
const directory = serverDirectory(sharedAddressName);
/** What an agent is told of it. */
export const sharedAddressFiles = {
  configFile: `${directory}/keepalived.conf`,
  pidFile: `${directory}/keepalived.pid`,
  weightFile: `${directory}/agent.weight`,
} as const;

/** Three of these without a word and the other machine takes the address. */
const vrrpEverySeconds = 0.08;
/** Near the highest: VRRP waits longer the lower it is. Of two that weigh the same the one that has the address keeps it. */
const priority = 250;
const virtualRouter = 52;

/** Where clients of a site find its proxies, with the length of its prefix. */
export const proxyAddress = ({ topology }: Placement, { site }: PlannedNode): string =>
  `${siteLan(topology.sites.findIndex(({ id }) => id === site)).proxies}/24`;

/** Until whoever watches has looked, the proxy beside it counts as gone. */
const begin = `echo -254 > proxy.weight; rm -f *.pid; python3 watch-proxy.py ${haproxySocket} proxy.weight & exec "$@"`;
const keepalivedWords = [
  ...['-n', '-l', '-P', '-f', sharedAddressFiles.configFile],
  ...['-p', sharedAddressFiles.pidFile, '-r', `${directory}/vrrp.pid`],
];

/** One address for the proxies of a site, at a machine whose proxy answers. */
export function sharedAddressServers(ground: ServerGround): readonly LabServer[] {
  const watch = readFileSync(join(import.meta.dirname, 'watch-proxy.py'), 'utf8');
  return proxyNodes(ground).map((node) => ({
    name: sharedAddressName,
    node,
    // keepalived gives addresses to interfaces.
    user: 'root',
    comesFirst: true as const,
    files: {
      'keepalived.conf': keepalivedFile(proxyAddress(ground, node), node),
      'watch-proxy.py': watch,
      'proxy.weight': '-254\n',
      'agent.weight': '0\n',
    },
    command: ['sh', '-c', begin, 'sh', 'keepalived', ...keepalivedWords],
    lacks: async (ask) => {
      const weight = await ask(['cat', `${directory}/proxy.weight`]);
      return weight?.trim() === '0' ? null : 'the proxy beside it was not found to answer';
    },
  }));
}

/** One process that is gone is a fault at once; the agent, and a proxy that is only silent, weigh. */
const keepalivedFile = (address: string, { id }: PlannedNode): string => `global_defs {
  router_id ${id.replaceAll('/', '-')}
  vrrp_version 3
  vrrp_garp_master_refresh 60
}
${['proxy', 'agent']
  .map(
    (name) => `track_file ${name} {
  file "${directory}/${name}.weight"
  weight 1
}
`,
  )
  .join('')}vrrp_instance ${vrrpInstance} {
  state BACKUP
  interface lan
  virtual_router_id ${virtualRouter}
  priority ${priority}
  advert_int ${vrrpEverySeconds}
  track_file {
    proxy
    agent
  }
  virtual_ipaddress {
    ${address}
  }
}
`;
