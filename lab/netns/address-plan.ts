/** Sites get numbers of their own from here on, in the order of the topology file. */
export const firstAs = 65_001;
/** The network between clients and sites. */
export const outsideAs = 64_999;

/** Addresses inside a site, by its place in the topology file. */
export interface SiteLan {
  readonly network: string;
  /** Shared by the site's routers. */
  readonly gateway: string;
  readonly observer: string;
  /** Shared by the site's proxies. */
  readonly proxies: string;
  router(number: number): string;
  host(index: number): string;
  venue(index: number): string;
}

export function siteLan(siteIndex: number): SiteLan {
  const base = `10.${siteIndex + 1}.0`;
  return {
    network: `${base}.0/24`,
    gateway: `${base}.1`,
    observer: `${base}.254`,
    proxies: `${base}.9`,
    router: (number) => `${base}.${1 + number}`,
    host: (index) => `${base}.${10 + index}`,
    venue: (index) => `${base}.${200 + index}`,
  };
}

/** TEST-NET-1: where the clients are. */
export const outsideLan = {
  network: '192.0.2.0/24',
  gateway: '192.0.2.1',
  client: '192.0.2.10',
  /** Where those who look on ask an exchange. */
  venue: (index: number): string => `192.0.2.${100 + index}`,
} as const;

/** Every site's own network lies in here. */
export const sitesNetwork = '10.0.0.0/8';

/** All prefixes of services lie in here, and nothing else does. */
export const servicesNetwork = '10.255.0.0/16';

export const serviceNetwork = (groupIndex: number): { readonly prefix: string; readonly address: string } => ({
  prefix: `10.255.${groupIndex}.0/24`,
  address: `10.255.${groupIndex}.1`,
});

const pairBases = { wire: '172.16', tunnel: '172.17', outside: '172.18' } as const;

/** The two addresses of one /30. */
export function pairNetwork(
  kind: keyof typeof pairBases,
  index: number,
): { readonly network: string; readonly first: string; readonly second: string } {
  const base = `${pairBases[kind]}.${index >> 6}`;
  const last = (index & 63) * 4;
  return { network: `${base}.${last}/30`, first: `${base}.${last + 1}`, second: `${base}.${last + 2}` };
}
