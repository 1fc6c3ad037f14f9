// What the pages do beyond htmx: dropping and pasting images, the choice of colours, telling of a service that is gone.
(() => {
  const root = document.documentElement;
  const toast = document.getElementById("toast");

  function say(text) {
    toast.textContent = text;
    toast.hidden = !text;
  }

  // Colours
  const theme = document.getElementById("theme");
  const system = matchMedia("(prefers-color-scheme: dark)");
  const isDark = () => (root.dataset.theme ? root.dataset.theme === "dark" : system.matches);
  const showTheme = () => theme.setAttribute("aria-pressed", isDark());
  theme.hidden = false;
  showTheme();
  system.addEventListener("change", showTheme);
  theme.addEventListener("click", () => {
    root.dataset.theme = isDark() ? "light" : "dark";
    try {
      localStorage.setItem("theme", root.dataset.theme);
    } catch {
      // it lasts as long as the page
    }
    showTheme();
  });

  // Images
  const form = document.getElementById("ask");
  if (form) {
    const input = form.elements.img;
    const megabytes = Number(form.dataset.maxMb);
    const most = Number(form.dataset.maxImages);

    const ask = (files) => {
      const size = [...files].reduce((sum, file) => sum + file.size, 0);
      if (!files.length) return say("That was no file. Drop an image file, or choose one.");
      if (files.length > most) return say(`${files.length} images at once are too many: ${most} are allowed.`);
      // Said here: the service would close the connection in the middle of the upload.
      if (size > megabytes * 1e6) return say(`${(size / 1e6).toFixed(1)} MB are too much: ${megabytes} MB are allowed.`);
      say("");
      if (files !== input.files) input.files = files;
      form.requestSubmit();
    };

    const over = (is) => form.classList.toggle("over", is);
    input.addEventListener("click", () => (input.value = "")); // so that the same file may be asked about again
    input.addEventListener("change", () => input.files.length && ask(input.files));
    document.addEventListener("dragover", (event) => {
      event.preventDefault();
      over(true);
    });
    document.addEventListener("dragleave", (event) => event.relatedTarget || over(false));
    document.addEventListener("drop", (event) => {
      event.preventDefault();
      over(false);
      ask(event.dataTransfer.files);
    });
    document.addEventListener("paste", (event) => event.clipboardData.files.length && ask(event.clipboardData.files));
  }

  // Requests of htmx
  document.addEventListener("htmx:sendError", () => say("The service does not answer. Is it still running?"));
  document.addEventListener("htmx:beforeSwap", (event) => {
    const reply = event.detail.xhr;
    if ((reply.getResponseHeader("content-type") || "text/html").startsWith("text/html")) return say("");
    event.detail.shouldSwap = false;
    say(`The service answers ${reply.status}: its log says more.`);
  });
  document.addEventListener("htmx:afterSwap", () => {
    const news = document.getElementById("news");
    const seen = document.getElementById("seen");
    if (news && seen && news.textContent !== seen.dataset.news) news.textContent = seen.dataset.news;
  });
})();
