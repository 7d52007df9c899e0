import type { z } from 'zod';
import { suggestion } from './did-you-mean.ts';
import { everyEntry } from './merge-overlay.ts';
import { keyPlaceAt, nodeAt, pathText, placeAt, type SourceNode, type SourcePath } from './source-tree.ts';
import type { TopologyProblem, TopologyProblemCode } from './topology-problem.ts';

type Issue = z.core.$ZodIssue;
type Description = Pick<TopologyProblem, 'code' | 'message' | 'remedy'>;

/** What the schema refused, in words for the person who wrote the file; an unknown field each its own problem. */
export function describeIssue(issue: Issue, tree: SourceNode): readonly TopologyProblem[] {
  const path = issue.path as SourcePath;
  if (issue.code === 'unrecognized_keys') {
    const known = issue.message.split(' ');
    return issue.keys.map((key) => ({
      ...keyPlaceAt(tree, [...path, key]),
      path: pathText([...path, key]),
      code: 'HF-2002',
      message: `${path.length === 0 ? 'a topology file' : pathText(path)} has no field "${key}"`,
      remedy: key === everyEntry ? nothingBelow : suggestion(key, known),
    }));
  }
  if (issue.code === 'invalid_key') {
    const key = String(path.at(-1));
    return [{ ...keyPlaceAt(tree, path), path: pathText(path), ...badName(key) }];
  }
  const node = nodeAt(tree, path);
  const field = pathText(path);
  if (node === null) return [{ ...placeAt(tree, path), path: field, ...missing(path, issue) }];
  return [{ ...placeAt(tree, path), path: field, ...refused(issue, node, field) }];
}

const nothingBelow = `"${everyEntry}" stands for every entry of the file below an overlay; here there is none: write the names out`;

function badName(key: string): Description {
  const slug = key
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^[^a-z]+|-+$/g, '');
  const remedy =
    slug === ''
      ? 'use small letters, digits and hyphens, a letter first'
      : `write it as "${slug}"; a title may say anything`;
  return {
    code: 'HF-2004',
    message: `"${key}" is not a name: small letters, digits and hyphens, a letter first, at most 63`,
    remedy: key === everyEntry ? nothingBelow : remedy,
  };
}

function missing(path: SourcePath, issue: Issue): Description {
  const owner = pathText(path.slice(0, -1));
  const field = String(path.at(-1));
  const choice = issue.code === 'invalid_value' ? ` (${issue.values.join(', ')})` : '';
  return {
    code: 'HF-2003',
    message: `${owner === '' ? 'the file' : owner} has no "${field}"`,
    remedy: `add "${field}: …"${choice}; docs/reference/topology.md says what it means`,
  };
}

function refused(issue: Issue, node: SourceNode, field: string): Description {
  const written =
    node.kind === 'scalar' ? `"${String(node.value ?? '')}"` : node.kind === 'list' ? 'a list' : 'a set of fields';
  const say = (message: string, remedy: string, code: TopologyProblemCode = 'HF-2004'): Description => ({
    code,
    message,
    remedy,
  });
  switch (issue.code) {
    case 'custom': {
      const { code, remedy } = (issue.params ?? {}) as { code?: TopologyProblemCode; remedy?: string };
      return say(`${field}: ${issue.message}`, remedy ?? 'correct the value', code);
    }
    case 'invalid_value':
      return say(
        `${field} cannot be ${written}`,
        suggestion(node.kind === 'scalar' ? String(node.value) : '', issue.values.map(String)),
      );
    case 'invalid_union':
      return say(`${field} cannot be ${written}`, 'priorities are 1 (first), 2, 3 and 4 (last)');
    case 'invalid_type':
      return say(
        `${field} is ${written}, expected ${expected[issue.expected] ?? issue.expected}`,
        `write ${examples[issue.expected] ?? 'another value'}`,
      );
    case 'too_small':
      return say(`${field} is ${written}: at least ${issue.minimum} needed`, `give ${issue.minimum} or more`);
    case 'too_big':
      return say(`${field} is ${written}: at most ${issue.maximum} possible`, `give ${issue.maximum} or fewer`);
    case 'invalid_format':
      return badName(node.kind === 'scalar' ? String(node.value) : '');
    default:
      return say(`${field}: ${issue.message}`, 'correct the value');
  }
}

const expected: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  tuple: 'a list of two',
  object: 'fields below it',
  record: 'named entries below it',
};
const examples: Readonly<Record<string, string>> = {
  string: 'a text; quote it if it looks like a number',
  number: 'a number without quotes and without a unit',
  int: 'a whole number without quotes',
  boolean: 'true or false without quotes',
  array: 'it as [a, b] or one "- " line each',
  tuple: 'it as [a, b]',
  object: 'its fields indented below it',
  record: 'NAME: and its fields, indented below it',
};
