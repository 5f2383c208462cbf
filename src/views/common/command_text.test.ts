import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completed } from "../../app/filter/completion.ts";
import { COMMAND_TABLES } from "../../arch/command_tables.ts";
import { ARCHES } from "../../protocol/machine.ts";
import { fieldMask } from "../inspector/field_text.ts";
import { commandCompletions, commandText, readCommand, settableFields } from "./command_text.ts";

describe.each(ARCHES)("a typed command, %s", (arch) => {
  const commands = COMMAND_TABLES[arch];

  it("reads as it is written, whatever its fields", () => {
    const any = fc.constantFrom(...commands).chain((facts) => {
      const fields = Object.fromEntries(
        settableFields(facts).map((f) => [f.name, fc.bigInt(0n, 2n ** 64n - 1n).map((bits) => bits & fieldMask(f))]),
      );
      return fc.record(fields, { requiredKeys: [] }).map((given) => ({ name: facts.name, fields: given }));
    });
    fc.assert(
      fc.property(any, (command) => {
        expect(readCommand(arch, commandText(command as never))).toMatchObject({ state: "command", command });
      }),
    );
  });

  it("says what is wrong and where", () => {
    const facts = commands.find((c) => settableFields(c).length > 0)!;
    const [field] = settableFields(facts);
    const wrong = (text: string, at: string): void => {
      const from = text.indexOf(at);
      expect(readCommand(arch, text)).toMatchObject({ state: "wrong", from, to: from + at.length });
    };
    wrong("NOTHING a=1", "NOTHING");
    wrong(`${facts.name} nothing=1`, "nothing=1");
    wrong(`${facts.name} ${field!.name}=zz`, `${field!.name}=zz`);
    wrong(`${facts.name} ${field!.name}=`, `${field!.name}=`);
    wrong(`${facts.name} ${field!.name}=0x1ffffffffffffffff`, `${field!.name}=0x1ffffffffffffffff`);
    wrong(`${facts.name} ${Object.keys(facts.fixed)[0]}=0`, `${Object.keys(facts.fixed)[0]}=0`);
    expect(readCommand(arch, "  ")).toEqual({ state: "empty" });
  });

  it("can be typed from what is offered alone: the name, then each field once", () => {
    for (const facts of commands) {
      let text = "";
      const take = (wanted: string): void => {
        const offered = commandCompletions(arch, text, text.length).find((c) => c.text === wanted);
        expect([facts.name, wanted, offered?.text]).toEqual([facts.name, wanted, wanted]);
        text = completed(text, offered!).text;
      };
      take(facts.name);
      for (const { name } of settableFields(facts)) {
        take(`${name}=`);
        text += "0 ";
      }
      expect(commandCompletions(arch, text, text.length)).toEqual([]);
      expect(readCommand(arch, text).state).toBe("command");
    }
  });

  it("whatever is typed is empty, a command or wrong within the text, seed 20263", () => {
    const parts = ["CMD", "iotlb", "_", "=", "0x", "1", "9", " ", ",", "z", "INVALIDATE"];
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(...parts) }), fc.nat(40), (text, caret) => {
        const read = readCommand(arch, text);
        if (read.state === "wrong") expect(text.slice(read.from, read.to)).not.toBe("");
        const offered = commandCompletions(arch, text, Math.min(caret, text.length));
        expect(offered.every(({ from, to }) => from >= 0 && from <= to && to <= text.length)).toBe(true);
      }),
      { seed: 20263 },
    );
  });
});
