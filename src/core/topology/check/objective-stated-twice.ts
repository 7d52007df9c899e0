import { durationText } from '../duration-text.ts';
import type { ObjectiveStatement } from '../planning.ts';
import type { TopologyRule } from '../topology-finding.ts';

export const objectiveStatedTwice: TopologyRule = {
  id: 'objective-stated-twice',
  title: 'Every objective is stated once, or everywhere the same',
  severity: 'error',
  check({ planning }) {
    const subjects = Map.groupBy(planning.statements, (each) => each.subject);
    return [...subjects].flatMap(([subject, statements]) =>
      figures.flatMap(({ name, of, shown }) => {
        const stated = statements.filter((each) => of(each) !== null);
        const differing = stated.filter((each) => of(each) !== of(stated[0]!));
        if (differing.length === 0) return [];
        const list = stated.map((each) => `${shown(of(each)!)} (${each.source ?? 'here'})`).join(', ');
        return [
          {
            path: differing[0]!.path,
            message: `${subject.slice(subject.indexOf('.') + 1)} is given more than one ${name}: ${list}; the strictest counts until this is settled`,
            remedy: `settle on one ${name} with those who stated it, keep it in "objective" and remove the others`,
          },
        ];
      }),
    );
  },
};

interface Figure {
  readonly name: string;
  of(statement: ObjectiveStatement): number | null;
  shown(value: number): string;
}

const figures: readonly Figure[] = [
  { name: 'RTO', of: (each) => each.rtoMs, shown: durationText },
  { name: 'RPO', of: (each) => each.rpoMs, shown: durationText },
  { name: 'availability', of: (each) => each.availabilityPercent, shown: (value) => `${value}%` },
];
