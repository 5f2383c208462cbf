/** The worker that reads and writes texts, beside a page that is typed in and an engine that may be busy. */
import { expose } from "comlink";
import { TEXTS } from "../scenario/texts.ts";

expose(TEXTS);
