// Writes answers into the page.

import { draw, strongest } from "./picture.mjs";

export const element = (id) => document.getElementById(id);
let shown = 0;

function make(tag, className, ...content) {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...content);
  return made;
}

// A name in any script, which does not reorder the text around it.
const isolated = (text) => Object.assign(make("bdi", "", text), { dir: "auto" });

export function showStatus(text, isError = false, share = null) {
  element("status").textContent = text;
  element("status").classList.toggle("error", isError);
  element("progress").hidden = share === null;
  element("progress").value = share ?? 0;
}

export async function showResult(facts, result, occlude) {
  const { file, found, outputs, reading, computing } = result;
  const mine = ++shown;
  element("result").hidden = false;
  element("file").textContent = file.name;
  element("answer").textContent = found.heading;
  element("classes").replaceChildren(...found.rows.map(line));
  const known = outputs.known?.data[0];
  element("unknown").hidden = !(known < facts.rejected);
  element("unknown").textContent = "Unknown: the image does not look like those that the model was trained on.";
  element("time").textContent =
    `${Math.round(reading)} ms to read and resize the image, ${Math.round(computing)} ms to compute.`;
  element("seen").textContent = `What the model sees: ${facts.input.width} × ${facts.input.height} pixels of the image.`;
  element("maps").onchange = ({ target }) => showMap(target.value);
  await showMap(document.querySelector("[name=map]:checked").value);

  async function showMap(kind) {
    const map = await chosenMap(kind);
    if (mine !== shown || kind !== document.querySelector("[name=map]:checked").value) return;
    await draw(element("picture"), file, facts, map);
    element("picture").setAttribute("aria-label", `The image, answered with ${found.heading}`);
    element("explained").textContent = map ? explain(kind, map) : "";
  }

  async function chosenMap(kind) {
    if (kind === "rollout") return outputs.rollout;
    if (kind !== "occlusion") return null;
    result.occlusion ??= await occlude((share) => showStatus("Covering parts of the image …", false, share));
    showStatus("");
    return result.occlusion;
  }
}

function explain(kind, map) {
  const what =
    kind === "rollout"
      ? "Attention rollout: how much of each part the classifier reads through the last stage of attention."
      : "How much the answer's score falls while a square of the image is covered.";
  return `${what} It is most at the ${strongest(map)}.`;
}

function line({ name, share, text }) {
  const words = make("div", "row", isolated(name), make("span", "number", text));
  if (share === undefined) return make("li", "", words);
  const bar = make("span", "");
  bar.style.width = `${100 * share}%`;
  const track = make("div", "bar", bar);
  track.setAttribute("aria-hidden", "true");
  return make("li", "", words, track);
}

// The row of a result in the table, in place of the one that it had.
export function addRow(facts, result, show) {
  const { file, found, error } = result;
  const row = make("tr", "");
  if (error) row.append(make("td", "", isolated(file.name)), make("td", "error", error));
  else {
    const button = make("button", "", isolated(file.name));
    button.onclick = () => show(result);
    row.append(make("td", "", button), make("td", "", isolated(found.heading)));
  }
  if (facts.task !== "regression") row.append(make("td", "number", found?.measure ?? ""));
  if (result.row) result.row.replaceWith(row);
  else element("rows").append(row);
  result.row = row;
}
