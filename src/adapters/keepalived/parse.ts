/** `ip -j addr show dev INTERFACE`: the IPv4 addresses that an interface has. Throws when it is not that. */
export function parseAddresses(text: string): readonly string[] {
  const interfaces: unknown = JSON.parse(text);
  if (!Array.isArray(interfaces) || interfaces.length === 0) throw new Error('no interface is in the answer of ip');
  return (interfaces as readonly InterfaceJson[]).flatMap(({ addr_info: addresses }) =>
    (addresses ?? []).flatMap(({ family, local }) => (family === 'inet' && local !== undefined ? [local] : [])),
  );
}

interface InterfaceJson {
  readonly addr_info?: readonly { readonly family?: string; readonly local?: string }[];
}

/** What is in a `track_file`. Throws when it is not a whole number. */
export function parseWeight(text: string): number {
  if (!/^\s*-?\d{1,9}\s*$/.test(text)) throw new Error('no whole number is in the file');
  return Number(text);
}

/** The priority of one `vrrp_instance` in a configuration; null when there is none. */
export function parsePriority(configuration: string, instance: string): number | null {
  const priority = priorityLine(configuration, instance);
  return priority === null ? null : Number(priority.value);
}

/** The configuration with another priority for one instance; null when it has no line that could be changed. */
export function withPriority(configuration: string, instance: string, priority: number): string | null {
  const found = priorityLine(configuration, instance);
  if (found === null) return null;
  const { from, to } = found;
  return `${configuration.slice(0, from)}${priority}${configuration.slice(to)}`;
}

/** Blocks begin at the first column, and what is in them is indented, as keepalived's own examples are. */
function priorityLine(
  configuration: string,
  instance: string,
): { readonly value: string; readonly from: number; readonly to: number } | null {
  let inside = false;
  let at = 0;
  for (const line of configuration.split('\n')) {
    if (/^\w.*\{/.test(line)) inside = /^vrrp_instance\s+([^\s{]+)/.exec(line)?.[1] === instance;
    const match = inside ? /^(\s+priority\s+)(\d+)\s*$/.exec(line) : null;
    if (match !== null) {
      const from = at + match[1]!.length;
      return { value: match[2]!, from, to: from + match[2]!.length };
    }
    at += line.length + 1;
  }
  return null;
}
