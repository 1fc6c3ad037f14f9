// The least contrast of any text with what is behind it (WCAG 2.2), cards and coloured cells taken into account.
const parts = text => text.match(/[\d.]+/g).map(Number);
const over = (front, back) => [0, 1, 2].map(i => (front[3] ?? 1) * front[i] + (1 - (front[3] ?? 1)) * back[i]);
const light = colour => colour.map(v => v / 255).map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
  .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
const ratio = (a, b) => (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
const card = parts(getComputedStyle(document.querySelector('section')).backgroundColor);
const texts = document.querySelectorAll('section td, section th, section p, section a, .wrong, .right, .chip, svg text');
return Math.min(...[...texts].map(at => {
  const style = getComputedStyle(at), ink = parts(at.tagName === 'text' ? style.fill : style.color);
  return ratio(light(ink.slice(0, 3)), light(over(parts(style.backgroundColor), card)));
}));
