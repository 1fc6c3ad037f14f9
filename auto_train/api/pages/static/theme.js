// Runs before the page is painted: the colours chosen earlier, and a mark that scripts run at all.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  let chosen = null;
  try {
    chosen = localStorage.getItem("theme");
  } catch {
    // storage may be forbidden; the system's colours then
  }
  if (chosen === "light" || chosen === "dark") root.dataset.theme = chosen;
})();
