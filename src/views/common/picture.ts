/**
 * Drawings of the page as pictures that need nothing of it: every style is written out, custom properties with their
 * values of now, so that the picture has the theme that is seen.
 */

/** What decides how a shape or a text looks. */
const STYLES = [
  "fill",
  "fill-opacity",
  "stroke",
  "stroke-width",
  "stroke-opacity",
  "stroke-dasharray",
  "stroke-linecap",
  "opacity",
  "font-family",
  "font-size",
  "font-weight",
  "text-anchor",
] as const;

const SVG = "http://www.w3.org/2000/svg";
const GAP = 12;
/** Pixels of a bitmap for each pixel of the page. */
const SCALE = 2;
/** Smaller ones are signs beside words, not drawings. */
const LEAST = 90;

/** Drawings below an element, from top to bottom. */
function drawingsOf(element: Element): SVGSVGElement[] {
  return [...element.querySelectorAll<SVGSVGElement>("svg.nw-draw")].filter((svg) => {
    const box = svg.getBoundingClientRect();
    return box.width >= LEAST && box.height >= LEAST / 2;
  });
}

/** The drawings below an element as one SVG document, one above the other; null where there is none. */
export function svgPicture(element: Element): string | null {
  const drawings = drawingsOf(element);
  if (drawings.length === 0) return null;
  const picture = document.createElementNS(SVG, "svg");
  let y = 0;
  let width = 0;
  for (const drawing of drawings) {
    const box = drawing.getBoundingClientRect();
    const copy = styled(drawing);
    copy.setAttribute("y", String(y));
    copy.setAttribute("width", String(box.width));
    copy.setAttribute("height", String(box.height));
    picture.append(copy);
    y += Math.ceil(box.height) + GAP;
    width = Math.max(width, Math.ceil(box.width));
  }
  const height = y - GAP;
  picture.setAttribute("width", String(width));
  picture.setAttribute("height", String(height));
  picture.setAttribute("viewBox", `0 0 ${width} ${height}`);
  const ground = document.createElementNS(SVG, "rect");
  ground.setAttribute("width", "100%");
  ground.setAttribute("height", "100%");
  ground.setAttribute("fill", groundOf(element));
  picture.prepend(ground);
  return new XMLSerializer().serializeToString(picture);
}

/** A copy with the styles of now, without what only the page needs. */
function styled(drawing: SVGSVGElement): SVGSVGElement {
  const copy = drawing.cloneNode(true) as SVGSVGElement;
  const originals = [drawing, ...drawing.querySelectorAll<SVGElement>("*")];
  const copies = [copy, ...copy.querySelectorAll<SVGElement>("*")];
  for (const [i, original] of originals.entries()) {
    const target = copies[i];
    if (target === undefined) continue;
    const style = getComputedStyle(original);
    const above = i === 0 || original.parentElement === null ? null : getComputedStyle(original.parentElement);
    for (const name of STYLES) {
      const value = style.getPropertyValue(name);
      target.removeAttribute(name);
      // All of these but opacity come down from the element above.
      const same = name === "opacity" ? value === "1" : value === above?.getPropertyValue(name);
      if (value !== "" && !same) target.setAttribute(name, value);
    }
    for (const name of ["class", "aria-hidden", "data-aria-hidden"]) target.removeAttribute(name);
  }
  return copy;
}

/** The colour that the drawing stands on. */
function groundOf(element: Element): string {
  for (let at: Element | null = element; at !== null; at = at.parentElement) {
    const colour = getComputedStyle(at).backgroundColor;
    if (colour !== "rgba(0, 0, 0, 0)" && colour !== "transparent") return colour;
  }
  return "white";
}

/** The same as a bitmap of twice the size; null where there is none, or where the browser cannot draw it. */
export async function pngPicture(element: Element): Promise<Blob | null> {
  const svg = svgPicture(element);
  if (svg === null) return null;
  const image = new Image();
  image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(svg)}`;
  try {
    await image.decode();
  } catch {
    return null;
  }
  const canvas = document.createElement("canvas");
  canvas.width = image.width * SCALE;
  canvas.height = image.height * SCALE;
  canvas.getContext("2d")?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return new Promise((give) => {
    canvas.toBlob(give, "image/png");
  });
}
