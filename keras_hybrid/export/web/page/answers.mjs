// What the outputs of a model say, as `keras-hybrid predict` says it.

const TOP = 5;
const percent = (x) => `${(100 * x).toFixed(2)} %`;
const digits = (x, count) => String(Number(x.toPrecision(count)));

export function answer({ task, names, thresholds }, outputs) {
  if (task === "regression") {
    const [value] = outputs.values.data;
    const shown = digits(value, 6);
    const row = { name: names[0], text: shown };
    return { heading: shown, measure: "", rows: [row], cells: [digits(value, 9)], ...target(outputs, 0) };
  }
  const found = outputs.probabilities?.data ?? probabilities(task, outputs.logits.data);
  const order = [...found.keys()].sort((a, b) => found[b] - found[a] || a - b);
  const rows = order.map((i) => ({ name: names[i], share: found[i], text: percent(found[i]) }));
  const best = target(outputs, order[0]);
  if (task === "multilabel") {
    const labels = order.filter((i) => found[i] > thresholds[i]).map((i) => names[i]);
    const heading = labels.length ? labels.join(", ") : "No class is above its threshold";
    const cells = [labels.join(";"), ...found.map((x) => digits(x, 6))];
    return { heading, measure: rows[0].text, rows: rows.slice(0, Math.max(TOP, labels.length)), cells, ...best };
  }
  const top = rows.slice(0, TOP);
  const cells = top.flatMap(({ name, share }) => [name, digits(share, 6)]);
  return { heading: top[0].name, measure: top[0].text, rows: top, cells, ...best };
}

// The output that the heat maps are about.
const target = (outputs, index) => ({ output: "logits" in outputs ? "logits" : Object.keys(outputs)[0], index });

function probabilities(task, logits) {
  if (task === "multilabel") return logits.map((x) => 1 / (1 + Math.exp(-x)));
  const largest = Math.max(...logits);
  const odds = logits.map((x) => Math.exp(x - largest));
  const sum = odds.reduce((a, b) => a + b);
  return odds.map((x) => x / sum);
}

// The columns of the CSV file of `keras-hybrid predict --out`.
export function columns({ task, names }) {
  if (task === "regression") return ["value"];
  if (task === "multilabel") return ["labels", ...names.map((name) => `probability_${name}`)];
  const places = Array.from({ length: Math.min(TOP, names.length) }, (_, i) => (i ? `_${i + 1}` : ""));
  return places.flatMap((place) => [`class${place}`, `probability${place}`]);
}

export function csv(facts, results) {
  const inner = columns(facts);
  const lines = [["file", ...inner, "error"]];
  for (const { file, found, error } of results)
    lines.push([file.name, ...(found ? found.cells : inner.map(() => "")), error ?? ""]);
  return lines.map((cells) => `${cells.map(quoted).join(",")}\n`).join("");
}

const quoted = (cell) => (/[",\r\n]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);
