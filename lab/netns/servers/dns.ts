import { createHash } from 'node:crypto';
import type { PlannedNode } from '../network-plan.ts';
import { announcedService } from './led-routes.ts';
import { edgeNodes, lanAddress, ledNodes, type Placement, type ServerGround, tradingSites } from './placement.ts';
import { type LabServer, serverDirectory } from './server.ts';

export const dnsName = 'dns';
export const dnsPort = 53;
export const dnsZone = 'holdfast.test';
/** Where routers announce a service: always the same address, which no agent changes. */
export const announcedName = 'service';
/** Readable by its owner only; for whoever updates. */
export const dnsKeyFile = `${serverDirectory(dnsName)}/update.key`;
const secretName = 'dns-update';
const lookWithinSeconds = 1;

/** One in each site that may be active, each a primary of its own: whoever updates does so at all of them. */
export function dnsServers(ground: ServerGround): readonly LabServer[] {
  return dnsNodes(ground).map((node) => {
    const address = lanAddress(ground.plan, node);
    return {
      name: dnsName,
      node,
      user: 'bind',
      comesFirst: true as const,
      files: {
        'named.conf': namedFile(address),
        'update.key': dnsKey(ground.secret),
        [`${dnsZone}.zone`]: zoneFile(ground),
      },
      command: ['named', '-g', '-n', '1', '-c', `${serverDirectory(dnsName)}/named.conf`],
      lacks: async (ask) => {
        const question = [`@${address}`, '+short', `+time=${lookWithinSeconds}`, '+tries=1', dnsZone, 'SOA'];
        const answer = await ask(['dig', ...question]);
        return answer?.includes('holdfast') === true ? null : `it does not answer for ${dnsZone}`;
      },
    };
  });
}

export const dnsNodes = (ground: Placement): readonly PlannedNode[] =>
  ledNodes(ground, 'dns') ?? tradingSites(ground.topology).flatMap((site) => edgeNodes(ground, site).slice(0, 1));

function namedFile(address: string): string {
  return `options {
  directory "${serverDirectory(dnsName)}";
  listen-on port ${dnsPort} { ${address}; };
  listen-on-v6 { none; };
  pid-file none;
  session-keyfile none;
  recursion no;
  allow-transfer { none; };
  dnssec-validation no;
  empty-zones-enable no;
};
controls { };
include "${dnsKeyFile}";
zone "${dnsZone}" {
  type primary;
  file "${dnsZone}.zone";
  update-policy { grant holdfast zonesub A TXT; };
};
`;
}

/** The key with which names are changed, as the text of a file. */
export function dnsKey(secret: (name: string) => string): string {
  const key = createHash('sha256').update(secret(secretName)).digest('base64');
  return `key "holdfast" { algorithm hmac-sha256; secret "${key}"; };\n`;
}

/** No name that leads to a site is in it. */
function zoneFile(ground: ServerGround): string {
  const announced = announcedService(ground);
  const servers = dnsNodes(ground).map((node, index) => [`ns${index + 1}`, lanAddress(ground.plan, node)] as const);
  return [
    '$TTL 60',
    '@ IN SOA ns1 holdfast 1 3600 600 86400 5',
    ...servers.map(([name]) => `@ IN NS ${name}`),
    ...servers.map(([name, address]) => `${name} IN A ${address}`),
    ...(announced === null ? [] : [`${announcedName} IN A ${announced.address}`]),
    '',
  ].join('\n');
}
