"use strict";
const review = JSON.parse(document.getElementById("review").textContent);
const cards = [...document.querySelectorAll(".suspect")];
const decided = restored();

function restored() {
  try {
    return JSON.parse(localStorage.getItem(review.key)) || {};
  } catch {
    return {};  // no storage, e.g. in a private window
  }
}

function remember() {
  try {
    localStorage.setItem(review.key, JSON.stringify(decided));
  } catch {
    // the CSV file is what counts
  }
}

function decide(card, action, label = "") {
  const path = card.dataset.path;
  if (action) decided[path] = { action, label };
  else delete decided[path];
  remember();
  show(card);
  count();
}

function show(card) {
  const { action = "", label = "" } = decided[card.dataset.path] || {};
  card.dataset.action = action;
  for (const button of card.querySelectorAll("button")) {
    const pressed = button.dataset.action === action && (button.dataset.label || "") === label;
    button.setAttribute("aria-pressed", pressed);
  }
  const select = card.querySelector("select");
  select.value = action === "move" ? label : "";
}

function count() {
  const done = cards.filter((card) => decided[card.dataset.path]).length;
  document.getElementById("count").textContent = `${done} of ${cards.length} decided`;
  document.querySelector("progress").value = done;
}

function quoted(text) {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function csv() {
  const rows = [review.columns];
  for (const card of cards) {
    const { path, label } = card.dataset;
    if (decided[path]) rows.push([path, label, decided[path].action, decided[path].label]);
  }
  return rows.map((row) => row.map(quoted).join(",") + "\n").join("");
}

function save() {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([csv()], { type: "text/csv" }));
  link.download = review.file;
  link.click();
  URL.revokeObjectURL(link.href);
}

function focus(index) {
  const card = cards[Math.min(Math.max(index, 0), cards.length - 1)];
  card.focus();
  card.scrollIntoView({ block: "nearest" });
}

function columns() {
  const top = cards[0].offsetTop;
  const next = cards.findIndex((card) => card.offsetTop > top);
  return next < 0 ? cards.length : next;
}

function pressKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("select")) return;
  const key = event.key.toLowerCase();
  if (key === "s") return save();
  const index = cards.indexOf(document.activeElement.closest(".suspect"));
  const steps = { arrowright: 1, arrowleft: -1, arrowdown: columns(), arrowup: -columns() };
  if (key in steps) {
    event.preventDefault();
    return focus(index < 0 ? 0 : index + steps[key]);
  }
  if (index < 0) return;
  const suggested = [...cards[index].querySelectorAll("button[data-action=move]")];
  const number = key === "m" ? 0 : Number.parseInt(key, 10) - 1;
  if (key === "c") decide(cards[index], "confirm");
  else if (key === "d") decide(cards[index], "drop");
  else if (suggested[number]) decide(cards[index], "move", suggested[number].dataset.label);
  else if (key === "u") return decide(cards[index], "");
  else return;
  focus(index + 1);
}

for (const card of cards) {
  const select = card.querySelector("select");
  for (const name of review.classes) {
    if (name !== card.dataset.label) select.add(new Option(name, name));
  }
  select.addEventListener("change", () => decide(card, select.value && "move", select.value));
  for (const button of card.querySelectorAll("button")) {
    button.addEventListener("click", () => {
      const again = button.getAttribute("aria-pressed") === "true";
      decide(card, again ? "" : button.dataset.action, again ? "" : button.dataset.label || "");
    });
  }
  show(card);
}
document.addEventListener("keydown", pressKey);
document.getElementById("save").addEventListener("click", save);
count();
