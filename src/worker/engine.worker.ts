/** The worker in which the session lives: a bare entry point, so that everything else can be tested without one. */
import { expose } from "comlink";
import { createEngine } from "./engine_api.ts";
import { transferring } from "./transferring.ts";

expose(transferring(createEngine()));
