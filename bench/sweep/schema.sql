-- The store's tables; schema.h says more of them.

-- One row: what was asked for. json is the whole plan; hash covers it, the schema version and the build id.
CREATE TABLE plan (
  hash TEXT NOT NULL, json TEXT NOT NULL, build_id TEXT NOT NULL, source_revision TEXT NOT NULL,
  seed INTEGER NOT NULL, created_ns INTEGER NOT NULL, command TEXT NOT NULL) STRICT;
-- The environment's fingerprint, one row a start of the controller. json: names to values, as shown in the report.
CREATE TABLE machine (
  machine_id INTEGER PRIMARY KEY, started_ns INTEGER NOT NULL, hash TEXT NOT NULL,
  grade TEXT NOT NULL, json TEXT NOT NULL) STRICT;
-- Another build of the program, whose workers compete as well. name: what stands behind the @ of their labels.
-- made: its compiler and flags.
CREATE TABLE build (
  name TEXT PRIMARY KEY, build_id TEXT NOT NULL, source_revision TEXT NOT NULL, made TEXT NOT NULL) STRICT, WITHOUT ROWID;
-- What competes. dispatch: folded | table | moved (a twin whose code lies elsewhere). twin: 1 for the second entry of
-- another subject's pool. build: whose workers these are; NULL: the program's own. library: preloaded to replace
-- malloc; pool is its name then, unless a context policy calls it.
CREATE TABLE subject (
  subject_id INTEGER PRIMARY KEY, label TEXT NOT NULL UNIQUE, pool TEXT NOT NULL, context TEXT,
  dispatch TEXT NOT NULL, twin INTEGER NOT NULL, summary TEXT NOT NULL, progress TEXT NOT NULL,
  cache TEXT NOT NULL, exact INTEGER NOT NULL, is_pool INTEGER NOT NULL,
  build TEXT REFERENCES build, library TEXT) STRICT;
-- The loads under which they compete; every figure belongs to one cell and one subject. object_align: bytes; 0: each
-- strategy's own. pages: ordinary | transparent | huge. capped: 1 where the workload says how many objects the pool
-- has; a slice's `failed` counts gets there that found none while one was free, its false empties.
-- machine: the hash of the machine that measured it, in a store that was merged of several; else empty.
CREATE TABLE cell (
  cell_id INTEGER PRIMARY KEY, label TEXT NOT NULL, workload TEXT NOT NULL,
  unit TEXT NOT NULL, program TEXT NOT NULL, threads INTEGER NOT NULL,
  lane_threads INTEGER NOT NULL, oversubscribed INTEGER NOT NULL, burst INTEGER NOT NULL,
  depth INTEGER NOT NULL, object_bytes INTEGER NOT NULL, object_align INTEGER NOT NULL,
  pages TEXT NOT NULL, capped INTEGER NOT NULL,
  machine TEXT NOT NULL DEFAULT '', UNIQUE (label, machine)) STRICT;
-- All subjects of a cell once, in random order. fork: the set of worker processes the block was run in. The rest is of
-- the machine (probe.h), before the block and, by the name of end, behind it. calibration: a fixed piece of work of one
-- thread. hand_overs: 200 hand-overs of a cache line between the first two CPUs; NULL: there is one, or others had it.
-- took: the block, without the probe behind it. stolen: by the hypervisor in that time, of all the sweep's CPUs.
-- pressure: how long in that time some task of the system waited for a CPU. khz: the clock of the first CPU. NULL: the
-- system doesn't tell.
CREATE TABLE block (
  block_id INTEGER PRIMARY KEY, cell_id INTEGER NOT NULL REFERENCES cell, fork INTEGER NOT NULL,
  block INTEGER NOT NULL, started_ns INTEGER NOT NULL, calibration_ns INTEGER NOT NULL,
  calibration_end_ns INTEGER NOT NULL, hand_overs_ns INTEGER, hand_overs_end_ns INTEGER,
  took_ns INTEGER NOT NULL, stolen_ns INTEGER, pressure_ns INTEGER, khz INTEGER, khz_end INTEGER, UNIQUE (cell_id, fork, block)) STRICT;
