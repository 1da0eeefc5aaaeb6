/* Conveniences only: the page says everything without them. Sorting, copying, links that open what they lead to; and the
 * large tables as chosen in "Your weights" (page_weights.js). */
'use strict';

/* What the parts of the script share. */
const page = (function () {
	/* The reader's choices, behind the address's "#?". A name may have several values. */
	const state = new URLSearchParams(location.hash.startsWith('#?') ? location.hash.slice(2) : '');

	/* Browsers ignore an address that changes 200 times in 10 seconds, and a slider asks for more: it is written when nothing has
	 * changed for a moment. */
	const pause = 100; /* ms */
	let waiting;
	function remember(name, values) {
		state.delete(name);
		values.forEach(function (value) { state.append(name, value); });
		clearTimeout(waiting);
		waiting = setTimeout(function () { history.replaceState(null, '', '#?' + state); }, pause);
	}

	/* Of a kind, with attributes and children. */
	function make(kind, attributes, children) {
		const element = document.createElement(kind);
		Object.keys(attributes).forEach(function (name) { element.setAttribute(name, attributes[name]); });
		element.append.apply(element, children || []);
		return element;
	}

	/* As number_ratio of the program prints it. */
	function factor(ratio) {
		if (!isFinite(ratio)) return '\u2013';
		if (ratio >= 9999.5) return Number((ratio / (ratio < 1e6 ? 1e3 : 1e6)).toPrecision(3)) + (ratio < 1e6 ? 'k' : 'M');
		return ratio < 9.995 ? ratio.toFixed(2) : ratio < 99.95 ? ratio.toFixed(1) : ratio.toFixed(0);
	}

	/* As number_ratio_range does; ends are logarithms. */
	function range(low, high) {
		return isFinite(low) && isFinite(high) ? factor(Math.exp(low)) + '\u2013' + factor(Math.exp(high)) : '';
	}

	return {state: state, remember: remember, make: make, factor: factor, range: range};
}());

/* The large tables. */
page.heat = (function () {
	const tables = Array.from(document.querySelectorAll('table.heat'));
	const cellsOf = function (row) { return Array.from(row.querySelectorAll('td[data-col]')); };
	const rowsOf = function (table) { return Array.from(table.querySelectorAll('tbody tr[data-label]')); };
	tables.forEach(function (table) {
		rowsOf(table).forEach(function (row) {
			cellsOf(row).forEach(function (c) { c.dataset.was = c.innerHTML; c.dataset.look = c.className; });
		});
		table.querySelectorAll('th.group').forEach(function (head) { head.dataset.span = head.colSpan; });
	});

	/* Hides what is not chosen; a head over several columns spans those that are left. */
	function hide(table, hasRow, hasCell) {
		const columns = Array.from(table.querySelectorAll('thead th[data-cell]'));
		rowsOf(table).forEach(function (row) {
			row.hidden = !hasRow(row.dataset.label);
			cellsOf(row).forEach(function (cell) { cell.hidden = !hasCell(Number(cell.dataset.col)); });
		});
		columns.forEach(function (head) { head.hidden = !hasCell(Number(head.dataset.cell)); });
		table.querySelectorAll('tr.ns td[data-cell]').forEach(function (cell) { cell.hidden = !hasCell(Number(cell.dataset.cell)); });
		table.querySelectorAll('th.group').forEach(function (head) {
			const own = columns.splice(0, Number(head.dataset.span)).filter(function (h) { return !h.hidden; });
			head.hidden = own.length === 0;
			if (own.length) head.colSpan = own.length;
		});
	}

	/* A figure as a multiple of another row's. What is inconclusive against the best of all, ran dry or was disturbed stays so
	 * marked; ranks are of all rows, and not shown. */
	function rebase(cell, effect, steps) {
		const ratio = Math.exp(effect.point);
		let shade = 0;
		if (!isFinite(ratio)) { cell.className = 'none'; cell.textContent = '\u2013'; return; }
		while (shade < steps.length && ratio > steps[shade]) shade++;
		const unsure = cell.dataset.look.includes('unsure');
		cell.className = 'h' + shade + (unsure ? ' unsure' : '');
		const mark = (cell.dataset.dry !== undefined ? 'dry' : unsure ? '?' : '') + (cell.dataset.others !== undefined ? '!' : '');
		cell.replaceChildren(page.make('b', {}, [page.factor(ratio)]));
		if (mark) cell.append(page.make('sup', {}, [mark]));
		cell.append(page.make('small', {}, [effect.itself ? 'itself' : page.range(effect.low, effect.high)]));
	}

	/* effect(cell, label): against what is chosen; null: as the page was made. Cells without what is chosen stay so too. */
	function show(hasRow, hasCell, effect) {
		tables.forEach(function (table) {
			const steps = JSON.parse(table.dataset.steps);
			hide(table, hasRow, hasCell);
			rowsOf(table).forEach(function (row) {
				cellsOf(row).forEach(function (cell) {
					cell.innerHTML = cell.dataset.was;
					cell.className = cell.dataset.look;
					const against = effect && cell.dataset.ns !== undefined ?
						effect(Number(cell.dataset.col), row.dataset.label) : null;
					if (against) rebase(cell, against, steps);
				});
			});
		});
	}

	return {show: show, tables: tables};
}());

(function () {
	/* Sorting by a column; rows without a value, and those that ran dry, go last, references stay below. A head that is a link
	 * stays one, and has its button beside it. */
	document.querySelectorAll('table[data-sortable]').forEach(function (table) {
		const body = table.tBodies[0];
		table.querySelectorAll('thead th[data-sort]').forEach(function (head) {
			const button = page.make('button', {type: 'button'});
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
				if (table.dataset.sorted) page.remember(table.dataset.sorted, [(down ? '-' : '') + column]);
				table.querySelectorAll('[aria-sort]').forEach(function (h) { h.removeAttribute('aria-sort'); });
				head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
				const key = function (row) {
					const cell = row.children[column];
					if (!cell || cell.dataset.dry !== undefined) return null;
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
	page.heat.tables.forEach(function (table) {
		const sort = page.state.get(table.dataset.sorted) || '';
		const button = table.querySelector('thead th[data-sort="' + CSS.escape(sort.replace('-', '')) + '"] button');
		if (button) button.click();
		if (button && sort.startsWith('-')) button.click();
	});

	/* A link into closed parts opens them. */
	function open() {
		const target = location.hash.length > 1 && document.getElementById(location.hash.slice(1));
		if (!target) return;
		for (let part = target.closest('details'); part; part = part.parentElement.closest('details')) part.open = true;
		target.scrollIntoView();
	}
	window.addEventListener('hashchange', open);
	open();

	document.querySelectorAll('pre.command').forEach(function (pre) {
		if (!navigator.clipboard) return;
		const button = page.make('button', {type: 'button', class: 'copy'}, ['Copy']);
		button.addEventListener('click', function () {
			navigator.clipboard.writeText(pre.textContent).then(function () { button.textContent = 'Copied'; });
		});
		pre.after(button);
	});
}());
