/** The worker in which the session lives: a bare entry point, so that everything else can be tested without one. */
import { expose } from "comlink";
import { sendingLog } from "../protocol/log_wire.ts";
import { createEngine } from "./engine_api.ts";
import { transferring } from "./transferring.ts";

expose(sendingLog(transferring(createEngine())));
