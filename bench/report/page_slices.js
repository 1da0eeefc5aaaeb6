
/* Raw slices of a cell, on demand: each a time a unit in ns. Flagged ones have an asterisk. */
(function () {
	const rows = JSON.parse(document.getElementById('data').textContent).rows;
	const cells = JSON.parse(document.getElementById('slices').textContent);

	/* Three significant digits, as number_plain has them. */
	function plain(value) {
		const text = value.toPrecision(3);
		return text.includes('e') ? String(Math.round(value)) : text;
	}

	/* page_script.c says how slices are packed. */
	function slice(cell, bytes, block) {
		const value = bytes.charCodeAt(2 * block) << 8 | bytes.charCodeAt(2 * block + 1);
		if (value === 0xffff) return '\u2013';
		return plain(Math.exp(cell.low + (cell.high - cell.low) * (value >> 1) / 0x7ffe)) + (value & 1 ? '*' : '');
	}

	function table(cell) {
		const body = page.make('tbody', {});
		cell.rows.forEach(function (row, i) {
			const bytes = atob(cell.slices[i]);
			cell.starts.forEach(function (start, fork) {
				const end = fork + 1 < cell.starts.length ? cell.starts[fork + 1] : cell.blocks, texts = [];
				for (let block = start; block < end; block++) texts.push(slice(cell, bytes, block));
				body.append(page.make('tr', {}, [page.make('th', {scope: 'row'}, [rows[row].label]), page.make('td', {}, [String(fork)]),
					page.make('td', {class: 'words slices'}, [texts.join(' ')])]));
			});
		});
		return page.make('div', {class: 'scroll'}, [page.make('table', {}, [
			page.make('caption', {}, ['A slice a number, in ns a unit, block by block. *: flagged. \u2013: none, or the machine was another.']),
			page.make('thead', {}, [page.make('tr', {}, [page.make('th', {scope: 'col'}, ['Strategy']), page.make('th', {scope: 'col'}, ['Fork']),
				page.make('th', {class: 'words', scope: 'col'}, ['Slices'])])]), body])]);
	}

	document.querySelectorAll('[data-slices]').forEach(function (place) {
		const cell = cells[Number(place.dataset.slices)];
		if (!cell || cell.rows.length === 0) return;
		const button = page.make('button', {type: 'button', class: 'copy', 'aria-expanded': 'false'}, ['Raw slices']);
		button.addEventListener('click', function () {
			const open = button.getAttribute('aria-expanded') === 'true';
			button.setAttribute('aria-expanded', String(!open));
			if (open) button.nextElementSibling.remove(); else button.after(table(cell));
		});
		place.replaceChildren(button);
	});
}());