-- One measured slice. flags: words separated by blanks, empty if the slice is clean (skew, nivcsw, migrated).
CREATE TABLE slice (
  block_id INTEGER NOT NULL REFERENCES block, subject_id INTEGER NOT NULL REFERENCES subject,
  slot INTEGER NOT NULL, window_ns INTEGER NOT NULL, units INTEGER NOT NULL,
  units_per_s REAL NOT NULL, failed INTEGER NOT NULL, skew REAL NOT NULL, jain REAL NOT NULL,
  slowest_share REAL NOT NULL, flags TEXT NOT NULL, refill INTEGER NOT NULL, flush INTEGER NOT NULL,
  grow INTEGER NOT NULL, steal INTEGER NOT NULL, empty INTEGER NOT NULL, wait INTEGER NOT NULL,
  PRIMARY KEY (block_id, subject_id)) STRICT, WITHOUT ROWID;
CREATE TABLE thread (
  block_id INTEGER NOT NULL, subject_id INTEGER NOT NULL, thread INTEGER NOT NULL,
  cpu INTEGER NOT NULL, units INTEGER NOT NULL, window_ns INTEGER NOT NULL, cpu_ns INTEGER NOT NULL,
  nvcsw INTEGER NOT NULL, nivcsw INTEGER NOT NULL, minflt INTEGER NOT NULL,
  PRIMARY KEY (block_id, subject_id, thread)) STRICT, WITHOUT ROWID;
-- What the hardware counted in user mode in a slice, all threads together; where it counts (perf_event_open).
CREATE TABLE counted (
  block_id INTEGER NOT NULL, subject_id INTEGER NOT NULL, cycles INTEGER NOT NULL, instructions INTEGER NOT NULL,
  cache_misses INTEGER NOT NULL, PRIMARY KEY (block_id, subject_id)) STRICT, WITHOUT ROWID;
-- A slice of a workload that wants all objects of the pool. none: gets that found none, with good reason or without;
-- worst: of the thread that met the most. spells: how often a thread found none after it had found one. stranded: objects
-- that were free at a get that found none, a sum over these gets; stranded_most: at one of them.
CREATE TABLE scarcity (
  block_id INTEGER NOT NULL, subject_id INTEGER NOT NULL, none INTEGER NOT NULL, worst INTEGER NOT NULL,
  spells INTEGER NOT NULL, stranded INTEGER NOT NULL, stranded_most INTEGER NOT NULL,
  PRIMARY KEY (block_id, subject_id)) STRICT, WITHOUT ROWID;
-- Latency slices, in which single calls were timed; summed over the blocks of a fork, a row a thread. units,
-- window_ns: as of the table thread. timed_units: units of the rounds whose calls were timed, so that calls a unit can
-- be told. flagged: how many slices were.
CREATE TABLE timed (
  cell_id INTEGER NOT NULL REFERENCES cell, subject_id INTEGER NOT NULL REFERENCES subject,
  fork INTEGER NOT NULL, thread INTEGER NOT NULL, slices INTEGER NOT NULL, flagged INTEGER NOT NULL,
  units INTEGER NOT NULL, window_ns INTEGER NOT NULL, timed_units INTEGER NOT NULL,
  PRIMARY KEY (cell_id, subject_id, fork, thread)) STRICT, WITHOUT ROWID;
-- What the timed calls took, a row for each path that one took: fast, flush, refill, steal, grow, wait, empty; probe:
-- empty pairs of readings. sum and longest: eighths of a nanosecond. histogram: as histogram_pack writes it, in the
-- same unit.
CREATE TABLE latency (
  cell_id INTEGER NOT NULL, subject_id INTEGER NOT NULL, fork INTEGER NOT NULL,
  thread INTEGER NOT NULL, path TEXT NOT NULL, calls INTEGER NOT NULL, sum INTEGER NOT NULL,
  longest INTEGER NOT NULL, histogram BLOB NOT NULL,
  PRIMARY KEY (cell_id, subject_id, fork, thread, path)) STRICT, WITHOUT ROWID;
-- One slice a fork in which every call is timed, a row a thread, where such a slice had no flag. window_ns, and
-- waited_ns of it: for a peer, without a call. calls, sum: of all paths, as in the table latency. own: what the workload
-- does itself between calls. pairs: of readings with nothing in between: their sum by their own account, and what they
-- took with all that is done for a timed call.
CREATE TABLE balance (
  cell_id INTEGER NOT NULL REFERENCES cell, subject_id INTEGER NOT NULL REFERENCES subject,
  fork INTEGER NOT NULL, thread INTEGER NOT NULL, window_ns INTEGER NOT NULL, waited_ns INTEGER NOT NULL,
  calls INTEGER NOT NULL, sum INTEGER NOT NULL, own INTEGER NOT NULL, own_sum INTEGER NOT NULL,
  pairs INTEGER NOT NULL, pairs_sum INTEGER NOT NULL, pairs_ns INTEGER NOT NULL,
  PRIMARY KEY (cell_id, subject_id, fork, thread)) STRICT, WITHOUT ROWID;
