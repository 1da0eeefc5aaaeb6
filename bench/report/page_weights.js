
/*
 * Your weights: an order of the reader's own, by the page's rules (stats.h): the point of a ratio of times is the
 * Hodges-Lehmann estimate of the forks' medians, its error is of their spread. Cells have no forks in common, so
 * errors of a weighted mean add up as squares, with degrees of freedom by Satterthwaite.
 */
(function () {
	const section = document.getElementById('weigh');
	const data = JSON.parse(document.getElementById('data').textContent);
	const rows = data.rows.map(function (r, i) { return {at: i, label: r.label, whole: r.whole, competes: r.competes}; });
	const contestants = rows.filter(function (r) { return r.competes; });
	const number = function (value) { return value === null ? NaN : value; };
	const figures = data.cells.map(function () { return []; });
	data.figures.forEach(function (f) {
		const measured = function (at) { return {point: number(f[at]), forks: f[at + 1].map(number)}; };
		figures[f[0]][f[1]] = {medians: f[2].map(number), p99: measured(3), p999: measured(5), bytes: measured(7), competes: f[9]};
	});
	if (contestants.length === 0 || data.figures.length === 0) {
		section.hidden = true;
		return;
	}

	/*
	 * Effects: x against y, as logarithms.
	 */

	function ofForks(values) {
		const present = values.filter(function (v) { return !isNaN(v); }), n = present.length, walsh = [];
		if (n === 0) return {point: NaN, error: NaN, freedom: 0};
		for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) walsh.push((present[i] + present[j]) / 2);
		walsh.sort(function (a, b) { return a - b; });
		const point = (walsh[(walsh.length - 1) >> 1] + walsh[walsh.length >> 1]) / 2;
		const mean = present.reduce(function (sum, v) { return sum + v; }, 0) / n;
		const squares = present.reduce(function (sum, v) { return sum + (v - mean) * (v - mean); }, 0);
		return {point: point, error: n < 3 ? NaN : Math.sqrt(squares / (n - 1) / n), freedom: n - 1};
	}

	/* What has a point of all forks together: the forks say how sure it is. */
	function ofPoints(x, y) {
		const e = ofForks(x.forks.map(function (v, f) { return v - y.forks[f]; }));
		return {point: x.point - y.point, error: e.error, freedom: e.freedom};
	}

	const measures = [
		{name: 'throughput', of: function (x, y) { return ofForks(x.medians.map(function (m, f) { return m - y.medians[f]; })); }},
		{name: 'p99', of: function (x, y) { return ofPoints(x.p99, y.p99); }},
		{name: 'p99.9', of: function (x, y) { return ofPoints(x.p999, y.p999); }},
		{name: 'memory', of: function (x, y) { return ofPoints(x.bytes, y.bytes); }}
	];
	const known = [];

	function effect(m, cell, x, y) {
		const key = ((m * data.cells.length + cell) * rows.length + x) * rows.length + y;
		if (known[key] === undefined)
			known[key] = figures[cell][x] && figures[cell][y] ? measures[m].of(figures[cell][x], figures[cell][y]) :
				{point: NaN, error: NaN, freedom: 0};
		return known[key];
	}

	function half(e, quantiles) {
		return e.error === 0 ? 0 : e.freedom < 1 || isNaN(e.error) ? NaN :
			e.error * quantiles[Math.min(Math.floor(e.freedom + 1e-9), quantiles.length) - 1];
	}

	/* The weighted mean of effects; parts: [measure, cell, weight], weights of 1 in all. */
	function combined(parts, x, y) {
		let point = 0, variance = 0, spread = 0;
		if (x === y) return {point: 0, error: 0, freedom: 1};
		parts.forEach(function (part) {
			const e = effect(part[0], part[1], x, y), v = Math.pow(part[2] * e.error, 2);
			point += part[2] * e.point;
			variance += v;
			if (v > 0) spread += v * v / e.freedom;
			else if (isNaN(v)) spread = NaN;
		});
		return {point: point, error: Math.sqrt(variance), freedom: variance > 0 ? variance * variance / spread : isNaN(variance) ? 0 : 1};
	}

	/*
	 * What is chosen.
	 */

	const workloads = Array.from(new Set(data.cells.map(function (c) { return c.workload; })));
	/* Rows of one contest have no figures in another's cells. */
	const contests = Array.from(new Set(data.cells.map(function (c) { return c.contest; })));
	const contestOf = new Map(data.cells.map(function (c) { return [c.workload, c.contest]; }));
	const chosen = {
		contest: contests.includes(page.state.get('contest')) ? page.state.get('contest') : contests[0],
		without: new Set(page.state.getAll('without')), skip: new Set(page.state.getAll('skip')),
		base: page.state.get('base') || '', measure: {}, workload: {}
	};
	measures.forEach(function (m, i) { chosen.measure[m.name] = i === 0 ? 1 : 0; });
	workloads.forEach(function (w) { chosen.workload[w] = 1; });
	/* "name=3" */
	function restore(weights, values) {
		values.forEach(function (text) {
			const at = text.lastIndexOf('='), value = Number(text.slice(at + 1));
			if (Object.hasOwn(weights, text.slice(0, at)) && value >= 0 && value <= 10) weights[text.slice(0, at)] = value;
		});
	}
	restore(chosen.measure, page.state.getAll('measure'));
	restore(chosen.workload, page.state.getAll('workload'));
	if (!rows.some(function (r) { return r.label === chosen.base; })) chosen.base = '';

	const hasRow = function (label) { return !chosen.without.has(label); };
	const hasCell = function (cell) { return !chosen.skip.has(data.cells[cell].workload); };
	const isAsked = function (workload) { return contestOf.get(workload) === chosen.contest; };
	/* As the contest calls it: of the whole a pool has its policy behind it. */
	const nameOf = function (row) { return chosen.contest === 'whole' ? row.whole : row.label; };
	const takesPart = function (row) { return figures.some(function (f, c) { return f[row.at] && isAsked(data.cells[c].workload); }); };

	/* Of what is chosen: each workload has one vote, however many cells it has. only: a measure, or all that have a weight. */
	function partsOf(only) {
		const parts = [];
		data.cells.forEach(function (cell, c) {
			const like = data.cells.filter(function (other) { return other.workload === cell.workload; }).length;
			if (!hasCell(c) || !isAsked(cell.workload)) return;
			measures.forEach(function (m, i) {
				const weight = (only === undefined ? chosen.measure[m.name] : Number(only === i)) * chosen.workload[cell.workload] / like;
				if (weight > 0) parts.push([i, c, weight]);
			});
		});
		const sum = parts.reduce(function (s, p) { return s + p[2]; }, 0);
		return parts.map(function (p) { return [p[0], p[1], p[2] / sum]; });
	}

	/* The parts that a row has no value for, or none that may be ranked. */
	function lacking(parts, row) {
		return parts.filter(function (part) {
			const f = figures[part[1]][row];
			return !f || !f.competes || isNaN(effect(part[0], part[1], row, row).point);
		});
	}

	/* In words: the workloads where these are few. */
	function lack(parts, row) {
		const lacks = lacking(parts, row);
		const where = Array.from(new Set(lacks.map(function (part) { return data.cells[part[1]].workload; })));
		return lacks.length + ' of ' + parts.length + ' values are missing, or gets failed' +
			(where.length <= 2 ? ': ' + where.join(', ') : '');
	}

	/*
	 * The order.
	 */

	function order(parts) {
		const shown = contestants.filter(function (r) { return hasRow(r.label) && takesPart(r); });
		const whole = shown.filter(function (r) { return lacking(parts, r.at).length === 0; });
		const ahead = function (x, y) { return combined(parts, x.at, y.at).point < 0; };
		const best = whole.reduce(function (b, r) { return b && !ahead(r, b) ? b : r; }, null);
		const base = rows.find(function (r) { return r.label === chosen.base && takesPart(r); }) || best;
		const slower = function (x, y) {
			const e = combined(parts, x.at, y.at);
			return e.point - half(e, data.together[chosen.contest]) > data.margin;
		};
		return {
			base: base,
			ranked: whole.map(function (r) {
				const other = whole.filter(function (o) { return o !== r; });
				return {row: r, effect: base ? combined(parts, r.at, base.at) : {point: NaN},
					against: best ? combined(parts, r.at, best.at).point : NaN,
					low: 1 + other.filter(function (o) { return slower(r, o); }).length,
					high: whole.length - other.filter(function (o) { return slower(o, r); }).length};
			}).sort(function (a, b) { return a.against - b.against; }),
			others: shown.filter(function (r) { return !whole.includes(r); })
		};
	}

	const body = page.make('tbody', {});
	const says = page.make('p', {'aria-live': 'polite', class: 'answer'});

	function line(head, values) {
		body.append(page.make('tr', {}, [page.make('th', {scope: 'row'}, [head])].concat(
			values.map(function (v) { return page.make('td', v.words ? {class: 'words'} : {}, [v.words || v]); }))));
	}

	function draw() {
		const parts = partsOf(), result = order(parts), first = result.ranked[0];
		body.replaceChildren();
		result.ranked.forEach(function (r) {
			const e = r.effect, h = half(e, data.alone);
			line(nameOf(r.row), [r.low === r.high ? String(r.low) : r.low + '\u2013' + r.high, page.factor(Math.exp(e.point)),
				result.base === r.row ? '' : page.range(e.point - h, e.point + h)].concat(measures.map(function (m, i) {
				return page.factor(Math.exp(combined(partsOf(i), r.row.at, result.base.at).point));
			}), ['']));
		});
		result.others.forEach(function (r) {
			line(nameOf(r), ['\u2013', '\u2013', ''].concat(measures.map(function () { return '\u2013'; }),
				[{words: lack(parts, r.at)}]));
		});
		const rivals = result.ranked.slice(1).filter(function (r) { return r.low === 1; }).map(function (r) { return nameOf(r.row); });
		says.textContent = parts.length === 0 ? 'Nothing has a weight.' : !first ? 'No strategy has all that is asked for.' :
			'First by these weights: ' + nameOf(first.row) + (rivals.length ? ', not told apart from ' + rivals.join(', ') : '') + '.';
		counts.forEach(function (count) { count(); });
		heat();
	}

	/* The tables as they were made, unless something else is chosen. */
	function heat() {
		const changed = chosen.base || rows.some(function (r) { return !hasRow(r.label); });
		const at = new Map(rows.map(function (r) { return [r.label, r.at]; }));
		page.heat.show(hasRow, hasCell, !changed ? null : function (cell, label) {
			const ranked = contestants.filter(function (r) { return hasRow(r.label) && figures[cell][r.at] && figures[cell][r.at].competes; });
			const wanted = chosen.base ? at.get(chosen.base) : undefined;
			const base = wanted !== undefined && figures[cell][wanted] ? wanted : ranked.reduce(function (b, r) {
				return b === undefined || effect(0, cell, r.at, b).point < 0 ? r.at : b;
			}, undefined);
			if (base === undefined) return null;
			const e = effect(0, cell, at.get(label), base), h = half(e, data.alone);
			return {point: e.point, low: e.point - h, high: e.point + h, itself: at.get(label) === base};
		});
	}

	let waiting = false;
	function changed() {
		page.remember('without', Array.from(chosen.without));
		page.remember('skip', Array.from(chosen.skip));
		page.remember('contest', chosen.contest !== contests[0] ? [chosen.contest] : []);
		page.remember('base', chosen.base ? [chosen.base] : []);
		page.remember('measure', measures.filter(function (m, i) { return chosen.measure[m.name] !== Number(i === 0); })
			.map(function (m) { return m.name + '=' + chosen.measure[m.name]; }));
		page.remember('workload', workloads.filter(function (w) { return chosen.workload[w] !== 1; })
			.map(function (w) { return w + '=' + chosen.workload[w]; }));
		if (waiting) return;
		waiting = true;
		setTimeout(function () { waiting = false; draw(); });
	}

	/*
	 * Controls.
	 */

	const counts = [];

	function chip(label, out) {
		const button = page.make('button', {type: 'button', class: 'chip', 'aria-pressed': String(!out.has(label))}, [label]);
		button.addEventListener('click', function () {
			if (!out.delete(label)) out.add(label);
			button.setAttribute('aria-pressed', String(!out.has(label)));
			changed();
		});
		return button;
	}

	/* All or none of some chips. */
	function every(text, chips, labels, out, on) {
		const button = page.make('button', {type: 'button', class: 'plain'}, [text]);
		button.addEventListener('click', function () {
			labels.forEach(function (label) { if (on) out.delete(label); else out.add(label); });
			chips.forEach(function (c) { c.setAttribute('aria-pressed', String(on)); });
			changed();
		});
		return button;
	}

	function slider(name, weights) {
		const value = page.make('output', {}, [String(weights[name])]);
		const input = page.make('input', {type: 'range', min: '0', max: '10', step: '1', 'aria-label': 'Weight of ' + name});
		input.value = weights[name];
		input.addEventListener('input', function () {
			weights[name] = Number(input.value);
			value.textContent = input.value;
			changed();
		});
		return [input, value];
	}

	/* A group of controls that is folded up: there may be fifty. Those that are not of the contest are hidden. called: the text of
	 * a label's chip there. */
	function group(title, labels, out, isHere, called, items) {
		const chips = labels.map(function (label) { return chip(label, out); });
		const shown = chips.map(items);
		const count = page.make('span', {class: 'soft'});
		counts.push(function () {
			const here = labels.filter(isHere);
			shown.forEach(function (item, i) { item.hidden = !here.includes(labels[i]); });
			chips.forEach(function (c, i) { c.textContent = called(labels[i]); });
			count.textContent = ' ' + here.filter(function (l) { return !out.has(l); }).length + ' of ' + here.length;
		});
		return page.make('details', {class: 'choice'}, [page.make('summary', {}, [title, count]),
			page.make('div', {class: 'chips'}, [every('all', chips, labels, out, true), every('none', chips, labels, out, false)]
				.concat(shown))]);
	}

	/* values: what is chosen; texts: how it is called. */
	function choose(values, texts, name) {
		const select = page.make('select', {}, values.map(function (v, i) { return page.make('option', {value: v}, [texts[i]]); }));
		select.value = chosen[name];
		select.addEventListener('change', function () { chosen[name] = select.value; changed(); });
		return select;
	}

	const labels = rows.map(function (r) { return r.label; });
	const rowOf = function (label) { return rows[labels.indexOf(label)]; };
	const base = choose([''].concat(labels), ['the first'].concat(labels), 'base');
	counts.push(function () {
		Array.from(base.options).forEach(function (option) {
			const row = rowOf(option.value);
			option.hidden = row !== undefined && !takesPart(row);
			if (row !== undefined) option.textContent = nameOf(row);
		});
		base.value = chosen.base && takesPart(rowOf(chosen.base)) ? chosen.base : '';
	});
	section.querySelector('.weights').replaceChildren(
		page.make('div', {class: 'controls'}, measures.map(function (m) {
			return page.make('label', {class: 'weight'}, [page.make('span', {}, [m.name])].concat(slider(m.name, chosen.measure)));
		}).concat([page.make('label', {}, ['Contest ', choose(contests, contests, 'contest')]),
			page.make('label', {}, ['Relative to ', base])])),
		group('Workloads', workloads, chosen.skip, isAsked, function (label) { return label; }, function (c, i) {
			return page.make('span', {class: 'weight'}, [c].concat(slider(workloads[i], chosen.workload)));
		}),
		group('Strategies', labels, chosen.without, function (label) { return takesPart(rowOf(label)); },
			function (label) { return nameOf(rowOf(label)); }, function (c) { return c; }),
		says,
		page.make('div', {class: 'scroll', tabindex: '0', role: 'region', 'aria-label': 'Order by your weights'}, [
			page.make('table', {id: 'weighed'}, [page.make('thead', {}, [page.make('tr', {},
				['Strategy', 'Rank', '\u00d7 all by weight', '95 %'].concat(measures.map(function (m) { return '\u00d7 ' + m.name; }), ['Not ranked'])
					.map(function (t) { return page.make('th', t === 'Not ranked' ? {scope: 'col', class: 'words'} : {scope: 'col'}, [t]); }))]), body])]));
	draw();
}());
