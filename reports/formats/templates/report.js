// Sorting and filtering of long tables; the page is complete without it.
(() => {
  const worth = (row, column) => {
    const text = row.cells[column].firstChild?.textContent.trim() ?? "";
    const number = parseFloat(text.replace("−", "-").replace(/[<>≤≥,]/g, ""));
    return Number.isNaN(number) ? text.toLowerCase() : number;
  };
  const compare = (a, b) => {
    if (typeof a === typeof b) return a < b ? -1 : a > b ? 1 : 0;
    return typeof a === "number" ? -1 : 1;
  };
  const sort = (table, heading) => {
    const down = heading.getAttribute("aria-sort") === "ascending";
    for (const other of heading.parentNode.cells) other.removeAttribute("aria-sort");
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    const body = table.tBodies[0], column = heading.cellIndex, sign = down ? -1 : 1;
    body.append(...[...body.rows].sort((a, b) => sign * compare(worth(a, column), worth(b, column))));
  };
  const filter = (table, words, said) => {
    const rows = [...table.tBodies[0].rows];
    for (const row of rows) row.hidden = !row.textContent.toLowerCase().includes(words);
    said.textContent = words ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
  };
  for (const table of document.querySelectorAll("table")) {
    if (table.tBodies[0].rows.length < 8) continue;
    for (const heading of table.tHead.rows[0].cells) {
      // Not a button element: Chromium leaves those out of headings that a printed table repeats.
      const button = document.createElement("span");
      button.setAttribute("role", "button");
      button.tabIndex = 0;
      button.append(...heading.childNodes);
      button.addEventListener("click", () => sort(table, heading));
      button.addEventListener("keydown", (event) => {
        if (event.key !== "Enter" && event.key !== " ") return;
        event.preventDefault();
        sort(table, heading);
      });
      heading.append(button);
    }
    const tools = document.createElement("div"), label = document.createElement("label");
    const input = document.createElement("input"), said = document.createElement("output");
    tools.className = "tools";
    input.type = "search";
    input.addEventListener("input", () => filter(table, input.value.trim().toLowerCase(), said));
    label.append("Show rows with ", input);
    tools.append(label, said);
    table.parentNode.before(tools);
  }
  let closed = [];
  addEventListener("beforeprint", () => {
    closed = [...document.querySelectorAll("details:not([open])")];
    for (const fold of closed) fold.open = true;
  });
  addEventListener("afterprint", () => {
    for (const fold of closed) fold.open = false;
  });
})();
