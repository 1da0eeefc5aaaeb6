/* Conveniences only: the page says everything without them. Sorting, filtering, another baseline, copying. */
'use strict';
(function () {
	const heat = document.getElementById('heat');
	const rows = Array.from(heat.querySelectorAll('tbody tr[data-label]'));
	const steps = JSON.parse(heat.dataset.steps);
	const state = new URLSearchParams(location.hash.startsWith('#?') ? location.hash.slice(2) : '');

	function remember(name, value) {
		if (value) state.set(name, value); else state.delete(name);
		history.replaceState(null, '', '#?' + state);
	}

	/* Values in a cell: the logarithm of ns a unit, NaN where nothing was measured; and where it ranks: who dropped packets
	 * has a time, and is nobody's best. */
	function ns(cell) { return cell.dataset.ns === undefined ? NaN : Number(cell.dataset.ns); }
	function ranked(cell) { return cell.dataset.dry === undefined ? ns(cell) : NaN; }
	function cells(row) { return Array.from(row.querySelectorAll('td[data-col]')); }
	rows.forEach(function (row) { cells(row).forEach(function (c) { c.dataset.was = c.innerHTML; c.dataset.look = c.className; }); });

	/* As number_ratio of the program prints it. */
	function factor(ratio) {
		if (ratio >= 9999.5) return Number((ratio / (ratio < 1e6 ? 1e3 : 1e6)).toPrecision(3)) + (ratio < 1e6 ? 'k' : 'M');
		return ratio < 9.995 ? ratio.toFixed(2) : ratio < 99.95 ? ratio.toFixed(1) : ratio.toFixed(0);
	}

	/* Shows ratios to another subject, or to the best of the rows that are shown. Their intervals and ties were worked
	 * out against the best of all, so they are hidden here; what is inconclusive there or ran dry is so here. */
	function rebase(choice) {
		const shown = rows.filter(function (r) { return !r.hidden && !r.classList.contains('aside'); });
		const base = rows.find(function (r) { return r.dataset.label === choice; });
		rows.forEach(function (row) {
			cells(row).forEach(function (cell, i) {
				cell.innerHTML = cell.dataset.was;
				cell.className = cell.dataset.look;
				if (!choice || isNaN(ns(cell))) return;
				const from = base ? ns(cells(base)[i]) :
					Math.min.apply(null, shown.map(function (r) { return ranked(cells(r)[i]); }).filter(isFinite));
				const ratio = Math.exp(ns(cell) - from);
				if (!isFinite(ratio)) { cell.textContent = '\u2013'; return; }
				let heat = 0;
				while (heat < steps.length && ratio > steps[heat]) heat++;
				const dry = cell.dataset.dry !== undefined, unsure = cell.classList.contains('unsure');
				cell.className = 'h' + heat + (unsure ? ' unsure' : '');
				const mark = (dry ? 'dry' : unsure ? '?' : '') + (cell.dataset.others !== undefined ? '!' : '');
				cell.innerHTML = '<b>' + factor(ratio) + '</b>' +
					(mark ? '<sup>' + mark + '</sup>' : '');
			});
		});
	}

	function filter(text) {
		const words = text.toLowerCase().split(/\s+/).filter(Boolean);
		rows.forEach(function (row) {
			row.hidden = words.length > 0 && !words.some(function (w) { return row.dataset.label.toLowerCase().includes(w); });
		});
	}

	const controls = document.createElement('div');
	controls.className = 'controls';
	const select = document.createElement('select');
	[['', 'best of all, with intervals'], ['*', 'best of those shown']].concat(
		rows.map(function (r) { return [r.dataset.label, r.dataset.label]; })).forEach(function (pair) {
		const option = document.createElement('option');
		option.value = pair[0];
		option.textContent = pair[1];
		select.append(option);
	});
	const input = document.createElement('input');
	input.type = 'search';
	input.size = 22;
	input.placeholder = 'part of a name or several';
	const first = document.createElement('label'), second = document.createElement('label');
	first.append('Relative to ', select);
	second.append('Show only ', input);
	controls.append(first, second);
	heat.closest('.scroll').before(controls);
	function refresh() { filter(input.value); rebase(select.value); }
	select.addEventListener('change', function () { remember('base', select.value); refresh(); });
	input.addEventListener('input', function () { remember('show', input.value); refresh(); });
	if (state.size || state.toString()) {
		select.value = state.get('base') || '';
		if (select.selectedIndex < 0) select.value = '';
		input.value = state.get('show') || '';
		refresh();
	}

	/* Sorting by a column; rows without a value, and those that ran dry, go last, references stay below. A head that is a link stays one, and has its
	 * button beside it. */
	document.querySelectorAll('table[data-sortable]').forEach(function (table) {
		const body = table.tBodies[0];
		table.querySelectorAll('thead th[data-sort]').forEach(function (head) {
			const button = document.createElement('button');
			if (head.querySelector('a')) {
				button.textContent = '\u2195';
				button.setAttribute('aria-label', 'Sort by this column');
			} else {
				button.append.apply(button, Array.from(head.childNodes));
			}
			head.append(button);
			button.addEventListener('click', function () {
				const column = Number(head.dataset.sort);
				const down = head.getAttribute('aria-sort') === 'ascending';
				if (table === heat) remember('sort', (down ? '-' : '') + column);
				table.querySelectorAll('[aria-sort]').forEach(function (h) { h.removeAttribute('aria-sort'); });
				head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
				const key = function (row) {
					const cell = row.children[column];
					if (cell.dataset.dry !== undefined) return null;
					const text = cell.dataset.ns !== undefined ? cell.dataset.ns : cell.dataset.value !== undefined ?
						cell.dataset.value : cell.textContent.trim();
					const number = parseFloat(text);
					return isNaN(number) && column > 0 ? null : column > 0 ? number : text;
				};
				Array.from(body.rows).filter(function (r) { return !r.classList.contains('ns') && !r.classList.contains('aside'); })
					.sort(function (a, b) {
						const x = key(a), y = key(b);
						if (x === null || y === null) return (x === null) - (y === null);
						return (x < y ? -1 : x > y ? 1 : 0) * (down ? -1 : 1);
					})
					.forEach(function (row) { body.insertBefore(row, body.querySelector('tr.aside')); });
			});
		});
	});

	/* As the address says: ascending by the first click, descending by the second. */
	const sort = state.get('sort') || '';
	const sorted = heat.querySelector('thead th[data-sort="' + CSS.escape(sort.replace('-', '')) + '"] button');
	if (sorted) sorted.click();
	if (sorted && sort.startsWith('-')) sorted.click();

	/* A link into a closed part opens it. */
	function open() {
		const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
		if (target && target.tagName === 'DETAILS') target.open = true;
	}
	window.addEventListener('hashchange', open);
	open();

	document.querySelectorAll('pre.command').forEach(function (pre) {
		if (!navigator.clipboard) return;
		const button = document.createElement('button');
		button.className = 'copy';
		button.textContent = 'Copy';
		button.addEventListener('click', function () {
			navigator.clipboard.writeText(pre.textContent).then(function () { button.textContent = 'Copied'; });
		});
		pre.after(button);
	});
}());
