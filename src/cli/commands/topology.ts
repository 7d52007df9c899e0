import type { TopologyFinding } from '../../core/topology/topology-finding.ts';
import type { ParsedTopology } from '../../wire/topology-file/parse-topology.ts';
import { readTopologyFile } from '../../wire/topology-file/read-topology-file.ts';
import { problemText, type TopologyProblem } from '../../wire/topology-file/topology-problem.ts';
import { topologyPicture } from './topology-picture.ts';

export interface TopologyCommandOptions {
  /** `text` is then the JSON text of `json`. */
  readonly json?: boolean | undefined;
  /** Files laid over the topology, the lowest first. */
  readonly overlays?: readonly string[] | undefined;
}

export interface TopologyCommandResult {
  /** 0 nothing wrong · 1 a finding of severity error (check only) · 2 the file cannot be used. */
  readonly exitCode: 0 | 1 | 2;
  /** To be printed: on standard output, or on standard error when `exitCode` is 2 and not JSON. Ends without a line break. */
  readonly text: string;
  readonly json: TopologyReport;
}

export interface TopologyReport {
  readonly ok: boolean;
  readonly file: string;
  /** Null when the file cannot be used. */
  readonly name: string | null;
  readonly problems: readonly TopologyProblem[];
  readonly findings: readonly TopologyFinding[];
  /** `show` only. */
  readonly topology?: ParsedTopology['topology'];
  readonly planning?: ParsedTopology['planning'];
}

/** Reads the file and lists everything that a person should know about it. */
export function topologyCheck(file: string, options: TopologyCommandOptions = {}): TopologyCommandResult {
  const read = readTopologyFile(file, { overlays: options.overlays ?? [] });
  if (!read.ok) return unusable(file, read.error, options);
  const { topology, findings } = read.value;
  const failed = findings.some((finding) => finding.severity === 'error');
  const json: TopologyReport = { ok: !failed, file, name: topology.name, problems: [], findings };
  const text = [
    ...findings.map((finding) => findingText(finding, file)),
    `${file}: ${topology.name}: ${findings.length === 0 ? 'no findings' : summary(findings)}`,
  ].join('\n');
  return { exitCode: failed ? 1 : 0, text: options.json ? jsonText(json) : text, json };
}

/** Draws the platform on one screen; findings are only counted. */
export function topologyShow(file: string, options: TopologyCommandOptions = {}): TopologyCommandResult {
  const read = readTopologyFile(file, { overlays: options.overlays ?? [] });
  if (!read.ok) return unusable(file, read.error, options);
  const { topology, planning, findings } = read.value;
  const failed = findings.some((finding) => finding.severity === 'error');
  const json: TopologyReport = { ok: !failed, file, name: topology.name, problems: [], findings, topology, planning };
  const advice = findings.length > 0 ? ' (holdfast topology check lists them)' : '';
  const text = `${topologyPicture(topology, planning)}\n\nfindings   ${summary(findings)}${advice}`;
  return { exitCode: 0, text: options.json ? jsonText(json) : text, json };
}

function unusable(
  file: string,
  problems: readonly TopologyProblem[],
  options: TopologyCommandOptions,
): TopologyCommandResult {
  const json: TopologyReport = { ok: false, file, name: null, problems, findings: [] };
  const count = problems.length === 1 ? '1 problem' : `${problems.length} problems`;
  const text = [...problems.map(problemText), `${file}: cannot be used, ${count}`].join('\n');
  return { exitCode: 2, text: options.json ? jsonText(json) : text, json };
}

function findingText({ id, severity, where, message, remedy }: TopologyFinding, file: string): string {
  return `${where.file ?? file}:${where.line ?? 1}:${where.column ?? 1}: ${severity} ${id}\n  ${message}\n  → ${remedy}`;
}

function summary(findings: readonly TopologyFinding[]): string {
  if (findings.length === 0) return 'none';
  const counts = (['error', 'warning', 'note'] as const)
    .map((severity) => ({ severity, count: findings.filter((finding) => finding.severity === severity).length }))
    .filter(({ count }) => count > 0);
  return counts.map(({ severity, count }) => `${count} ${severity}${count === 1 ? '' : 's'}`).join(', ');
}

const jsonText = (report: TopologyReport) => JSON.stringify(report, null, 2);
