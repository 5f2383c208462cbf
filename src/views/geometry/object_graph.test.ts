import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { NODE_HEIGHT, objectGraph } from "./object_graph.ts";

const ROWS = [
  { id: 1, holds: [] },
  { id: 2, holds: [] },
  { id: 3, holds: [1] },
  { id: 4, holds: [3] },
  { id: 5, holds: [4, 2] },
];

/** Any objects at all: holding themselves, each other in circles, and ids that there are none of. */
const anyObjects = fc
  .uniqueArray(fc.record({ id: fc.nat(40), holds: fc.array(fc.nat(45), { maxLength: 4 }) }), {
    selector: ({ id }) => id,
    maxLength: 40,
  })
  .filter((objects) => objects.length > 0);

describe("A graph of objects", () => {
  it("puts what an object holds left of it, and what holds nothing just before its holder", () => {
    const { nodes, edges } = objectGraph(ROWS, 900, 200);
    expect(nodes.map(({ id, layer }) => [id, layer]).sort()).toEqual([
      [1, 0],
      [2, 2],
      [3, 1],
      [4, 2],
      [5, 3],
    ]);
    expect(edges.map(({ from, to }) => [from, to])).toEqual([
      [3, 1],
      [4, 3],
      [5, 4],
      [5, 2],
    ]);
  });

  it("has every object once, no box over another, all inside, and a line for each reference", () => {
    fc.assert(
      fc.property(anyObjects, fc.integer({ min: 1, max: 2000 }), fc.integer({ min: 1, max: 900 }), (objects, w, h) => {
        const { nodes, edges, nodeWidth, width, height } = objectGraph(objects, w, h);
        expect(nodes.map(({ id }) => id).sort()).toEqual(objects.map(({ id }) => id).sort());
        for (const { x, y } of nodes) {
          expect(Math.min(x, y)).toBeGreaterThanOrEqual(0);
          expect(x + nodeWidth).toBeLessThanOrEqual(width);
          expect(y + NODE_HEIGHT).toBeLessThanOrEqual(height);
        }
        const apart = nodes.every((a) =>
          nodes.every((b) => a === b || Math.abs(a.x - b.x) >= nodeWidth || Math.abs(a.y - b.y) >= NODE_HEIGHT),
        );
        expect(apart).toBe(true);
        const known = new Set(objects.map(({ id }) => id));
        const held = objects.flatMap(({ id, holds }) =>
          [...new Set(holds)].filter((to) => known.has(to)).map((to) => `${id} ${to}`),
        );
        expect(edges.map(({ from, to }) => `${from} ${to}`).sort()).toEqual(held.sort());
      }),
    );
  });

  it("without circles has every line go to the left", () => {
    const falling = anyObjects.map((objects) =>
      objects.map(({ id, holds }) => ({ id, holds: holds.filter((held) => held < id) })),
    );
    fc.assert(
      fc.property(falling, (objects) => {
        const { nodes, edges } = objectGraph(objects, 800, 300);
        const layer = new Map(nodes.map((node) => [node.id, node.layer]));
        for (const { from, to } of edges) expect(layer.get(to)!).toBeLessThan(layer.get(from)!);
      }),
    );
  });
});
