/*
 * What a reader would call broken in a page as it is shown: sentences, ten at most. Texts that overlap, or can hardly be told
 * from what is behind them; a page that scrolls sideways; a wide table whose first column leaves when its frame is scrolled.
 */
(function() {
const faults = [];
const root = document.documentElement;
const say = function(text) {
	if (faults.length < 10)
		faults.push(text);
};
const short = function(text) {
	return '"' + text.trim().slice(0, 40) + '"';
};

if (root.scrollWidth > root.clientWidth) {
	const wide =
		Array.from(document.body.querySelectorAll('*'))
			.filter(function(e) {
				return e.getBoundingClientRect().right > root.clientWidth + 1 &&
				       !e.parentElement.closest('.scroll');
			})
			.pop();
	say('The page scrolls sideways, ' + root.scrollWidth + ' of ' + root.clientWidth +
		' pixels: ' +
		(wide ? '<' + wide.tagName + ' class="' + wide.getAttribute('class') + '"> ' +
					short(wide.textContent)
		      : 'its own width'));
}

/* The part of a box that its frames show. */
function clipped(box, element)
{
	const r = {left : box.left, right : box.right, top : box.top, bottom : box.bottom};
	for (let f = element; f; f = f.parentElement) {
		if (getComputedStyle(f).overflowX === 'visible')
			continue;
		const own = f.getBoundingClientRect();
		r.left = Math.max(r.left, own.left);
		r.right = Math.min(r.right, own.right);
	}
	return r;
}

const texts = [], elements = new Set();
const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
while (walker.nextNode()) {
	const node = walker.currentNode, element = node.parentElement;
	if (!node.textContent.trim() || element.closest('script, style, select, option') ||
		!element.checkVisibility())
		continue;
	elements.add(element);
	const range = document.createRange();
	range.selectNodeContents(node);
	Array.from(range.getClientRects()).forEach(function(box) {
		const r = clipped(box, element),
		      lean = (r.bottom - r.top) *
			     0.28; /* of a line, letters leave so much on either side */
		if (r.right - r.left > 2)
			texts.push({
				left : r.left + 1,
				right : r.right - 1,
				top : r.top + lean,
				bottom : r.bottom - lean,
				element : element,
				text : node.textContent
			});
	});
}
texts.sort(function(a, b) {
	return a.top - b.top;
});
texts.forEach(function(a, i) {
	for (let k = i + 1; k < texts.length && texts[k].top < a.bottom; k++) {
		const b = texts[k];
		if (a.element !== b.element && a.left < b.right && b.left < a.right)
			say('Overlap: ' + short(a.text) + ' and ' + short(b.text));
	}
});

/* Colours as WCAG 2 weighs them. */
const canvas = document.createElement('canvas').getContext('2d', {willReadFrequently : true});
const parsed = new Map();
function parse(colour)
{
	if (!parsed.has(colour)) {
		canvas.clearRect(0, 0, 1, 1);
		canvas.fillStyle = colour;
		canvas.fillRect(0, 0, 1, 1);
		parsed.set(colour, Array.from(canvas.getImageData(0, 0, 1, 1).data));
	}
	return parsed.get(colour);
}
function luminance(c)
{
	const of = c.slice(0, 3).map(function(v) {
		const s = v / 255;
		return s <= 0.04045 ? s / 12.92 : Math.pow((s + 0.055) / 1.055, 2.4);
	});
	return 0.2126 * of[0] + 0.7152 * of[1] + 0.0722 * of[2];
}
function ground(element)
{
	for (let e = element; e; e = e.parentElement) {
		const c = parse(getComputedStyle(e).backgroundColor);
		if (c[3] === 255)
			return c;
	}
	return [ 255, 255, 255, 255 ];
}
elements.forEach(function(element) {
	const style = getComputedStyle(element);
	const ink = luminance(parse(element.closest('svg') ? style.fill : style.color)),
	      behind = luminance(ground(element));
	const contrast = (Math.max(ink, behind) + 0.05) / (Math.min(ink, behind) + 0.05);
	if (contrast < 4.5)
		say('Contrast ' + contrast.toFixed(1) + ': ' + short(element.textContent));
});

document.querySelectorAll('.scroll').forEach(function(frame) {
	const cell = frame.querySelector('tbody tr:not([hidden]) > :first-child');
	if (!cell || !frame.checkVisibility() || frame.scrollWidth <= frame.clientWidth + 1 ||
		getComputedStyle(frame).overflowX === 'visible')
		return;
	frame.scrollLeft = frame.scrollWidth;
	const away = cell.getBoundingClientRect().left - frame.getBoundingClientRect().left;
	if (Math.abs(away) > 2)
		say('The first column leaves its frame: ' + short(cell.textContent));
	frame.scrollLeft = 0;
});
return faults;
}())
