/**
 * The table of a gate, with everybody shut out of what is guarded. Loaded again it changes nothing that is open.
 *
 * @param peers IPv4 addresses that pass always
 */
export function gateRules(table: string, peers: readonly string[]): readonly string[] {
  const chain = (name: string, hook: string, own: 'd' | 's', other: 'd' | 's') => {
    const guarded = `ip ${own}addr . tcp ${own}port @guarded`;
    const closed = `ip ${own}addr . tcp ${own}port != @open drop`;
    return [
      `add chain inet ${table} ${name} { type filter hook ${hook} priority -10; policy accept; }`,
      `flush chain inet ${table} ${name}`,
      `add rule inet ${table} ${name} ${guarded} ${peers.length === 0 ? '' : `ip ${other}addr != { ${peers.join(', ')} } `}${closed}`,
    ];
  };
  return [
    `add table inet ${table}`,
    `add set inet ${table} guarded { type ipv4_addr . inet_service; }`,
    `add set inet ${table} open { type ipv4_addr . inet_service; flags timeout; }`,
    ...chain('arriving', 'input', 'd', 's'),
    ...chain('leaving', 'output', 's', 'd'),
  ];
}

/** What whoever starts a guarded server loads first (`nft -f`), so that its port is never open before an agent has looked at it. */
export const closedGate = (
  table: string,
  peers: readonly string[],
  { host, port }: { readonly host: string; readonly port: number },
): string => `${[...gateRules(table, peers), `add element inet ${table} guarded { ${host} . ${port} }`].join('\n')}\n`;
