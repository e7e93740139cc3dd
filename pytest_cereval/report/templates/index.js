"use strict";
(function () {
  const form = document.getElementById("filters");
  const rows = Array.from(document.querySelectorAll("#items tbody tr"));
  const told = document.getElementById("told");
  const texts = rows.map((row) => row.textContent.toLowerCase());
  function apply() {
    const wanted = new FormData(form);
    const words = String(wanted.get("text") || "").toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    rows.forEach(function (row, number) {
      const fits =
        ["category", "band", "verdict", "file"].every((name) => !wanted.get(name) || row.dataset[name] === wanted.get(name)) &&
        words.every((word) => texts[number].includes(word));
      if (row.hidden === fits) row.hidden = !fits;
      shown += fits;
    });
    told.textContent = shown === rows.length ? `${shown} items` : `${shown} of ${rows.length} items`;
    const kept = new URLSearchParams(Array.from(wanted).filter((pair) => pair[1]));
    history.replaceState(null, "", kept.size ? `#${kept}` : location.pathname + location.search);
  }
  new URLSearchParams(location.hash.slice(1)).forEach(function (value, name) {
    const field = form.elements.namedItem(name);
    if (field) field.value = value;
  });
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  apply();
  const columns = Array.from(document.querySelectorAll("#items thead th"));
  columns.forEach(function (column, place) {
    const button = column.querySelector("button");
    button.disabled = false;
    button.addEventListener("click", function () {
      const up = column.getAttribute("aria-sort") !== "ascending";
      columns.forEach((other) => other.removeAttribute("aria-sort"));
      column.setAttribute("aria-sort", up ? "ascending" : "descending");
      const keyed = rows.map((row) => [row.cells[place].textContent.trim(), row]);
      const numeric = column.classList.contains("number");
      keyed.sort((one, other) => (numeric ? one[0] - other[0] : one[0].localeCompare(other[0])) * (up ? 1 : -1));
      document.querySelector("#items tbody").append(...keyed.map((pair) => pair[1]));
    });
  });
})();
