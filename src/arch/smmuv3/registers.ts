/**
 * The Non-secure programming interface: registers by name and offset. Arm SMMUv3, IHI 0070 issue G.b, §6.2, §6.3.
 * Offsets are from the start of page 0; page 1 starts at {@link PAGE_1}.
 */
import type { Layout } from "../../base/layout.ts";
import * as atos from "./atos_registers.ts";
import * as control from "./control_registers.ts";
import * as id from "./id_registers.ts";
import * as part from "./peripheral_id.ts";
import * as queue from "./queue_registers.ts";

/** Offset of page 1, which holds the indexes of the Event and PRI queues. */
export const PAGE_1 = 0x10000;

/** Offset that the VATOS page has where SMMU_IDR2.BA_VATOS is 0; each unit of it moves the page up by 64 KiB. */
export const VATOS_PAGE = 0x20000;

/** One register of the Non-secure programming interface. */
export interface RegisterDefinition {
  readonly name: string;
  /** Byte offset from page 0. */
  readonly offset: number;
  /** 4 or 8. */
  readonly widthBytes: 4 | 8;
  readonly access: "RO" | "RW";
  readonly layout: Layout;
}

const register = (offset: number, layout: Layout, access: "RO" | "RW" = "RW"): RegisterDefinition => ({
  name: layout.name,
  offset,
  widthBytes: layout.bits === 64 ? 8 : 4,
  access,
  layout,
});

/** Every declared register of pages 0 and 1, by rising offset. */
export const REGISTERS: readonly RegisterDefinition[] = [
  register(0x000, id.SMMU_IDR0, "RO"),
  register(0x004, id.SMMU_IDR1, "RO"),
  register(0x008, id.SMMU_IDR2, "RO"),
  register(0x00c, id.SMMU_IDR3, "RO"),
  register(0x010, id.SMMU_IDR4, "RO"),
  register(0x014, id.SMMU_IDR5, "RO"),
  register(0x018, id.SMMU_IIDR, "RO"),
  register(0x01c, id.SMMU_AIDR, "RO"),
  register(0x020, control.SMMU_CR0),
  register(0x024, control.SMMU_CR0ACK, "RO"),
  register(0x028, control.SMMU_CR1),
  register(0x02c, control.SMMU_CR2),
  register(0x030, control.SMMU_S2PII),
  register(0x040, control.SMMU_STATUSR, "RO"),
  register(0x044, control.SMMU_GBPA),
  register(0x048, control.SMMU_AGBPA),
  register(0x050, control.SMMU_IRQ_CTRL),
  register(0x054, control.SMMU_IRQ_CTRLACK, "RO"),
  register(0x060, control.SMMU_GERROR, "RO"),
  register(0x064, control.SMMU_GERRORN),
  register(0x068, control.SMMU_GERROR_IRQ_CFG0),
  register(0x070, control.SMMU_GERROR_IRQ_CFG1),
  register(0x074, control.SMMU_GERROR_IRQ_CFG2),
  register(0x080, queue.SMMU_STRTAB_BASE),
  register(0x088, queue.SMMU_STRTAB_BASE_CFG),
  register(0x090, queue.SMMU_CMDQ_BASE),
  register(0x098, queue.SMMU_CMDQ_PROD),
  register(0x09c, queue.SMMU_CMDQ_CONS),
  register(0x0a0, queue.SMMU_EVENTQ_BASE),
  register(0x0b0, control.SMMU_EVENTQ_IRQ_CFG0),
  register(0x0b8, control.SMMU_EVENTQ_IRQ_CFG1),
  register(0x0bc, control.SMMU_EVENTQ_IRQ_CFG2),
  register(0x0c0, queue.SMMU_PRIQ_BASE),
  register(0x0d0, control.SMMU_PRIQ_IRQ_CFG0),
  register(0x0d8, control.SMMU_PRIQ_IRQ_CFG1),
  register(0x0dc, control.SMMU_PRIQ_IRQ_CFG2),
  register(0x100, atos.SMMU_GATOS_CTRL),
  register(0x108, atos.SMMU_GATOS_SID),
  register(0x110, atos.SMMU_GATOS_ADDR),
  register(0x118, atos.SMMU_GATOS_PAR, "RO"),
  register(0x130, id.SMMU_MPAMIDR, "RO"),
  register(0x138, control.SMMU_GMPAM),
  register(0x13c, control.SMMU_GBPMPAM),
  register(0x180, atos.SMMU_VATOS_SEL),
  register(0x190, id.SMMU_IDR6, "RO"),
  register(0x200, queue.SMMU_DPT_BASE),
  register(0x208, queue.SMMU_DPT_BASE_CFG),
  register(0x210, queue.SMMU_DPT_CFG_FAR),
  register(0xfd0, part.SMMU_PIDR4, "RO"),
  register(0xfd4, part.SMMU_PIDR5, "RO"),
  register(0xfd8, part.SMMU_PIDR6, "RO"),
  register(0xfdc, part.SMMU_PIDR7, "RO"),
  register(0xfe0, part.SMMU_PIDR0, "RO"),
  register(0xfe4, part.SMMU_PIDR1, "RO"),
  register(0xfe8, part.SMMU_PIDR2, "RO"),
  register(0xfec, part.SMMU_PIDR3, "RO"),
  register(0xff0, part.SMMU_CIDR0, "RO"),
  register(0xff4, part.SMMU_CIDR1, "RO"),
  register(0xff8, part.SMMU_CIDR2, "RO"),
  register(0xffc, part.SMMU_CIDR3, "RO"),
  register(PAGE_1 + 0x0a8, queue.SMMU_EVENTQ_PROD),
  register(PAGE_1 + 0x0ac, queue.SMMU_EVENTQ_CONS),
  register(PAGE_1 + 0x0c8, queue.SMMU_PRIQ_PROD),
  register(PAGE_1 + 0x0cc, queue.SMMU_PRIQ_CONS),
];

/** Registers of the VATOS page, with offsets as for SMMU_IDR2.BA_VATOS == 0. */
export const VATOS_REGISTERS: readonly RegisterDefinition[] = [
  register(VATOS_PAGE + 0xa00, atos.SMMU_VATOS_CTRL),
  register(VATOS_PAGE + 0xa08, atos.SMMU_VATOS_SID),
  register(VATOS_PAGE + 0xa10, atos.SMMU_VATOS_ADDR),
  register(VATOS_PAGE + 0xa18, atos.SMMU_VATOS_PAR, "RO"),
];

const byName = new Map(
  [...REGISTERS, ...VATOS_REGISTERS].flatMap((r) => [[r.name, r] as const, [r.name.replace("SMMU_", ""), r] as const]),
);
const byOffset = new Map(REGISTERS.map((r) => [r.offset, r]));

/** Register by name, with or without the prefix "SMMU_"; undefined for an unknown name. */
export function registerByName(name: string): RegisterDefinition | undefined {
  return byName.get(name);
}

/** Register whose first byte is at `offset` from page 0; undefined where no register starts. */
export function registerByOffset(offset: number): RegisterDefinition | undefined {
  return byOffset.get(offset);
}
