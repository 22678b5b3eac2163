// The page: takes images, asks the model, shows what it says.

import { answer, csv } from "./answers.mjs";
import { connectCamera } from "./camera.mjs";
import { Engine } from "./engine.mjs";
import { connectInputs } from "./inputs.mjs";
import { keepOffline } from "./offline.mjs";
import { connectSettings } from "./settings.mjs";
import { addRow, element, showResult, showStatus } from "./view.mjs";

const facts = await (await fetch("model.json")).json();
const results = [];
let engine, opened, shown, queue = Promise.resolve();

function open() {
  opened ??= (async () => {
    const { model, device } = settings.chosen();
    showStatus("Loading the model …");
    engine = new Engine();
    const { threads } = await engine.ask("open", { model: facts, url: `${model.file}?${model.sha256}`, device });
    settings.opened(device, threads);
    keepOffline([...facts.files, ...facts.runtime[device].files, `${model.file}?${model.sha256}`]);
  })();
  return opened;
}

// Opens the model that is chosen now, for the image that is shown and for the next ones.
function reopen() {
  queue = queue.then(async () => {
    engine?.close();
    opened = undefined;
    if (!shown || !(await openOrTell())) return;
    showStatus("Computing …");
    Object.assign(shown, { occlusion: undefined }, await classify(shown.file));
    addRow(facts, shown, show);
    showStatus("");
    await display(shown);
  });
}

async function openOrTell() {
  try {
    await open();
    return true;
  } catch (error) {
    opened = undefined;
    showStatus(`The model cannot be opened: ${error.message}`, true);
    return false;
  }
}

const settings = connectSettings(facts, reopen);

async function classify(file) {
  const { outputs, reading, computing } = await engine.ask("classify", { file });
  return { file, outputs, found: answer(facts, outputs), reading, computing };
}

async function takeAll(files) {
  if (!(await openOrTell())) return;
  for (const [i, file] of files.entries()) {
    showStatus(files.length > 1 ? `Image ${i + 1} of ${files.length}` : "Computing …", false, i / files.length);
    const result = await classify(file).catch((error) => ({ file, error: error.message }));
    results.push(result);
    addRow(facts, result, show);
    if (results.length > 1) element("batch").hidden = false;
    if (result.found && i === 0) await show(result);
  }
  const failed = results.slice(-files.length).filter(({ error }) => error);
  showStatus(failed.length ? `${failed[0].file.name}: ${failed[0].error}` : "", failed.length > 0);
}

function take(files) {
  const list = [...files]; // the browser empties its own
  queue = queue.then(() => takeAll(list));
  return queue;
}

async function show(result) {
  await display(result);
  element("answer").focus({ preventScroll: true });
}

async function display(result) {
  shown = result;
  const occlude = (report) =>
    engine.ask("occlude", { file: result.file, output: result.found.output, index: result.found.index }, report);
  await showResult(facts, result, occlude);
}

function download() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv(facts, results)], { type: "text/csv" }));
  link.download = "predictions.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

document.title = element("title").textContent = facts.title;
element("has-rollout").hidden = !facts.rollout;
element("measure").hidden = facts.task === "regression";
element("csv").onclick = download;
connectInputs(take);
connectCamera(take);
document.documentElement.dataset.ready = "true";
globalThis.classifier = { facts, results, take, csv: () => csv(facts, results) }; // for tests and the console
