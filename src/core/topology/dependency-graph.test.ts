import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { componentId } from '../base/ids.ts';
import { allDependencies, type Dependant, dependencyCycles, dependencyOrder } from './dependency-graph.ts';

const graphOf = (edges: readonly (readonly number[])[]): readonly Dependant[] =>
  edges.map((needed, index) => ({
    id: componentId(`c${index}`),
    dependsOn: needed.map((each) => componentId(`c${each}`)),
  }));

const anyGraph = fc
  .integer({ min: 1, max: 8 })
  .chain((size) =>
    fc.array(fc.uniqueArray(fc.integer({ min: 0, max: size - 1 }), { maxLength: 3 }), {
      minLength: size,
      maxLength: size,
    }),
  )
  .map(graphOf);

const acyclicGraph = fc
  .array(fc.uniqueArray(fc.nat({ max: 7 }), { maxLength: 4 }), { minLength: 1, maxLength: 8 })
  .map((edges) => graphOf(edges.map((needed, index) => needed.filter((each) => each < index))));

test('in a dependency order everything stands behind what it needs', () => {
  fc.assert(
    fc.property(acyclicGraph, (graph) => {
      const order = dependencyOrder(graph.toReversed()).map((each) => each.id);
      assert.equal(order.length, graph.length);
      for (const each of graph)
        for (const needed of each.dependsOn) assert.ok(order.indexOf(needed) < order.indexOf(each.id));
    }),
  );
});

test('a graph has a complete order exactly when it has no cycle, and every named cycle is one', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const cycles = dependencyCycles(graph);
      assert.equal(dependencyOrder(graph).length === graph.length, cycles.length === 0);
      for (const cycle of cycles)
        for (const [index, id] of cycle.entries()) {
          const next = cycle[(index + 1) % cycle.length]!;
          assert.ok(graph.find((each) => each.id === id)!.dependsOn.includes(next));
        }
    }),
  );
});

test('independent components keep the order of the file', () => {
  const graph = graphOf([[], [], [0], []]);
  assert.deepEqual(
    dependencyOrder(graph).map((each) => each.id),
    ['c0', 'c1', 'c2', 'c3'],
  );
});

test('dependencies are followed through others, without the component itself', () => {
  fc.assert(
    fc.property(anyGraph, (graph) => {
      const start = graph[0]!.id;
      const reached = new Set<string>();
      const walk = (id: string) => {
        for (const needed of graph.find((each) => each.id === id)!.dependsOn)
          if (!reached.has(needed)) {
            reached.add(needed);
            walk(needed);
          }
      };
      walk(start);
      reached.delete(start);
      assert.deepEqual([...allDependencies(graph, start)].toSorted(), [...reached].toSorted());
    }),
  );
});
