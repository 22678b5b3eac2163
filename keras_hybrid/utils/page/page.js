"use strict";
(() => {
  const all = (part, selector) => [...part.querySelectorAll(selector)];

  // Tables: a heading sorts by its column, again in the other direction, then not at all.
  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const body = table.tBodies[0];
    const rows = [...body.rows];
    if (rows.length < 3) return;
    heads.forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      head.setAttribute("aria-sort", "none");
      button.addEventListener("click", () => {
        const next = { none: "ascending", ascending: "descending", descending: "none" };
        const order = next[head.getAttribute("aria-sort")];
        for (const other of heads) other.setAttribute("aria-sort", "none");
        head.setAttribute("aria-sort", order);
        body.append(...sorted(rows, column, order));
      });
    });
  }

  function sorted(rows, column, order) {
    if (order === "none") return rows;
    const texts = rows.map((row) => row.cells[column].textContent.trim());
    const numbers = texts.map((text) => Number(text.replace(/[,%\s]/g, "")));
    const missing = texts.map((text) => ["", "-", "nan", "None"].includes(text));
    const numeric = numbers.every((number, i) => missing[i] || Number.isFinite(number));
    const sign = order === "ascending" ? 1 : -1;
    const compare = (i, j) => {
      if (missing[i] || missing[j]) return missing[i] - missing[j];
      if (numeric) return sign * (numbers[i] - numbers[j]);
      return sign * texts[i].localeCompare(texts[j], undefined, { numeric: true });
    };
    return rows.map((_, i) => i).sort(compare).map((i) => rows[i]);
  }

  // Galleries: menus that hide pictures of other values, and count those that are left;
  // of many pictures, some more at a time are shown.
  const STEP = 60;
  function filterable(gallery) {
    const controls = gallery.querySelector(".filters");
    const more = gallery.querySelector(".more");
    let most = STEP;
    const menus = all(controls, "select");
    const items = all(gallery, "li").map((item) => [item, item.dataset.values.split(" ")]);
    const names = menus.map((menu) => all(menu, "option").map((option) => option.textContent));
    const fits = (values, except) =>
      menus.every((menu, i) => i === except || !menu.value || menu.value === values[i]);
    const show = () => {
      let count = 0;
      for (const [item, values] of items) {
        const found = fits(values, -1);
        count += found;
        item.hidden = !found || count > most;
      }
      more.hidden = count <= most;
      menus.forEach((menu, i) => {
        const found = {};
        for (const [, values] of items) {
          if (fits(values, i)) found[values[i]] = (found[values[i]] || 0) + 1;
        }
        all(menu, "option").forEach((option, k) => {
          if (!k) return;
          const number = found[option.value] || 0;
          option.textContent = `${names[i][k]} (${number})`;
          option.disabled = !number && !option.selected;
        });
      });
      controls.querySelector("[role=status]").textContent = `${count} of ${items.length} pictures`;
    };
    const restart = () => {
      most = STEP;
      show();
    };
    for (const menu of menus) menu.addEventListener("change", restart);
    more.addEventListener("click", () => {
      most += STEP;
      show();
    });
    controls.querySelector("button").addEventListener("click", () => {
      for (const menu of menus) menu.value = "";
      restart();
    });
    controls.hidden = false;
    show();
  }

  // Charts: a slider, the pointer or a finger chooses a point; its values are text.
  function readable(chart) {
    const facts = JSON.parse(chart.querySelector("script").textContent);
    const [left, top, right, bottom] = facts.box;
    const svg = chart.querySelector("svg");
    const slider = chart.querySelector("input");
    const output = chart.querySelector("output");
    const cursor = chart.querySelector(".cursor");
    const points = facts.lines.flatMap((line) => line.points.map(([x]) => x));
    const places = [...new Set(points)].sort((a, b) => a - b);
    const part = (value, [low, high]) => (value - low) / (high - low);
    const across = (x) => left + part(x, facts.x) * (right - left);
    const down = (y) => bottom - part(y, facts.y) * (bottom - top);
    const at = (line, x) => {
      const last = line.points[line.points.length - 1];
      if (x > last[0]) return null;
      return line.points.findLast((point) => point[0] <= x) || null;
    };
    const show = () => {
      const x = places[slider.value];
      const found = facts.lines.map((line) => [line.name, at(line, x)]).filter(([, point]) => point);
      const values = found.map(([name, point]) => `${name} ${Number(point[1].toPrecision(4))}`);
      const text = `${facts.xLabel} ${x.toLocaleString("en")}: ${values.join(", ")}`;
      output.textContent = text;
      slider.setAttribute("aria-valuetext", text);
      const dots = found.map(([, [a, b]]) => `<circle cx="${across(a)}" cy="${down(b)}" r="3.5"/>`);
      cursor.innerHTML = `<path d="M${across(x)} ${top}V${bottom}"/>${dots.join("")}`;
    };
    const point = (event) => {
      const box = svg.getBoundingClientRect();
      const x = ((event.clientX - box.left) / box.width) * svg.viewBox.baseVal.width;
      const distances = places.map((place) => Math.abs(across(place) - x));
      slider.value = distances.indexOf(Math.min(...distances));
      show();
    };
    slider.max = places.length - 1;
    const ends = facts.lines.map((line) => line.points[line.points.length - 1][0]);
    slider.value = places.indexOf(Math.min(...ends));  // where all lines have values
    slider.addEventListener("input", show);
    svg.addEventListener("pointermove", point);
    svg.addEventListener("pointerdown", point);
    chart.querySelector(".reading").hidden = false;
    show();
  }

  all(document, "table").forEach(sortable);
  all(document, ".gallery").forEach(filterable);
  all(document, ".chart").forEach(readable);
})();
