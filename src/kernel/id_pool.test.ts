import { expect, it } from "vitest";
import { IdPool } from "./id_pool.ts";

it("Ids are given out lowest first, each to one owner at a time", () => {
  const pool = new IdPool(1, 4);
  expect([pool.take(), pool.take(), pool.take(), pool.take()]).toEqual([1, 2, 3, null]);
  pool.release(2);
  expect([pool.take(), pool.take()]).toEqual([2, null]);
});
