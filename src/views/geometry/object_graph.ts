/**
 * Objects that hold references on each other, in layers: what an object holds stands left of it. Placed for a given
 * width; the height is what the most crowded layer needs.
 */

interface GraphObject {
  readonly id: number;
  readonly holds: readonly number[];
}

/** An object's box, by its top left corner. */
export interface GraphNode {
  readonly id: number;
  readonly layer: number;
  readonly x: number;
  readonly y: number;
}

/** `from` holds a reference on `to`. */
export interface GraphEdge {
  readonly from: number;
  readonly to: number;
  /** From the left side of the holder to the right side of what it holds, where an arrow head of 6 px begins. */
  readonly path: string;
  /** Point of the arrow. */
  readonly x: number;
  readonly y: number;
}

export interface ObjectGraph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly GraphEdge[];
  readonly nodeWidth: number;
  readonly width: number;
  readonly height: number;
}

/** Height of a box. */
export const NODE_HEIGHT = 52;
const LEAST_WIDTH = 132;
const MOST_WIDTH = 190;
/** Between layers, and between the boxes of one. */
const LEAST_GAP = 28;
const MOST_GAP = 90;
const ROW_GAP = 10;
const MARGIN = 12;
/** Length of an arrow head. */
const HEAD = 6;

/** `width` is what there is; the graph is wider where its layers need more, and stands in the middle of `height`. */
export function objectGraph(objects: readonly GraphObject[], width: number, height: number): ObjectGraph {
  const columns = ordered(layersOf(objects));
  const count = Math.max(1, columns.length);
  const inside = width - 2 * MARGIN;
  const room = (inside - (count - 1) * LEAST_GAP) / count;
  const nodeWidth = Math.floor(Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, room)));
  const left = (inside - count * nodeWidth) / Math.max(1, count - 1);
  const gap = Math.floor(Math.max(LEAST_GAP, Math.min(MOST_GAP, left)));
  const columnHeight = (rows: number): number => rows * (NODE_HEIGHT + ROW_GAP) - ROW_GAP;
  const tallest = Math.max(0, ...columns.map((column) => columnHeight(column.length)));
  const whole = Math.max(height, tallest + 2 * MARGIN);
  const nodes = columns.flatMap((column, layer) =>
    column.map(
      ({ id }, row): GraphNode => ({
        id,
        layer,
        x: MARGIN + layer * (nodeWidth + gap),
        y: Math.round((whole - columnHeight(column.length)) / 2) + row * (NODE_HEIGHT + ROW_GAP),
      }),
    ),
  );
  return {
    nodes,
    edges: edgesOf(objects, nodes, nodeWidth, gap),
    nodeWidth,
    width: 2 * MARGIN + count * (nodeWidth + gap) - gap,
    height: whole,
  };
}

/**
 * Objects by layer: one more than the highest layer of what is held; one that holds nothing stands just before whoever
 * holds it. An object in a circle counts as holding nothing.
 */
function layersOf(objects: readonly GraphObject[]): GraphObject[][] {
  const layers = depthsOf(objects);
  const nearest = new Map<number, number>();
  for (const { id, holds } of objects) {
    for (const held of holds) nearest.set(held, Math.min(nearest.get(held) ?? Infinity, layers.get(id)!));
  }
  const columns: GraphObject[][] = [];
  for (const object of objects) {
    const depth = layers.get(object.id)!;
    const layer = depth > 0 ? depth : Math.max(0, (nearest.get(object.id) ?? 1) - 1);
    while (columns.length <= layer) columns.push([]);
    columns[layer]!.push(object);
  }
  return columns;
}

function depthsOf(objects: readonly GraphObject[]): ReadonlyMap<number, number> {
  const known = new Map(objects.map((object) => [object.id, object]));
  const layers = new Map<number, number>();
  const layerOf = (object: GraphObject): number => {
    const before = layers.get(object.id);
    if (before !== undefined) return before;
    layers.set(object.id, 0);
    let layer = 0;
    for (const id of object.holds) {
      const held = known.get(id);
      if (held !== undefined) layer = Math.max(layer, layerOf(held) + 1);
    }
    layers.set(object.id, layer);
    return layer;
  };
  for (const object of objects) layerOf(object);
  return layers;
}

/** Each layer in the order of what its objects hold, so that few lines cross; of equals the older one first. */
function ordered(columns: readonly GraphObject[][]): GraphObject[][] {
  const place = new Map<number, number>();
  return columns.map((column) => {
    const middle = ({ holds }: GraphObject): number => {
      const places = holds.flatMap((id) => place.get(id) ?? []);
      return places.length === 0 ? 0.5 : places.reduce((sum, p) => sum + p, 0) / places.length;
    };
    const sorted = column.map((object) => ({ object, at: middle(object) })).sort((a, b) => a.at - b.at);
    sorted.forEach(({ object }, row) => {
      place.set(object.id, (row + 0.5) / sorted.length);
    });
    return sorted.map(({ object }) => object);
  });
}

function edgesOf(
  objects: readonly GraphObject[],
  nodes: readonly GraphNode[],
  nodeWidth: number,
  gap: number,
): GraphEdge[] {
  const places = new Map(nodes.map((node) => [node.id, node]));
  return objects.flatMap(({ id, holds }) =>
    [...new Set(holds)].flatMap((held): GraphEdge[] => {
      const [from, to] = [places.get(id), places.get(held)];
      if (from === undefined || to === undefined) return [];
      const [x0, y0] = [from.x, from.y + NODE_HEIGHT / 2];
      const [x1, y1] = [to.x + nodeWidth + 1, to.y + NODE_HEIGHT / 2];
      // Lines bend in the gutter at the holder, and pass the layers between in a straight line.
      const bend = x0 - gap / 2;
      const gutter = x0 - gap + 1 + HEAD;
      const path = `M${x0} ${y0}C${bend} ${y0} ${bend} ${y1} ${gutter} ${y1}H${x1 + HEAD}`;
      return [{ from: id, to: held, path, x: x1, y: y1 }];
    }),
  );
}
