interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  readonly labels: { readonly severity: 'warning' | 'critical' };
  readonly annotations: { readonly summary: string };
}

const rule = (
  alert: string,
  severity: 'warning' | 'critical',
  lasts: string,
  expr: string,
  summary: string,
): AlertRule => ({ alert, expr, for: lasts, labels: { severity }, annotations: { summary } });

/** What Prometheus watches in a lab, as the file of rules that it reads. */
export const alertRules = {
  groups: [
    {
      name: 'lab',
      rules: [
        rule('Unheard', 'critical', '10s', 'up == 0', '{{ $labels.job }} at {{ $labels.instance }} does not answer'),
        rule(
          'DiskFull',
          'warning',
          '30s',
          'node_filesystem_avail_bytes / node_filesystem_size_bytes < 0.1',
          '{{ $labels.mountpoint }} of {{ $labels.instance }} is nearly full',
        ),
        rule(
          'MemoryShort',
          'warning',
          '30s',
          'node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05',
          '{{ $labels.instance }} has nearly no memory left',
        ),
        rule(
          'EtcdWithoutLeader',
          'critical',
          '5s',
          'etcd_server_has_leader == 0',
          '{{ $labels.instance }} has no leader',
        ),
        rule(
          'PrimaryNotOne',
          'critical',
          '15s',
          'sum by (scope) (patroni_master) != 1',
          '{{ $labels.scope }} has {{ $value }} primaries',
        ),
      ],
    },
  ],
} as const satisfies { readonly groups: readonly { readonly name: string; readonly rules: readonly AlertRule[] }[] };
