/**
 * Links as they were once handed out. Each must open for ever to the case it was made from: when this test fails,
 * mend the reader or add a migration; never change a link.
 */
import { describe, expect, it } from "vitest";
import { Session } from "../machine/session.ts";
import { SMMUV3 } from "../machine/smmuv3/architecture.ts";
import type { Scenario } from "./document.ts";
import { formatWords } from "./memory_text.ts";
import { decodeFragment } from "./url_codec.ts";

/** Version 1: one of everything a document can hold. */
const EVERYTHING =
  "c=1.dVLRauMwEPwVM4-H6MmJG1K9pUcPCkcDSd5CKLK0sQW2FSTZaS743w_Zblqud8IPq_XOzI52r-ggUoZgQkUQeOrIXUJpmiKRibaq" +
  "rakJiZJNUtpKg0Hmtg0QWDeU2GNCUpV3YKilKk1DEFdIp0oI-LpuuzkYHBXGB3I-_vyx4RDgb5Fqu9vsVo-vj6vt05DL-Hgynudzzjl6" +
  "hppq6y4RadvgjY49yty6AIbf5CzEfh-h6QgFA3-LMQ4HhrN1elCN3BOngE54kmVqfv_wLjhLsmw5n3HOE_4tQ98zaOqMIg-xv8IbDZEu" +
  "GHJ9jI1yzkX8ZndRr5I5VRAg3aI_9Aw-0GkEahvlagn2weGH6J7B2E4Oto-fz-jh7EwgiOBaYjg505mKCtLvmYqaIpQQi6xnk8qIYJBh" +
  "esrBbgqG_BKiD_D0eMStPtiiqL4ClhFgAsRifit9nx8YGlnHAcQhMnSyamkAK_SHOGdlnY5dXiGVIu__fr-b5XS0aRofXKuCsc3N7Fgw" +
  "Gwu8bZ2KGsFJRTp5_r4eLHxlnP_j4Rz5tor2fr7uNquX7a_V7nn98pn25GxOQ_PUURP8tE3TMvF03KcZX06J8f5wi-Ka9QydofOH6xj9" +
  "x3Lf938A";

/** Version 1: one nested 4K walk (24 descriptors, STE, two CDs, level 1 stream table descriptor). */
const NESTED =
  "c=1.VVTLbtswEPwVYY-FUOwul6SkWx5tkUsPSW5FEfDZCLVrwHKcFIH-vSDlWC4vEmeXM7vDxzscYaAWDuNhk2CA72k6pNi8us3vZpcb" +
  "fAuJTWZtdOxC20yHfXLbBt8sI0ILWxeexz8Jhndw-_AMA0zb7ctRQQv79GucDmk_leDd7T3CAPgWRQjJQ1sgqhBbhUi4QKpCJCTLXNe5" +
  "LbOru9v7JQot3Hzw1X-u_wZaeHi8f7y6frq-evhSMcFlCHf1-3_K083XbwslMiHMLWzTdrf_W0p-3e1jrb2QsGQbOxhADBmNWBo84VmV" +
  "SoRCZ1ZcB-RQ8611bsWdrkUMkNAkwyWvx9J9o2zPnbMRERv8ZE75iWNICw9qXnmS96EvPAoDJbRrSURorK4lKeG04hY7tVDpiMrmfMID" +
  "Zh9LPvXRKye0Lgmd6VVdwiThjDMS9tUN9inngHENkQT2izqpdFZhxf1J3Xa4GsJ96BZDKEexvRHE3GAjhbM3xSzjtGtEiZckxRo5rXQh" +
  "K1cZhWTth71oZSuuzIWSQqt9LkrWY9JOWfmIkEpUN5GCpmSoXxcJJ73se_HpLKIkiOfaZtnSFTfoDJ1MzrTifU_Z1Hzd0UVRsfOpOkyM" +
  "MYr351BpynMNOcGYwlqwiNhIi3ry_qwiWmtZ1MspWKkco-1qfnHtjGuHfjHfKY3YCCM6ZFdc53oOm7wMQclZBBf_57mFmI5jSBMMP95h" +
  "GiMM3FMnLfiYy4VCxMHygPi53LiN82lTDn18gfnn3MJxTK_1zQghTfWSXXKMu6Ort_Ly7YF5nv8B";

