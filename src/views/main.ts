/**
 * The entry. What takes longest is begun before the page's own program is there: the engine's worker, whose start would
 * wait for a busy page, in it the shipped capture, and the first look at what the browser remembers.
 */
import { EngineClient } from "../app/engine_client.ts";
import { namesCase, readLink } from "../app/link_view.ts";
import { browserSettings, readTheme } from "../app/settings.ts";
import { begun, shippedOpener } from "../app/shipped.ts";
import { wear } from "./theme/wear.ts";

const engine = new EngineClient();
engine.restart();
const openShipped = shippedOpener(engine, document.baseURI);
const wanted = !namesCase(readLink(window.location.hash));
const ahead = wanted ? begun(openShipped) : openShipped;
const page = import("./page.tsx");
const settings = browserSettings();
wear(readTheme(settings));
void page.then(({ showPage }) => showPage(engine, settings, ahead));
