"use strict";
// Sort the leaderboard by a click on a column's head: the better direction first, empty cells last.
for (const table of document.querySelectorAll("table.board")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, index) => {
    if (index < 2) return;
    const button = document.createElement("button");
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const first = head.dataset.direction === "higher" ? "descending" : "ascending";
      const second = first === "ascending" ? "descending" : "ascending";
      const order = head.getAttribute("aria-sort") === first ? second : first;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      for (const body of table.tBodies) {
        const value = (row) => parseFloat(row.cells[index]?.dataset.sort ?? "NaN");
        const rows = [...body.rows].filter((row) => !row.classList.contains("group"));
        rows.sort((a, b) => {
          const x = value(a), y = value(b);
          if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
          return order === "ascending" ? x - y : y - x;
        });
        body.append(...rows);
      }
    });
  });
}
// A slider over the snapshots; without this script the row of thumbnails says the same.
for (const timeline of document.querySelectorAll(".timeline")) {
  const figures = [...timeline.querySelectorAll("figure")];
  if (figures.length < 2) continue;
  const box = document.createElement("div");
  box.className = "slider";
  const image = figures[0].querySelector("img").cloneNode();
  const range = document.createElement("input");
  const words = document.createElement("output");
  Object.assign(range, { type: "range", min: 0, max: figures.length - 1, step: 1 });
  range.setAttribute("aria-label", "Snapshot");
  const show = (index) => {
    const shown = figures[index].querySelector("img");
    image.src = shown.src;
    image.alt = shown.alt;
    range.value = index;
    words.textContent = figures[index].querySelector("figcaption").textContent;
    figures.forEach((figure, i) => figure.toggleAttribute("aria-current", i === index));
  };
  range.addEventListener("input", () => show(Number(range.value)));
  figures.forEach((figure, index) => figure.querySelector("img").addEventListener("click", () => show(index)));
  box.append(image, range, words);
  timeline.before(box);
  timeline.classList.add("has-slider");
  show(figures.length - 1);
}
// What is folded is printed all the same, and folded again afterwards.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((details) => { details.open = true; });
});
addEventListener("afterprint", () => opened.forEach((details) => { details.open = false; }));