-- Slices of an open loop, summed over the blocks of a fork. load: per cent of the capacity that the same worker
-- measured in the same block. capacity_s, wanted_s, served_s: arrivals a second, each a sum over the slices. late:
-- begun more than a microsecond after they had arrived. sum, longest, histogram: response times, as in the table
-- latency.
CREATE TABLE load (
  cell_id INTEGER NOT NULL REFERENCES cell, subject_id INTEGER NOT NULL REFERENCES subject,
  fork INTEGER NOT NULL, load INTEGER NOT NULL, arrivals TEXT NOT NULL, slices INTEGER NOT NULL,
  capacity_s REAL NOT NULL, wanted_s REAL NOT NULL, served_s REAL NOT NULL,
  arrived INTEGER NOT NULL, served INTEGER NOT NULL, late INTEGER NOT NULL, sum INTEGER NOT NULL,
  longest INTEGER NOT NULL, histogram BLOB NOT NULL, PRIMARY KEY (cell_id, subject_id, fork, load)) STRICT, WITHOUT ROWID;
-- How a subject fared in a cell's fork when there is more to say than figures. state: unsupported | crashed | hung |
-- lost (objects) | failed | rationed (measured in fewer blocks); starved | disturbed (by the machine, and tried again:
-- no failure of the subject's); detail: a sentence with the signal's name or the reason, and the end of the worker's
-- output.
CREATE TABLE event (
  event_id INTEGER PRIMARY KEY, cell_id INTEGER REFERENCES cell,
  subject_id INTEGER REFERENCES subject, fork INTEGER, state TEXT NOT NULL, detail TEXT NOT NULL,
  at_ns INTEGER NOT NULL) STRICT;
-- Memory of a subject in a cell's fork, in bytes. pool_bytes: resident memory that opening and filling the pool cost.
-- rss_*: of the whole process; when the cell was opened, at its peak since, and settled: when all threads had put back
-- what they held, flushed and detached, with nothing trimmed. held_*: of that, what was allocated since before the pool
-- was made: objects, caches, magazines, parked blocks, what an allocator keeps; without the harness's buffers, pages of
-- files, and the part of spare objects in what filling the pool cost. capacity: the pool's objects; objects: those that
-- the workload may need at once, so that held_* / objects is bytes an object; the others are spare, in which caches may
-- keep some from other threads. drained: objects accounted for after close (count), expected: what count should have
-- been. NULL: the worker was of another build, which does not tell.
CREATE TABLE memory (
  cell_id INTEGER NOT NULL REFERENCES cell, subject_id INTEGER NOT NULL REFERENCES subject,
  fork INTEGER NOT NULL, rss_open INTEGER NOT NULL, rss_peak INTEGER NOT NULL, rss_settled INTEGER,
  pool_bytes INTEGER NOT NULL, held_peak INTEGER, held_settled INTEGER, capacity INTEGER NOT NULL,
  objects INTEGER, drained INTEGER NOT NULL, expected INTEGER NOT NULL, PRIMARY KEY (cell_id, subject_id, fork)) STRICT, WITHOUT ROWID;

-- Views for people: names instead of ids, one row a cell and strategy unless said otherwise. They are of all slices, those
-- with a flag and those of events of the machine too, which the report leaves out where it can; and they decide nothing.
-- machine: empty where the store is of one machine.

-- Medians of a fork's slices. ns: of a unit, by the rule of workload_lanes (bench/workload.h).
CREATE VIEW forks AS
  WITH figure AS (
    SELECT b.cell_id, b.fork, s.subject_id, s.units, s.failed, s.flags, s.units_per_s > 0 AS worked,
      1e9 * min(c.threads, ifnull(nullif(json_extract(p.json, '$.cpus'), 0), c.threads)) / c.lane_threads
        / s.units_per_s AS ns
    FROM slice s JOIN block b USING (block_id) JOIN cell c USING (cell_id) CROSS JOIN plan p),
  placed AS (
    SELECT *, row_number() OVER (PARTITION BY cell_id, subject_id, fork ORDER BY worked DESC, ns) AS place,
      count(ns) OVER (PARTITION BY cell_id, subject_id, fork) AS count FROM figure)
  SELECT c.machine, c.label AS cell, u.label AS strategy, fork,
    avg(ns) FILTER (WHERE place IN ((count + 1) / 2, count / 2 + 1)) AS ns, count(*) AS slices,
    sum(flags <> '') AS flagged, sum(units) AS units, sum(failed) AS failed
  FROM placed JOIN cell c USING (cell_id) JOIN subject u USING (subject_id) GROUP BY cell_id, subject_id, fork;
-- ns: the median of the forks' medians. state: measured, or what the first event says that explains its absence or failure.
CREATE VIEW results AS
  WITH placed AS (
    SELECT *, row_number() OVER (PARTITION BY machine, cell, strategy ORDER BY ns IS NULL, ns) AS place,
      count(ns) OVER (PARTITION BY machine, cell, strategy) AS count FROM forks),
  figure AS (
    SELECT machine, cell, strategy, avg(ns) FILTER (WHERE place IN ((count + 1) / 2, count / 2 + 1)) AS ns,
      count(*) AS forks, sum(slices) AS slices, sum(flagged) AS flagged, sum(units) AS units, sum(failed) AS failed
    FROM placed GROUP BY machine, cell, strategy),
  trouble AS (
    SELECT cell_id, subject_id, state, min(event_id) FROM event
    WHERE state NOT IN ('rationed', 'starved', 'disturbed') GROUP BY cell_id, subject_id)
  SELECT c.machine, c.label AS cell, u.label AS strategy, f.ns, f.forks, f.slices, f.flagged, f.units, f.failed,
    coalesce(t.state, 'measured') AS state, c.workload, c.threads, c.burst, c.depth, c.object_bytes, u.pool, u.context
  FROM cell c CROSS JOIN subject u
  LEFT JOIN figure f ON f.machine = c.machine AND f.cell = c.label AND f.strategy = u.label
  LEFT JOIN trouble t ON t.cell_id = c.cell_id AND t.subject_id = u.subject_id
  WHERE f.ns IS NOT NULL OR t.state IS NOT NULL;
-- Of timed calls, a row a path more; the percentiles are in the histograms, which the report reads.
CREATE VIEW latencies AS
  SELECT c.machine, c.label AS cell, u.label AS strategy, l.path, count(DISTINCT l.fork) AS forks, sum(l.calls) AS calls,
    sum(l.sum) / 8.0 / sum(l.calls) AS mean_ns, max(l.longest) / 8.0 AS longest_ns
  FROM latency l JOIN cell c USING (cell_id) JOIN subject u USING (subject_id) GROUP BY l.cell_id, l.subject_id, l.path;
-- Of an open loop, a row a load more. Rates are arrivals a second, means over slices; late: a share of what was served.
CREATE VIEW loads AS
  SELECT c.machine, c.label AS cell, u.label AS strategy, l.load, l.arrivals, count(*) AS forks, sum(l.slices) AS slices,
    sum(l.capacity_s) / sum(l.slices) AS capacity_s, sum(l.wanted_s) / sum(l.slices) AS wanted_s,
    sum(l.served_s) / sum(l.slices) AS served_s, 1.0 * sum(l.late) / sum(l.served) AS late,
    sum(l.sum) / 8.0 / sum(l.served) AS mean_ns, max(l.longest) / 8.0 AS longest_ns
  FROM load l JOIN cell c USING (cell_id) JOIN subject u USING (subject_id) GROUP BY l.cell_id, l.subject_id, l.load;
-- Means over forks, in bytes; object_*: bytes an object, as the table memory says.
CREATE VIEW memories AS
  SELECT c.machine, c.label AS cell, u.label AS strategy, count(*) AS forks,
    avg(1.0 * m.held_peak / m.objects) AS object_peak, avg(1.0 * m.held_settled / m.objects) AS object_settled,
    avg(m.held_peak) AS held_peak, avg(m.held_settled) AS held_settled, avg(m.rss_peak) AS rss_peak,
    avg(m.rss_settled) AS rss_settled, max(m.objects) AS objects, max(m.capacity) AS capacity
  FROM memory m JOIN cell c USING (cell_id) JOIN subject u USING (subject_id) GROUP BY m.cell_id, m.subject_id;
-- What came to pass, a row each; at: UTC.
CREATE VIEW events AS
  SELECT c.machine, datetime(e.at_ns / 1000000000, 'unixepoch') AS at, c.label AS cell, u.label AS strategy, e.fork,
    e.state, e.detail
  FROM event e LEFT JOIN cell c USING (cell_id) LEFT JOIN subject u USING (subject_id) ORDER BY e.event_id;
