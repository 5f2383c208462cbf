import { describe, expect, it } from "vitest";
import { placeProblem, readText } from "./check_text.ts";

const TEXT = `{
 "v": 1,
 "title": "typed",
 "machine": {
  "arch": "smmuv3",
  "registers": { "CR0": "0x1" }
 },
 "steps": [
  { "do": "toggle", "at": "0x1000", "bit": 3 },
  { "do": "dma", "sid": 16, "iova": "0x2000" }
 ]
}
`;
const lines = TEXT.split("\n");
const lineOf = (part: string): number => lines.findIndex((l) => l.includes(part)) + 1;

describe("A scenario's text", () => {
  it("that is in order gives the scenario with its steps", () => {
    const { scenario, problems } = readText(TEXT);
    expect(problems).toEqual([]);
    expect(scenario?.title).toBe("typed");
    expect(scenario?.actions.map((a) => a.do)).toEqual(["toggle", "dma"]);
  });

  it("has every problem named with its key and its line", () => {
    const text = TEXT.replace('"bit": 3', '"bit": 64').replace('"0x1"', "1").replace('"sid": 16, ', "");
    const { scenario, problems, count } = readText(text);
    expect(scenario).toBeNull();
    expect(count).toBe(3);
    expect(problems.map((p) => [p.line, p.place])).toEqual([
      [lineOf("CR0"), "machine.registers.CR0"],
      [lineOf("toggle"), "steps[0].bit"],
      [lineOf("dma"), "steps[1].sid"],
    ]);
    expect(problems[1]?.detail).toContain("0 to 63");
    expect(problems[1]?.column).toBe(lines[lineOf("toggle") - 1]!.indexOf("3 }") + 1);
    expect(problems[2]?.detail).toBe("This key is missing.");
  });

  it("that is no JSON names the line and the column", () => {
    const { problems } = readText(TEXT.replace('"bit": 3 },', '"bit": 3 }'));
    expect(problems).toHaveLength(1);
    expect(problems[0]).toMatchObject({ line: lineOf("dma"), column: 3, place: "" });
    expect(readText("").problems[0]).toMatchObject({ line: 1, column: 1 });
  });

  it("of a version that is not known, or of no object, says so", () => {
    expect(readText(TEXT.replace('"v": 1', '"v": 99')).problems[0]).toMatchObject({ line: 2, place: "v" });
    expect(readText("[1]").problems[0]).toMatchObject({ line: 1, place: "" });
  });

  it("with very many problems counts them all and names the first", () => {
    const steps = Array.from({ length: 500 }, () => '{"do": "dma"}').join(",\n");
    const { problems, count } = readText(
      `{"v": 1, "machine": {"arch": "vtd", "registers": {}}, "steps": [\n${steps}\n]}`,
    );
    expect(count).toBe(1000);
    expect(problems).toHaveLength(50);
    expect(problems.at(-1)?.line).toBe(26);
  });

  it("shows where what an engine refuses stands", () => {
    const problem = { title: "", place: "steps[1]", detail: "no such stream" };
    expect(placeProblem(TEXT, problem)).toMatchObject({
      line: lineOf("dma"),
      place: "steps[1]",
      detail: problem.detail,
    });
  });
});
