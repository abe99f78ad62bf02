"use strict";
(function () {
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details").forEach(function (each) { each.open = true; });
  });
  var table = document.getElementById("listing");
  if (!table) { return; }
  var body = table.tBodies[0];
  var rows = Array.from(body.rows);
  var texts = rows.map(function (row) { return row.textContent.toLowerCase(); });
  var shown = document.getElementById("shown");
  var language = document.documentElement.lang;
  var collator = new Intl.Collator(language, { numeric: true, sensitivity: "base" });

  function tell(n) {
    var count = new Intl.NumberFormat(language);
    shown.textContent = shown.dataset.text
      .replace("{n}", count.format(n)).replace("{all}", count.format(rows.length));
  }

  function search(text) {
    var words = text.toLowerCase().split(/\s+/).filter(Boolean);
    var n = 0;
    rows.forEach(function (row, place) {
      row.hidden = !words.every(function (word) { return texts[place].includes(word); });
      n += row.hidden ? 0 : 1;
    });
    tell(n);
  }

  function sort(head, numeric) {
    var place = head.cellIndex;
    var down = head.getAttribute("aria-sort") === null ? numeric
      : head.getAttribute("aria-sort") === "ascending";
    var keyed = rows.map(function (row, at) {
      var cell = row.cells[place];
      var key = numeric ? cell.dataset.o : cell.textContent;
      return { row: row, at: at, key: numeric && key !== "" ? Number(key) : key };
    });
    keyed.sort(function (a, b) {
      // What is missing comes last either way.
      if (a.key === "" || b.key === "") {
        return (a.key === "") - (b.key === "") || a.at - b.at;
      }
      var order = numeric ? a.key - b.key : collator.compare(a.key, b.key);
      return (down ? -order : order) || a.at - b.at;
    });
    Array.from(table.tHead.rows[0].cells).forEach(function (each) {
      each.removeAttribute("aria-sort");
    });
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    body.append.apply(body, keyed.map(function (each) { return each.row; }));
  }

  table.tHead.querySelectorAll("button").forEach(function (button) {
    button.addEventListener("click", function () {
      sort(button.parentElement, button.hasAttribute("data-numeric"));
    });
  });
  var input = document.getElementById("search");
  input.addEventListener("input", function () { search(input.value); });
  search(input.value);
}());