/** Version 1: cut from the shipped capture by "Share", after one bit of the leaf descriptor was flipped (AP[2]). */
const EDITED =
  "c=1.ZZNNb6QwDIb_CvJxla6cDyDkNtPuVr2tpr2tqgpIMkUaygoyTFcj_vsqCTBUizjYT-zXsTFXGEFRAq5xJwMKhrY9j_yu6dr2bPXd" +
  "hxmc0UCgLev35sOAukLZ1-9rJBDozbEZnOkHf_j0cEBQgJ9aCIq0AuIRDYjlHJFiRDwgKqiIfhr83Hu7p4dDPAUC94tesFmwMyDwuP-1" +
  "i0GIXvL55fCy27_td88_AhYYH4FVxf8Lebv_-ThnM4owEWhN2_V_fQuXrtehFy8yJysQWNWIWACJvEYxc-nL2EQiapEIUfO0WIrTRNA0" +
  "04iY4DcRU6mo0lmSpplA5BvOZs7yGw9O5Fba3NoNpzLygn3lfI4v0tzaxBvZYuSbSF4gRoVwqbViJiQPXGKtN_GhlXhDn7rEW2kjZ9Qw" +
  "ZH5OPKWY-Nnw0Hxi7WYCtmC4Di_b6BTpjedbnt243PIcZeTxU1PMreAwTQS0GZvaDKB-X2FoNCiaEai09V8dEZV_2Xe_FqeyMqe4DIwL" +
  "hZ-UGgnT60RgcOZPlNAdKHDd8XgyQKB0cceWGxCoGgcqn14JjI25hN-krs0Q9mgt33Rjue6sz7r0jTOgXH820zT9Aw";

async function open(link: string): Promise<Scenario> {
  const r = await decodeFragment(link);
  if (!r.ok) throw new Error(JSON.stringify(r.error));
  return r.value;
}

describe("frozen links", () => {
  it("version 1, everything", async () => {
    const access = { ssid: null, write: false, privileged: false, instruction: false };
    expect(await open(EVERYTHING)).toEqual({
      title: "Everything a document can hold",
      about: "One of each.",
      machine: {
        arch: "smmuv3",
        registers: { CR0: 0xdn, STRTAB_BASE: 0x4000000040bb3000n },
        memory: {
          outside: "abort",
          zero: [[0x41000000n, 0x1000n]],
          segments: [
            {
              at: 0x40bb3000n,
              bytes: new Uint8Array(
                new BigUint64Array([0xdn, 0n, 0x44c359400000002n, 0x44832000n, 0n, 0n, 0n, 0n]).buffer,
              ),
            },
          ],
        },
        devices: [{ sid: 16, bdf: "0000:00:02.0", label: "edu" }],
      },
      actions: [
        {
          do: "dma",
          sid: 16,
          ssid: 5,
          iova: 0xfffffffffffff000n,
          write: true,
          privileged: true,
          instruction: false,
          length: 64,
        },
        { do: "write", at: 0x40bb3001n, bytes: Uint8Array.of(1, 0xff) },
        { do: "toggle", at: 0x40bb3008n, bit: 63 },
        { do: "register", name: "CR0", value: 0xcn },
      ],
      recorded: {
        accesses: [
          {
            access: { ...access, sid: 16, iova: 0x1000n, instruction: true },
            pa: 0x2000n,
            result: null,
            source: "traced I/O",
          },
          {
            access: { ...access, sid: 16, iova: 0x3000n, write: true },
            pa: null,
            result: "F_TRANSLATION",
            source: "probe",
          },
        ],
        events: [{ words: [0x1000000010n, 0x20800000000n, 0x90000n, 0n] }],
      },
      view: { access: { ...access, sid: 16, iova: 0x1000n } },
    });
  });

  it("version 1, a nested walk", async () => {
    const { title, machine, view } = await open(NESTED);
    expect(title).toBe("Nested walk of 0xce26f2565d8c, stream 0x7200");
    expect(machine.registers).toMatchObject({ IDR0: 0xd44101bn, STRTAB_BASE: 0x4000000042800000n });
    expect(machine.memory.outside).toBe("unknown");
    expect(machine.memory.segments).toHaveLength(28);
    const ste = machine.memory.segments.find((s) => s.at === 0x429c8000n);
    expect(ste && formatWords(ste.bytes)).toBe("1fd4796400f 0 40d009600006a5a 434b4e40 0*4");
    expect(view?.access).toMatchObject({ sid: 0x7200, iova: 0xce26f2565d8cn, write: false });
  });

  it("version 1, an edited case, which still walks to the same end before and after the edit", async () => {
    const document = await open(EDITED);
    const session = Session.open(document, SMMUV3);
    if (!session.ok || document.view?.access == null) throw new Error("the case does not open");
    const { access } = document.view;
    expect(session.value.walk(access).outcome).toMatchObject({ type: "fault", event: { name: "F_PERMISSION" } });
    session.value.seek(0);
    expect(session.value.walk(access)).toMatchObject({
      outcome: { type: "ok", pa: 0x480cd000n },
      counts: { stage1: 4, stage2: 20 },
    });
  });
});
